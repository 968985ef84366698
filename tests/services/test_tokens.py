import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from cloudigrade.models import ApiToken, CloudAccount, Customer
from cloudigrade.services import tokens
from cloudigrade.services.tokens import BadToken, Opened, TokenStatus

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
JOINED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def customer():
    return Customer.objects.create(org_id="11", created_at=JOINED)


@pytest.fixture
def neighbour():
    return Customer.objects.create(org_id="22", created_at=JOINED)


def _issue(customer, name="ci", scopes=("read",), days=90, now=NOW):
    return tokens.issue(customer_id=customer.pk, name=name, scopes=scopes, days=days, now=now)


def test_a_token_is_256_random_bits_of_which_the_hash_is_kept(customer):
    first, second = _issue(customer), _issue(customer)

    assert first != second
    assert (first[:4], len(first)) == ("cgt_", 47)
    kept = ApiToken.objects.order_by("id").values_list("sha256", flat=True)
    assert list(kept) == [hashlib.sha256(one.encode()).hexdigest() for one in (first, second)]
    row = str(list(ApiToken.objects.values()))
    assert first not in row
    assert first[4:] not in row


def test_it_opens_its_scopes_for_its_customer(customer, neighbour):
    token = _issue(customer, scopes=["accounts", "read", "read"])
    _issue(neighbour)

    assert tokens.find(token=token, now=NOW) == Opened(customer.pk, JOINED, "ci", frozenset({"read", "accounts"}))
    for year in (2025, 2024):
        begun = datetime(year, 6, 1, tzinfo=UTC)
        CloudAccount.objects.create(
            customer=customer, cloud="aws", native_id=str(year), metered_from=begun, created_at=NOW
        )
    assert tokens.find(token=token, now=NOW) == Opened(
        customer.pk, datetime(2024, 6, 1, tzinfo=UTC), "ci", frozenset({"read", "accounts"})
    )


def test_it_opens_until_it_expires_and_no_longer(customer):
    token = _issue(customer, days=90)
    end = NOW + timedelta(days=90)

    assert tokens.find(token=token, now=end - timedelta(microseconds=1))
    assert tokens.find(token=token, now=end) is None


@pytest.mark.parametrize("change", [lambda t: t + "A", lambda t: t[:-1], lambda t: t[:-1] + "!", lambda t: "x" + t,
                                    lambda _: "", lambda t: t + "\n", lambda t: t.upper()])  # fmt: skip
def test_nothing_but_the_token_itself_opens(customer, change):
    assert tokens.find(token=change(_issue(customer)), now=NOW) is None


def test_a_revoked_token_opens_nothing_and_stays_revoked(customer):
    token, other = _issue(customer), _issue(customer)
    row = ApiToken.objects.order_by("id")[0]

    assert tokens.revoke(customer_id=customer.pk, token_id=row.pk, now=NOW)
    assert tokens.revoke(customer_id=customer.pk, token_id=row.pk, now=NOW + timedelta(days=1))

    assert tokens.find(token=token, now=NOW) is None
    assert tokens.find(token=other, now=NOW)
    row.refresh_from_db()
    assert row.revoked_at == NOW


def test_s5_a_customer_cannot_revoke_anothers_token(customer, neighbour):
    """S5: what one does must not concern another."""
    token = _issue(neighbour)

    assert not tokens.revoke(customer_id=customer.pk, token_id=ApiToken.objects.get().pk, now=NOW)
    assert not tokens.revoke(customer_id=customer.pk, token_id=0, now=NOW)
    assert tokens.find(token=token, now=NOW)


def test_the_customers_tokens_are_listed_without_their_text(customer, neighbour):
    _issue(neighbour)
    _issue(customer, name="old", days=1, now=NOW - timedelta(days=1))
    _issue(customer, name="gone", scopes=["accounts"])
    _issue(customer, name="good")
    old, gone, good = ApiToken.objects.filter(customer=customer).order_by("id")
    tokens.revoke(customer_id=customer.pk, token_id=gone.pk, now=NOW)
    later = NOW + timedelta(days=90)

    assert tokens.statuses(customer_id=customer.pk, now=NOW) == [
        TokenStatus(old.pk, "old", ("read",), "expired", NOW - timedelta(days=1), NOW, None),
        TokenStatus(gone.pk, "gone", ("accounts",), "revoked", NOW, later, NOW),
        TokenStatus(good.pk, "good", ("read",), "valid", NOW, later, None),
    ]


@pytest.mark.parametrize(
    ("wrong", "mistake"),
    [
        ({"name": ""}, "the name must be printable text of 1 to 100 characters"),
        ({"name": " "}, "the name must be"),
        ({"name": "x" * 101}, "the name must be"),
        ({"name": "a\x00"}, "the name must be"),
        ({"scopes": []}, "the scopes must be some of read, accounts"),
        ({"scopes": ["write"]}, "the scopes must be some of read, accounts"),
        ({"days": 0}, "it must expire within 1 to 366 days"),
        ({"days": 367}, "it must expire within 1 to 366 days"),
    ],
)
def test_what_no_token_can_be(customer, wrong, mistake):
    with pytest.raises(BadToken, match=mistake):
        _issue(customer, **wrong)
    assert not ApiToken.objects.exists()


def test_the_tokens_of_a_customer_go_with_it(customer):
    token = _issue(customer)
    customer.delete()

    assert tokens.find(token=token, now=NOW) is None
