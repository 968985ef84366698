"""What a system calls itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector.evidence import os_release
from cloudigrade.inspector.evidence.os_release import COREOS, RHEL, Identity, ReleaseFile
from cloudigrade.inspector.evidence.sources import Sources
from cloudigrade.inspector.reading import Damaged
from tests.inspector import evidence_files as made
from tests.inspector.evidence_files import DictFiles

RHEL_9 = b"""NAME="Red Hat Enterprise Linux"
VERSION="9.4 (Plow)"
ID="rhel"
ID_LIKE="fedora"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
CPE_NAME="cpe:/o:redhat:enterprise_linux:9::baseos"
REDHAT_SUPPORT_PRODUCT="Red Hat Enterprise Linux"
"""


def identity_of(files):
    return os_release.read_identity(Sources(DictFiles(files)))


def test_rhel_says_so_by_its_id():
    identity = identity_of({"/etc/os-release": RHEL_9})

    assert identity == Identity(
        path="/etc/os-release",
        id="rhel",
        id_like=("fedora",),
        version="9.4",
        name="Red Hat Enterprise Linux",
        cpe="cpe:/o:redhat:enterprise_linux:9::baseos",
        platform="platform:el9",
    )
    assert identity.system == RHEL


@pytest.mark.parametrize(("written", "system"), [("RHEL", RHEL), ("Rocky", "Rocky Linux"), ("openEuler", "openEuler")])
def test_an_id_in_capitals_is_of_the_same_system(written, system):
    identity = identity_of({"/etc/os-release": made.os_release(written, "9.4")})

    assert (identity.id, identity.system) == (written, system)


def test_the_copy_in_usr_lib_is_read_where_etc_has_none():
    assert identity_of({"/usr/lib/os-release": RHEL_9}).path == "/usr/lib/os-release"


@pytest.mark.parametrize("first", [b"", b"NAME=x\n", b"\xff\xfe garbage"])
def test_a_file_without_an_id_does_not_hide_the_other(first):
    assert identity_of({"/etc/os-release": first, "/usr/lib/os-release": RHEL_9}).id == "rhel"


def test_etc_counts_before_usr_lib():
    files = {"/etc/os-release": made.os_release("rocky", "9.4"), "/usr/lib/os-release": RHEL_9}

    assert identity_of(files).system == "Rocky Linux"


def test_centos_stream_is_not_rhel_although_it_names_rhel_as_what_it_supports():
    assert identity_of({"/etc/os-release": made.CENTOS_STREAM_9}).system == "CentOS"


@pytest.mark.parametrize(
    ("content", "system", "rhel_version"),
    [
        (made.os_release("rhcos", "4.14", RHEL_VERSION="9.2", OPENSHIFT_VERSION="4.14"), COREOS, "9.2"),
        (made.os_release("rhel", "9.6", VARIANT_ID="coreos", OPENSHIFT_VERSION="4.19"), COREOS, ""),
        (made.os_release("scos", "9"), "CentOS Stream CoreOS", ""),
    ],
)
def test_coreos_is_told_from_rhel(content, system, rhel_version):
    identity = identity_of({"/etc/os-release": content})

    assert (identity.system, identity.rhel_version) == (system, rhel_version)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("ID=rhel", "rhel"),
        ("ID='rhel'", "rhel"),
        ('ID="rhel"', "rhel"),
        ('  ID="rhel"  ', "rhel"),
        ('ID="rhel" # said so', "rhel"),
        ("ID=rhel # said so", "rhel"),
        (r'ID="a\"b\$c\\d"', 'a"b$c\\d'),
        (r"ID='a\b'", r"a\b"),
        ('ID="rhel', "rhel"),
        ("ID=first\nID=rhel", "rhel"),
        ("# ID=other\nID=rhel", "rhel"),
    ],
)
def test_values_are_quoted_as_for_a_shell(line, value):
    assert identity_of({"/etc/os-release": line.encode()}).id == value


@pytest.mark.parametrize("content", [b"", b"ID=", b'ID=""', b"id=rhel", b"#ID=rhel", b"XID=rhel"])
def test_a_file_without_id_is_no_identity(content):
    assert identity_of({"/etc/os-release": content}) is None


@pytest.mark.parametrize(
    ("line", "system", "version"),
    [
        ("Red Hat Enterprise Linux Server release 6.10 (Santiago)", RHEL, "6.10"),
        ("Red Hat Enterprise Linux Server release 5.11 (Tikanga)", RHEL, "5.11"),
        ("Red Hat Enterprise Linux AS release 4 (Nahant Update 8)", RHEL, "4"),
        ("Red Hat Enterprise Linux release 8.0 Beta (Ootpa)", RHEL, "8.0"),
        ("Red Hat Enterprise Linux release 9.4 (Plow)", RHEL, "9.4"),
        ("Red Hat Enterprise Linux CoreOS release 4.12", COREOS, "4.12"),
        ("CentOS Stream release 9", "CentOS Stream", ""),
        ("CentOS Linux release 7.9.2009 (Core)", "CentOS", ""),
        ("Derived from Red Hat Enterprise Linux 7.1 (Source)", "", ""),
        ("Red Hat Linux release 9 (Shrike)", "", ""),
        ("Not Red Hat Enterprise Linux release 9", "", ""),
        ("Enterprise Linux Enterprise Linux Server release 5.4 (Carthage)", "Oracle Linux", ""),
        ("", "", ""),
    ],
)
def test_a_release_file_tells_by_its_first_line(line, system, version):
    text = f"{line}\n"

    found = os_release.read_release_files(Sources(DictFiles({"/etc/redhat-release": text.encode()})))

    assert found == (ReleaseFile("/etc/redhat-release", text, system, version),)


def test_oracles_own_file_counts_whatever_it_says():
    files = {"/etc/oracle-release": b"?", "/etc/redhat-release": b"Red Hat Enterprise Linux release 8.8 (Ootpa)\n"}

    found = os_release.read_release_files(Sources(DictFiles(files)))

    assert [file.system for file in found] == ["Oracle Linux", RHEL]


def test_a_release_file_that_cannot_be_read_is_noted_and_the_others_are_read():
    files: dict[str, bytes | Exception] = {
        "/etc/a-release": Damaged("bad block"),
        "/etc/redhat-release": b"Red Hat Enterprise Linux release 9.4 (Plow)\n",
        "/etc/b-release": b"x" * 70_000,
        "/etc/c-release": b"\xff\xfe\x00 not text",
    }
    sources = Sources(DictFiles(files))

    found = os_release.read_release_files(sources)

    assert [file.path for file in found] == ["/etc/c-release", "/etc/redhat-release"]
    assert [unread.path for unread in sources.unread] == ["/etc/a-release", "/etc/b-release"]


def test_an_excerpt_is_short():
    (file,) = os_release.read_release_files(Sources(DictFiles({"/etc/x-release": b"x" * 60_000})))

    assert len(file.excerpt) == 1000


@given(st.binary(max_size=500) | st.text(max_size=200).map(lambda text: ("ID=" + text).encode("utf-8", "replace")))
def test_arbitrary_content_is_an_identity_or_none(content):
    identity = os_release.parse("/etc/os-release", content)

    assert identity is None or (identity.id and len(identity.id) <= 200)
    assert len(os_release.parse_release_file("x-release", content).excerpt) <= 1000
