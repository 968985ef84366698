"""Our way to AWS: clients of our own, and clients in customers' accounts, which only their external id opens."""

import json
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar, cast, overload

import boto3
import botocore.session
from botocore import exceptions
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, ReadOnlyCredentials
from botocore.loaders import Loader

from cloudigrade.clouds.aws import arn, policy
from cloudigrade.clouds.aws.config import PARTITIONS, Section
from cloudigrade.clouds.aws.failures import code, translated
from cloudigrade.clouds.aws.policy import Purpose
from cloudigrade.clouds.aws.throttle import Throttle
from cloudigrade.clouds.cloud import Account
from cloudigrade.clouds.protocol import CustomerProblem, NotSetUp, Unavailable
from cloudigrade.domain.problems import Problem

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_ebs import EBSClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef, CredentialsTypeDef

__all__ = ["CONNECTIONS", "Access", "code", "s3", "translated"]

CONNECTIONS: Final = 16

_PATIENT: Final = Config(
    max_pool_connections=CONNECTIONS,
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "adaptive", "total_max_attempts": 5},
    tcp_keepalive=True,
    user_agent_extra="cloudigrade",  # by which customers know our requests in their own logs
)
_CLIENTS: Final = 128  # kept at a time; one of EC2 takes 1.4 MB and 26 ms to make
_ACCOUNTS: Final = 512  # kept open at a time; 0.13 MB each
_NOTHING: Final = json.dumps(
    {"Version": policy.VERSION, "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
)
_LIFETIME: Final = 3600  # seconds; every role allows as much
_SHORTEST: Final = 900  # seconds; the least that STS accepts
_RESERVE: Final = 300  # seconds; what is begun with credentials ends before they do
_LOADER: Final = Loader()  # the descriptions of services are large, and are read once for all sessions

Key = tuple[str, ...]
Session = botocore.session.Session
K = TypeVar("K")
T = TypeVar("T")


def s3() -> "S3Client":
    """A client by the SDK's own credential chain, which the threads of one reading share."""
    with translated("AWS"):
        return boto3.session.Session().client("s3", config=Config(max_pool_connections=CONNECTIONS))


class _Assumed(Credentials):
    """Credentials of a role, fetched when first needed and anew five minutes before they expire; one thread fetches."""

    def __init__(self, assume: "Callable[[], CredentialsTypeDef]", clock: Callable[[], float]) -> None:
        super().__init__("", "", method="assume-role")
        self._assume = assume
        self._clock = clock
        self._lock = threading.Lock()
        self._held: ReadOnlyCredentials | None = None
        self._good_until = 0.0

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """What requests are signed with."""
        with self._lock:
            if self._held is None or self._clock() >= self._good_until:
                self._held, self._good_until = self._fetched()
            return self._held

    def renew(self) -> None:
        """They are new; until then, and where new ones are refused, those that are held serve whoever uses them."""
        held, good_until = self._fetched()
        with self._lock:
            self._held, self._good_until = held, good_until

    def _fetched(self) -> tuple[ReadOnlyCredentials, float]:
        """New ones, and until when they may be used."""
        asked_at = self._clock()
        found = self._assume()
        given = ReadOnlyCredentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        return given, asked_at + _LIFETIME - _RESERVE


class _Given(CredentialProvider):
    """Hands a session its credentials."""

    METHOD = "assume-role"

    def __init__(self, credentials: _Assumed) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> _Assumed:
        """The credentials."""
        return self._credentials


class _Opened(NamedTuple):
    """A customer's account, for which we have credentials."""

    session: Session
    credentials: _Assumed


class Access:
    """All ways into AWS of one installation: sessions and clients are made once and shared by all threads."""

    def __init__(
        self,
        section: Section,
        environment: str,
        *,
        throttle: Throttle | None = None,
        clock: Callable[[], float] = time.time,  # noqa: TID251 - no fact comes of it, and monotonic time sleeps too
    ) -> None:
        self.section = section
        self.environment = environment
        self._throttle = throttle or Throttle()
        self._clock = clock
        self._lock = threading.RLock()
        self._clients: OrderedDict[Key, Any] = OrderedDict()
        self._sessions: dict[str | None, Session] = {}
        self._opened: OrderedDict[Key, _Opened] = OrderedDict()
        self._account_ids: dict[str, str] = {}

    @cached_property
    def bucket(self) -> str:
        """Our bucket for log files, the same name in every partition."""
        return self.section.bucket or f"{self.environment}-cloudigrade-trails"

    @cached_property
    def log_queue(self) -> str:
        """Our queue of S3 notifications."""
        return self.section.log_queue or f"{self.environment}-cloudigrade-cloudtrail-s3"

    @cached_property
    def notice_queue(self) -> str:
        """Our queue of EventBridge's notices."""
        return self.section.notice_queue or f"{self.environment}-cloudigrade-ec2-events"

    @cached_property
    def results_bucket(self) -> str:
        """Our bucket for what inspectors find on copies."""
        return self.section.results_bucket or f"{self.environment}-cloudigrade-inspections"

    @cached_property
    def results_queue(self) -> str:
        """Our queue that is told of those."""
        return self.section.results_queue or f"{self.environment}-cloudigrade-inspections-s3"

    @cached_property
    def launch_template(self) -> str:
        """What the machines that look at copies are made from."""
        return self.section.launch_template or f"cloudigrade-lt-{self.environment}"

    def home_region(self, partition: str) -> str:
        """The region of the partition where our own bucket and queues lie."""
        return self.section.home_region if partition == "aws" else PARTITIONS[partition]

    def partition_of(self, account: Account) -> str:
        """The partition that the account belongs to."""
        return arn.parse(account.credentials).partition

    def account_id(self, partition: str) -> str:
        """Our own account there, whom customers' roles trust."""
        if partition not in self._account_ids:
            with translated(f"our own identity in {partition}", denied=Unavailable):
                answer = self.own("sts", self.home_region(partition), partition).get_caller_identity()
            self._account_ids[partition] = answer["Account"]
        return self._account_ids[partition]

    @overload
    def own(self, service: Literal["ec2"], region: str, partition: str = "aws") -> "EC2Client": ...
    @overload
    def own(self, service: Literal["s3"], region: str, partition: str = "aws") -> "S3Client": ...
    @overload
    def own(self, service: Literal["sqs"], region: str, partition: str = "aws") -> "SQSClient": ...
    @overload
    def own(self, service: Literal["sts"], region: str, partition: str = "aws") -> "STSClient": ...
    @overload
    def own(self, service: Literal["cloudtrail"], region: str, partition: str = "aws") -> "CloudTrailClient": ...
    def own(self, service: str, region: str, partition: str = "aws") -> Any:
        """A client by our own identity in the partition; raises Unavailable where we have none."""
        with translated(f"our own identity in {partition}", denied=Unavailable):
            return self._client((partition, service, region), lambda: self._own_session(partition))

    @overload
    def client(
        self, account: Account, service: Literal["ec2"], region: str, purpose: Purpose = Purpose.METERING
    ) -> "EC2Client": ...
    @overload
    def client(self, account: Account, service: Literal["ebs"], region: str, purpose: Purpose) -> "EBSClient": ...
    @overload
    def client(self, account: Account, service: Literal["s3"], region: str) -> "S3Client": ...
    @overload
    def client(self, account: Account, service: Literal["sts"], region: str) -> "STSClient": ...
    @overload
    def client(self, account: Account, service: Literal["cloudtrail"], region: str) -> "CloudTrailClient": ...
    def client(self, account: Account, service: str, region: str, purpose: Purpose = Purpose.METERING) -> Any:
        """A client in the customer's account, whose role is assumed by now; raises CustomerProblem or Unavailable.

        It may do what its purpose needs, and nothing else.
        """
        key, opened = self._entry(account, purpose)
        with translated(f"account {account.native_id}"):
            opened.credentials.get_frozen_credentials()
            return self._client((*key, service, region), lambda: opened.session, watched=account.native_id)

    def renew(self, account: Account) -> None:
        """The account's role has let us in just now, whatever was kept; raises CustomerProblem or Unavailable.

        Where it refuses us, nobody gets another client with what was kept; whoever has one goes on until it expires.
        """
        key, opened = self._entry(account, Purpose.METERING)
        with translated(f"account {account.native_id}"):
            try:
                opened.credentials.renew()
            except CustomerProblem:
                self._forget(key[:2])
                raise

    def _entry(self, account: Account, purpose: Purpose) -> tuple[Key, "_Opened"]:
        role = _opened_by_external_id(account)
        principal = self.account_id(role.partition) if purpose is Purpose.COPYING else ""
        key = (str(role), account.external_id, purpose.value)
        with self._lock:
            return key, _kept(self._opened, _ACCOUNTS, key, lambda: self._open(account, role, purpose, principal))

    def _forget(self, key: Key) -> None:
        """Nothing that begins with the key is kept."""
        with self._lock:
            for kept in (self._opened, self._clients):
                for each in [each for each in kept if each[: len(key)] == key]:
                    del kept[each]

    def is_open_to_anyone(self, account: Account) -> bool:
        """Whether the role can be assumed without its external id; raises Unavailable if that cannot be told now.

        Tried with none and with one that nobody has: a condition may demand that there be any, whichever.
        """
        role = arn.parse(account.credentials)
        request = _request(role, _NOTHING, _SHORTEST)
        return self._is_let_in(role, request) or self._is_let_in(role, {**request, "ExternalId": str(uuid.uuid4())})

    def _is_let_in(self, role: arn.Role, request: "AssumeRoleRequestTypeDef") -> bool:
        # The answer alone is wanted: credentials that came with it would be good for nothing, and are dropped.
        try:
            self._assume(role, request)
        except CustomerProblem:
            return False
        return True

    def _own_session(self, partition: str) -> Session:
        profile = {"aws-cn": self.section.cn_profile, "aws-us-gov": self.section.us_gov_profile}.get(partition)
        if profile not in self._sessions:
            self._sessions[profile] = self._new_session(profile or None)
        return self._sessions[profile]

    def _open(self, account: Account, role: arn.Role, purpose: Purpose, principal: str) -> "_Opened":
        allowed = policy.session_policy(
            role.partition, self.environment, role.account, purpose=purpose, principal=principal
        )
        request: AssumeRoleRequestTypeDef = {**_request(role, allowed, _LIFETIME), "ExternalId": account.external_id}
        credentials = _Assumed(lambda: self._assume(role, request), self._clock)
        made = self._new_session(None)
        made.register_component("credential_provider", CredentialResolver([_Given(credentials)]))
        return _Opened(made, credentials)

    @staticmethod
    def _new_session(profile: str | None) -> Session:
        made = Session(profile=profile)
        made.register_component("data_loader", _LOADER)
        # Tokens of regional endpoints are valid in all regions, those of the global one only where no opt-in is needed
        # (IAM user guide, "Manage AWS STS in an AWS Region").
        made.set_config_variable("sts_regional_endpoints", "regional")
        return made

    def _assume(self, role: arn.Role, request: "AssumeRoleRequestTypeDef") -> "CredentialsTypeDef":
        client = self.own("sts", self.home_region(role.partition), role.partition)
        with translated(f"the role of account {role.account}", denied=Unavailable):
            try:
                return client.assume_role(**request)["Credentials"]
            except exceptions.ClientError as error:
                if code(error) not in {"AccessDenied", "AccessDeniedException"}:
                    raise  # others say that we are not who we say, that STS is not well, or that our request is wrong
                raise CustomerProblem(f"AWS answers {code(error)} for {role}", Problem.NO_ACCESS) from error

    def _client(self, key: Key, session: Callable[[], Session], *, watched: str = "") -> Any:
        def made() -> Any:
            *_, service, region = key
            try:
                client = session().create_client(cast("Any", service), region_name=region, config=_PATIENT)
            except ValueError as error:  # an endpoint in the SDK's own configuration that is no URL
                raise NotSetUp(f"the AWS SDK's configuration: {error}") from error
            if watched:
                self._throttle.watch(client, watched)
            return client

        with self._lock:  # sessions of the SDK must not make two clients at once
            return _kept(self._clients, _CLIENTS, key, made)


def _opened_by_external_id(account: Account) -> arn.Role:
    """The role of the account, which nobody opens without an external id, nor under another account's name."""
    if not account.external_id:
        raise ValueError(f"account {account.native_id} is never opened without an external id")
    role = arn.parse(account.credentials)
    if role.account != account.native_id:
        raise ValueError(f"the role belongs to account {role.account}, and not to {account.native_id}")
    return role


def _request(role: arn.Role, allowed: str, lifetime: int) -> "AssumeRoleRequestTypeDef":
    return {
        "RoleArn": str(role),
        "RoleSessionName": f"cloudigrade-{role.account}",
        "Policy": allowed,
        "DurationSeconds": lifetime,
    }


def _kept(kept: "OrderedDict[K, T]", limit: int, key: K, make: Callable[[], T]) -> T:
    """What is kept under the key, made if need be; what was not asked for the longest gives way."""
    if key not in kept:
        kept[key] = make()
        if len(kept) > limit:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]
