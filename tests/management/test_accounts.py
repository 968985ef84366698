"""`cloudigrade accounts` as an operator uses it, on a fake cloud: adding, looking, verifying."""

import json
from datetime import timedelta

import pytest
from django.core.management.base import CommandError

from cloudigrade.clouds.protocol import CustomerProblem, NotSetUp, Unavailable
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount, Customer, DueWork, ExternalId
from cloudigrade.services import sweeps
from cloudigrade.services.accounts import Gone
from tests.builders import ACCOUNT, REGION
from tests.fake_cloud import BUCKET
from tests.services.stored import Stored

OTHER = "000000000043"
TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/test"


# add


def test_add_says_all_that_a_role_needs_and_what_comes_next(shell, cloud, external_id):
    said = shell.run("add")

    assert f"  ExternalId         {external_id}   " in said
    assert "  TrustedAccountId   999999999999   " in said
    assert "  Environment        local   " in said
    assert "https://console.example/aws" in said
    assert "deploy/customer/aws/cloudformation.yaml" in said
    assert "deploy/customer/aws/terraform" in said
    assert said.count('"Version": "2012-10-17"') == 2
    assert said.endswith("\n  cloudigrade accounts add --arn ARN\n")
    assert not CloudAccount.objects.exists()


def test_add_keeps_the_external_id(shell):
    assert shell.run("add") == shell.run("add")
    assert ExternalId.objects.count() == 1


def test_the_next_command_names_customer_and_data(shell, tmp_path):
    said = shell.run("add", "--customer", "77", "--data", tmp_path, "--partition", "aws-cn")

    assert said.endswith(f"\n  cloudigrade accounts add --arn ARN --customer 77 --data {tmp_path}\n")
    assert "https://console.example/aws-cn" in said
    assert Customer.objects.get().org_id == "77"


def test_add_with_a_role_verifies_connects_sweeps_and_counts(shell, cloud, arn):
    said = shell.run("add", "--arn", f" {arn} ")

    account = CloudAccount.objects.get()
    assert (account.native_id, account.is_verified, account.is_enabled) == (ACCOUNT, True, True)
    assert "state:          enabled\n" in said
    assert f"role:           {arn}\n" in said
    assert cloud.accounts[ACCOUNT].has_our_trail
    stored = Stored("local", [])
    assert [(name, end) for name, _, end in stored.spans()] == [("i-1", None)]
    assert DueWork.objects.get(work="sweep").due_at > DueWork.objects.get(work="prove").due_at
    assert said.err == "1 instance(s) found in 2 region(s)\n"


def test_a_region_that_is_left_out_is_said(shell, cloud, arn):
    cloud.accounts[ACCOUNT].problems["af-south-1"] = "denied by the organization"

    said = shell.run("add", "--arn", arn)

    assert said.err == "1 instance(s) found in 2 region(s)\naf-south-1 is left out: denied by the organization\n"
    assert "state:          enabled\n" in said


def test_add_asks_for_the_role_at_a_terminal(shell, arn):
    said = shell.run("add", typed=f"{arn}\n")

    assert "  ExternalId  " in said
    assert "ARN of the role (empty: later): " in said
    assert CloudAccount.objects.get().is_enabled


def test_who_has_no_role_yet_may_say_it_later(shell, arn):
    shell.run("add", typed="\n")

    assert not CloudAccount.objects.exists()


def test_an_empty_arn_is_no_arn_and_no_question(shell, cloud):
    status, message = shell.fails("add", "--arn", "")

    assert status == 1
    assert "Error code CG1004" in message
    assert not CloudAccount.objects.exists()


def test_the_running_service_looks_again_soon(shell, arn):
    shell.run("add", "--arn", arn)

    enabled_at = CloudAccount.objects.get().enabled_at
    assert enabled_at
    assert DueWork.objects.get(work="sweep").due_at == enabled_at + timedelta(seconds=60)


def test_adding_again_is_no_error(shell, arn, added, cloud):
    assert "state:          enabled\n" in shell.run("add", "--arn", arn)
    assert CloudAccount.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"external_id": "anothers"}, ("CG3002", "(the role cannot be assumed)")),
        ({"external_id": ""}, ("CG3004", "(the role demands no external id)")),
        ({"denied": ("ec2:DescribeRegions",)}, ("CG3003", "(denied: ec2:DescribeRegions)")),
    ],
)
def test_what_the_customer_must_solve_is_one_line(shell, cloud, arn, change, said):
    code, reason = said
    for name, value in change.items():
        setattr(cloud.accounts[ACCOUNT], name, value)

    status, message = shell.fails("add", "--arn", arn)

    assert status == 1
    assert message.startswith(f"Could not enable cloud metering. Error code {code}. ")
    assert message.endswith(reason)
    assert shell.column(2) == ["problem"]
    assert DueWork.objects.get().work == "connect"


