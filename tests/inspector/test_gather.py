"""All the evidence of one system at once."""

from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector.evidence.gather import Evidence, gather
from cloudigrade.inspector.evidence.sources import MOST_UNREAD, Sources
from cloudigrade.inspector.evidence.system_purpose import SystemPurpose
from cloudigrade.inspector.reading import Damaged, Exhausted, Unsupported
from tests.inspector import rpm_databases as made
from tests.inspector.evidence_files import RELEASE_KEY, DictFiles, certificate, os_release, repository, rpm_header

SYSTEM = {
    "/etc/os-release": os_release("rhel", "9.4"),
    "/etc/redhat-release": b"Red Hat Enterprise Linux release 9.4 (Plow)\n",
    "/etc/pki/product-default/479.pem": certificate(),
    "/etc/yum.conf": b"[main]\n",
    "/etc/yum.repos.d/redhat.repo": repository(),
    "/etc/rhsm/syspurpose/syspurpose.json": b'{"role": "Server"}',
    "/var/lib/rpm/rpmdb.sqlite": made.sqlite([rpm_header("redhat-release", RELEASE_KEY)]),
}


def test_every_kind_of_evidence_is_gathered():
    evidence = gather(DictFiles(SYSTEM))

    assert evidence.identity is not None
    assert evidence.identity.id == "rhel"
    assert [file.path for file in evidence.release_files] == ["/etc/os-release", "/etc/redhat-release"]
    assert [item.product_id for item in evidence.certificates] == [479]
    assert [item.id for item in evidence.repositories] == ["rhel-9-for-x86_64-baseos-rpms"]
    assert evidence.packages is not None
    assert evidence.packages.red_hat == 1
    assert evidence.system_purpose == SystemPurpose('{"role": "Server"}', {"role": "Server"})
    assert evidence.openshift == ()
    assert evidence.unread == ()


def test_a_system_without_any_evidence_has_none():
    assert gather(DictFiles({})) == Evidence()


def test_c16_a_system_purpose_that_cannot_be_read_is_not_missed():
    """C16: system purpose proves nothing, so its failure leaves everything else as it is."""
    whole = gather(DictFiles(SYSTEM))
    evidence = gather(DictFiles({**SYSTEM, "/etc/rhsm/syspurpose/syspurpose.json": Damaged("bad block")}))

    assert evidence.unread == ()
    assert evidence.packages == whole.packages
    assert evidence.system_purpose == SystemPurpose()


@given(
    st.dictionaries(
        st.sampled_from([*SYSTEM, "/etc", "/var/lib/rpm", "/usr/lib/os-release", "/var/lib/rpm/Packages"]),
        st.binary(max_size=200) | st.sampled_from([Damaged("d"), Unsupported("u"), Exhausted("e")]),
    )
)
def test_whatever_is_broken_the_rest_is_gathered(broken):
    evidence = gather(DictFiles({**SYSTEM, **broken}))

    failed = {path for path, content in broken.items() if isinstance(content, Exception)}
    noted = {unread.path for unread in evidence.unread}
    looked_for = failed & (set(SYSTEM) - {"/etc/rhsm/syspurpose/syspurpose.json"})
    if not failed & {"/etc", "/var/lib/rpm"}:
        assert looked_for <= noted
    assert len(evidence.unread) <= MOST_UNREAD


def test_notes_are_bounded():
    sources = Sources(DictFiles({f"/{number}": Damaged("x" * 1000) for number in range(300)}))
    for number in range(300):
        sources.read(f"/{number}", limit=1)

    assert len(sources.unread) == MOST_UNREAD
    assert {len(unread.reason) for unread in sources.unread} == {200}
