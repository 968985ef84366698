"""Accounts that Sources does not know: asked about once each, let go together, and never too many of them."""

from datetime import timedelta

import pytest
from django.conf import settings

from cloudigrade.models import CloudAccount, Customer, DueWork
from cloudigrade.redhat.sources import Sources, SourcesUnavailable
from cloudigrade.services import accounts, reconciliation
from cloudigrade.services.reconciliation import Refused
from tests.builders import AS_OF
from tests.fakes.sources import PSK, FakeSources, running

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]

OLD = AS_OF - timedelta(days=2)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def fake():
    with running() as made:
        yield made


@pytest.fixture
def api(fake):
    made = Sources(fake.url, PSK, sleep=lambda _: None)
    yield made
    made.close()


@pytest.fixture
def share(monkeypatch):
    def set_to(part):
        made = settings.PLATFORM.model_copy(update={"not_in_sources_share": part})
        monkeypatch.setattr(settings, "PLATFORM", made)

    set_to(0.1)
    return set_to


class World:
    """Accounts here and sources there."""

    def __init__(self, fake: FakeSources) -> None:
        self.fake = fake
        self.count = 0

    def add(self, number=1, *, known=True, org_id="11", updated_at=OLD, **more):
        customer_id = accounts.ensure_customer(org_id=org_id, now=OLD)
        return [self._add(customer_id, org_id, known, updated_at, more) for _ in range(number)]

    def _add(self, customer_id, org_id, known, updated_at, more):
        self.count += 1
        made = self.fake.create("arn", org_id=org_id)
        if not known:
            self.fake.destroy(made.source_id)
        account = CloudAccount.objects.create(
            customer_id=customer_id, cloud="aws", native_id=f"{self.count:012d}", credentials=f"role-{self.count}",
            metered_from=OLD, created_at=OLD,
            **{"platform_source_id": int(made.source_id), "platform_application_id": int(made.application_id), **more},
        )  # fmt: skip
        CloudAccount.objects.filter(pk=account.pk).update(updated_at=updated_at)
        return account.pk


@pytest.fixture
def world(fake, share):
    return World(fake)


def asked(fake):
    """Of which sources it was asked."""
    return [path.rsplit("/", 1)[1] for path in fake.paths if "/sources/" in path and "/sources/v3.0/a" not in path]


def reconcile(api, now=AS_OF):
    while reconciliation.ask_some(sources=api, now=now):
        pass
    return reconciliation.decide(now=now)


def deleted():
    return sorted(CloudAccount.objects.filter(wanted="deleted").values_list("pk", flat=True))


def due(work):
    return sorted(DueWork.objects.filter(work=work).values_list("account_id", flat=True))


def test_what_sources_does_not_know_will_be_deleted_and_nothing_else(world, api):
    world.add(3)
    gone = world.add(2, known=False)

    assert reconciliation.begin(now=AS_OF) == 5
    assert reconcile(api) == 2

    assert deleted() == due("connect") == gone
    assert (due("reconcile"), due("let go")) == ([], [])
    assert CloudAccount.objects.get(pk=gone[0]).revision == 1


def test_whom_nobody_asks_about(world, api, fake):
    world.add(known=False, is_synthetic=True)
    world.add(known=False, platform_source_id=None)
    world.add(known=False, updated_at=AS_OF - 4 * MINUTE)
    world.add(known=False, wanted="deleted")

    assert reconciliation.begin(now=AS_OF) == 0
    assert reconcile(api) == 0
    assert reconciliation.find_missing(sources=api, now=AS_OF) == ([], 0)
    assert fake.requests == []


def test_a_source_is_asked_after_once_for_all_its_accounts_in_its_customers_name(world, api, fake):
    first, second = world.add(2, org_id="12")
    source = CloudAccount.objects.get(pk=first).platform_source_id
    CloudAccount.objects.filter(pk=second).update(platform_source_id=source)
    reconciliation.begin(now=AS_OF)

    reconcile(api)

    assert asked(fake) == [str(source)]
    assert fake.requests[0].headers["x-rh-sources-org-id"] == "12"


def test_s5_a_source_of_another_customer_does_not_keep_an_account(world, api):
    (theirs,) = world.add(org_id="12")
    (mine,) = world.add(known=False)
    source = CloudAccount.objects.get(pk=theirs).platform_source_id
    CloudAccount.objects.filter(pk=mine).update(platform_source_id=source)
    reconciliation.begin(now=AS_OF)

    assert reconcile(api) == 1
    assert deleted() == [mine]


def test_a_round_that_was_cut_off_goes_on_where_it_stopped(world, api, fake, monkeypatch):
    monkeypatch.setattr(reconciliation, "SHARE", 2)
    world.add(4)
    gone = world.add(1, known=False)
    reconciliation.begin(now=AS_OF)
    reconciliation.ask_some(sources=api, now=AS_OF)
    before = asked(fake)

    assert reconcile(api) == 1

    assert len(before) == 2
    assert len(set(asked(fake))) == len(asked(fake)) == 5, "each source once"
    assert deleted() == gone


