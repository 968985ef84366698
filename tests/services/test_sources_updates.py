"""What Sources says changed, brought about once: new credentials proven first, and nobody else's lease broken."""

from types import SimpleNamespace

import pytest

from cloudigrade.models import CloudAccount, Inbox, Outbox
from cloudigrade.redhat import messages
from cloudigrade.redhat.messages import Event
from cloudigrade.services import inbox, sources
from cloudigrade.services.onboarding import PlatformIds
from tests import fake_cloud
from tests.builders import ACCOUNT, AS_OF
from tests.services.owners import GOOD, Owner, connect, due, row, state
from tests.services.sourcing import answering, create, only, said, say

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


class TestUpdate:
    @pytest.fixture
    def account(self, made):
        create(made)
        connect(only().pk)
        Outbox.objects.all().delete()
        return only()

    def test_another_role_is_proven_before_it_counts(self, service, account, made, owner):
        arn = owner.arn(role="another")
        service.change(made.authentication_id, username=arn)

        say(messages.UPDATED, made.authentication_id)

        assert (row(account.pk).credentials, row(account.pk).next_credentials) == (account.credentials, arn)
        assert due(account.pk)["connect"] == 0

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"username": "no arn"}, "CG1004"),
            ({"username": ""}, "CG2004"),
            ({"resource_type": "Source"}, "CG2002"),
            ({"authtype": "token"}, "CG2001"),
        ],
    )
    def test_what_the_customer_must_solve_is_told(self, service, account, made, fields, code):
        service.change(made.authentication_id, **fields)

        say(messages.UPDATED, made.authentication_id)

        assert said() == [(made.application_id, "unavailable", code)]
        assert row(account.pk).credentials == account.credentials

    @pytest.mark.usefixtures("account")
    def test_an_account_that_is_there_already_is_told(self, service, made, owner):
        owner.connected(OTHER, platform=PlatformIds(1, 2, 3))
        Outbox.objects.all().delete()
        service.change(made.authentication_id, username=owner.cloud.accounts[OTHER].arn)

        say(messages.UPDATED, made.authentication_id)

        assert set(said()) == {(made.application_id, "unavailable", "CG1001")}

    def test_an_authentication_that_is_gone_is_nothing(self, service, account, made):
        service._remove(service._tenants[0], "authentications", made.authentication_id)
        say(messages.UPDATED, made.authentication_id)
        assert (state(account.pk), said()) == (GOOD, [])

    def test_an_authentication_without_an_account_makes_one(self, service, made, owner):
        service.change(made.authentication_id, username="no arn")
        create(made)
        service.change(made.authentication_id, username=owner.cloud.accounts[ACCOUNT].arn)

        say(messages.UPDATED, made.authentication_id)

        assert str(only().platform_application_id) == made.application_id

    def test_an_unproven_account_takes_the_external_id_too(self, service, cloud):
        arn = cloud.add(ACCOUNT, "right-word").arn
        made = service.create(arn, org_id="11", external_id="wrong-word")
        create(made)
        connect(only().pk)
        assert only().problem_code == "CG3002"
        service.change(made.authentication_id, extra={"external_id": "right-word"})

        say(messages.UPDATED, made.authentication_id)
        connect(only().pk)

        assert state(only().pk) == GOOD


class TestOnce:
    """With a row in the inbox."""

    def claimed(self, made):
        ids = {"application_id": made.application_id, "authentication_id": made.authentication_id}
        event = Event(messages.CLAIMED, "11", "", "r-9", ids)
        inbox.record(topic="t", partition=0, offset=1, event=event, now=AS_OF)
        claimed = inbox.claim(now=AS_OF)
        assert claimed is not None
        return claimed

    def test_the_effect_and_the_end_of_the_row_are_one(self, made, service, monkeypatch):
        claimed = self.claimed(made)
        with monkeypatch.context() as broken:
            broken.setattr(inbox, "done", lambda **_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                sources.act(claimed=claimed, now=AS_OF)
        assert CloudAccount.objects.count() == 0

        sources.act(claimed=claimed, now=AS_OF)

        assert Inbox.objects.get().done_at == AS_OF
        assert only().native_id == ACCOUNT
        assert {request.headers["x-rh-insights-request-id"] for request in service.requests} == {"r-9"}

    def test_o3_a_worker_whose_lease_is_over_changes_nothing(self, made):
        claimed = self.claimed(made)
        inbox.claim(now=AS_OF + inbox.LEASE)

        with pytest.raises(inbox.Lost):
            sources.act(claimed=claimed, now=AS_OF)

        assert CloudAccount.objects.count() == 0

    def test_the_clients_settings_are_the_platforms(self, settings):
        settings.PLATFORM = SimpleNamespace(
            sources_url="http://127.0.0.1:9", sources_psk=SimpleNamespace(get_secret_value=lambda: "k"),
            sources_timeout=3.0, application_type_ttl=5,
        )  # fmt: skip
        sources.client.cache_clear()
        try:
            api = sources.client()
            assert (api._base_url, api._psk, api._ttl) == ("http://127.0.0.1:9", "k", 5)
            assert sources.client() is api
            api.close()
        finally:
            sources.client.cache_clear()
