"""`cloudigrade accounts` where something is lost or replaced: it asks, says what would be, and leaves no halves."""

import json

import pytest

from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.models import CloudAccount, DueWork, Instance, UnmeteredPeriod
from cloudigrade.services import onboarding, removal
from tests.builders import ACCOUNT, AS_OF, REGION, described, launch
from tests.services.stored import Stored

OTHER = "000000000043"


# what is destructive


@pytest.mark.parametrize("action", ["disable", "pause", "delete"])
def test_nobody_to_ask_is_refused(shell, added, cloud, action):
    status, message = shell.fails(action, ACCOUNT)

    assert (status, message) == (2, "nobody can be asked here; say --yes, or --dry-run to see first")
    assert cloud.called("disconnect") == []


@pytest.mark.parametrize("action", ["disable", "pause", "delete"])
def test_a_dry_run_says_what_would_be_and_changes_nothing(shell, added, cloud, action):
    said = shell.run(action, ACCOUNT, "--dry-run")

    assert said == ""
    assert said.err.startswith(f"would be done: account {ACCOUNT} is disconnected")
    assert CloudAccount.objects.get().wanted == "enabled"
    assert cloud.called("disconnect") == []


@pytest.mark.parametrize("action", ["disable", "pause", "delete"])
def test_a_no_is_a_no(shell, added, cloud, action):
    assert "Go on? [y/N] " in shell.run(action, ACCOUNT, typed="\n")

    assert CloudAccount.objects.get().is_enabled
    assert cloud.called("disconnect") == []


@pytest.mark.parametrize(("off", "on", "state"), [("disable", "enable", "disabled"), ("pause", "unpause", "paused")])
def test_off_and_on_again(shell, added, cloud, off, on, state):
    said = shell.run(off, ACCOUNT, typed="y\n")
    assert f"state:          {state}\n" in said
    assert not cloud.accounts[ACCOUNT].has_our_trail
    assert UnmeteredPeriod.objects.count() == 1
    assert all(end is not None for _, _, end in Stored("local", []).spans())

    said = shell.run(on, ACCOUNT)

    assert "state:          enabled\n" in said
    assert cloud.accounts[ACCOUNT].has_our_trail
    assert [end for _, _, end in Stored("local", []).spans()][-1] is None


def test_disabling_in_an_outage_says_that_something_is_left_to_do(shell, added, cloud):
    cloud.fail("disconnect", Unavailable("CloudTrail does not answer"))

    status, message = shell.fails("disable", ACCOUNT, "--yes")

    assert (status, message.split(" (")[0]) == (1, "CloudTrail does not answer")
    assert shell.column(2) == ["disabled"]
    assert DueWork.objects.get().work == "connect"


def test_delete_leaves_nothing(shell, added, cloud, monkeypatch):
    monkeypatch.setattr(removal, "CLAIM", 1)
    monkeypatch.setattr(removal, "MOST", 1)
    dry = shell.run("delete", ACCOUNT, "--dry-run").err
    assert dry == (
        f"would be done: account {ACCOUNT} is disconnected and deleted with 1 instance(s), 1 event(s) and 1 run(s),"
        " and 0 day(s) are answered anew without them\n"
    )

    said = shell.run("delete", ACCOUNT, "--yes")

    assert said.err == f"account {ACCOUNT} is deleted\n"
    assert not CloudAccount.objects.exists()
    assert not Instance.objects.exists()
    assert not cloud.accounts[ACCOUNT].has_our_trail


def test_delete_in_an_outage_goes_on_later(shell, added, cloud):
    cloud.fail("disconnect", Unavailable("CloudTrail does not answer"))

    assert shell.fails("delete", ACCOUNT, "--yes")[0] == 1

    assert shell.column(2) == ["deleting"]
    assert shell.run("delete", ACCOUNT, "--yes").err == f"account {ACCOUNT} is deleted\n"


# update


def test_another_role_of_the_account_needs_no_question(shell, added, cloud, external_id):
    cloud.accounts[ACCOUNT].role = "newer"

    said = shell.run("update", ACCOUNT, "--arn", cloud.accounts[ACCOUNT].arn)

    assert f"role:           {cloud.accounts[ACCOUNT].arn}\n" in said
    assert "state:          enabled\n" in said


