"""The making of a cluster, and what is left of one that was cut off."""

import pytest

from cloudigrade.config import cluster


def test_a_folder_is_removed_while_somebody_still_writes_into_it(tmp_path, monkeypatch):
    folder = tmp_path / "postgres.new"
    folder.mkdir()
    tries = []

    def hindered(path, **_):
        tries.append(path)
        if len(tries) > 2:
            path.rmdir()

    monkeypatch.setattr("shutil.rmtree", hindered)

    cluster.remove(folder)

    assert not folder.exists()
    assert len(tries) == 3


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"eighteen"])
def test_a_folder_with_a_broken_version_is_no_cluster(tmp_path, content):
    (tmp_path / "PG_VERSION").write_bytes(content)

    with cluster.place(cluster.account_for(None)) as where, pytest.raises(cluster.DatabaseProblem, match="holds no"):
        cluster.ensure_cluster(where, tmp_path, [])
    cluster.remove(where.runtime)
