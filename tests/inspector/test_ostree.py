"""Which of several ostree deployments boots."""

import pytest

from cloudigrade.inspector import ostree
from cloudigrade.inspector.filesystems.ext import Ext
from cloudigrade.inspector.reading import Content, Damaged
from cloudigrade.inspector.tree import Place, Tree
from tests.inspector.trees import Files, Link, ext_image

OLD, NEW = "a" * 64, "b" * 64
DEPLOY = "/ostree/deploy/rhcos/deploy"
TWO: Files = {
    "/ostree/repo/config": b"",
    f"{DEPLOY}/{OLD}.0/usr/lib/os-release": b"ID=old\n",
    f"{DEPLOY}/{NEW}.0/usr/lib/os-release": b"ID=new\n",
    "/ostree/boot.1": Link("boot.1.1"),
    f"/ostree/boot.1.1/rhcos/{'c' * 64}/0": Link(f"../../../deploy/rhcos/deploy/{OLD}.0"),
    f"/ostree/boot.1.1/rhcos/{'d' * 64}/0": Link(f"../../../deploy/rhcos/deploy/{NEW}.0"),
}


def entry(version: int, boot: str) -> bytes:
    argument = f"ostree=/ostree/boot.1/rhcos/{boot * 64}/0"
    return f"title Red Hat\nversion {version}\noptions root=UUID=x {argument} quiet\nlinux /ostree/x\n".encode()


ENTRIES: Files = {
    "/loader": Link("loader.1"),
    "/loader.1/entries/ostree-2-rhcos.conf": entry(2, "d"),
    "/loader.1/entries/ostree-1-rhcos.conf": entry(1, "c"),
}


def tree(files: Files) -> Tree:
    filesystem = Ext(Content(ext_image(files)))
    return Tree(Place(filesystem, filesystem.root()))


def checksum(path: tuple[bytes, ...]) -> str:
    assert path[:4] == (b"ostree", b"deploy", b"rhcos", b"deploy")
    assert path[4].endswith(b".0")
    return path[4][:-2].decode()


def test_it_is_present_where_it_keeps_deployments():
    assert ostree.present(tree(TWO))
    assert not ostree.present(tree({"/etc/os-release": b""}))


def test_the_entry_of_the_latest_version_boots():
    assert checksum(ostree.deployment(tree(TWO), [tree(ENTRIES)])) == NEW


def test_versions_are_numbers():
    entries = {"/loader/entries/a.conf": entry(9, "c"), "/loader/entries/b.conf": entry(10, "d")}

    assert checksum(ostree.deployment(tree(TWO), [tree(entries)])) == NEW


def test_the_deployment_is_never_just_any():
    """Houndigrade took the first deployment that its search came across."""
    older_first = {**ENTRIES, "/loader.1/entries/ostree-2-rhcos.conf": entry(0, "d")}

    assert checksum(ostree.deployment(tree(TWO), [tree(older_first)])) == OLD
    with pytest.raises(Damaged, match="which of 2 ostree deployments boots cannot be told"):
        ostree.deployment(tree(TWO), [])


def test_an_entry_that_leads_nowhere_is_passed_over():
    entries = {**ENTRIES, "/loader.1/entries/ostree-3-rhcos.conf": entry(3, "e")}

    assert checksum(ostree.deployment(tree(TWO), [tree({}), tree(entries)])) == NEW


def test_a_link_of_an_entry_that_leads_elsewhere_is_passed_over():
    files = {**TWO, f"/ostree/boot.1.1/rhcos/{'d' * 64}/0": Link("/etc"), "/etc/file": b""}

    assert checksum(ostree.deployment(tree(files), [tree(ENTRIES)])) == OLD


def test_without_entries_the_only_linked_deployment_boots():
    files = {path: content for path, content in TWO.items() if "d" * 64 not in path}

    assert checksum(ostree.deployment(tree(files), [])) == OLD


def test_without_links_the_only_deployment_boots():
    files = {"/ostree/repo/config": b"", f"{DEPLOY}/{OLD}.0/usr/lib/os-release": b"", f"{DEPLOY}/{OLD}.0.origin": b""}

    assert checksum(ostree.deployment(tree(files), [])) == OLD
