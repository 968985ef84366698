"""The verdict by every kind of evidence, alone, together and against each other."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector.opinion import weigh
from cloudigrade.inspector.reading import Damaged
from cloudigrade.inspector.verdict import Rhel, judge
from tests.inspector import rpm_databases as made
from tests.inspector.evidence_files import (
    CENTOS_KEY,
    CENTOS_STREAM_9,
    ORACLE_KEY,
    RELEASE_KEY,
    ROCKY_KEY,
    UNKNOWN_KEY,
    certificate,
    os_release,
    packages,
    repository,
    rpm_header,
)
from tests.inspector.judged import DEBIAN, LOCKED, OS, PRODUCT, RELEASE, REPO, RPM, database, examined, seen, verdict_on

CERTIFICATE = {PRODUCT: certificate(version="9.4")}
REPOSITORY = {REPO: repository()}
PACKAGES = database(packages(20, RELEASE_KEY))
RELEASE_PACKAGE = database(rpm_header("redhat-release", RELEASE_KEY, version="9.4", architecture="x86_64"))

ALONE = {
    "os-release": (RELEASE, "9.4", "certain"),
    "release file": (
        {"/etc/redhat-release": b"Red Hat Enterprise Linux Server release 6.10 (Santiago)\n"},
        "6.10",
        "certain",
    ),
    "release package": (RELEASE_PACKAGE, "9.4", "certain"),
    "certificate": (CERTIFICATE, "9.4", "strong"),
    "packages": (PACKAGES, "", "strong"),
    "repository": (REPOSITORY, "", "weak"),
}


@pytest.mark.parametrize("kind", ALONE)
def test_each_method_alone_finds_rhel(kind):
    files, version, grade = ALONE[kind]

    verdict = verdict_on(files)

    assert (verdict.rhel, verdict.version, verdict.product) == (Rhel.RHEL, version, "RHEL")
    assert verdict.reasons[0].startswith(f"{grade}: ")
    assert verdict.conflicts == ()


@pytest.mark.parametrize("kinds", list(itertools.combinations(sorted(set(ALONE) - {"release package"}), 2)))
def test_any_two_together_find_rhel_without_conflict(kinds):
    files = {path: content for kind in kinds for path, content in ALONE[kind][0].items()}

    verdict = verdict_on(files)

    assert (verdict.rhel, verdict.conflicts) == (Rhel.RHEL, ())
    assert len(verdict.reasons) >= 1


def test_all_of_them_together_find_rhel():
    verdict = verdict_on({**RELEASE, **CERTIFICATE, **REPOSITORY, **RELEASE_PACKAGE})

    assert verdict.rhel is Rhel.RHEL
    assert verdict.architecture == "x86_64"
    assert verdict.reasons == (
        "certain: /etc/os-release says ID rhel, version 9.4",
        "certain: package redhat-release-9.4 is RHEL's release",
        f"strong: product certificate 479 in {PRODUCT} is of Red Hat Enterprise Linux for x86_64 9.4",
        "strong: 1 of 1 packages are signed by Red Hat",
        f"weak: repository rhel-9-for-x86_64-baseos-rpms in {REPO} is enabled",
    )


ORACLE_8 = {
    OS: os_release("ol", "8.8", ID_LIKE="fedora"),
    "/etc/redhat-release": b"Red Hat Enterprise Linux release 8.8 (Ootpa)\n",
    "/etc/oracle-release": b"Oracle Linux Server release 8.8\n",
    **database(packages(30, ORACLE_KEY), rpm_header("redhat-release", ORACLE_KEY, vendor="Oracle America")),
}
ROCKY_9 = {OS: os_release("rocky", "9.4", ID_LIKE="rhel centos fedora"), **database(packages(30, ROCKY_KEY))}
FOR_RHEL = b"[tools]\nname=Tools for RHEL/Rocky\nbaseurl=https://packages.example.com/el9\nenabled=1\n"

OTHERS = {
    "CentOS Stream 9": {OS: CENTOS_STREAM_9},
    "CentOS Stream 9 with packages": {
        OS: CENTOS_STREAM_9,
        **database(packages(30, CENTOS_KEY), rpm_header("centos-stream-release", CENTOS_KEY)),
    },
    "Oracle Linux 8": ORACLE_8,
    "Oracle Linux 6 without os-release": {
        "/etc/redhat-release": b"Red Hat Enterprise Linux Server release 6.10 (Santiago)\n",
        "/etc/oracle-release": b"Oracle Linux Server release 6.10\n",
    },
    "Rocky with a repository for RHEL": {**ROCKY_9, "/etc/yum.repos.d/tools.repo": FOR_RHEL},
    "Rocky with packages of Red Hat's": {
        **ROCKY_9,
        **database(packages(30, ROCKY_KEY), packages(3, RELEASE_KEY, "other")),
    },
    "AlmaLinux": {OS: os_release("almalinux", "9.4")},
    "Fedora": {OS: os_release("fedora", "40")},
    "Amazon Linux": {OS: os_release("amzn", "2023")},
    "Debian": {OS: os_release("debian", "12"), "/var/lib/dpkg/status": b""},
    "Ubuntu": {OS: os_release("ubuntu", "24.04")},
    "SLES": {OS: os_release("sles", "15.5")},
    "OKD": {OS: os_release("scos", "9")},
    "a system of its own": {OS: os_release("homegrown", "1")},
    "Debian without RHEL's certificate": {OS: os_release("debian", "12"), "/etc/pki/product/69.pem": b""},
}


@pytest.mark.parametrize("system", OTHERS)
def test_what_is_like_rhel_is_not_rhel(system):
    verdict = verdict_on(OTHERS[system])

    assert verdict.rhel is Rhel.NOT_RHEL
    assert (verdict.version, verdict.product, verdict.decided_by) == ("", "", None)
    assert verdict.reasons


@pytest.mark.parametrize("evidence", [CERTIFICATE, REPOSITORY, {**CERTIFICATE, **REPOSITORY}])
@pytest.mark.parametrize("system", ["CentOS Stream 9", "AlmaLinux", "Amazon Linux", "Debian"])
def test_identity_counts_before_certificates_and_repositories_which_are_conflicts(system, evidence):
    verdict = verdict_on({**OTHERS[system], **evidence})

    assert verdict.rhel is Rhel.NOT_RHEL
    assert len(verdict.conflicts) == len(evidence)
    assert all("; but /etc/os-release says ID" in conflict for conflict in verdict.conflicts)


KNOWN = {
    "os-release of CentOS Stream": ({OS: CENTOS_STREAM_9}, Rhel.NOT_RHEL, ""),
    "Oracle Linux 8": (ORACLE_8, Rhel.NOT_RHEL, ""),
    "third-party repository on Rocky": (OTHERS["Rocky with a repository for RHEL"], Rhel.NOT_RHEL, ""),
    "zero-byte certificate": ({"/etc/pki/product/69.pem": b""}, Rhel.INCONCLUSIVE, ""),
    "certificate of ARM64": ({"/etc/pki/product-default/419.pem": certificate(419, version="8.8")}, Rhel.RHEL, "8.8"),
    "repository without enabled": ({REPO: repository()}, Rhel.RHEL, ""),
    "enabled=true": ({REPO: repository(enabled="true")}, Rhel.RHEL, ""),
    "enabled=0": ({REPO: repository(enabled="0")}, Rhel.INCONCLUSIVE, ""),
    "percent in a name": ({REPO: repository(name="RHEL 100% (%d)")}, Rhel.RHEL, ""),
    "duplicate section": (
        {"/etc/yum.repos.d/a.repo": b"[a]\nx=1\n[a]\nx=2\n", "/etc/yum.repos.d/b.repo": repository()},
        Rhel.RHEL,
        "",
    ),
    "yum.conf without main": ({"/etc/yum.conf": b"[other]\n", REPO: repository()}, Rhel.RHEL, ""),
    "yum.conf without header": ({"/etc/yum.conf": b"gpgcheck=1\n", REPO: repository()}, Rhel.RHEL, ""),
    "undecodable yum.conf": ({"/etc/yum.conf": b"\xff\xfe\x80", REPO: repository()}, Rhel.RHEL, ""),
    "undecodable release file": ({"/etc/x-release": b"\xff\xfe\x80", **RELEASE}, Rhel.RHEL, "9.4"),
    "sqlite": (database(rpm_header("bash", RELEASE_KEY)), Rhel.RHEL, ""),
    "database at /usr/lib/sysimage/rpm": (
        {"/usr/lib/sysimage/rpm/rpmdb.sqlite": made.sqlite([rpm_header("bash", RELEASE_KEY)])},
        Rhel.RHEL,
        "",
    ),
    "database at /usr/share/rpm": (
        {"/usr/share/rpm/Packages": made.berkeley([rpm_header("bash", RELEASE_KEY)])},
        Rhel.RHEL,
        "",
    ),
    "only /usr/lib/os-release": ({"/usr/lib/os-release": os_release("rhel", "9.4")}, Rhel.RHEL, "9.4"),
    "reposdir in yum.conf": ({"/etc/yum.conf": b"[main]\nreposdir=/r\n", "/r/a.repo": repository()}, Rhel.RHEL, ""),
    "reposdir in dnf.conf": ({"/etc/dnf/dnf.conf": b"[main]\nreposdir=/r\n", "/r/a.repo": repository()}, Rhel.RHEL, ""),
    "no rpm database, nothing else": ({"/etc/passwd": b""}, Rhel.INCONCLUSIVE, ""),
    "broken rpm database, nothing else": ({RPM: b"garbage"}, Rhel.INCONCLUSIVE, ""),
    "OpenShift node": (
        {OS: os_release("rhcos", "4.14", RHEL_VERSION="9.2", OPENSHIFT_VERSION="4.14")},
        Rhel.RHEL,
        "9.2",
    ),
}


@pytest.mark.parametrize("case", KNOWN)
def test_known_answers(case):
    files, rhel, version = KNOWN[case]

    verdict = verdict_on(files)

    assert (verdict.rhel, verdict.version) == (rhel, version)


@pytest.mark.parametrize(
    ("files", "rhel"),
    [
        ({**RELEASE, **database(rpm_header("rocky-release", ROCKY_KEY), packages(20, ROCKY_KEY))}, Rhel.NOT_RHEL),
        (
            {OS: CENTOS_STREAM_9, **database(rpm_header("redhat-release", RELEASE_KEY), packages(9, RELEASE_KEY))},
            Rhel.RHEL,
        ),
        # nothing breaks the tie
        (
            {OS: CENTOS_STREAM_9, **database(rpm_header("redhat-release", ""), packages(9, UNKNOWN_KEY))},
            Rhel.INCONCLUSIVE,
        ),
        ({**RELEASE, **database(packages(20, ROCKY_KEY))}, Rhel.INCONCLUSIVE),
        ({OS: os_release("rocky", "9"), **database(packages(20, RELEASE_KEY))}, Rhel.INCONCLUSIVE),
        ({**RELEASE, "/etc/oracle-release": b"Oracle Linux Server release 9"}, Rhel.INCONCLUSIVE),
        # converted to RHEL, most packages not updated yet
        ({**RELEASE, **database(rpm_header("redhat-release", RELEASE_KEY), packages(20, CENTOS_KEY))}, Rhel.RHEL),
        # two voices to one where packages say nothing
        (
            {
                **RELEASE,
                "/etc/centos-release": b"CentOS",
                **database(rpm_header("redhat-release", ""), packages(9, "")),
            },
            Rhel.RHEL,
        ),
        ({OS: os_release("homegrown", "1"), **CERTIFICATE}, Rhel.RHEL),
        ({OS: os_release("homegrown", "1"), **PACKAGES}, Rhel.RHEL),
        ({OS: os_release("homegrown", "1"), **REPOSITORY}, Rhel.NOT_RHEL),
        (database(packages(3, RELEASE_KEY), packages(90, "", "own")), Rhel.RHEL),
        ({**CERTIFICATE, **database(packages(20, CENTOS_KEY))}, Rhel.RHEL),
        (database(packages(20, CENTOS_KEY)), Rhel.NOT_RHEL),
    ],
)
def test_contradictions_are_weighed_or_left_open(files, rhel):
    verdict = verdict_on(files)

    assert verdict.rhel is rhel
    if rhel is Rhel.INCONCLUSIVE:
        assert verdict.reasons == ("unknown: what identifies it contradicts itself",)
        assert len(verdict.conflicts) >= 2


@pytest.mark.parametrize("path", [OS, "/etc/x-release", PRODUCT, REPO, "/etc/yum.conf", RPM, "/etc"])
def test_c28_a_source_that_cannot_be_read_forbids_to_say_not_rhel(path):
    """C28: what could not be looked at is not called without RHEL."""
    verdict = verdict_on({"/etc/os-release": os_release("rocky", "9"), path: Damaged("bad block")})

    assert verdict.rhel is Rhel.INCONCLUSIVE
    assert f"unknown: /dev/sda1:{path} could not be read: bad block" in verdict.reasons


@pytest.mark.parametrize("path", ["/usr/lib/os-release", "/etc/x-release", PRODUCT, REPO, RPM])
def test_a_source_that_cannot_be_read_does_not_hide_what_is_certain(path):
    others = {OS: os_release("rhel", "9.4")}

    assert verdict_on({**others, path: Damaged("bad block")}).rhel is Rhel.RHEL


def test_a_repository_alone_is_too_weak_beside_what_could_not_be_read():
    verdict = verdict_on({**REPOSITORY, RPM: Damaged("bad block")})

    assert verdict.rhel is Rhel.INCONCLUSIVE
    assert verdict.reasons[0] == "unknown: /dev/sda1 seems to be RHEL, but stronger evidence could not be read"


def test_the_share_of_packages_is_weak_where_some_are_damaged():
    partial = {"/var/lib/rpm/Packages": made.berkeley([*packages(9, RELEASE_KEY), b"\xff" * 40])}

    assert verdict_on(partial).rhel is Rhel.INCONCLUSIVE
    assert verdict_on({**partial, **RELEASE}).rhel is Rhel.RHEL


@pytest.mark.parametrize(
    ("files", "product"),
    [
        ({**RELEASE, PRODUCT: certificate(71)}, "RHEL Workstation"),
        ({**RELEASE, PRODUCT: certificate(479), "/etc/pki/product/241.pem": certificate(241)}, "RHEL for SAP"),
        ({**RELEASE, PRODUCT: certificate(486)}, "RHEL Beta"),
        ({OS: os_release("rhcos", "4.14", RHEL_VERSION="9.2")}, "RHEL CoreOS"),
        (RELEASE, "RHEL"),
    ],
)
def test_the_product_is_the_most_telling_name(files, product):
    assert verdict_on(files).product == product


def test_an_unknown_product_of_red_hats_is_told():
    verdict = verdict_on({**DEBIAN, PRODUCT: certificate(987654, "Something New")})

    assert verdict.rhel is Rhel.NOT_RHEL
    assert verdict.conflicts == (
        "product certificate 987654 (Something New) says something; but nothing is known of its number",
    )


@pytest.mark.parametrize(
    ("files", "openshift"),
    [
        ({OS: os_release("rhcos", "4.14")}, True),
        ({**RELEASE, "/etc/pki/product/290.pem": certificate(290)}, True),
        (
            {
                **RELEASE,
                **database(rpm_header("openshift-hyperkube", RELEASE_KEY)),
                "/etc/kubernetes/kubelet.conf": b"",
            },
            True,
        ),
        ({**RELEASE, "/etc/kubernetes/kubelet.conf": b""}, False),
        (RELEASE, False),
    ],
)
def test_nodes_of_openshift_are_known(files, openshift):
    assert verdict_on(files).is_openshift is openshift


PIECES = [
    RELEASE,
    DEBIAN,
    {OS: CENTOS_STREAM_9},
    {OS: os_release("homegrown", "1")},
    CERTIFICATE,
    REPOSITORY,
    PACKAGES,
    RELEASE_PACKAGE,
    database(packages(20, CENTOS_KEY)),
    {RPM: Damaged("bad block")},
    {OS: Damaged("bad block")},
    {"/etc/oracle-release": b"Oracle Linux"},
    {"/etc/redhat-release": b"Red Hat Enterprise Linux release 9.4 (Plow)"},
]


@given(st.lists(st.sampled_from(PIECES), max_size=6), st.booleans())
def test_not_rhel_is_said_only_of_what_was_seen_whole(pieces, is_covered):
    files = {path: content for piece in pieces for path, content in piece.items()}
    system = examined(files)

    verdict = judge(seen(system, uncovered=() if is_covered else (LOCKED,)))

    opinion = weigh(system.evidence)
    if verdict.rhel is Rhel.NOT_RHEL:
        assert is_covered
        assert not system.evidence.unread
        assert opinion.is_rhel is False
    assert verdict.rhel is Rhel.RHEL or verdict.version == ""
    assert verdict.reasons
