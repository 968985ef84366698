"""Installed packages as evidence: whose they are, and where their database is."""

import time
from collections.abc import Callable, Sequence

import pytest

from cloudigrade.inspector.evidence import packages
from cloudigrade.inspector.evidence.sources import Sources
from cloudigrade.inspector.reading import Damaged, Exhausted
from tests.inspector import rpm_databases as made
from tests.inspector.evidence_files import (
    CENTOS_KEY,
    ORACLE_KEY,
    RELEASE_KEY,
    UNKNOWN_KEY,
    DictFiles,
    rpm_header,
)
from tests.inspector.evidence_files import packages as headers_of

FORMS: dict[str, Callable[[Sequence[bytes]], bytes]] = {
    "rpmdb.sqlite": made.sqlite,
    "Packages": made.berkeley,
    "Packages.db": made.ndb,
}
PLACES = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"]


def read(files):
    sources = Sources(DictFiles(files))
    return packages.read(sources), sources.unread


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_found_in_every_place(place, name):
    found, unread = read({f"{place}/{name}": FORMS[name]([rpm_header("bash", RELEASE_KEY)])})

    assert found == packages.Packages(f"{place}/{name}", 1, {"Red Hat": 1}, architecture="x86_64")
    assert unread == ()


def test_packages_are_counted_by_signer():
    headers = [
        *headers_of(5, RELEASE_KEY),
        *headers_of(2, CENTOS_KEY, "c"),
        *headers_of(1, UNKNOWN_KEY, "u"),
        *headers_of(2, "", "n"),
        rpm_header("gpg-pubkey", ""),
    ]

    found, _ = read({"/var/lib/rpm/Packages": made.berkeley(headers)})

    assert found.total == 10
    assert found.by_signer == {"Red Hat": 5, "CentOS": 2, "": 3}
    assert found.red_hat == 5
    assert found.is_mostly_red_hat
    assert found.main_other == ""


@pytest.mark.parametrize(
    "key", ["199e2f91fd431d51", "5326810137017186", "45689c882fa658e0", "219180cddb42a60e", "7514f77d8366b0d9"]
)
def test_every_key_that_houndigrade_knew_is_red_hats(key):
    found, _ = read({"/var/lib/rpm/Packages": made.berkeley([rpm_header("bash", key)])})

    assert found.red_hat == 1


@pytest.mark.parametrize("key", ["5054e4a45a6340b3", "f76f66c3d4082792", "fcd355b305707a62"])
def test_current_keys_are_red_hats_too(key):
    found, _ = read({"/var/lib/rpm/Packages": made.berkeley([rpm_header("bash", key)])})

    assert found.red_hat == 1


@pytest.mark.parametrize(
    ("header", "system"),
    [
        (rpm_header("redhat-release", RELEASE_KEY), "RHEL"),
        (rpm_header("redhat-release-server", RELEASE_KEY), "RHEL"),
        (rpm_header("redhat-release", ""), "RHEL"),
        (rpm_header("redhat-release", ORACLE_KEY, vendor="Oracle America"), "Oracle Linux"),
        (rpm_header("redhat-release", "", vendor="Oracle America"), "Oracle Linux"),
        (rpm_header("redhat-release", CENTOS_KEY), "CentOS"),
        (rpm_header("redhat-release", "", vendor="Somebody"), ""),
        (rpm_header("centos-stream-release", CENTOS_KEY), "CentOS Stream"),
        (rpm_header("oraclelinux-release", ORACLE_KEY), "Oracle Linux"),
    ],
)
def test_a_release_package_tells_the_system_by_signer_and_vendor(header, system):
    found, _ = read({"/var/lib/rpm/rpmdb.sqlite": made.sqlite([header])})

    assert [release.system for release in found.releases] == [system]


def test_the_log_of_sqlite_counts():
    content, log = made.sqlite_with_log([rpm_header("one", CENTOS_KEY)], headers_of(9, RELEASE_KEY))

    found, unread = read({"/var/lib/rpm/rpmdb.sqlite": content, "/var/lib/rpm/rpmdb.sqlite-wal": log})

    assert (found.total, found.red_hat, unread) == (10, 9, ())


def test_an_interrupted_transaction_is_noted():
    journal = bytes.fromhex("d9d505f920a163d7") + bytes(504)

    found, unread = read(
        {"/var/lib/rpm/rpmdb.sqlite": made.sqlite(headers_of(1, "")), "/var/lib/rpm/rpmdb.sqlite-journal": journal}
    )

    assert found.total == 0
    assert unread == (("/var/lib/rpm/rpmdb.sqlite", "a transaction was not finished"),)


def test_an_empty_database_does_not_hide_another():
    found, _ = read(
        {
            "/var/lib/rpm/rpmdb.sqlite": made.sqlite([]),
            "/usr/lib/sysimage/rpm/rpmdb.sqlite": made.sqlite(headers_of(3, RELEASE_KEY)),
        }
    )

    assert (found.path, found.total) == ("/usr/lib/sysimage/rpm/rpmdb.sqlite", 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"garbage" * 100, "no known form of database"),
        (Damaged("bad block"), "bad block"),
        (made.berkeley(headers_of(1, ""))[:200], "a transaction"),
    ],
)
def test_what_cannot_be_read_is_noted(content, reason):
    found, unread = read({"/var/lib/rpm/Packages": content})

    if reason == "a transaction":  # one page short of everything
        assert found.total == 0
        return
    assert found is None or found.total == 0
    assert unread == (("/var/lib/rpm/Packages", reason),)


def test_a_damaged_header_is_noted_and_the_others_count():
    headers = [rpm_header("one", RELEASE_KEY), b"\xff" * 40, rpm_header("two", RELEASE_KEY)]

    found, unread = read({"/var/lib/rpm/Packages": made.berkeley(headers)})

    assert found.total == 2
    assert unread == (("/var/lib/rpm/Packages", "1 packages are damaged"),)


def test_a_system_without_rpm_has_no_packages():
    assert read({"/var/lib/dpkg/status": b""}) == (None, ())


def test_a_directory_that_cannot_be_listed_is_noted():
    assert read({"/var/lib/rpm": Exhausted("too many names")}) == (None, (("/var/lib/rpm", "too many names"),))


def test_openshifts_kubelet_is_known_by_its_signer():
    headers = [rpm_header("openshift-hyperkube", RELEASE_KEY), rpm_header("openshift-clients", RELEASE_KEY)]

    signed, _ = read({"/usr/share/rpm/rpmdb.sqlite": made.sqlite(headers)})
    unsigned, _ = read({"/usr/share/rpm/rpmdb.sqlite": made.sqlite([rpm_header("openshift-hyperkube", "")])})

    assert signed.openshift == ("openshift-hyperkube",)
    assert unsigned.openshift == ()


@pytest.mark.parametrize("name", FORMS)
def test_500_packages_take_little_processor_time(name):
    content = FORMS[name](headers_of(500, RELEASE_KEY, filler=20_000))
    files = {f"/var/lib/rpm/{name}": content}

    spent = []
    for _ in range(5):
        start = time.process_time()
        found, _ = read(files)
        spent.append(time.process_time() - start)

    assert found.total == 500
    assert min(spent) < 0.5
