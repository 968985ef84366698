import pytest

from cloudigrade.models import CloudAccount
from tests.api.v2.world import BASE, CHANGED_TEXT, MADE_TEXT, TIMES, account

pytestmark = pytest.mark.django_db

ACCOUNTS = f"{BASE}/accounts/"

FIELDS = [
    ({}, "cloud_type", "aws"),
    ({}, "created_at", MADE_TEXT),
    ({}, "updated_at", CHANGED_TEXT),
    ({}, "is_enabled", True),
    ({"is_enabled": False}, "is_enabled", False),
    ({"is_verified": False, "is_enabled": False}, "is_enabled", False),
    ({"is_paused": True}, "platform_application_is_paused", True),
    ({}, "platform_application_is_paused", False),
    ({"platform_authentication_id": 7}, "platform_authentication_id", 7),
    ({"platform_application_id": 2**40}, "platform_application_id", 2**40),
    ({"platform_source_id": 9}, "platform_source_id", 9),
    ({}, "platform_authentication_id", None),
    ({}, "platform_application_id", None),
    ({}, "platform_source_id", None),
    ({"wanted": "disabled"}, "cloud_type", "aws"),
]


@pytest.mark.parametrize(("stored", "field", "shown"), FIELDS)
def test_every_field_shows_what_is_stored(ask, customer, stored, field, shown):
    made = account(customer, **stored)

    (listed,) = ask(ACCOUNTS).json()["data"]

    assert listed[field] == shown
    assert ask(f"{ACCOUNTS}{made.pk}/").json() == listed


def test_the_whole_of_an_account_in_aws(ask, customer):
    made = account(customer, "000000000042", platform_source_id=3)

    assert ask(f"{ACCOUNTS}{made.pk}/").json() == {
        "account_id": made.pk,
        **TIMES,
        "user_id": customer.pk,
        "cloud_type": "aws",
        "content_object": {
            "aws_cloud_account_id": made.pk,
            "account_arn": "arn:aws:iam::000000000042:role/cloudigrade",
            "aws_account_id": "000000000042",
            **TIMES,
        },
        "is_enabled": True,
        "platform_authentication_id": None,
        "platform_application_id": None,
        "platform_application_is_paused": False,
        "platform_source_id": 3,
    }


def test_what_is_particular_to_azure(ask, customer):
    subscription = "5d2f4cf6-8c8a-4f4d-8e5b-1f6b6c2b7a10"
    made = account(customer, subscription, cloud="azure", credentials=subscription)

    shown = ask(f"{ACCOUNTS}{made.pk}/").json()

    assert (shown["cloud_type"], shown["content_object"]) == (
        "azure",
        {"azure_cloud_account_id": made.pk, "subscription_id": subscription, **TIMES},
    )


@pytest.mark.parametrize("hidden", [{"wanted": "deleted"}, {"is_successor": True}, {"cloud": "gcp"}])
def test_what_is_on_its_way_out_or_in_or_has_no_shape_is_not_shown(ask, customer, hidden):
    made = account(customer, **hidden)

    assert ask(ACCOUNTS).json()["meta"] == {"count": 0}
    assert ask(f"{ACCOUNTS}{made.pk}/").status_code == 404


def test_p12_accounts_are_in_the_order_of_their_ids_on_every_page(ask, customer):
    """P12: pages were cut from unordered lists."""
    made = [account(customer, f"{number:012}").pk for number in (5, 3, 4, 1, 2)]
    CloudAccount.objects.filter(pk=made[0]).update(is_paused=True)  # moves the row

    pages = [ask(ACCOUNTS, limit=2, offset=offset).json()["data"] for offset in (0, 2, 4)]

    assert [each["account_id"] for page in pages for each in page] == sorted(made)
    assert [len(page) for page in pages] == [2, 2, 1]


def test_p11_ids_of_the_general_and_the_particular_are_one(ask, customer):
    """P11: each thing was two rows with two ids that a generic foreign key held together."""
    made = account(customer)

    (shown,) = ask(ACCOUNTS).json()["data"]

    assert shown["account_id"] == shown["content_object"]["aws_cloud_account_id"] == made.pk
