"""What Sources says happened, brought about: each customer's own accounts, whatever comes again or comes wrong."""

import pytest

from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.models import CloudAccount, Customer, ExternalId, Outbox
from cloudigrade.redhat import messages
from cloudigrade.redhat.messages import Event
from cloudigrade.redhat.sources import SourcesUnavailable
from cloudigrade.services import accounts, onboarding
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF
from tests.fakes import sources as fake
from tests.services.owners import GOOD, NEW, Owner, connect, due, row, state
from tests.services.sourcing import act, answering, create, only, said, say

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]

OTHER = "000000000043"


@pytest.fixture
def cloud(monkeypatch, db):
    return fake_cloud.installed(monkeypatch)


@pytest.fixture
def service(monkeypatch, cloud):
    with answering(monkeypatch) as service:
        yield service


@pytest.fixture
def owner(cloud):
    return Owner(cloud)


@pytest.fixture
def made(service, owner):
    """A connection of the owner's, of which we have not heard."""
    return service.create(owner.arn(), org_id="11")


class TestCreate:
    def test_the_account_is_claimed_for_the_customer(self, made, owner):
        create(made, account_number="42")

        account = only()
        assert (account.customer_id, account.native_id, account.external_id) == (
            owner.customer_id,
            ACCOUNT,
            owner.external_id,
        )
        names = (account.platform_authentication_id, account.platform_application_id, account.platform_source_id)
        assert names == (int(made.authentication_id), int(made.application_id), int(made.source_id))
        assert (state(account.pk), due(account.pk)) == (NEW, {"connect": 0})
        assert Customer.objects.get().account_number == "42"
        assert said() == []

    def test_a_customer_who_is_new_becomes_one(self, service):
        made = service.create("arn:aws:iam::000000000042:role/r", org_id="77", external_id="brought-along")

        create(made, org_id="77")

        assert Customer.objects.get().org_id == "77"
        assert only().external_id == "brought-along"
        assert ExternalId.objects.get().is_generated is False

    def test_c24_the_same_again_changes_nothing_and_tells_nothing(self, made):
        """C24: a creation that came again was told as a failure."""
        create(made)
        account_id = only().pk
        connect(account_id)
        Outbox.objects.all().delete()
        before, planned = row(account_id), due(account_id)

        create(made)

        assert (state(account_id), due(account_id), row(account_id).revision) == (GOOD, planned, before.revision)
        assert said() == []

    def test_c25_the_same_pair_for_another_account_is_told(self, service, made, owner):
        """C25: the same pair again ended in an IntegrityError, and nobody was told."""
        create(made)
        service.change(made.authentication_id, username=owner.arn(OTHER))

        create(made)

        assert only().native_id == ACCOUNT
        assert said() == [(made.application_id, "unavailable", "CG1001")]

    def test_an_account_of_another_application_is_told(self, service, made, owner):
        create(made)
        second = service.create(owner.cloud.accounts[ACCOUNT].arn, org_id="11")

        create(second)

        assert str(only().platform_application_id) == made.application_id
        assert said() == [(second.application_id, "unavailable", "CG1001")]

    def test_c26_an_account_number_that_becomes_known_later_does_no_harm(self, made):
        """C26: an organisation that later had an account number could connect nothing any more."""
        create(made, org_id="11", account_number="42")

        assert (Customer.objects.get().org_id, Customer.objects.get().account_number) == ("11", "42")

    def test_names_of_two_customers_are_told(self, service):
        accounts.ensure_customer(org_id="11", now=AS_OF)
        accounts.ensure_customer(org_id="", account_number="42", now=AS_OF)
        made = service.create("arn:aws:iam::000000000042:role/r", org_id="11", account_number="42")

        create(made, account_number="42")

        assert CloudAccount.objects.count() == 0
        assert said() == [(made.application_id, "unavailable", "CG1000")]

    def test_a_paused_application_is_claimed_paused(self, service, made):
        service.pause(made.application_id)

        create(made)
        revision = only().revision
        create(made)

        assert (only().is_paused, only().revision) == (True, revision)

    def test_c17_an_application_of_another_type_is_none_of_ours(self, service, owner):
        """C17: with ids of more than one character, no application was ours."""
        create(service.create(owner.arn(), application_type=fake.OTHER_TYPE))

        assert CloudAccount.objects.count() == 0
        assert [path for path in service.paths if "authentications" in path] == []
        assert said() == []

    def test_an_application_that_is_gone_is_nothing(self, service, made):
        service.destroy(made.source_id)
        create(made)
        assert (CloudAccount.objects.count(), said()) == (0, [])

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"authtype": "arn"}, "CG2001"),
            ({"authtype": "lighthouse_subscription_id"}, "CG2001"),
            ({"resource_type": "Endpoint"}, "CG2002"),
            ({"username": ""}, "CG2004"),
            ({"username": "no arn"}, "CG1004"),
            ({"extra": {"external_id": "?"}}, "CG3000"),
        ],
    )
    def test_what_the_customer_must_solve_is_told(self, service, made, fields, code):
        service.change(made.authentication_id, **fields)

        create(made)

        assert CloudAccount.objects.count() == 0
        assert said() == [(made.application_id, "unavailable", code)]

    def test_an_authentication_that_is_gone_is_told(self, service, made):
        service._remove(service._tenants[0], "authentications", made.authentication_id)
        create(made)
        assert said() == [(made.application_id, "unavailable", "CG2000")]

    def test_c18_an_outage_changes_nothing_and_tells_nothing(self, service, made):
        """C18: an outage of Sources lost the event."""
        service.fail(503, times=3)

        with pytest.raises(SourcesUnavailable):
            create(made)

        assert (CloudAccount.objects.count(), said()) == (0, [])
        create(made)
        assert only().native_id == ACCOUNT

    def test_an_account_that_is_being_deleted_is_waited_for(self, made):
        create(made)
        onboarding.delete(account_id=only().pk, now=AS_OF)

        with pytest.raises(Unavailable):
            create(made)

        assert said()[1:] == []


