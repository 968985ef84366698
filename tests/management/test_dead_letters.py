"""`cloudigrade dead-letters` as an operator uses it, on the fake cloud."""

import json

import pytest

from cloudigrade import __main__ as program
from cloudigrade.clouds.protocol import NotSetUp, Unavailable
from cloudigrade.management.commands import dead_letters as command
from tests.fake_accounts import Message
from tests.fake_cloud import BUCKET, LOGS, NOTICES, installed


@pytest.fixture
def cloud(db, monkeypatch):
    made = installed(monkeypatch)
    made.dead[LOGS] = [Message((BUCKET, "000000000042")) for _ in range(3)]
    return made


@pytest.fixture
def dead_letters(operator, cloud):
    """The command."""
    return lambda *arguments: operator.run(command.Command(), "dead-letters", *arguments)


def test_o8_it_lists_the_queues_and_what_is_dead(dead_letters):
    """O8: nobody looked."""
    assert json.loads(dead_letters("list", "--format", "json").out) == [
        {"name": LOGS, "waiting": 0, "dead": 3},
        {"name": NOTICES, "waiting": 0, "dead": 0},
    ]
    assert LOGS in dead_letters("list").out


def test_o8_dead_letters_wait_in_their_queue_again(dead_letters, cloud):
    """O8: nothing brought them back."""
    told = dead_letters("replay", LOGS)

    assert told == (0, f"{LOGS}: 3 dead letter(s) replayed\n", "")
    assert (len(cloud.waiting[LOGS]), cloud.dead[LOGS]) == (3, [])


def test_replaying_all_asks_first(dead_letters, cloud, operator):
    assert dead_letters("replay", "--all").status == 2
    operator.at_terminal("no\n")
    assert "3 dead letter(s) wait in their queues again. Go on?" in dead_letters("replay", "--all").out
    assert len(cloud.dead[LOGS]) == 3

    assert dead_letters("replay", "--all", "--yes").out == (
        f"{LOGS}: 3 dead letter(s) replayed\n{NOTICES}: 0 dead letter(s) replayed\n"
    )


def test_a_dry_run_changes_nothing(dead_letters, cloud):
    for arguments in (("--all",), (LOGS,)):
        assert dead_letters("replay", *arguments, "--dry-run").out == "3 dead letter(s) would be replayed\n"
    assert len(cloud.dead[LOGS]) == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("replay",), "name queues, or say --all"),
        (("replay", LOGS, "--all"), "name queues, or say --all"),
        (("replay", "other", LOGS), "other: no queue of ours"),
    ],
)
def test_wrong_usage_is_said_in_a_line(dead_letters, cloud, arguments, reason):
    assert dead_letters(*arguments)[::2] == (2, reason)
    assert len(cloud.dead[LOGS]) == 3


def test_queues_that_do_not_answer_are_said_in_a_line(dead_letters, cloud):
    cloud.fail("queues", Unavailable("not now"))
    assert dead_letters("list")[::2] == (1, "not now (try again later)")


def test_what_our_own_side_lacks_is_said_without_advice_to_wait(dead_letters, cloud):
    cloud.fail("queues", NotSetUp("set AWS_PROFILE"))
    assert dead_letters("list")[::2] == (1, "set AWS_PROFILE")


def test_bytes_that_are_no_text_are_bad_usage_in_one_line(dead_letters):
    assert dead_letters("replay", "\udcff")[::2] == (2, r"'\udcff' is not UTF-8 text")


def test_commands_are_called_with_hyphens(capsys):
    assert "dead-letters" in program._names()
    assert program._load("dead-letters").help == command.Command.help
    assert program.main(["dead_letters"]) == 2
    assert "did you mean dead-letters?" in capsys.readouterr().err


def test_a_wrong_option_of_an_action_is_bad_usage(operator):
    told = operator.run(command.Command(), "dead-letters", "list", "--format", "xml")
    assert (told.status, told.err.partition(" list ")[0]) == (2, "usage: cloudigrade dead-letters")
