"""What the platform is told of accounts: changes, and answers to what it asks; nothing else, and nothing twice."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction

from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.domain.problems import Problem
from cloudigrade.models import CloudAccount, Customer, Outbox
from cloudigrade.services import availability, connecting, onboarding
from cloudigrade.services.connecting import Result
from cloudigrade.services.onboarding import PlatformIds
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF
from tests.services.owners import MINUTE, Owner, connect, due, row, state

OTHER = "000000000043"
HOUR = timedelta(hours=1)
APPLICATION = PlatformIds(7, 8, 9)
AVAILABLE, GONE = ("8", "available", ""), ("8", "unavailable", "")


@pytest.fixture
def cloud(monkeypatch, db):
    return fake_cloud.installed(monkeypatch)


@pytest.fixture
def owner(cloud):
    return Owner(cloud)


def told():
    """All that was told since it was looked at last."""
    found = [(str(each.application_id), each.status, each.error) for each in Outbox.objects.order_by("id")]
    Outbox.objects.all().delete()
    return found


@pytest.fixture
def account_id(owner):
    """Of a connected account, of which the platform knows that it is available."""
    made = owner.connected(platform=APPLICATION)
    assert told() == [AVAILABLE]
    return made


def check(account_id, now):
    return onboarding.check(account_id=account_id, now=now)


def ask(now, *, source_id=9, customer_id=None):
    return availability.ask(source_id=source_id, customer_id=customer_id, now=now)


def test_an_account_that_is_connected_is_available_and_that_is_said_once(account_id):
    assert connect(account_id, AS_OF + HOUR).result is Result.DONE
    assert check(account_id, AS_OF + 2 * HOUR).result is Result.DONE

    assert told() == []


def test_whose_it_is_stands_with_each_word(owner):
    Customer.objects.filter(pk=owner.customer_id).update(account_number="0042")
    owner.connected(platform=APPLICATION)

    word = Outbox.objects.get()

    assert (word.lane, word.org_id, word.account_number, word.created_at, word.due_at, word.attempts) == (
        "11",
        "11",
        "0042",
        AS_OF,
        AS_OF,
        0,
    )


def test_a_customer_without_an_org_id_has_a_lane_too(owner):
    Customer.objects.filter(pk=owner.customer_id).update(account_number="0042", org_id=None)
    owner.connected(platform=APPLICATION)

    word = Outbox.objects.get()

    assert (word.lane, word.org_id, word.account_number) == ("0042", "", "0042")


@pytest.mark.parametrize("method", ["verify", "connect"])
def test_c19_an_outage_tells_nothing(owner, cloud, method):
    """C19: throttling during onboarding told the customer to fix credentials that were good."""
    account_id = owner.claim(platform=APPLICATION)
    cloud.fail(method, Unavailable("throttled"))

    assert connect(account_id).result is Result.LATER

    assert told() == []
    assert connect(account_id, AS_OF + MINUTE).result is Result.DONE
    assert told() == [AVAILABLE]


def test_c19_an_outage_while_the_platform_waits_is_not_its_answer(account_id, cloud):
    later = AS_OF + HOUR
    cloud.fail("verify", Unavailable("an outage"))
    ask(later)

    assert check(account_id, later).result is Result.LATER
    assert told() == []

    assert check(account_id, later + connecting.CHECK_PAUSE).result is Result.DONE
    assert told() == [AVAILABLE]


def test_c20_what_is_unavailable_is_not_enabled_and_what_recovers_is_told(account_id, cloud):
    """C20: it was told to be unavailable, and stayed enabled."""
    later = AS_OF + HOUR
    cloud.accounts[ACCOUNT].has_role = False

    failed = check(account_id, later)

    assert state(account_id) == ("enabled", True, False, "CG3002")
    assert told() == [("8", "unavailable", failed.reason)]
    assert failed.reason.startswith("Could not enable cloud metering. Error code CG3002. ")

    assert connect(account_id, later + MINUTE).result is Result.PROBLEM
    assert told() == [], "the same again is no news"

    cloud.accounts[ACCOUNT].has_role = True
    assert connect(account_id, later + 3 * MINUTE).result is Result.DONE
    assert told() == [AVAILABLE]


def test_whoever_disables_an_account_makes_it_unavailable_at_once_and_enabling_says_what_comes_of_it(account_id):
    onboarding.disable(account_id=account_id, now=AS_OF)
    assert told() == [GONE]
    assert connect(account_id).result is Result.DONE
    onboarding.disable(account_id=account_id, now=AS_OF)
    assert told() == [], "neither the deed nor the repeated wish is news"

    onboarding.enable(account_id=account_id, now=AS_OF)
    assert told() == []
    assert connect(account_id).result is Result.DONE
    assert told() == [AVAILABLE]


@pytest.mark.parametrize("has_role", [True, False])
def test_a_pause_says_nothing_and_its_end_says_what_comes_of_it(account_id, cloud, has_role):
    onboarding.pause(account_id=account_id, now=AS_OF)
    assert connect(account_id).result is Result.DONE
    assert told() == []

    cloud.accounts[ACCOUNT].has_role = has_role
    onboarding.unpause(account_id=account_id, now=AS_OF)
    assert told() == []
    connect(account_id)
    assert [status for _, status, _ in told()] == ["available" if has_role else "unavailable"]


def test_a_pause_that_ends_on_a_disabled_account_is_answered(account_id):
    onboarding.pause(account_id=account_id, now=AS_OF)
    onboarding.disable(account_id=account_id, now=AS_OF)
    assert told() == [GONE], "the platform took it for available until now"

    onboarding.unpause(account_id=account_id, now=AS_OF)
    connect(account_id)

    assert told() == [GONE]
    assert row(account_id).asked_at is None


def test_the_last_word_outlives_the_account(account_id):
    onboarding.delete(account_id=account_id, now=AS_OF)
    assert told() == [], "it is not gone yet"

    assert connect(account_id).result is Result.GONE

    assert not CloudAccount.objects.exists()
    assert told() == [GONE]


def test_new_credentials_are_answered_even_where_nothing_changes(account_id, owner, cloud):
    onboarding.update(account_id=account_id, credentials=row(account_id).credentials, now=AS_OF)
    assert told() == []

    assert connect(account_id).result is Result.DONE

    assert told() == [AVAILABLE]


def test_new_credentials_that_do_not_open_it_are_told_though_the_old_ones_go_on(account_id, cloud):
    wrong = cloud.accounts[ACCOUNT].arn + "-wrong"
    onboarding.update(account_id=account_id, credentials=wrong, now=AS_OF)

    assert connect(account_id).result is Result.PROBLEM

    ((_, status, error),) = told()
    assert (status, error) == ("unavailable", row(account_id).problem)
    assert row(account_id).is_enabled


def test_credentials_of_an_account_that_is_there_already_are_refused_aloud(account_id, owner):
    owner.connected(OTHER)
    taken = owner.cloud.accounts[OTHER].arn

    with pytest.raises(CustomerProblem):
        onboarding.update(account_id=account_id, credentials=taken, now=AS_OF)

    assert told() == [("8", "unavailable", Problem.DUPLICATE_CREDENTIALS.sentence)]


def test_a_move_to_another_account_keeps_the_application_available(account_id, owner):
    onboarding.update(account_id=account_id, credentials=owner.arn(OTHER), now=AS_OF)

    moved = connect(account_id)
    assert (moved.result, moved.account_id == account_id) == (Result.DONE, False)
    assert told() == [AVAILABLE]

    assert connect(account_id).result is Result.GONE
    assert told() == [], "the application has gone on to the other account"


def test_an_account_that_the_platform_gets_to_know_late_is_told_at_once(owner):
    account_id = owner.connected()
    assert told() == []
    arn = row(account_id).credentials

    owner.claim(arn, platform=APPLICATION)
    assert told() == [AVAILABLE]

    owner.claim(arn, platform=APPLICATION)
    assert told() == [], "C24: said again, it changes nothing"


@pytest.mark.parametrize("managed", [True, False])
def test_nothing_is_told_that_the_platform_does_not_manage(owner, cloud, monkeypatch, managed):
    platform = settings.PLATFORM.model_copy(update={"is_managed": managed})
    monkeypatch.setattr(settings, "PLATFORM", platform)
    owner.connected(platform=APPLICATION)
    availability.tell_problem(
        org_id="11", account_number="", application_id=1, problem=Problem.UNKNOWN_CUSTOMER, now=AS_OF
    )

    assert len(told()) == (2 if managed else 0)


def test_nothing_is_told_of_made_up_accounts(account_id):
    CloudAccount.objects.update(is_synthetic=True)
    onboarding.disable(account_id=account_id, now=AS_OF)

    assert (told(), ask(AS_OF)) == ([], 0)


def test_o4_a_change_that_is_undone_is_not_told(account_id):
    """O4: the row stands in the transaction of the change, so neither is there without the other."""

    def crash_after_it():
        with transaction.atomic():
            onboarding.disable(account_id=account_id, now=AS_OF)
            assert Outbox.objects.exists()
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        crash_after_it()

    assert (told(), row(account_id).wanted) == ([], "enabled")


def test_a_claim_that_failed_before_there_was_an_account(db):
    for _ in range(2):
        availability.tell_problem(
            org_id="", account_number="0042", application_id=5, problem=Problem.UNKNOWN_CUSTOMER, now=AS_OF
        )

    word = Outbox.objects.get()
    assert (word.lane, word.org_id, word.account_number, word.application_id) == ("0042", "", "0042", 5)
    assert (word.status, word.error) == ("unavailable", "Could not enable cloud metering. Error code CG1000.")


def test_p10_a_check_is_made_once_however_often_it_is_asked_for(account_id, cloud):
    """P10: each question of Sources had everything verified anew."""
    later = AS_OF + HOUR
    cloud.calls.clear()

    assert [ask(later) for _ in range(20)] == [1] * 20
    assert due(account_id)["check"] == 60
    assert told() == []
    assert check(account_id, later).result is Result.DONE
    assert told() == [AVAILABLE]
    assert row(account_id).asked_at is None

    for second in range(1, 300):
        ask(later + timedelta(seconds=second))
    assert told() == [AVAILABLE], "what was found out just before will do, and is said once as long as it waits"
    assert due(account_id)["check"] > 60 + 5
    assert len(cloud.called("verify")) == 1


def test_p10_whoever_asks_while_it_is_checked_is_answered_by_that_check(account_id, cloud, monkeypatch):
    later = AS_OF + HOUR
    verify = cloud.verify

    def asked_meanwhile(account):
        ask(later)
        assert told() == []
        verify(account)

    ask(later)
    monkeypatch.setattr(cloud, "verify", asked_meanwhile)

    assert check(account_id, later).result is Result.DONE
    assert told() == [AVAILABLE]


def test_p10_a_problem_is_looked_at_again_when_it_is_asked_after(account_id, cloud):
    later = AS_OF + HOUR
    cloud.accounts[ACCOUNT].has_role = False
    problem = check(account_id, later).reason
    told()

    ask(later + MINUTE)
    assert told() == [("8", "unavailable", problem)], "just looked at"
    CloudAccount.objects.update(checked_at=later - HOUR)
    cloud.accounts[ACCOUNT].has_role = True

    ask(later + MINUTE)
    assert due(account_id)["connect"] <= 61
    assert connect(account_id, later + MINUTE).result is Result.DONE
    assert told() == [AVAILABLE]


def test_an_account_that_is_being_connected_is_answered_by_that(owner):
    account_id = owner.claim(platform=APPLICATION)

    ask(AS_OF)
    assert (told(), due(account_id)) == ([], {"connect": 0})
    connect(account_id)

    assert told() == [AVAILABLE]


@pytest.mark.parametrize("wish", [onboarding.pause, onboarding.disable])
def test_paused_and_disabled_accounts_answer_what_they_are(account_id, cloud, wish):
    wish(account_id=account_id, now=AS_OF)
    connect(account_id)
    told()
    cloud.calls.clear()

    assert ask(AS_OF + HOUR) == 1

    assert told() == [GONE]
    assert (cloud.calls, due(account_id)) == ([], {})


def test_an_account_on_its_way_out_is_left_to_its_last_word(account_id):
    onboarding.delete(account_id=account_id, now=AS_OF)

    assert (ask(AS_OF + HOUR), told()) == (0, [])


def test_s5_one_customer_does_not_ask_after_anothers_accounts(account_id, owner, cloud):
    other = Owner(cloud, "12")
    theirs = other.connected(OTHER, platform=PlatformIds(17, 18, 9))
    told()
    later = AS_OF + MINUTE

    assert ask(later, customer_id=other.customer_id) == 1
    assert [application for application, _, _ in told()] == ["18"]
    assert ask(later) == 2
    assert [application for application, _, _ in told()] == ["8", "18"]
    assert (ask(later, source_id=99), told()) == (0, [])
    assert theirs != account_id


def test_p12_asking_costs_the_same_for_any_number_of_accounts(owner, django_assert_max_num_queries):
    for number in range(1, 31):
        owner.claim(owner.arn(f"{number:012d}"), platform=PlatformIds(number, number, 9))

    with django_assert_max_num_queries(9):
        assert ask(AS_OF) == 30
