"""The words that customers' clouds demand of us: each is one customer's for good, so nobody can use another's (S1)."""

import re
import uuid
from datetime import datetime

from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain.problems import Problem
from cloudigrade.models import ExternalId

_ACCEPTED = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
"""As AWS has it: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""


def for_customer(*, customer_id: int, now: datetime) -> str:
    """The word that we made for the customer, once."""
    own = ExternalId.objects.filter(customer_id=customer_id, is_generated=True).values_list("value", flat=True)
    if not own:
        _keep(ExternalId(customer_id=customer_id, value=str(uuid.uuid4()), is_generated=True, created_at=now))
    return own.get()


def bind(*, customer_id: int, value: str, now: datetime) -> str:
    """The word is the customer's, who brought it along; raises CustomerProblem where it is another's."""
    if not _ACCEPTED.fullmatch(value):
        raise CustomerProblem("the external id has characters or a length that AWS does not accept")
    _keep(ExternalId(customer_id=customer_id, value=value, is_generated=False, created_at=now))
    if not ExternalId.objects.filter(customer_id=customer_id, value=value).exists():
        raise CustomerProblem("the external id is in use", Problem.EXTERNAL_ID_TAKEN)
    return value


def _keep(new: ExternalId) -> None:
    """The word is stored, unless it or another of its kind was stored before; waits for whoever is about to."""
    ExternalId.objects.bulk_create([new], ignore_conflicts=True)
