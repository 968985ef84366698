"""Accounts made, changed and deleted by operators."""

import pytest

from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount, Customer, DueWork, Image
from cloudigrade.services import accounts, external_ids, onboarding
from cloudigrade.tasks.accounts import connect_accounts
from tests.api import identities
from tests.api.internal.world import key
from tests.builders import AS_OF
from tests.services.owners import Owner

pytestmark = pytest.mark.django_db

NATIVE_ID = "000000000077"
CHANGES = key(org_id="33", account_number="0033")
FAKE = key() | {"X-RH-INTERNAL-FAKE-IDENTITY": identities.of(org_id="33", account_number="0033")[identities.HEADER]}
NOT_UNIQUE = "The fields platform_authentication_id, platform_application_id must make a unique set."


@pytest.fixture
def arn(cloud):
    """Of a role that lets us in for customer 33."""
    customer = accounts.ensure_customer(org_id="33", account_number="0033", now=AS_OF)
    return cloud.add(NATIVE_ID, external_ids.for_customer(customer_id=customer, now=AS_OF)).arn


def _body(arn, **more):
    ids = {"platform_authentication_id": 1, "platform_application_id": 2, "platform_source_id": 3}
    return {"cloud_type": "aws", "account_arn": arn, **ids} | more


@pytest.mark.parametrize("headers", [CHANGES, FAKE])
def test_an_account_is_claimed_and_connected_at_once(ask, arn, headers):
    answer = ask("accounts/", "post", _body(arn), headers=headers)

    made = CloudAccount.objects.get()
    assert answer.status_code == 201
    assert answer.json() == ask(f"accounts/{made.pk}/").json()
    assert (made.customer.org_id, made.is_enabled, made.is_verified, made.native_id) == ("33", True, True, NATIVE_ID)
    assert (answer.json()["is_enabled"], answer.json()["content_object"]["account_arn"]) == (True, arn)


def test_a_customer_who_is_not_known_is_made(ask, cloud):
    cloud.fail("verify", Unavailable("throttled"))

    answer = ask("accounts/", "post", _body(f"arn:aws:iam::{NATIVE_ID}:role/x"), headers=key(org_id="44"))

    assert (answer.status_code, answer.json()["is_enabled"]) == (201, False)  # it will be, when its cloud answers
    assert Customer.objects.get().org_id == "44"
    assert DueWork.objects.get().work == "connect"


REQUIRED = ["This field is required."]
INTEGER = ["A valid integer is required."]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"account_arn": None}, {"account_arn": "This field is required."}),
        ({"account_arn": "arn:aws:iam::1:user/x"}, {"account_arn": ["Invalid ARN."]}),
        ({"cloud_type": "gcp"}, {"cloud_type": ['"gcp" is not a valid choice.']}),
        ({"cloud_type": None}, {"cloud_type": REQUIRED}),
        ({"platform_source_id": "x"}, {"platform_source_id": INTEGER}),
        (
            {"platform_source_id": None, "platform_application_id": 2**70},
            {"platform_source_id": INTEGER, "platform_application_id": INTEGER},
        ),
    ],
)
def test_a_body_that_cannot_be(ask, arn, change, fault):
    answer = ask("accounts/", "post", _body(arn, **change), headers=CHANGES)

    assert (answer.status_code, answer.json()) == (400, fault)
    assert not CloudAccount.objects.exists()


def test_ids_that_are_missing(ask, arn):
    answer = ask("accounts/", "post", {"cloud_type": "aws", "account_arn": arn}, headers=CHANGES)

    ids = ("platform_authentication_id", "platform_application_id", "platform_source_id")
    assert answer.json() == dict.fromkeys(ids, REQUIRED)


def test_a_customer_must_be_named(ask, arn):
    answer = ask("accounts/", "post", _body(arn))

    assert (answer.status_code, answer.json()) == (
        403,
        {
            "detail": "Authentication Failed: identity account number or org id is required, but neither is present in"
            " request."
        },
    )


def test_an_application_has_one_account(ask, arn):
    ask("accounts/", "post", _body(arn), headers=CHANGES)

    answer = ask("accounts/", "post", _body(arn), headers=CHANGES)

    assert (answer.status_code, answer.json()) == (400, {"non_field_errors": [NOT_UNIQUE]})


def test_a_role_of_another_application(ask, arn):
    ask("accounts/", "post", _body(arn), headers=CHANGES)

    answer = ask("accounts/", "post", _body(arn, platform_application_id=22), headers=CHANGES)

    assert (answer.status_code, answer.json()) == (400, {"account_arn": Problem.DUPLICATE_CREDENTIALS.sentence})
    assert CloudAccount.objects.count() == 1


def test_an_account_of_another_customer(ask, arn, cloud, monkeypatch):
    ask("accounts/", "post", _body(arn), headers=CHANGES)
    other = Owner(cloud, "44")
    taken = other.arn(NATIVE_ID, role="another")

    answer = ask("accounts/", "post", _body(taken, platform_application_id=22), headers=key(org_id="44"))

    assert (answer.status_code, answer.json()) == (400, {"account_arn": Problem.DUPLICATE_ACCOUNT.sentence})
    assert [account.customer.org_id for account in CloudAccount.objects.all()] == ["33"]


def test_a_role_that_does_not_let_us_in_leaves_nothing(ask, arn, cloud):
    cloud.fail("verify", CustomerProblem("denied", Problem.NO_ACCESS))

    answer = ask("accounts/", "post", _body(arn), headers=CHANGES)

    told = {"is_enabled": "Could not enable cloud account. Please check your credentials."}
    assert (answer.status_code, answer.json()) == (400, told)
    assert not CloudAccount.objects.exists()
    assert ask("accounts/", "post", _body(arn), headers=CHANGES).status_code == 201


