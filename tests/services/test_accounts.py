"""Customers and accounts come into being once, and metering only ever begins earlier."""

from cloudigrade.models import CloudAccount, Customer
from cloudigrade.services import accounts
from tests.builders import ACCOUNT, AS_OF, day, launch, moment, red_hat_image, stop


def test_a_customer_is_made_once(db):
    first = accounts.ensure_customer(org_id="0011", now=AS_OF)

    assert accounts.ensure_customer(org_id="0011", now=moment(0)) == first
    assert list(Customer.objects.values_list("org_id", "created_at")) == [("0011", AS_OF)]


def test_c36_account_ids_keep_their_zeros_and_are_made_once(stored):
    """C36: "000000000042" is not 42."""
    for _ in range(2):
        accounts.ensure_accounts(
            customer_id=stored.customer_id, cloud="aws", native_ids=["42", ACCOUNT], metered_from=AS_OF, now=AS_OF
        )

    assert accounts.known(customer_id=stored.customer_id, cloud="aws") == {"42", ACCOUNT}
    assert accounts.known(customer_id=stored.customer_id, cloud="azure") == frozenset()
    assert CloudAccount.objects.get(native_id=ACCOUNT).metered_from == moment(0)


def test_an_account_stays_with_the_customer_who_had_it_first(stored, make_stored):
    other = make_stored("22", [ACCOUNT, "000000000099"])

    assert accounts.known(customer_id=other.customer_id, cloud="aws") == {"000000000099"}
    assert accounts.known(customer_id=stored.customer_id, cloud="aws") == {ACCOUNT}


def test_earlier_metering_recalculates_what_was_on_when_it_was_first_seen(stored):
    stored.meter(red_hat_image(), stop("i-1", 30), launch("i-2", 40), stop("i-2", 41))
    assert stored.spans() == [("i-1", 0, 30), ("i-2", 40, 41)]

    accounts.extend_metering(customer_id=stored.customer_id, metered_from=moment(-36), as_of=AS_OF)
    stored.recalculate()

    assert stored.spans() == [("i-1", -36, 30), ("i-2", 40, 41)]
    assert min(stored.computed()) == day(-2)
    seconds = [stored.totals(day(number))["all"]["instance_seconds"] for number in range(-2, 3)]
    assert [second // 3600 for second in seconds] == [12, 24, 24, 7, 0]


def test_later_metering_changes_nothing(stored):
    stored.meter(stop("i-1", 30))

    assert accounts.extend_metering(customer_id=stored.customer_id, metered_from=moment(12), as_of=AS_OF) == 0
    assert stored.recalculate() == (0, 0)
    assert CloudAccount.objects.get().metered_from == moment(0)


def test_days_before_any_event_are_answered_too_once_metering_begins_earlier(stored):
    stored.recalculate()
    accounts.extend_metering(customer_id=stored.customer_id, metered_from=moment(-48), as_of=AS_OF)

    assert stored.recalculate() == (0, 2)


def test_another_customers_metering_stays_as_it_is(stored, make_stored):
    make_stored("22", ["000000000099"])
    accounts.extend_metering(customer_id=stored.customer_id, metered_from=moment(-48), as_of=AS_OF)

    assert CloudAccount.objects.get(native_id="000000000099").metered_from == moment(0)
