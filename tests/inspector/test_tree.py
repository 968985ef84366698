"""Paths within an image: links, `..`, mounts, and every bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector.filesystems.ext import Ext
from cloudigrade.inspector.reading import Content, Exhausted
from cloudigrade.inspector.tree import Place, Tree
from tests.inspector.trees import Files, Link, ext_image


def place(files: Files) -> Place:
    filesystem = Ext(Content(ext_image(files)))
    return Place(filesystem, filesystem.root())


def tree(files: Files) -> Tree:
    return Tree(place(files))


def test_a_file_is_read_by_its_path():
    assert tree({"/etc/os-release": b"ID=rhel\n"}).read("/etc/os-release", limit=8) == b"ID=rhel\n"


@pytest.mark.parametrize("path", ["/nothing", "/etc", "/etc/os-release/below", "/etc/fifo\0", "/etc/\ud800", ""])
def test_what_is_no_regular_file_is_none(path):
    system = tree({"/etc/os-release": b"ID=rhel\n"})

    assert system.read(path, limit=100) is None
    assert system.open(path) is None


def test_a_file_longer_than_the_limit_is_refused_and_can_be_read_in_parts():
    system = tree({"/long": b"123456789"})

    with pytest.raises(Exhausted, match="/long is longer than 8 bytes"):
        system.read("/long", limit=8)
    reader = system.open("/long")
    assert reader
    assert reader.read(7, 2) == b"89"


def test_names_are_sorted_and_those_that_are_no_utf_8_can_be_asked_for():
    system = tree({"/d/b": b"2", "/d/a": b"1", "/d/\udcff": b"3"})

    assert system.names("/d") == ["a", "b", "\udcff"]
    assert system.read("/d/\udcff", limit=9) == b"3"


@pytest.mark.parametrize("path", ["/nothing", "/file"])
def test_what_is_no_directory_has_no_names(path):
    assert tree({"/file": b""}).names(path) == []


def test_an_absolute_link_begins_at_the_root_of_the_image_and_not_of_the_host():
    """Houndigrade followed absolute links into the machine that it ran on."""
    system = tree({"/etc/os-release": Link("/usr/lib/os-release"), "/usr/lib/os-release": b"ID=rhel\n"})

    assert system.read("/etc/os-release", limit=100) == b"ID=rhel\n"


@pytest.mark.parametrize("target", ["/etc/hostname", "../../../../../../etc/hostname", "/proc/self/environ"])
def test_no_link_leads_out_of_the_image(target):
    assert tree({"/etc/leak-release": Link(target)}).read("/etc/leak-release", limit=10_000) is None


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/a/relative", b"file"),
        ("/a/up", b"file"),
        ("/link/file", b"file"),
        ("/link/../top", b"inner"),
        ("/../../x/y/file", b"file"),
        ("//x/./y//file", b"file"),
        ("x/y/file", b"file"),
        ("/chain1", b"file"),
    ],
)
def test_links_and_dots_lead_where_the_kernel_would_go(path, content):
    system = tree(
        {
            "/x/y/file": b"file",
            "/x/top": b"inner",
            "/top": b"outer",
            "/a/relative": Link("../x/y/file"),
            "/a/up": Link("../../../x/y/file"),
            "/link": Link("x/y"),
            "/chain1": Link("chain2"),
            "/chain2": Link("/a/relative"),
        }
    )

    assert system.read(path, limit=10) == content


def test_forty_links_are_followed_and_no_more():
    links = {f"/link{number}": Link(f"link{number + 1}") for number in range(41)} | {"/link41": b"end"}

    assert tree(links).read("/link1", limit=9) == b"end"
    with pytest.raises(Exhausted, match="more than 40 links"):
        tree(links).read("/link0", limit=9)


def test_links_in_a_circle_end():
    with pytest.raises(Exhausted, match="more than 40 links"):
        tree({"/a": Link("b"), "/b": Link("a")}).read("/a", limit=9)


def test_a_link_of_very_many_names_ends():
    with pytest.raises(Exhausted, match="more than 2000 names"):
        tree({"/a": Link("x/../" * 250 + "a"), "/x/": b""}).read("/a", limit=9)


def test_a_path_that_is_too_long_is_refused():
    with pytest.raises(Exhausted, match="longer than 4096 bytes"):
        tree({}).read("/" + "a" * 4096, limit=9)


def test_directories_deeper_than_any_system_has_them_are_refused():
    with pytest.raises(Exhausted, match="more than 256 directories"):
        tree({"d/" * 300 + "f": b""}).read("d/" * 300 + "f", limit=9)


def test_more_names_than_are_looked_at_are_refused():
    with pytest.raises(Exhausted, match="more than 10000 names"):
        tree({f"/d/{number}": b"" for number in range(10_001)}).names("/d")


def test_what_is_mounted_covers_what_was_there():
    system = tree({"/var/lib/rpm/old": b"", "/etc/link": Link("../var/lib/rpm/Packages")})

    system.mount("/var", place({"/lib/rpm/Packages": b"db", "/up": Link("../etc")}))

    assert system.names("/var/lib/rpm") == ["Packages"]
    assert system.read("/etc/link", limit=9) == b"db"
    assert system.names("/var/up") == ["link"]


def test_a_mount_goes_where_the_links_of_its_point_lead():
    system = tree({"/var": Link("data/var"), "/data/var/": b""})

    system.mount("/var", place({"/file": b"mounted"}))

    assert system.read("/data/var/file", limit=9) == b"mounted"


def test_a_mount_needs_no_directory():
    system = tree({})

    system.mount("/var", place({"/file": b"mounted"}))

    assert system.read("/var/file", limit=9) == b"mounted"


NAMES = st.sampled_from(["a", "b", "c", "..", ".", ""])
PATHS = st.lists(NAMES, max_size=8).map("/".join)
LINKS = st.dictionaries(st.sampled_from(["a/l1", "a/b/l2", "l3"]), PATHS.filter(bool), max_size=3)


@given(links=LINKS, path=PATHS)
def test_it_reads_what_a_walk_through_the_mapping_reads(links, path):
    files: dict[str, bytes | Link] = {"a/b/c": b"1", "c": b"2", "b/a": b"3", **{k: Link(v) for k, v in links.items()}}

    assert tree(files).read(path, limit=9) == walked(files, path)


def walked(files: Files, path: str) -> bytes | None:
    """By hand: none of the links can lead to another one."""
    directories = {"", "a", "b", "a/b"}
    here: list[str] = []
    for name in path.split("/"):
        if "/".join(here) not in directories and name not in {"", "."}:
            return None
        if name == "..":
            here = here[:-1]
        elif name not in {"", "."}:
            here.append(name)
    found = files.get("/".join(here))
    return None if isinstance(found, Link) else found


@given(links=LINKS, path=PATHS)
def test_a_link_is_as_good_as_its_target_in_its_place(links, path):
    files: dict[str, bytes | Link] = {"a/b/c": b"1", "c": b"2", "b/a": b"3", **{k: Link(v) for k, v in links.items()}}

    for link, target in links.items():
        inner = target if target.startswith("/") else f"{link.rpartition('/')[0]}/{target}"
        assert tree(files).read(f"{link}/{path}" if path else link, limit=9) == walked(files, f"{inner}/{path}")
