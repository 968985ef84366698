"""A customer's accounts are connected, looked after and removed without Sources."""

from datetime import timedelta

import pytest
from kombu.exceptions import OperationalError

from cloudigrade.clouds.protocol import NotSetUp, Unavailable
from cloudigrade.models import CloudAccount, Instance, Run
from cloudigrade.services import onboarding
from tests.api.v3.conftest import BASE, Asking, problem
from tests.builders import ACCOUNT, AS_OF, LARGE, launch, red_hat_image, stop
from tests.services.owners import NEW, Owner, due, state
from tests.services.stored import Stored

OTHER = "000000000043"
ROLE = "arn:aws:iam::000000000042:role/metering"
FIVE_MINUTES = timedelta(minutes=5)


@pytest.fixture
def owner(cloud):
    return Owner(cloud)


def create(asking, arn=ROLE):
    return asking.post("accounts", {"cloud": "aws", "credentials": arn})


def test_a_created_account_is_claimed_and_told_what_to_do(asking, owner, cloud, nudges):
    answer = create(asking, owner.arn())

    assert answer.status_code == 202
    account = answer.json()
    assert account == {
        "id": account["id"],
        "cloud": "aws",
        "native_id": ACCOUNT,
        "credentials": ROLE,
        "next_credentials": "",
        "state": "connecting",
        "metered_from": "2026-03-12T00:00:00Z",
        "enabled_at": None,
        "checked_at": None,
        "swept_at": None,
        "complete_until": None,
        "problem": None,
        "trail": None,
        "instances": 0,
        "gap_count": 0,
        "rejected": 0,
        "instructions": {
            "principal": "999999999999",
            "external_id": owner.external_id,
            "policy": {"Version": "2012-10-17", "Statement": []},
            "trust_policy": {"Version": "2012-10-17", "Statement": []},
            "launch_link": "https://console.example/aws",
        },
    }
    assert answer.headers["Location"] == f"{BASE}accounts/{account['id']}"
    assert asking.get(f"accounts/{account['id']}").json() == {
        name: value for name, value in account.items() if name != "instructions"
    }
    assert (state(account["id"]), due(account["id"]), nudges) == (NEW, {"connect": 0}, ["connect"])
    assert cloud.called("verify") == []


def test_c24_creating_it_again_changes_nothing(asking, owner):
    """C24: what is said twice is harmless."""
    first, second = create(asking, owner.arn()), create(asking)
    onboarding.connect(account_id=first.json()["id"], now=AS_OF)
    third = create(asking)

    assert [answer.status_code for answer in (first, second, third)] == [202, 202, 200]
    assert first.json() == second.json()
    assert third.json()["state"] == "enabled"
    assert CloudAccount.objects.count() == 1


def test_an_account_is_claimed_while_the_cloud_does_not_say_who_we_are(asking, owner, cloud):
    for error in (Unavailable("no answer"), NotSetUp("no credentials")):
        cloud.fail("instructions", error)

        answer = create(asking, owner.arn())

        assert (answer.status_code, answer.json()["instructions"]) == (202, None)


def test_the_instructions_are_those_of_the_partition(asking, owner):
    role = "arn:aws-us-gov:iam::000000000042:role/metering"
    owner.arn(partition="aws-us-gov")

    assert create(asking, role).json()["instructions"]["launch_link"] == "https://console.example/aws-us-gov"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, dict.fromkeys(("cloud", "credentials"), "It is required, and must be a text.")),
        ([], {"": "It must be an object with cloud and credentials."}),
        ({"cloud": "vax", "credentials": ROLE}, {"cloud": "It must be one of: aws."}),
        (
            {"cloud": 1, "credentials": None},
            dict.fromkeys(("cloud", "credentials"), "It is required, and must be a text."),
        ),
        ({"cloud": "aws", "credentials": "a\x00b"}, {"credentials": "It has 2048 printable characters at most."}),
        ({"cloud": "aws", "credentials": "a" * 2049}, {"credentials": "It has 2048 printable characters at most."}),
        (
            {"cloud": "aws", "credentials": ROLE, "customer_id": 1},
            {"customer_id": "There is no such field; accepted are: cloud, credentials."},
        ),
    ],
)
def test_o14_a_body_that_means_nothing_is_refused_by_field(asking, owner, body, errors):
    """O14: malformed input is 400, never 500."""
    assert problem(asking.post("accounts", body)) == (
        400,
        "invalid-body",
        {name: [why] for name, why in errors.items()},
    )
    assert not CloudAccount.objects.exists()


