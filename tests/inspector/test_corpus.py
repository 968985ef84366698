"""Disks of every kind with a known answer: no false positive, no false negative, inconclusive only where declared."""

from collections.abc import Iterator, Mapping

import pytest

from cloudigrade.inspector import inspection
from cloudigrade.inspector.reading import Reader
from tests.inspector.corpus import running, systems
from tests.inspector.corpus.case import NOT_RHEL, RHEL, Workshop, plain

CASES = running.suite_cases()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> Iterator[Workshop]:
    made = Workshop(tmp_path_factory.mktemp("disks"))
    yield made
    made.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_verdict_is_the_declared_one(case, workshop):
    assert running.run(case, workshop, inspection.inspect).faults == ()


# Every layout, and some of everything: in the sandbox nothing can be imported or opened any more.
SANDBOXED = [case for case in CASES if ", plain ext2: rhel" in case.name or case in CASES[:: len(CASES) // 15]]


@pytest.mark.enable_socket
@pytest.mark.parametrize("case", SANDBOXED, ids=lambda case: case.name)
def test_the_verdict_from_the_sandbox_is_the_same(case, workshop):
    assert running.run(case, workshop, running.sandboxed).faults == ()


def test_every_answer_is_declared_by_many_cases_of_each_row():
    cases = running.all_cases()

    assert {
        answer: sum(case.expected == answer for case in cases) >= 50 for answer in running.VERDICTS
    } == dict.fromkeys(running.VERDICTS, True)
    assert sum(case.name.startswith("A.7: ") for case in cases) >= 20
    assert sum(case.name.startswith("A.8: ") for case in cases) >= 20
    assert sum(not case.tools for case in cases) >= 200


def test_a_wrong_answer_is_a_fault(workshop):
    case = plain("RHEL that nobody expects", NOT_RHEL, systems.rhel, says="no such words", facts={"rhel_version": "1"})

    outcome = running.run(case, workshop, inspection.inspect)

    starts = [fault.split(":")[0] for fault in outcome.faults]
    assert starts == [
        "rhel instead of not_rhel",
        "rhel_found is True",
        "nothing says 'no such words'",
        "rhel_version is '9.4' instead of '1'",
    ]
    assert running.matrix([outcome]).splitlines()[2].split() == [NOT_RHEL, "1", "0", "0"]


def test_what_is_of_this_machine_is_a_fault(workshop, monkeypatch, tmp_path):
    secret = "c0ffee-of-this-machine"
    monkeypatch.setattr(running, "_secrets", lambda: [("/etc/machine-id", secret)])

    def leak(disks: Mapping[str, Reader]) -> Mapping[str, object]:
        return {**inspection.inspect(disks), "errors": [secret]}

    case = plain("RHEL", RHEL, systems.rhel)

    assert running.run(case, workshop, leak).faults == ("/etc/machine-id of this machine is in the result",)
