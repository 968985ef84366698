"""Enabled repositories, as dnf and yum read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector.evidence import repositories
from cloudigrade.inspector.evidence.sources import Sources
from cloudigrade.inspector.reading import Damaged
from tests.inspector.evidence_files import DictFiles, repository

REPO = "/etc/yum.repos.d/redhat.repo"
LABEL = "rhel-9-for-x86_64-baseos-rpms"


def ids(files):
    return [found.id for found in repositories.read(Sources(DictFiles(files)))]


def test_a_repository_of_red_hats_is_found_with_why():
    (found,) = repositories.read(Sources(DictFiles({REPO: repository(name="RHEL 9")})))

    assert found == repositories.Repository(REPO, LABEL, "RHEL 9", "address")


@pytest.mark.parametrize("enabled", ["1", "yes", "true", "on", "True", "ON", "", "perhaps"])
def test_it_is_enabled_unless_it_says_no(enabled):
    assert ids({REPO: repository(enabled=enabled)}) == [LABEL]


@pytest.mark.parametrize("enabled", ["0", "no", "false", "off", "False", " 0 "])
def test_it_is_disabled_by_any_word_for_no(enabled):
    assert ids({REPO: repository(enabled=enabled)}) == []


def test_it_is_enabled_where_nothing_is_said():
    assert ids({REPO: b"[rhel-8-server-rpms]\nname=x\n"}) == ["rhel-8-server-rpms"]


@pytest.mark.parametrize(
    "label",
    [
        "rhel-9-for-x86_64-baseos-rpms",
        "rhel-7-server-rpms",
        "rhel-7-server-extras-rpms",
        "rhel-ha-for-rhel-7-server-rpms",
        "rhel-9-baseos-rhui-rpms",
        "rhui-rhel-8-for-x86_64-baseos-rhui-rpms",
        "rhui-REGION-rhel-server-releases",
        "rhui-us-east-1-rhel-server-releases",
        "rhui-microsoft-azure-rhel8",
        "rhui-client-config-server-8",
    ],
)
def test_an_id_of_red_hats_counts(label):
    assert ids({REPO: f"[{label}]\nbaseurl=http://mirror.example.com/x\n".encode()}) == [label]


@pytest.mark.parametrize(
    "address",
    [
        "https://cdn.redhat.com/content/dist/rhel9/9/x86_64/baseos/os",
        "https://rhui.REGION.aws.ce.redhat.com/pulp/mirror/content/dist/rhel9/rhui/$releasever/$basearch/baseos/os",
        "https://rhui2-cds01.us-east-1.aws.ce.redhat.com/pulp/mirror/content/dist/rhel/rhui/server/6/$releasever/i386/os",
        "https://rhui-1.microsoft.com/pulp/repos/content/dist/rhel8/rhui/$releasever/x86_64/baseos/os",
        "https://rhui4-1.microsoft.com/pulp/repos/unprotected/microsoft-azure-rhel9",
        "https://rhui.googlecloud.com/pulp/repos/content/dist/rhel9/rhui/9/x86_64/baseos/os",
        "https://satellite.example.com/pulp/content/Org/Library/content/dist/rhel8/8/x86_64/baseos/os",
        "https://cdn.redhat.com/content/dist/rhel/server/7/$releasever/$basearch/os",
    ],
)
@pytest.mark.parametrize("option", ["baseurl", "mirrorlist"])
def test_an_address_of_red_hats_counts(address, option):
    assert ids({REPO: f"[local]\n{option}={address}\n".encode()}) == ["local"]


@pytest.mark.parametrize(
    ("label", "address"),
    [
        ("epel", "https://dl.fedoraproject.org/pub/epel/9/Everything/x86_64/"),
        ("docker-ce", "https://download.docker.com/linux/rhel/9/x86_64/stable"),
        ("baseos", "https://mirrors.rockylinux.org/mirrorlist?arch=x86_64&repo=BaseOS-9"),
        ("ubi-9-baseos-rpms", "https://cdn-ubi.redhat.com/content/public/ubi/dist/ubi9/9/x86_64/baseos/os"),
        ("tools-for-rhel", "https://packages.example.com/rhel9/"),
        ("microsoft", "https://packages.microsoft.com/rhel/9/prod/"),
        ("x", "https://cdn.redhat.com.example.com/content/other/9"),
        ("x-rhel-9-for-x86_64-baseos-rpms", ""),
        ("rhel-9-for-x86_64-baseos-rpms.old", ""),
    ],
)
def test_a_name_for_people_and_others_addresses_do_not_count(label, address):
    assert ids({REPO: f"[{label}]\nname=Red Hat Enterprise Linux (RHEL)\nbaseurl={address}\n".encode()}) == []


@pytest.mark.parametrize("configuration", ["/etc/yum.conf", "/etc/dnf/dnf.conf"])
@pytest.mark.parametrize(
    "value",
    [
        "/srv/repos",
        '"/srv/repos"',
        "'/srv/repos'",
        "/other, /srv/repos",
        '"/with, a comma", /srv/repos',
        "/other\n  /srv/repos",
        "/other /srv/repos/",
    ],
)
def test_reposdir_names_other_places(configuration, value):
    files = {configuration: f"[main]\nreposdir={value}\n".encode(), "/srv/repos/x.repo": repository()}

    assert ids(files) == [LABEL]


def test_a_place_with_a_comma_in_its_name_is_found():
    files = {"/etc/yum.conf": b'[main]\nreposdir="/with, a comma"\n', "/with, a comma/x.repo": repository()}

    assert ids(files) == [LABEL]


@pytest.mark.parametrize("directory", ["/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d"])
@pytest.mark.parametrize(
    "files",
    [
        {},
        {"/etc/yum.conf": b"[main]\ngpgcheck=1\n"},
        {"/etc/yum.conf": b"gpgcheck=1\n"},
        {"/etc/yum.conf": b"[other]\nreposdir=/srv\n"},
        {"/etc/dnf/dnf.conf": b"\xff\xfe\x00\n[main]\n"},
        {"/etc/dnf/dnf.conf": b""},
    ],
)
def test_the_usual_places_count_without_reposdir(directory, files):
    assert ids({**files, f"{directory}/x.repo": repository()}) == [LABEL]


def test_reposdir_replaces_the_usual_places():
    assert ids({"/etc/yum.conf": b"[main]\nreposdir=/srv\n", REPO: repository()}) == []


def test_repositories_in_the_configuration_itself_count():
    assert ids({"/etc/yum.conf": b"[main]\nx=1\n" + repository()}) == [LABEL]


@pytest.mark.parametrize(
    "content",
    [
        repository(name="100% RHEL %(nothing)s"),
        repository() + repository(),
        b"name=no header\n" + repository(),
        b"\xff\xfe\x80\n" + repository(),
        b"; comment\n# comment\n\n" + repository(),
        b"[broken\n" + repository(),
        b"  [rhel-8-server-rpms]\nname=indented\n" + repository(),
        repository().replace(b"\n", b"\r\n"),
        b"[]\nname=x\n" + repository(),
    ],
)
def test_nothing_in_a_file_hides_its_other_repositories(content):
    assert ids({REPO: content}) == [LABEL]


def test_addresses_on_several_lines_count():
    content = (
        b"[x]\nbaseurl=https://mirror.example.com/a\n   https://rhui-1.microsoft.com/content/dist/rhel8/x\nenabled=1\n"
    )

    assert ids({REPO: content}) == ["x"]


def test_a_duplicate_in_one_file_does_not_hide_another_file():
    files = {"/etc/yum.repos.d/a.repo": b"[x]\n[x]\n", "/etc/yum.repos.d/b.repo": repository()}

    assert ids(files) == [LABEL]


def test_what_cannot_be_read_is_noted_and_the_others_are_read():
    sources = Sources(DictFiles({"/etc/yum.repos.d/a.repo": Damaged("bad block"), REPO: repository()}))

    assert [found.id for found in repositories.read(sources)] == [LABEL]
    assert sources.unread == (("/etc/yum.repos.d/a.repo", "bad block"),)


def test_files_of_another_kind_are_not_read():
    assert ids({"/etc/yum.repos.d/redhat-rhui-beta.repo.disabled": repository()}) == []


def test_a_huge_file_is_read_within_bounds():
    content = b"".join(b"[rhel-%d-rpms]\n" % number for number in range(50_000))

    assert len(ids({REPO: content})) == 200


@pytest.mark.parametrize(
    ("files", "place", "reason"),
    [
        (
            {f"/etc/yum.repos.d/{number:03}.repo": b"" for number in range(501)},
            "/etc/yum.repos.d",
            "more than 500 repository files",
        ),
        (
            {"/etc/yum.conf": f"[main]\nreposdir={' '.join(f'/r{number}' for number in range(17))}\n".encode()},
            "/r16",
            "more than 16 directories of repositories",
        ),
        ({REPO: b"[a]\n" * 10_001}, REPO, "more than 10000 sections in all repository files"),
    ],
    ids=["files", "directories", "sections"],
)
def test_what_is_beyond_a_bound_counts_as_not_read(files, place, reason):
    sources = Sources(DictFiles(files))

    assert repositories.read(sources) == ()

    assert sources.unread == ((place, reason),)


def test_all_files_together_have_a_bound():
    line = b"# " + b"x" * (4 * 1024 * 1024 - 3) + b"\n"
    sources = Sources(DictFiles({f"/etc/yum.repos.d/{number}.repo": line for number in range(9)}))

    repositories.read(sources)

    assert [path for path, _ in sources.unread] == ["/etc/yum.repos.d/8.repo"]


@given(st.binary(max_size=300))
def test_arbitrary_content_has_sections_or_none(content):
    for section in repositories.parse(content):
        assert section.name
        assert all(key for key in section.options)


@given(st.text(alphabet="[]=:#; \n\tabrhel-19\"',/", max_size=80))
def test_arbitrary_configurations_are_read(text):
    files = {"/etc/yum.conf": f"[main]\nreposdir={text}\n".encode(), REPO: text.encode()}

    for found in repositories.read(Sources(DictFiles(files))):
        assert found.why in ("id", "address")