def test_another_account_is_asked_for_and_takes_the_place(shell, added, cloud, external_id):
    new = cloud.add(OTHER, external_id, instances={REGION: [described("i-2", 3)._replace(account=OTHER)]}).arn
    assert shell.fails("update", ACCOUNT, "--arn", new)[0] == 2
    dry = shell.run("update", ACCOUNT, "--arn", new, "--dry-run").err
    assert dry.startswith(f"would be done: once account {OTHER} is connected, account {ACCOUNT} is disconnected and de")

    said = shell.run("update", ACCOUNT, "--arn", new, "--yes")

    assert f"account:        {OTHER}\n" in said
    assert shell.column(0) == [OTHER]
    assert list(Instance.objects.values_list("native_id", flat=True)) == ["i-2"]


def test_an_update_that_fails_leaves_the_account_as_it_is(shell, added, cloud, external_id):
    new = cloud.add(OTHER, external_id, has_role=False).arn

    status, message = shell.fails("update", ACCOUNT, "--arn", new, "--yes")

    assert (status, "CG3002" in message) == (1, True)
    assert shell.column(2) == ["enabled"]
    assert f"next role:      {new}\n" in shell.run("show", ACCOUNT)


def test_a_problem_of_the_next_role_does_not_look_like_one_of_the_role_in_use(shell, added, cloud, external_id):
    new = cloud.add(OTHER, external_id, has_role=False).arn
    shell.fails("update", ACCOUNT, "--arn", new, "--yes")

    assert (shell.column(2), shell.column(5)) == (["enabled"], ["CG3002 (next role)"])
    assert "\nproblem:        of the next role: Could not enable" in shell.run("show", ACCOUNT)
    assert "\n  problem: of the next role: Could not enable" in shell.run("status", ACCOUNT)
    assert json.loads(shell.run("show", ACCOUNT, "--format", "json"))["problem_of"] == "next role"


def test_a_role_that_was_refused_at_once_is_said_to_be_the_refused_one(shell, added, cloud, external_id):
    other = cloud.add(OTHER, external_id).arn
    shell.run("add", "--arn", other)

    shell.fails("update", ACCOUNT, "--arn", other, "--yes")

    assert (shell.column(2), shell.column(5)) == (["enabled"] * 2, ["CG1001 (refused role)", ""])


def test_a_problem_of_the_role_in_use_needs_no_word(shell, added, cloud):
    cloud.accounts[ACCOUNT].has_role = False
    CloudAccount.objects.update(checked_at=None)
    shell.fails("verify", ACCOUNT)

    assert (shell.column(2), shell.column(5)) == (["problem"], ["CG3002"])
    assert "\nproblem:        Could not enable" in shell.run("show", ACCOUNT)


def test_a_dry_run_of_an_update_changes_nothing(shell, added, cloud):
    shell.run("update", ACCOUNT, "--arn", f"arn:aws:iam::{ACCOUNT}:role/other", "--dry-run")

    assert CloudAccount.objects.get().next_credentials == ""


def test_an_account_of_files_can_be_deleted(shell):
    Stored("local").meter(launch("i-1", 1))

    shell.run("delete", ACCOUNT, "--yes")

    assert not CloudAccount.objects.exists()


def test_a_change_by_somebody_else_is_said(shell, cloud, arn, monkeypatch):
    connect = cloud.connect

    def paused_meanwhile(account, **given):
        onboarding.pause(account_id=CloudAccount.objects.get().pk, now=AS_OF)
        return connect(account, **given)

    monkeypatch.setattr(cloud, "connect", paused_meanwhile)

    assert shell.fails("add", "--arn", arn)[1].startswith("somebody else changed the account meanwhile")


@pytest.mark.parametrize(("off", "state"), [("disable", "disabled"), ("pause", "paused")])
def test_the_running_service_may_be_faster(shell, added, cloud, monkeypatch, off, state):
    disconnect = cloud.disconnect

    def disconnected_meanwhile(account):
        monkeypatch.setattr(cloud, "disconnect", disconnect)
        onboarding.connect(account_id=CloudAccount.objects.get().pk, now=AS_OF)
        return disconnect(account)

    monkeypatch.setattr(cloud, "disconnect", disconnected_meanwhile)

    assert f"state:          {state}\n" in shell.run(off, ACCOUNT, "--yes")
    assert not cloud.accounts[ACCOUNT].has_our_trail


def test_what_is_disabled_and_paused_needs_both_to_go_on(shell, added):
    shell.run("disable", ACCOUNT, "--yes")
    shell.run("pause", ACCOUNT, "--yes")

    said = shell.run("enable", ACCOUNT)

    assert said.err == f"it is paused as well: cloudigrade accounts unpause {ACCOUNT} starts it\n"
    assert "state:          enabled\n" in shell.run("unpause", ACCOUNT)