@pytest.mark.parametrize(
    ("body", "content_type", "status", "kind"),
    [
        (b"{", "application/json", 400, "bad-request"),
        (b"\xff", "application/json", 400, "bad-request"),
        (b"cloud=aws", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
    ],
)
def test_o14_what_is_no_json_is_refused(client, owner, body, content_type, status, kind):
    """O14: likewise."""
    answer = client.post(f"{BASE}accounts", body, content_type=content_type, headers=Asking(client).headers)

    assert problem(answer)[:2] == (status, kind)


def test_what_the_customer_must_solve_has_its_code(asking, owner):
    answer = create(asking, "arn:aws:iam::12:user/me")

    assert problem(answer) == (400, "cg1004", None)
    assert answer.json()["detail"].startswith("Could not enable cloud metering. Error code CG1004. Invalid ARN")


def test_an_account_that_is_being_deleted_can_be_created_later(asking, owner):
    account_id = owner.claim()
    asking.delete(f"accounts/{account_id}")

    answer = create(asking)

    assert problem(answer)[:2] == (503, "try-again-later")
    assert answer.headers["Retry-After"] == "60"


def test_two_customers_may_claim_an_account_and_only_proof_counts(asking, other, cloud):
    mine, theirs = Owner(cloud), Owner(cloud, "22")
    mine.arn()

    first, second = create(asking), create(other)

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json()["instructions"]["external_id"] == theirs.external_id != mine.external_id


def test_an_enabled_account_is_checked_at_once_and_then_not_for_a_while(asking, owner, cloud, at):
    account_id = owner.connected()
    at(AS_OF + FIVE_MINUTES)
    cloud.calls.clear()

    answers = [asking.post(f"accounts/{account_id}/verify") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 202, 202]
    assert cloud.called("verify") == [ACCOUNT]
    assert answers[0].json()["checked_at"] == "2026-03-12T00:05:00Z"


def test_a_check_that_fails_says_so(asking, owner, cloud, at):
    account_id = owner.connected()
    cloud.accounts[ACCOUNT].denied = ("ec2:DescribeInstances",)
    at(AS_OF + FIVE_MINUTES)

    answer = asking.post(f"accounts/{account_id}/verify")

    assert (answer.status_code, answer.json()["state"]) == (200, "problem")
    assert answer.json()["problem"]["code"] == "CG3003"


def test_an_account_that_is_not_connected_yet_is_looked_at_soon(asking, owner, cloud, nudges):
    account_id = owner.claim()

    answer = asking.post(f"accounts/{account_id}/verify")

    assert (answer.status_code, due(account_id), nudges) == (202, {"connect": 0}, ["connect"])
    assert cloud.calls == []


def test_next_credentials_are_proven_by_connecting(asking, owner, cloud):
    account_id = owner.connected()
    onboarding.update(account_id=account_id, credentials=owner.arn(role="second"), now=AS_OF + FIVE_MINUTES)
    cloud.calls.clear()

    assert asking.post(f"accounts/{account_id}/verify").status_code == 202
    assert due(account_id)["connect"] == 0
    assert cloud.calls == []


@pytest.mark.parametrize(("wish", "word"), [("pause", "paused"), ("disable", "disabled")])
def test_nothing_is_verified_of_an_account_that_is_off(asking, owner, wish, word):
    account_id = owner.connected()
    asking.post(f"accounts/{account_id}/{wish}")

    answer = asking.post(f"accounts/{account_id}/verify")

    assert problem(answer) == (409, "conflict", None)
    assert answer.json()["detail"] == f"The account is {word}, so there is nothing to verify."


@pytest.mark.parametrize(
    ("wishes", "states"),
    [
        (["pause", "pause", "unpause"], ["paused", "paused", "enabled"]),
        (["disable", "enable"], ["disabled", "enabled"]),
        (["pause", "disable", "unpause", "enable"], ["paused", "disabled", "disabled", "enabled"]),
    ],
)
def test_an_account_is_turned_off_and_on(asking, owner, nudges, wishes, states):
    account_id = owner.connected()

    answers = [asking.post(f"accounts/{account_id}/{wish}") for wish in wishes]

    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(202, each) for each in states]
    assert len(nudges) == len(wishes)
    assert due(account_id)["connect"] == 0


