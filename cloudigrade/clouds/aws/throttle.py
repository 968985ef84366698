"""How fast we call AWS in a customer's account: one token bucket per account and family of APIs."""

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from botocore.client import BaseClient

_MANY: Final = 4096
_READING: Final = ("Describe", "Get", "List")


class Limit(NamedTuple):
    """A bucket holds `burst` tokens at most and gains `rate` of them in a second; a request costs one."""

    burst: int
    rate: float


# The limits are the account's, and its owner's own programs live on what we leave. AWS documents for each account and
# region: EC2 100 non-mutating requests at once and 20 a second (EC2 developer guide, "Request throttling for the Amazon
# EC2 API"); CloudTrail 10 a second to get, describe and list, 1 a second for the others (CloudTrail user guide,
# "Quotas"); S3 5,500 a second for each prefix (S3 user guide, "Optimizing performance"); EBS 1,000 blocks a second (AWS
# general reference, "Amazon EBS endpoints and quotas"). Ours is one bucket for all regions of an account; the few
# requests of one onboarding may come at once.
LIMITS: Final[Mapping[str, Limit]] = {
    "ebs-read": Limit(200, 200),
    "ec2-read": Limit(50, 10),
    "ec2-write": Limit(5, 1),
    "cloudtrail-read": Limit(10, 5),
    "cloudtrail-write": Limit(5, 0.5),
    "s3-read": Limit(500, 250),
    "sts-read": Limit(20, 10),
}
OTHERS: Final = Limit(10, 5)


class _Bucket:
    """Tokens at a time; fewer than none are promised to those who wait."""

    def __init__(self, limit: Limit, at: float) -> None:
        self.limit = limit
        self.tokens = float(limit.burst)
        self.at = at

    def fill(self, now: float) -> float:
        """It holds what it has gained by now; how much that is."""
        gained = max(now - self.at, 0.0) * self.limit.rate
        self.tokens = min(self.tokens + gained, float(self.limit.burst))
        self.at = max(now, self.at)
        return self.tokens


class Throttle:
    """Makes callers wait for their token, first come first served; shared by all threads."""

    def __init__(
        self,
        limits: Mapping[str, Limit] = LIMITS,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def take(self, account: str, family: str) -> None:
        """A token of the account's bucket for this family is taken, after as long as that needs."""
        with self._lock:
            bucket = self._bucket(account, family)
            bucket.tokens -= 1
            missing = -bucket.tokens / bucket.limit.rate
        if missing > 0:
            self._sleep(missing)

    def watch(self, client: "BaseClient", account: str) -> None:
        """Every request of this client, repeated ones too, takes a token of the account first."""
        service = client.meta.service_model.service_name
        # First of all: a request that was signed before it waited would be refused as too old.
        client.meta.events.register_first("request-created", partial(self._before, account, service))

    def _before(self, account: str, service: str, operation_name: str, **_: Any) -> None:
        self.take(account, family(service, operation_name))

    def _bucket(self, account: str, family: str) -> _Bucket:
        now = self._clock()
        if len(self._buckets) >= _MANY:  # a full bucket is as good as none
            self._buckets = {key: each for key, each in self._buckets.items() if each.fill(now) < each.limit.burst}
        limit = self._limits.get(family, OTHERS)
        bucket = self._buckets.setdefault((account, family), _Bucket(limit, now))
        bucket.fill(now)
        return bucket


def family(service: str, operation: str) -> str:
    """The family of APIs whose limit the operation shares."""
    kind = "read" if operation.startswith((*_READING, "Head")) else "write"
    return f"{service}-{kind}"
