"""A customer with accounts in the fake cloud, and short ways to look at how they stand."""

from datetime import datetime, timedelta
from typing import Any

from cloudigrade.models import CloudAccount, DueWork
from cloudigrade.services import accounts, external_ids, onboarding
from cloudigrade.services.connecting import Outcome, Result
from tests.builders import ACCOUNT, AS_OF
from tests.fake_cloud import FakeCloud

MINUTE = timedelta(minutes=1)


class Owner:
    """The customer."""

    def __init__(self, cloud: FakeCloud, org_id: str = "11") -> None:
        self.cloud = cloud
        self.customer_id = accounts.ensure_customer(org_id=org_id, now=AS_OF)
        self.external_id = external_ids.for_customer(customer_id=self.customer_id, now=AS_OF)

    def arn(self, native_id: str = ACCOUNT, **more: Any) -> str:
        """Of a role in a new account, which demands this customer's external id."""
        return self.cloud.add(native_id, self.external_id, **more).arn

    def claim(self, arn: str = "", *, now: datetime = AS_OF, **more: Any) -> int:
        given = arn or self.arn()
        return onboarding.claim(customer_id=self.customer_id, cloud="aws", credentials=given, now=now, **more)

    def connected(self, native_id: str = ACCOUNT, **more: Any) -> int:
        """The id of an account that is connected."""
        account_id = self.claim(self.arn(native_id), **more)
        assert connect(account_id).result is Result.DONE
        return account_id


def connect(account_id: int, now: datetime = AS_OF) -> Outcome:
    return onboarding.connect(account_id=account_id, now=now)


def row(account_id: int) -> CloudAccount:
    return CloudAccount.objects.get(pk=account_id)


def state(account_id: int) -> tuple[str, bool, bool, str]:
    account = row(account_id)
    return account.wanted, account.is_verified, account.is_enabled, account.problem_code


def due(account_id: int) -> dict[str, float]:
    """What is due for the account, in minutes from now."""
    found = DueWork.objects.filter(account_id=account_id)
    return {work.work: (work.due_at - AS_OF) / MINUTE for work in found}


NEW = ("enabled", False, False, "")
GOOD = ("enabled", True, True, "")