class TestWishes:
    @pytest.fixture
    def account(self, made):
        create(made)
        connect(only().pk)
        Outbox.objects.all().delete()
        return only()

    @pytest.mark.parametrize("org_id", ["11", ""])
    def test_it_is_paused_and_goes_on(self, account, made, org_id):
        Customer.objects.update(account_number="42")
        say(messages.PAUSED, made.application_id, org_id, "42")
        assert row(account.pk).is_paused
        say(messages.UNPAUSED, made.application_id, org_id, "42")
        assert not row(account.pk).is_paused

    @pytest.mark.parametrize(
        ("event_type", "which"),
        [(messages.APPLICATION_GONE, "application_id"), (messages.SOURCE_GONE, "source_id")],
    )
    def test_c54_with_its_application_or_source_it_is_deleted(self, account, made, event_type, which):
        """C54: both were ignored, and accounts of sources that were gone lived on."""
        say(event_type, getattr(made, which))
        say(event_type, getattr(made, which))

        assert row(account.pk).wanted == "deleted"

    def test_the_pair_of_the_event_is_deleted_and_no_other(self, account, made):
        def destroy(application_id, authentication_id):
            ids = {"application_id": application_id, "authentication_id": authentication_id}
            act(Event(messages.WITHDRAWN, "11", "", "", ids))

        destroy(made.application_id, "1")
        destroy("1", made.authentication_id)
        assert row(account.pk).wanted == "enabled"

        destroy(made.application_id, made.authentication_id)
        assert row(account.pk).wanted == "deleted"

    @pytest.mark.usefixtures("account")
    @pytest.mark.parametrize(
        ("org_id", "account_number"), [("22", ""), ("22", "42"), ("", "66"), ("33", ""), ("33", "42")]
    )
    def test_s5_nothing_of_another_customers_is_ever_found(self, made, cloud, org_id, account_number):
        """S5: ids alone said whose account was deleted, changed or paused."""
        accounts.ensure_customer(org_id="22", account_number="66", now=AS_OF)
        Customer.objects.filter(org_id="11").update(account_number="42")
        before = CloudAccount.objects.values().get()
        calls = len(cloud.calls)

        for event_type, pk in (
            (messages.PAUSED, made.application_id),
            (messages.UNPAUSED, made.application_id),
            (messages.UPDATED, made.authentication_id),
            (messages.APPLICATION_GONE, made.application_id),
            (messages.SOURCE_GONE, made.source_id),
        ):
            say(event_type, pk, org_id, account_number)
        ids = {"application_id": made.application_id, "authentication_id": made.authentication_id}
        for event_type in (messages.WITHDRAWN, messages.CLAIMED):
            act(Event(event_type, org_id, account_number, "", ids))

        assert CloudAccount.objects.values().get() == before
        assert (said(), len(cloud.calls)) == ([], calls)

    def test_what_is_being_deleted_is_left_alone(self, account, made):
        onboarding.delete(account_id=account.pk, now=AS_OF)
        for event_type in (messages.PAUSED, messages.UNPAUSED, messages.APPLICATION_GONE):
            say(event_type, made.application_id)
        assert not row(account.pk).is_paused
