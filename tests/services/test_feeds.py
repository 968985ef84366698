"""Routes: a place is a customer's only if the customer's own account logs to just there."""

import pytest

from cloudigrade.clouds.cloud import NOTICES, Account, Route
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount
from cloudigrade.services import accounts, feeds, onboarding
from cloudigrade.services.connecting import Result
from cloudigrade.services.opened import LEFT as LEFT_KEY
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF
from tests.fake_cloud import BUCKET, FakeCloud
from tests.services.owners import Owner, connect

OTHER = "000000000043"
PLACE = (BUCKET, ACCOUNT)


@pytest.fixture
def router(db):
    return feeds.router(FakeCloud())


def connected(org_id="11", native_id=ACCOUNT, *, bucket=BUCKET, reader="", **more):
    """The customer, with an account that logs to the bucket."""
    customer = accounts.ensure_customer(org_id=org_id, now=AS_OF)
    facts = {"credentials": f"arn-{native_id}", "external_id": "ext", "details": {"bucket": bucket, "reader": reader}}
    CloudAccount.objects.create(
        customer_id=customer,
        cloud="aws",
        native_id=native_id,
        metered_from=AS_OF,
        created_at=AS_OF,
        **(facts | more),
    )
    return customer


def test_the_accounts_own_bucket_and_its_notices_lead_to_its_customer(router):
    first, second = connected(), connected("22", OTHER)
    notices, others = (NOTICES, ACCOUNT), (BUCKET, OTHER)

    assert router([PLACE, notices, others]) == {PLACE: Route(first), notices: Route(first), others: Route(second)}


def test_s1_another_bucket_another_account_and_an_unproven_claim_lead_nowhere(router):
    """S1: whoever writes an account's name into a bucket of their own speaks for nobody."""
    connected()
    connected("22", OTHER, is_verified=False)

    assert router([("forged", ACCOUNT), (BUCKET, OTHER), (NOTICES, OTHER), ("", ACCOUNT)]) == {}


def test_s1_an_unproven_claim_does_not_divert_the_owners_feed(router):
    """S1: two customers name the same account, one of them has proven it."""
    connected("22", is_verified=False)
    owner = connected("11")

    assert router([PLACE]) == {PLACE: Route(owner)}


@pytest.mark.parametrize("state", [{"wanted": "deleted"}, {"details": {}}])
def test_what_is_being_deleted_or_was_never_connected_is_not_read(router, state):
    connected(**state)
    assert router([PLACE]) == {}


LEFT = {LEFT_KEY: {"bucket": BUCKET}}


@pytest.mark.parametrize("state", [{}, {"details": LEFT}])
@pytest.mark.parametrize("wish", [{"is_paused": True}, {"wanted": "disabled"}])
def test_the_backlog_of_what_is_paused_or_disabled_finds_its_customer(router, state, wish):
    """It tells of the time before, too."""
    owner = connected(**state, **wish)
    assert router([PLACE, (NOTICES, ACCOUNT)]) == {PLACE: Route(owner), (NOTICES, ACCOUNT): Route(owner)}


def test_the_backlog_of_a_disconnected_account_is_read_through_its_reader(router):
    owner = connected(details={LEFT_KEY: {"bucket": BUCKET, "reader": OTHER}}, wanted="disabled")
    connected("11", OTHER, wanted="disabled", details=LEFT)

    found = router([PLACE])[PLACE]

    assert (found.owner, found.reader) == (owner, Account(OTHER, f"arn-{OTHER}", "ext", {}))


@pytest.mark.parametrize("bucket", [BUCKET, "of-the-first"])
def test_s1_an_account_that_another_customer_has_proven_since_is_that_customers_alone(router, bucket):
    """S1: what the first was disabled with says nothing any more, neither of its own place nor of one that both had."""
    connected("11", wanted="disabled", details={LEFT_KEY: {"bucket": bucket}}, is_verified=False)
    owner = connected("22")
    places = [PLACE, ("of-the-first", ACCOUNT), (NOTICES, ACCOUNT)]

    assert router(places) == {PLACE: Route(owner), (NOTICES, ACCOUNT): Route(owner)}


def test_s1_nobody_else_can_prove_an_account_that_is_disabled(monkeypatch, db):
    """S1: it stays its customer's, with all that waits for it, until it is deleted."""
    cloud = fake_cloud.installed(monkeypatch)
    first = Owner(cloud)
    account = first.connected()
    onboarding.disable(account_id=account, now=AS_OF)
    connect(account)
    second = Owner(cloud, "22")
    claimed = second.claim(second.arn())

    assert connect(claimed).code == Problem.DUPLICATE_ACCOUNT.value
    assert feeds.router(cloud)([PLACE]) == {PLACE: Route(first.customer_id)}
    onboarding.delete(account_id=account, now=AS_OF)
    connect(account)
    assert connect(claimed).result is Result.DONE
    assert feeds.router(cloud)([PLACE]) == {PLACE: Route(second.customer_id)}


def test_a_bucket_of_the_customers_is_read_through_the_reader_and_notices_through_nobody(router):
    owner = connected(reader=OTHER)
    connected("11", OTHER)

    found = router([PLACE, (NOTICES, ACCOUNT)])

    assert found[PLACE].owner == owner
    assert found[PLACE].reader is not None
    assert (found[PLACE].reader.native_id, found[PLACE].reader.credentials) == (OTHER, f"arn-{OTHER}")
    assert found[NOTICES, ACCOUNT].reader is None


def test_two_queries_for_any_number_of_places(router, django_assert_num_queries):
    for number in range(30):
        connected(native_id=f"{number:012d}", reader=OTHER if number else "")
    connected(native_id=OTHER)
    places = [(bucket, f"{number:012d}") for number in range(30) for bucket in (BUCKET, NOTICES, "x")]

    with django_assert_num_queries(2):
        assert len(router(places)) == 60
    with django_assert_num_queries(0):
        assert router([]) == {}


def test_queues_are_asked_only_for_somebody(db):
    connected(details={})
    connected(native_id="000000000044", details=LEFT, wanted="disabled")
    connected(native_id="000000000045", details=LEFT)  # enabled again, and not connected yet
    assert not feeds.is_expected(cloud="aws")
    connected("22", OTHER)
    assert feeds.is_expected(cloud="aws")
    assert not feeds.is_expected(cloud="azure")
