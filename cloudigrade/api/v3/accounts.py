"""A customer's cloud accounts: connected, looked after and removed without Sources."""

import logging
from collections.abc import Callable

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from kombu.exceptions import OperationalError
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from cloudigrade.api.v3 import cursors, describing, problems
from cloudigrade.api.v3.account_shapes import instructions_for, shown
from cloudigrade.api.v3.bodies import parse_claim
from cloudigrade.api.v3.parameters import Parameters
from cloudigrade.api.v3.view import LARGEST_ID, View, json, now
from cloudigrade.clouds.protocol import CustomerProblem, Unavailable
from cloudigrade.models import CloudAccount
from cloudigrade.services import connecting, onboarding, removal, schedules, statuses
from cloudigrade.services.connecting import Result
from cloudigrade.services.schedules import Work
from cloudigrade.services.statuses import AccountStatus
from cloudigrade.tasks.accounts import connect_accounts

_log = logging.getLogger(__name__)

_UNSETTLED = ("connecting", "problem")
"""States of accounts that are being connected, or will be tried again."""


class AccountView(View):
    """Whatever is about one account."""

    def known(self, account_id: int) -> AccountStatus:
        """How the customer's account stands; 404 for anybody else's, as for one that does not exist."""
        ids = [account_id] if account_id <= LARGEST_ID else []
        found = statuses.statuses(customer_id=self.customer_id, account_ids=ids)
        if not found:
            raise NotFound
        return found[0]

    def wish(self, account_id: int, service: Callable[..., None]) -> None:
        """The service has taken the wish; what follows from it is done soon."""
        self.known(account_id)
        try:
            service(account_id=account_id, now=now())
        except ObjectDoesNotExist as gone:
            raise NotFound from gone
        except Unavailable as busy:
            raise problems.later(str(busy)) from busy
        nudge()


class Accounts(AccountView):
    """`GET accounts` and `POST accounts`."""

    @extend_schema(**describing.ACCOUNTS)
    def get(self, request: Request) -> HttpResponse:
        """How the accounts of the page stand."""
        parameters = Parameters(request, ("cloud", "native_id", *cursors.ACCEPTED))
        page = cursors.parse(parameters, whose=f"accounts of {self.customer_id}")
        only = {name: values for name in ("cloud", "native_id") if (values := parameters.values(name))}
        parameters.require_sound()
        found = CloudAccount.objects.filter(customer_id=self.customer_id, pk__gt=page.after or 0)
        found = found.filter(**{f"{name}__in": values for name, values in only.items()})
        ids = list(found.order_by("pk").values_list("pk", flat=True)[: page.limit + 1])
        known = statuses.statuses(customer_id=self.customer_id, account_ids=ids[: page.limit])
        data = [shown(account) for account in sorted(known, key=lambda account: account.id)]
        last = ids[page.limit - 1] if len(ids) > page.limit else None
        return json(cursors.envelope(request, page, data, last=last))

    @extend_schema(**describing.CREATE)
    def post(self, request: Request) -> HttpResponse:
        """The account is claimed and will be connected; saying it again changes nothing."""
        Parameters(request, ()).require_sound()
        claim = parse_claim(request.data)
        try:
            account_id = onboarding.claim(
                customer_id=self.customer_id, cloud=claim.cloud, credentials=claim.credentials, now=now()
            )
        except CustomerProblem as problem:
            raise problems.of_customer(problem) from problem
        except Unavailable as busy:
            raise problems.later(str(busy)) from busy
        nudge()
        account = self.known(account_id)
        content = {**shown(account), "instructions": instructions_for(account)}
        answer = json(content, status=202 if account.state in _UNSETTLED else 200)
        answer.headers["Location"] = f"{request.path.rstrip('/')}/{account_id}"
        return answer


class Account(AccountView):
    """`GET accounts/{id}` and `DELETE accounts/{id}`."""

    @extend_schema(**describing.ACCOUNT)
    def get(self, request: Request, account_id: int) -> HttpResponse:
        """How the account stands."""
        Parameters(request, ()).require_sound()
        return json(shown(self.known(account_id)))

    @extend_schema(**describing.DELETE)
    def delete(self, request: Request, account_id: int) -> HttpResponse:
        """The account will be disconnected and removed with all that was recorded of it; or what that would be."""
        parameters = Parameters(request, ("dry_run",))
        is_dry = parameters.flag("dry_run")
        parameters.require_sound()
        account = self.known(account_id)
        if is_dry:
            try:
                preview = removal.preview(account_id=account_id, now=now())
            except ValueError as gone:  # removed since we looked
                raise NotFound from gone
            return json({"account": shown(account), "would_remove": preview._asdict()})
        self.wish(account_id, onboarding.delete)
        return self._soon(account_id)

    def _soon(self, account_id: int) -> HttpResponse:
        return json(shown(self.known(account_id)), status=202)


class _Switch(AccountView):
    """`POST accounts/{id}/…`, each of which turns the account on or off."""

    def switch(self, request: Request, account_id: int, service: Callable[..., None]) -> HttpResponse:
        """The wish is stored, and will be brought about."""
        Parameters(request, ()).require_sound()
        self.wish(account_id, service)
        return json(shown(self.known(account_id)), status=202)


class Pause(_Switch):
    """`POST accounts/{id}/pause`."""

    @extend_schema(**describing.PAUSE)
    def post(self, request: Request, account_id: int) -> HttpResponse:
        """From now on the account is not metered."""
        return self.switch(request, account_id, onboarding.pause)


class Unpause(_Switch):
    """`POST accounts/{id}/unpause`."""

    @extend_schema(**describing.UNPAUSE)
    def post(self, request: Request, account_id: int) -> HttpResponse:
        """From now on the account is metered again, unless it is disabled."""
        return self.switch(request, account_id, onboarding.unpause)


class Enable(_Switch):
    """`POST accounts/{id}/enable`."""

    @extend_schema(**describing.ENABLE)
    def post(self, request: Request, account_id: int) -> HttpResponse:
        """From now on the account is metered again, unless it is paused."""
        return self.switch(request, account_id, onboarding.enable)


class Disable(_Switch):
    """`POST accounts/{id}/disable`."""

    @extend_schema(**describing.DISABLE)
    def post(self, request: Request, account_id: int) -> HttpResponse:
        """From now on the account is not metered, and it will be disconnected."""
        return self.switch(request, account_id, onboarding.disable)


class Verify(AccountView):
    """`POST accounts/{id}/verify`."""

    @extend_schema(**describing.VERIFY)
    def post(self, request: Request, account_id: int) -> HttpResponse:
        """The cloud was asked whether the account lets us in, or will be soon."""
        Parameters(request, ()).require_sound()
        account = self.known(account_id)
        if account.state not in ("enabled", *_UNSETTLED):
            raise problems.conflict(f"The account is {_word(account)}, so there is nothing to verify.")
        if account.next_credentials:  # connecting it proves more than a check would
            schedules.plan(account_ids=[account_id], work=[Work.CONNECT], at=now())
            is_asked = False
        else:
            outcome = connecting.check(account_id=account_id, now=now())
            is_asked = outcome.result in (Result.DONE, Result.PROBLEM)
        nudge()
        return json(shown(self.known(account_id)), status=200 if is_asked else 202)


def _word(account: AccountStatus) -> str:
    return {"deleting": "being deleted", "files": "read from files alone"}.get(account.state, account.state)


def nudge() -> None:
    """Whoever brings wishes about looks now; where that cannot be told them, the next tick does."""
    try:
        connect_accounts.delay()
    except OperationalError:
        _log.warning("The broker does not answer; what is due waits for the next tick")