def test_an_account_that_was_there_before_stays(ask, arn, cloud):
    customer = Customer.objects.get()
    known = onboarding.claim(customer_id=customer.pk, cloud="aws", credentials=arn, now=AS_OF)
    cloud.fail("verify", CustomerProblem("denied", Problem.NO_ACCESS))

    answer = ask("accounts/", "post", _body(arn), headers=CHANGES)

    assert answer.status_code == 400
    assert CloudAccount.objects.get(pk=known).problem_code == "CG3002"


def test_an_account_that_is_being_deleted(ask, arn):
    made = ask("accounts/", "post", _body(arn), headers=CHANGES).json()["account_id"]
    onboarding.delete(account_id=made, now=AS_OF)

    answer = ask("accounts/", "post", _body(arn, platform_application_id=22), headers=CHANGES)

    told = {"detail": "The account is being deleted, try again later."}
    assert (answer.status_code, answer.json()) == (503, told)


@pytest.fixture
def made(ask, arn):
    return ask("accounts/", "post", _body(arn), headers=CHANGES).json()


@pytest.mark.parametrize("method", ["put", "patch"])
def test_the_platforms_names_can_be_changed(ask, made, arn, method):
    ids = {"platform_authentication_id": 11, "platform_application_id": "12", "platform_source_id": 13}

    answer = ask(f"accounts/{made['account_id']}/", method, _body(arn, **ids))

    row = CloudAccount.objects.get()
    assert answer.status_code == 200
    assert (row.platform_authentication_id, row.platform_application_id, row.platform_source_id) == (11, 12, 13)
    assert (row.is_enabled, row.is_paused) == (True, False)


def test_one_name_can_be_changed(ask, made):
    answer = ask(f"accounts/{made['account_id']}/", "patch", {"platform_source_id": 13})

    assert answer.json() | {"updated_at": made["updated_at"]} == made | {
        "platform_source_id": 13,
        "content_object": answer.json()["content_object"],
    }


def test_an_account_is_paused_and_unpaused(ask, made, cloud):
    path = f"accounts/{made['account_id']}/"

    assert ask(path, "patch", {"platform_application_is_paused": True}).json()["platform_application_is_paused"]
    assert CloudAccount.objects.get().unmetered.count() == 1
    assert not ask(path, "patch", {"platform_application_is_paused": False}).json()["platform_application_is_paused"]
    assert CloudAccount.objects.get().unmetered.count() == 0


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"cloud_type": "azure"}, {"cloud_type": ["You cannot update field cloud_type."]}),
        ({"subscription_id": "x"}, {"subscription_id": ["You cannot update field subscription_id."]}),
        ({"account_arn": "arn:aws:iam::000000000077:role/y"}, {"account_arn": ["You cannot update account_arn."]}),
        ({"platform_source_id": "x"}, {"platform_source_id": INTEGER}),
        ({"platform_application_is_paused": "yes"}, {"platform_application_is_paused": ["Must be a valid boolean."]}),
    ],
)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_that_cannot_be(ask, made, arn, method, change, fault):
    answer = ask(f"accounts/{made['account_id']}/", method, _body(arn, **change))

    assert (answer.status_code, answer.json()) == (400, fault)
    assert ask(f"accounts/{made['account_id']}/").json() == made


def test_put_wants_all_of_it(ask, made):
    answer = ask(f"accounts/{made['account_id']}/", "put", {"platform_source_id": 1})

    names = ("cloud_type", "platform_authentication_id", "platform_application_id")
    assert answer.json() == dict.fromkeys(names, REQUIRED)


def test_the_names_of_another_account(ask, made, world):
    pair = {"platform_authentication_id": 7, "platform_application_id": 8}

    answer = ask(f"accounts/{made['account_id']}/", "patch", pair)

    assert (answer.status_code, answer.json()) == (400, {"non_field_errors": [NOT_UNIQUE]})


@pytest.mark.parametrize(("path", "status"), [("accounts", 202), ("cloudaccounts", 204)])
def test_an_account_is_deleted(ask, made, cloud, monkeypatch, path, status):
    queued = []
    monkeypatch.setattr(connect_accounts, "delay_on_commit", lambda: queued.append(True))

    answer = ask(f"{path}/{made['account_id']}/", "delete")

    assert (answer.status_code, answer.content, queued) == (status, b"", [True])
    assert CloudAccount.objects.get().wanted == "deleted"
    connect_accounts.apply()
    assert not CloudAccount.objects.exists()
    assert ask(f"{path}/{made['account_id']}/", "delete").status_code == 404


@pytest.mark.parametrize("method", ["put", "patch"])
def test_no_such_account(ask, arn, method):
    assert ask("accounts/999999/", method, _body(arn)).status_code == 404


def test_an_image_is_looked_at_anew(ask, world, django_capture_on_commit_callbacks):
    Image.objects.filter(pk=world.image).update(asked_at=AS_OF)

    with django_capture_on_commit_callbacks() as queued:
        answer = ask(f"machineimages/{world.image}/reinspect/", "post")

    row = Image.objects.get(pk=world.image)
    assert (answer.status_code, answer.json()) == (200, ask(f"machineimages/{world.image}/").json())
    assert (row.is_described, row.asked_at, row.updated_at) == (False, None, AS_OF)
    assert len(queued) == 3
    assert answer.json()["status"] == "pending"
    assert ask("machineimages/999999/reinspect/", "post").status_code == 404