def test_a_role_that_is_none_is_one_line_and_no_account(shell):
    status, message = shell.fails("add", "--arn", "arn:aws:iam::1:user/me")

    assert (status, message.split(" (")[0]) == (1, Problem.INVALID_ARN.sentence)
    assert not CloudAccount.objects.exists()


def test_an_outage_is_said_and_the_claim_kept(shell, cloud, arn):
    cloud.fail("verify", Unavailable("STS does not answer"))

    status, message = shell.fails("add", "--arn", arn)

    assert (status, message.split(" (")[0]) == (1, "STS does not answer")
    assert shell.column(2) == ["connecting"]
    assert "state:          enabled\n" in shell.run("verify", ACCOUNT)


def test_instructions_that_cannot_be_had_are_one_line(shell, cloud):
    cloud.fail("instructions", Unavailable("no credentials of ours"))

    assert shell.fails("add") == (1, "no credentials of ours (try again later)")


@pytest.mark.parametrize(("method", "asks"), [("instructions", ()), ("verify", ("--arn",))])
def test_what_our_own_side_lacks_is_said_without_advice_to_wait(shell, cloud, arn, method, asks):
    cloud.fail(method, NotSetUp("our own credentials are missing: set AWS_PROFILE"))

    said = shell.fails("add", *asks, *([arn] if asks else []))

    assert said == (1, "our own credentials are missing: set AWS_PROFILE")


def test_a_first_sweep_that_fails_is_left_to_the_service(shell, cloud, arn):
    cloud.fail("sweep", Unavailable("EC2 does not answer"))

    said = shell.run("add", "--arn", arn)

    assert "state:          enabled\n" in said
    assert said.err == "what runs there is looked at later: EC2 does not answer\n"
    assert DueWork.objects.get(work="sweep").due_at == DueWork.objects.get(work="prove").due_at


def test_an_account_that_is_disabled_is_not_started_by_adding_it(shell, arn, added):
    shell.run("disable", ACCOUNT, "--yes")

    assert shell.fails("add", "--arn", arn) == (
        1,
        f"account {ACCOUNT} is there and disabled; cloudigrade accounts enable {ACCOUNT} starts it again",
    )


def test_add_as_json(shell, arn, external_id):
    given = json.loads(shell.run("add", "--format", "json"))
    account = json.loads(shell.run("add", "--format", "json", "--arn", arn))

    assert (given["external_id"], given["principal"]) == (external_id, "999999999999")
    assert (account["native_id"], account["state"], account["gaps"]["number"]) == (ACCOUNT, "enabled", 0)


# list, show, status


def test_without_accounts_it_says_what_to_do(shell):
    assert shell.run("list") == "No account is connected; cloudigrade accounts add connects one.\n"
    assert json.loads(shell.run("list", "--format", "json")) == []
    assert not Customer.objects.exists()


def test_a_customer_has_its_own_accounts_only(shell, added, cloud):
    Stored("22", [OTHER])

    assert shell.column(0) == [ACCOUNT]
    assert shell.column(0, "list", "--customer", "22") == [OTHER]
    assert shell.column(2, "list", "--customer", "22") == ["files"]


def test_show_and_its_json_agree(shell, added, arn, external_id):
    page, value = shell.run("show", ACCOUNT), json.loads(shell.run("show", ACCOUNT, "--format", "json"))

    assert value["credentials"] == arn
    assert f"external id:    {external_id}\n" in page
    assert {feed["feed"] for feed in value["feeds"]} == {"sweep"}
    assert value["metered_from"].endswith("Z")


def test_show_names_the_trail_the_bucket_and_how_many_instances_are_known(shell, cloud, added):
    page, value = shell.run("show", ACCOUNT), json.loads(shell.run("show", ACCOUNT, "--format", "json"))

    assert f"trail:          {TRAIL} (ours)\nbucket:         {BUCKET}\ninstances:      1\n" in page
    assert value["trail"] == {"name": TRAIL, "bucket": BUCKET, "is_ours": True}
    assert value["instances"] == 1


def test_show_tells_a_trail_that_was_adopted_from_ours(shell, cloud, arn):
    cloud.accounts[ACCOUNT].bucket = "their-logs"

    shell.run("add", "--arn", arn)

    page = shell.run("show", ACCOUNT)
    assert f"trail:          {TRAIL} (adopted: it was there before us)\nbucket:         their-logs\n" in page


