"""Databases that rpm itself wrote, where it is at hand: a package is built, signed and installed, and read by us."""

import os
import shutil
import subprocess

import pytest

from cloudigrade.inspector.evidence import rpm_database
from cloudigrade.inspector.evidence.sources import Sources
from cloudigrade.inspector.rpmdb.header import Package
from tests.inspector.evidence_files import DictFiles

TOOLS = ("rpm", "rpmbuild", "rpmsign", "rpmdb", "gpg")
SPEC = """Name: tried
Version: 1.2
Release: 3
Summary: Nothing
License: MIT
Vendor: Made Up, Inc.
BuildArch: noarch
%description
Nothing.
%files
"""


def run(*command, **environment):
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **environment}, stdin=subprocess.DEVNULL
    )
    return done.stdout


@pytest.fixture(params=[tools for tools in [TOOLS] if all(map(shutil.which, tools))], ids=lambda tools: tools[0])
def signed_package(request, tmp_path):
    """A signed package, and the id of the key."""
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    spec = tmp_path / "tried.spec"
    spec.write_text(SPEC)
    run("rpmbuild", "--quiet", "-bb", "--define", f"_topdir {tmp_path}/top", str(spec))
    package = str(next(tmp_path.glob("top/RPMS/noarch/*.rpm")))
    gpg = ["gpg", "--homedir", str(keys), "--batch", "--quiet"]
    run(*gpg, "--passphrase", "", "--quick-gen-key", "tester <tester@example.com>", "rsa2048", "sign", "never")
    run(
        *("rpmsign", "--addsign", "--define", "_gpg_name tester", "--define", f"__gpg {shutil.which('gpg')}", package),
        GNUPGHOME=str(keys),
    )
    listed = run(*gpg, "--list-keys", "--with-colons")
    yield package, next(line for line in listed.splitlines() if line.startswith("pub")).split(":")[4].lower()
    run("gpgconf", "--homedir", str(keys), "--kill", "gpg-agent")


@pytest.mark.parametrize("directory", rpm_database.DIRECTORIES)
def test_it_reads_what_rpm_installed(signed_package, directory, tmp_path):
    package, key = signed_package
    folder = tmp_path / "database"
    options = ["--dbpath", str(folder), "--define", "_db_backend sqlite"]
    run("rpmdb", *options, "--initdb")
    run("rpm", *options, "-i", "--justdb", "--nodeps", "--nosignature", package)

    sources = Sources(DictFiles({f"{directory}/{path.name}": path.read_bytes() for path in folder.iterdir()}))
    found = rpm_database.read(sources)

    assert found is not None
    assert found.path == f"{directory}/rpmdb.sqlite"
    assert found.packages == (Package("tried", "1.2", "3", architecture="noarch", vendor="Made Up, Inc.", keys=(key,)),)
    assert sources.unread == ()
    assert key in run("rpm", *options, "-qa", "--qf", "%{RSAHEADER:pgpsig}")