def test_a_dry_run_says_what_would_go_and_changes_nothing(asking, cloud, db):
    stored = Stored()
    stored.meter(LARGE, red_hat_image(), launch("i-1", 1), stop("i-1", 30))
    account_id = CloudAccount.objects.get().pk

    answer = asking.delete(f"accounts/{account_id}?dry_run=true")

    assert answer.status_code == 200
    assert answer.json()["would_remove"] == {
        "instances": 1, "events": 2, "runs": 1, "days": 2, "gaps": 0, "rejected": 0,
    }  # fmt: skip
    assert answer.json()["account"] == asking.get(f"accounts/{account_id}").json()
    assert (state(account_id)[0], Run.objects.count()) == ("enabled", 1)


def test_a_deleted_account_goes_with_all_that_was_recorded(asking, owner, nudges):
    account_id = owner.connected()
    nudges.clear()

    answers = [asking.delete(f"accounts/{account_id}") for _ in range(2)]

    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(202, "deleting")] * 2
    assert nudges == ["connect", "connect"]
    onboarding.connect(account_id=account_id, now=AS_OF)
    assert problem(asking.delete(f"accounts/{account_id}"))[:2] == (404, "not-found")
    assert not Instance.objects.exists()


def test_an_account_that_is_being_deleted_cannot_be_turned_on(asking, owner):
    account_id = owner.connected()
    asking.delete(f"accounts/{account_id}")

    assert problem(asking.post(f"accounts/{account_id}/enable"))[:2] == (503, "try-again-later")


def test_a_broker_that_does_not_answer_loses_nothing(asking, owner, monkeypatch):
    def down():
        raise OperationalError

    monkeypatch.setattr("cloudigrade.tasks.accounts.connect_accounts.delay", down)

    answer = create(asking, owner.arn())

    assert (answer.status_code, due(answer.json()["id"])) == (202, {"connect": 0})


def test_pages_lead_through_all_accounts(asking, owner, django_assert_num_queries):
    ids = [owner.claim(owner.arn(f"{number:012}")) for number in range(5)]
    found, path = [], f"{BASE}accounts?limit=2"
    while path:
        with django_assert_num_queries(8):
            page = asking.get(path.removeprefix(BASE)).json()
        found.append([account["id"] for account in page["data"]])
        path = page["next"]

    assert found == [ids[:2], ids[2:4], ids[4:]]


def test_accounts_are_found_by_cloud_and_native_id(asking, owner):
    ids = [owner.claim(owner.arn(native_id)) for native_id in (ACCOUNT, OTHER)]

    def listed(**query):
        return [account["id"] for account in asking.get("accounts", **query).json()["data"]]

    assert listed(native_id=OTHER) == [ids[1]]
    assert listed(native_id=[ACCOUNT, OTHER], cloud="aws") == ids
    assert listed(cloud="azure") == []


def test_nothing_of_these_answers_may_be_kept(asking, owner):
    assert asking.get("accounts").headers["Cache-Control"] == "no-store"
    assert create(asking, owner.arn()).headers["Cache-Control"] == "no-store"


def test_external_ids_are_told_only_to_who_may_change_accounts(asking: Asking, owner):
    account_id = owner.claim()

    for path in ("accounts", f"accounts/{account_id}"):
        assert owner.external_id not in asking.get(path).content.decode()
