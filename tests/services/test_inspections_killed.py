"""A worker dies at any statement or call: another goes on after the lease, to the same end, and nothing is left."""

import copy
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from cloudigrade.models import Image, ImageVerdict, Inspection
from tests.builders import ACCOUNT, IMAGE
from tests.fake_images import DIRECT
from tests.services.inspected import Bench


class Killed(BaseException):
    """Not even what catches everything catches it."""


class Death:
    """Comes before the statement or call of that number, once."""

    def __init__(self, number: int) -> None:
        self.left = number

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def statement(self, execute: Any, *arguments: Any) -> Any:
        self.step()
        return execute(*arguments)


@pytest.fixture
def bench(monkeypatch, settings, stored):
    bench = Bench(monkeypatch, settings)
    bench.configure(paths=("direct", "copy"))
    bench.cloud.add(ACCOUNT, "word")
    bench.connect()
    bench.boot(stored)
    return bench


def outcome():
    """All that an inspection comes to, but for how often it was begun."""
    row = Inspection.objects.get(image__native_id=IMAGE)
    return (
        (row.state, row.basis, row.reason, row.due_at, row.has_leftovers, row.path),
        Image.objects.get(native_id=IMAGE).findings,
        list(ImageVerdict.objects.values_list("rhel", "version", "reasons")),
    )


def live(bench, death):
    """Everything that is due is done by one worker after the other, the first of which dies."""
    called = type(bench.cloud)._called

    def dying(self, method, account=None):
        death.step()
        return called(self, method, account)

    with ExitStack() as until_death, pytest.MonkeyPatch.context() as patch, suppress(Killed):
        patch.setattr(type(bench.cloud), "_called", dying)
        until_death.enter_context(connection.execute_wrapper(death.statement))
        bench.settle_until_idle()
    bench.now += timedelta(seconds=bench.settings.INSPECTIONS.patience)
    bench.settle_until_idle()


def points(bench):
    """How many there are to die at."""
    death = Death(10**9)
    live(bench, death)
    return 10**9 - death.left


@contextmanager
def undone(bench):
    """What is stored and made within is not, afterwards."""
    now, disks = bench.now, copy.deepcopy(bench.cloud.disks)
    with transaction.atomic():
        # like the block that pytest-django opens, which is no transaction of ours
        vars(connection.atomic_blocks[-1])["_from_testcase"] = True
        yield
        transaction.set_rollback(True)
    bench.now, bench.cloud.disks = now, disks


# By way of a copy there are some hundred points, of which every fourth is tried here.
@pytest.mark.parametrize(("denied", "every"), [((), 1), ((DIRECT,), 4)], ids=["direct", "copy"])
def test_c30_c31_c32_a_worker_killed_at_any_point_changes_nothing_in_the_end(bench, denied, every):
    """C30, C31, C32: what a killed step had made was made twice, or stayed for ever."""
    bench.cloud.accounts[ACCOUNT].denied = denied
    with undone(bench):
        number = points(bench)
        expected = outcome()
        assert expected[0][0] == "inspected"
    assert number > 30

    for place in range(1, number + 1, every):
        with undone(bench):
            live(bench, Death(place))
            assert outcome() == expected, place
            assert bench.cloud.disks.made == {}, place
            assert Inspection.objects.get().number <= 2, place
            assert len(bench.cloud.disks.launched) <= Inspection.objects.get().number, place