def test_an_account_that_is_off_has_no_trail(shell, added):
    shell.run("disable", ACCOUNT, "--yes")

    page = shell.run("show", ACCOUNT)

    assert "trail:" not in page
    assert "bucket:" not in page
    assert "instances:      1\n" in page


def test_status_shows_each_feed_and_what_lags(shell, added):
    said = shell.run("status")

    assert said.startswith(f"Account {ACCOUNT}: enabled, metered from ")
    assert set(shell.column(0, "status")) == {REGION, "us-east-1"}
    assert "  how complete it is is not proven yet\n" in said
    assert "In all accounts of all customers: oldest sweep " in said
    assert "0 message(s) waiting, 0 dead, 0 gap(s), 0 rejected\n" in said
    value = json.loads(shell.run("status", ACCOUNT, "--format", "json"))
    assert [one["native_id"] for one in value["accounts"]] == [ACCOUNT]
    assert value["lag"]["waiting"] == 0


def test_anothers_text_cannot_steer_the_terminal(shell, added, cloud):
    cloud.fail("verify", CustomerProblem("\x1b[31mred\nlines"))
    CloudAccount.objects.update(checked_at=None)
    with pytest.raises(CommandError):
        shell.run("verify", ACCOUNT)

    for said in (shell.run("show", ACCOUNT), shell.run("status")):
        assert "\x1b" not in said
        assert "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}lines" in said


@pytest.mark.parametrize("action", ["show", "status", "verify", "enable", "unpause"])
def test_an_account_that_is_not_there_is_bad_usage(shell, action):
    assert shell.fails(action, OTHER) == (2, f"customer local has no account {OTHER}; see cloudigrade accounts list")


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "\udcff"),
        ("status", "\udcff"),
        ("list", "--customer", "\udcff"),
        ("add", "--arn", "\udcff"),
        ("update", ACCOUNT, "--arn", "\udcff"),
    ],
)
def test_bytes_that_are_no_text_are_bad_usage_in_one_line(shell, arguments):
    assert shell.fails(*arguments) == (2, r"'\udcff' is not UTF-8 text")


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("show",), ("list", "--format", "xml"), ("update", ACCOUNT)])
def test_bad_usage_ends_with_2(shell, capsys, arguments):
    with pytest.raises(SystemExit) as end:
        shell.run(*arguments)

    assert end.value.code == 2
    assert "usage: cloudigrade accounts" in capsys.readouterr().err


# verify


def test_verify_asks_at_most_every_five_minutes(shell, added, cloud):
    said = shell.run("verify", ACCOUNT)
    assert said.err == "it was asked less than five minutes ago, and will be asked again\n"

    CloudAccount.objects.update(checked_at=None)
    said = shell.run("verify", ACCOUNT)

    assert (said.err, "state:          enabled\n" in said) == ("", True)
    assert [call.method for call in cloud.calls].count("verify") == 2


def test_verify_says_what_is_wrong_and_repairs_what_is_right_again(shell, added, cloud):
    cloud.accounts[ACCOUNT].has_role = False
    CloudAccount.objects.update(checked_at=None)
    status, message = shell.fails("verify", ACCOUNT)
    assert (status, "CG3002" in message) == (1, True)
    assert shell.column(2) == ["problem"]

    cloud.accounts[ACCOUNT].has_role = True
    assert "state:          enabled\n" in shell.run("verify", ACCOUNT)


def test_there_is_nothing_to_verify_of_what_is_off(shell, added):
    shell.run("pause", ACCOUNT, "--yes")

    assert shell.fails("verify", ACCOUNT) == (1, f"account {ACCOUNT} is paused, so there is nothing to verify")


def test_a_role_that_cannot_be_leaves_no_new_customer(shell):
    status, _ = shell.fails("add", "--customer", "typo", "--arn", "nonsense")
    assert status == 1
    assert not Customer.objects.filter(org_id="typo").exists()


def test_a_name_longer_than_any_is_bad_usage(shell):
    name = "\N{LATIN SMALL LETTER E WITH ACUTE}" * 501
    assert shell.fails("list", "--customer", name) == (2, f"'{name[:20]}'... is longer than 1000 bytes")
    assert not shell.run("list", "--customer", name[1:]).err


def test_an_account_that_is_deleted_while_it_is_looked_at_is_one_line(shell, arn, monkeypatch):
    def gone(**given):
        raise Gone(given["account_id"])

    monkeypatch.setattr(sweeps, "sweep", gone)
    assert shell.fails("add", "--arn", arn) == (1, "the account has been deleted meanwhile")