def test_a_worker_that_dies_leaves_its_accounts_to_the_next(world, api, fake, monkeypatch):
    world.add(2)
    reconciliation.begin(now=AS_OF)
    monkeypatch.setattr(reconciliation, "_record", lambda *_, **__: pytest.fail("killed"))
    with pytest.raises(pytest.fail.Exception):
        reconciliation.ask_some(sources=api, now=AS_OF)
    monkeypatch.undo()

    assert reconciliation.ask_some(sources=api, now=AS_OF) == 0, "somebody is at it"
    assert reconciliation.ask_some(sources=api, now=AS_OF + reconciliation.PAUSE) == 2


def test_more_than_a_tenth_are_not_deleted_at_once(world, api):
    gone = world.add(6, known=False)
    world.add(53)
    reconciliation.begin(now=AS_OF)

    with pytest.raises(Refused, match="6 of 59 accounts are not known to Sources"):
        reconcile(api)
    assert deleted() == []
    assert due("let go") == gone, "it stays plain to see"

    world.add(1)
    assert reconciliation.decide(now=AS_OF) == 6, "of 60 it is no more than a tenth"


def test_up_to_five_may_always_go(world, api):
    gone = world.add(5, known=False)
    reconciliation.begin(now=AS_OF)

    assert reconcile(api) == 5
    assert deleted() == gone


def test_an_operator_may_have_them_all_deleted(world):
    gone = world.add(6, known=False)
    with pytest.raises(Refused):
        reconciliation.let_go(account_ids=gone, now=AS_OF)

    assert reconciliation.let_go(account_ids=gone, now=AS_OF, force=True) == 6
    assert reconciliation.let_go(account_ids=gone, now=AS_OF, force=True) == 0


def test_while_answers_are_missing_that_could_make_them_too_many_nothing_goes(world, api, fake):
    """However the answers trickle in, no more than the cap goes."""
    world.add(3, known=False)
    world.add(3)
    reconciliation.begin(now=AS_OF)
    fake.fail(times=9)
    with pytest.raises(SourcesUnavailable):
        reconciliation.ask_some(sources=api, now=AS_OF)
    assert reconciliation.decide(now=AS_OF) == 0

    DueWork.objects.filter(work="reconcile", account_id=min(due("reconcile"))).update(work="let go")
    assert reconciliation.decide(now=AS_OF) == 0
    assert deleted() == []


def test_c18_an_outage_is_no_answer(world, api, fake):
    """C18: whatever is not understood means that it is asked again, never that a source is gone."""
    world.add(5, known=False)
    reconciliation.begin(now=AS_OF)
    fake.fail(500, times=100)

    with pytest.raises(SourcesUnavailable):
        reconciliation.ask_some(sources=api, now=AS_OF)

    assert (due("let go"), len(due("reconcile"))) == ([], 5)


def test_one_failure_does_not_hold_up_the_others(world, api, fake):
    first, *others = world.add(4)
    reconciliation.begin(now=AS_OF)
    fake.fail(400, times=1)

    assert reconciliation.ask_some(sources=api, now=AS_OF) == 4

    assert due("reconcile") == [first]
    assert len(others) == 3


def test_something_that_answers_404_to_everything_is_not_sources(world, api, fake):
    """A wrong address must not cost anybody an account."""
    world.add(2)
    reconciliation.begin(now=AS_OF)
    fake.fail(404, times=100)

    assert reconciliation.ask_some(sources=api, now=AS_OF) == 2

    assert (due("let go"), len(due("reconcile"))) == ([], 2)


def test_a_source_that_is_back_keeps_its_account(world, api, fake):
    (account,) = world.add()
    DueWork.objects.create(account_id=account, work="let go", due_at=OLD)
    reconciliation.begin(now=AS_OF)

    assert reconcile(api) == 0
    assert (deleted(), due("let go")) == ([], [])


def test_what_was_made_to_take_an_accounts_place_goes_with_it(world):
    (account,) = world.add(known=False)
    CloudAccount.objects.filter(pk=account).update(next_credentials="next")
    (successor,) = world.add(platform_source_id=None, is_successor=True)
    (other,) = world.add(org_id="12", platform_source_id=None, is_successor=True)
    CloudAccount.objects.filter(pk__in=[successor, other]).update(credentials="next")

    assert reconciliation.let_go(account_ids=[account], now=AS_OF) == 1

    assert deleted() == [account, successor]


def test_p12_letting_go_costs_the_same_for_any_number(world, django_assert_max_num_queries):
    gone = world.add(40, known=False)

    with django_assert_max_num_queries(6):
        assert reconciliation.let_go(account_ids=gone, now=AS_OF, force=True) == 40


def test_what_an_operator_is_shown(world, api):
    world.add(2)
    (gone,) = world.add(known=False)
    Customer.objects.update(account_number="0042")
    account = CloudAccount.objects.get(pk=gone)

    assert reconciliation.find_missing(sources=api, now=AS_OF) == (
        [(gone, "11", "0042", "aws", account.native_id, account.platform_source_id)],
        0,
    )
    assert not DueWork.objects.exists()
