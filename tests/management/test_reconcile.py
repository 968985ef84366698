"""`cloudigrade reconcile` as an operator uses it, against a made-up Sources."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from pydantic import SecretStr

from cloudigrade.management.commands import reconcile as command
from cloudigrade.models import CloudAccount, DueWork
from cloudigrade.services import accounts
from tests.builders import AS_OF
from tests.fakes import sources

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]

OLD = AS_OF - timedelta(days=2)


@pytest.fixture
def platform(monkeypatch):
    def use(**more):
        monkeypatch.setattr(settings, "PLATFORM", settings.PLATFORM.model_copy(update=more))

    return use


@pytest.fixture
def fake(platform):
    with sources.running() as made:
        platform(sources_url=made.url, sources_psk=SecretStr(sources.PSK))
        made.create("arn")
        yield made


@pytest.fixture
def reconcile(operator, fake):
    """The command."""
    return lambda *arguments: operator.run(command.Command(), "reconcile", *arguments)


# what is told on stderr may have a word of the made-up Sources before it, which runs in the same process


def add(number):
    customer_id = accounts.ensure_customer(org_id="11", account_number="0042", now=OLD)
    CloudAccount.objects.bulk_create(
        CloudAccount(
            customer_id=customer_id, cloud="aws", native_id=f"{place:012d}", metered_from=OLD, created_at=OLD,
            platform_source_id=place,
        )
        for place in range(1, number + 1)
    )  # fmt: skip
    CloudAccount.objects.update(updated_at=OLD)


def wanted():
    return set(CloudAccount.objects.values_list("wanted", flat=True))


def test_it_says_so_where_all_is_well(reconcile):
    assert reconcile("--yes")[:2] == (0, "Sources knows all accounts that came from it.\n")


def test_a_dry_run_shows_what_would_go_and_changes_nothing(reconcile):
    add(1)
    account = CloudAccount.objects.get()

    told = reconcile("--dry-run")

    assert told.status == 0
    assert [cell.strip() for cell in told.out.splitlines()[3].strip("│").split("│")] == [
        str(account.pk), "11", "0042", "aws", "000000000001", "1",
    ]  # fmt: skip
    assert json.loads(reconcile("--dry-run", "--format", "json").out) == [
        {
            "account_id": account.pk,
            "org_id": "11",
            "account_number": "0042",
            "cloud": "aws",
            "native_id": "000000000001",
            "source_id": 1,
        }
    ]
    assert (wanted(), DueWork.objects.count()) == ({"enabled"}, 0)


def test_it_asks_first(reconcile, operator):
    add(2)
    assert reconcile().status == 2
    operator.at_terminal("no\n")
    assert "2 account(s) and all that was recorded of them will be deleted. Go on?" in reconcile().out
    assert wanted() == {"enabled"}

    assert reconcile("--yes").err.endswith("2 account(s) will be deleted\n")
    assert wanted() == {"deleted"}


def test_a_surprising_share_goes_only_by_force(reconcile):
    add(6)

    refused = reconcile("--yes")
    assert (refused.status, wanted()) == (1, {"enabled"})
    assert refused.err == (
        "6 of 6 accounts are not known to Sources; so many are not deleted at once; if it is right, say --force"
    )

    assert reconcile("--yes", "--force").err.endswith("6 account(s) will be deleted\n")
    assert wanted() == {"deleted"}


def test_an_outage_is_said_and_deletes_nothing(reconcile, fake):
    add(3)
    fake.fail(400, times=3)

    told = reconcile("--yes")

    assert (told.status, told.err) == (1, "Sources answered with status 400 (try again later)")
    assert wanted() == {"enabled"}


def test_what_sources_did_not_answer_is_not_passed_over(reconcile, fake):
    add(2)
    fake.fail(400, times=1)

    told = reconcile("--yes")

    assert (told.status, told.err) == (1, "Sources did not answer for 1 source(s) (try again later)")
    assert list(CloudAccount.objects.filter(wanted="deleted").values_list("platform_source_id", flat=True)) == [2]
    fake.fail(400, times=1)
    told = reconcile("--yes")
    assert (told.status, told.out) == (1, ""), "it is not said that all is well"


def test_without_sources_there_is_nothing_to_compare_with(reconcile, platform):
    add(1)
    platform(sources_url="")
    assert reconcile("--yes").status == 2
    platform(is_managed=False)
    assert reconcile("--yes").status == 2
    assert wanted() == {"enabled"}
