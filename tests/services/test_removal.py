"""A deleted account leaves nothing behind, and exactly the days that its runs touched are answered anew."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connections, transaction

from cloudigrade.clouds.cloud import Proof
from cloudigrade.models import (
    CloudAccount,
    ConcurrentUsage,
    Customer,
    DueWork,
    FeedPosition,
    Gap,
    Image,
    Instance,
    InstanceEvent,
    LogFile,
    Quarantine,
    Run,
    UnmeteredPeriod,
)
from cloudigrade.services import accounts, completeness, onboarding, removal, runs, usage
from cloudigrade.services.connecting import Result
from cloudigrade.services.removal import Preview
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF, day, launch, moment, red_hat_image, stop
from tests.services.owners import Owner, connect, due
from tests.services.stored import Stored
from tests.services.test_concurrency import PATIENCE, await_lock

ANY = ("_ANY",) * 5
OTHER = "000000000043"


@pytest.fixture
def cloud(monkeypatch, db):
    return fake_cloud.installed(monkeypatch)


@pytest.fixture
def stored(cloud):
    """Two connected accounts: one with runs on Monday and from Wednesday to Friday, the other with one on all days."""
    found = Stored("11", [ACCOUNT, OTHER])
    owner = Owner(cloud)
    owner.connected()
    owner.connected(OTHER)
    found.meter(
        red_hat_image(),
        *(launch("i-1", 2), stop("i-1", 5), launch("i-2", 49), stop("i-2", 97), launch("i-3", 50), stop("i-3", 52)),
        *(launch("i-9", 1, account=OTHER), stop("i-9", 230, account=OTHER)),
    )
    return found


@pytest.fixture
def account_id(stored):
    return CloudAccount.objects.get(native_id=ACCOUNT).pk


@pytest.fixture
def _surroundings(account_id, stored):
    """One row in every other table that knows the account."""
    given = {"account_id": account_id, "region": "eu-west-1"}
    Gap.objects.create(
        feed="cloudtrail", source="s", starts_at=AS_OF, ends_at=AS_OF, reason="missing", found_at=AS_OF, **given
    )
    LogFile.objects.create(source="s", sha256="0" * 64, read_at=AS_OF, **given)
    FeedPosition.objects.create(feed="sweep", newest_at=AS_OF, **given)
    UnmeteredPeriod.objects.create(account_id=account_id, period=(AS_OF, AS_OF + timedelta(hours=1)))
    for account in (ACCOUNT, OTHER):
        Quarantine.objects.create(
            customer_id=stored.customer_id, feed="cloudtrail", source="s", hash=account, account=account, reason="odd"
        )
    Quarantine.objects.create(feed="cloudtrail", source="s", hash=ACCOUNT, account=ACCOUNT, reason="of nobody")


def delete(account_id):
    onboarding.delete(account_id=account_id, now=AS_OF)
    return connect(account_id)


@pytest.mark.usefixtures("_surroundings")
def test_nothing_of_it_is_left_and_all_of_others_is(stored, account_id, cloud):
    assert delete(account_id).result is Result.GONE

    assert list(CloudAccount.objects.values_list("native_id", flat=True)) == [OTHER]
    assert list(Instance.objects.values_list("native_id", flat=True)) == ["i-9"]
    assert (InstanceEvent.objects.count(), Run.objects.count()) == (2, 1)
    for model in (Gap, LogFile, UnmeteredPeriod):
        assert not model.objects.exists()
    assert set(FeedPosition.objects.values_list("account__native_id", flat=True)) <= {OTHER}
    assert set(DueWork.objects.values_list("account__native_id", flat=True)) == {OTHER}
    assert set(Quarantine.objects.values_list("account", "reason")) == {(OTHER, "odd"), (ACCOUNT, "of nobody")}
    assert Image.objects.count() == 1, "what is true for everyone stays"
    assert not cloud.accounts[ACCOUNT].has_our_trail
    assert cloud.accounts[OTHER].has_our_trail


def test_exactly_the_days_that_its_runs_touched_are_answered_anew(stored, account_id):
    assert [stored.counts(day(number)).get(ANY, 0) for number in range(6)] == [2, 1, 3, 2, 2, 1]

    delete(account_id)

    assert stored.dirty_days() == [day(0), day(2), day(3), day(4)]
    usage.recalculate_all(as_of=AS_OF)
    assert [stored.counts(day(number)).get(ANY, 0) for number in range(10)] == [1] * 10


def test_days_before_any_account_that_is_left_are_answered_anew_as_well(stored, account_id):
    CloudAccount.objects.filter(native_id=OTHER).update(metered_from=moment(60))

    delete(account_id)

    assert stored.dirty_days() == [day(0), day(2), day(3), day(4)]


def test_a_huge_account_goes_in_bounded_transactions(stored, account_id, monkeypatch):
    monkeypatch.setattr(removal, "CLAIM", 1)
    monkeypatch.setattr(removal, "MOST", 2)
    onboarding.delete(account_id=account_id, now=AS_OF)

    assert connect(account_id).result is Result.MORE
    assert Instance.objects.filter(account=account_id).count() == 1
    assert due(account_id) == {"connect": 0}

    assert connect(account_id).result is Result.GONE
    assert stored.dirty_days() == [day(0), day(2), day(3), day(4)]


def test_a_removal_that_was_cut_off_goes_on(stored, account_id, monkeypatch):
    monkeypatch.setattr(removal, "CLAIM", 1)
    onboarding.delete(account_id=account_id, now=AS_OF)
    mark, marks = usage.mark, []

    def fails_in_the_second(**given):
        marks.append(given)
        if len(marks) == 2:
            raise RuntimeError("killed")
        mark(**given)

    monkeypatch.setattr(usage, "mark", fails_in_the_second)
    with pytest.raises(RuntimeError, match="killed"):
        connect(account_id)
    assert Instance.objects.filter(account=account_id).count() == 2

    assert connect(account_id).result is Result.GONE
    assert stored.dirty_days() == [day(0), day(2), day(3), day(4)]


def test_a_hundred_instances_take_as_many_queries_as_one(stored, account_id, django_assert_max_num_queries):
    stored.meter(*(launch(f"i-{number}", 3) for number in range(100, 200)))

    with django_assert_max_num_queries(19):  # as for one
        assert removal.remove(account_id=account_id, now=AS_OF)
    assert list(Instance.objects.values_list("native_id", flat=True)) == ["i-9"]


@pytest.mark.usefixtures("_surroundings")
def test_the_preview_says_what_would_go_and_changes_nothing(stored, account_id, django_assert_num_queries):
    with django_assert_num_queries(2):
        preview = removal.preview(account_id=account_id, now=AS_OF)

    assert preview == Preview(instances=3, events=6, runs=3, days=4, gaps=1, rejected=1)
    assert Instance.objects.count() == 4
    assert stored.dirty_days() == []


def test_the_last_account_takes_all_counts_with_it_and_leaves_the_customer(stored, account_id):
    for account in list(CloudAccount.objects.all()):
        delete(account.pk)
    runs.recalculate_all(as_of=AS_OF)
    usage.recalculate_all(as_of=AS_OF)

    assert Customer.objects.count() == 1
    assert {stored.counts(on).get(ANY, 0) for on in stored.computed()} == {0}
    assert ConcurrentUsage.objects.count() == 10


def test_what_is_gone_may_be_claimed_again_and_is_new(stored, account_id, cloud):
    delete(account_id)

    again = Owner(cloud).claim(cloud.accounts[ACCOUNT].arn, now=AS_OF)

    assert connect(again).result is Result.DONE
    assert CloudAccount.objects.get(pk=again).metered_from == AS_OF


@pytest.mark.django_db(transaction=True)
def test_who_removes_an_account_waits_for_what_holds_it(monkeypatch):
    """A proof that is being stored is stored, and goes with the account; the next one finds none."""
    Stored("11")
    account_id = CloudAccount.objects.get().pk
    proof = Proof("eu-west-1", 3600, (), {})

    def elsewhere():
        try:
            return removal.remove(account_id=account_id, now=AS_OF)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            completeness.record(account_id=account_id, proof=proof, reasons={}, now=AS_OF)
            removing = pool.submit(elsewhere)
            await_lock(removing)
        assert removing.result(PATIENCE)

    assert (FeedPosition.objects.count(), CloudAccount.objects.count()) == (0, 0)
    with pytest.raises(accounts.Gone):
        completeness.record(account_id=account_id, proof=proof, reasons={}, now=AS_OF)


@pytest.mark.django_db(transaction=True)
def test_what_is_recorded_while_an_account_goes_does_not_come_back(monkeypatch):
    """Whoever adds an instance meanwhile waits, fails, and finds no such account the next time."""
    Stored("11")
    account_id = CloudAccount.objects.get().pk
    looked, may_go = threading.Event(), threading.Event()

    def waits(**_):
        looked.set()
        assert may_go.wait(PATIENCE)

    def elsewhere(function, *arguments, **given):
        try:
            return function(*arguments, **given)
        finally:
            connections.close_all()

    monkeypatch.setattr(usage, "mark", waits)
    with ThreadPoolExecutor(2) as pool:
        removing = pool.submit(elsewhere, removal.remove, account_id=account_id, now=AS_OF)
        assert looked.wait(PATIENCE)
        late = {"account_id": account_id, "native_id": "i-late", "region": "eu-west-1"}
        adding = pool.submit(elsewhere, Instance.objects.create, **late)
        await_lock(adding)
        may_go.set()
        assert removing.result(PATIENCE)
        with pytest.raises(IntegrityError):
            adding.result(PATIENCE)

    assert (Instance.objects.count(), CloudAccount.objects.count()) == (0, 0)
