"""The Sources API: ids in, what Sources knows of them out, always in one customer's name."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from cloudigrade.redhat import request_ids
from cloudigrade.redhat.calls import Calls, Unanswered
from cloudigrade.redhat.config import Section
from cloudigrade.redhat.messages import ACCOUNT_NUMBER, ORG_ID, REQUEST_ID, parse_id

APPLICATION_TYPE: Final = "/insights/platform/cloud-meter"
PSK: Final = "x-rh-sources-psk"
_INTERNAL, _PUBLIC = "/internal/v1.0", "/api/sources/v3.0"
_PAGE, _MOST_PAGES = 100, 50
_MOST_REMEMBERED = 10_000

Id = str | int
T = TypeVar("T")


class SourcesUnavailable(Unanswered):
    """Sources gave no answer that can be used: it is out of order, or it says what cannot be; try again later (C18)."""


class Tenant(NamedTuple):
    """In whose name Sources is asked; one of the two may be empty."""

    org_id: str
    account_number: str


class Authentication(NamedTuple):
    """What opens a customer's cloud account."""

    id: str
    authtype: str
    token: str
    """The user name, else the password: an ARN, a subscription; empty where neither is there."""
    external_id: str
    resource_type: str


class Application(NamedTuple):
    """The use that a customer makes of a source."""

    id: str
    source_id: str
    application_type_id: str
    is_paused: bool


class ApplicationAuthentication(NamedTuple):
    """An application's use of an authentication."""

    application_id: str
    authentication_id: str


class Source(NamedTuple):
    """A customer's connection."""

    id: str


class Sources:
    """The API at one address; of use to many threads at once."""

    def __init__(
        self,
        base_url: str,
        psk: str,
        *,
        timeout: float = 10.0,
        application_type_ttl: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = base_url
        self._psk = psk
        self._calls = Calls(base_url, name="Sources", timeout=timeout, error=SourcesUnavailable, sleep=sleep)
        self._ttl = application_type_ttl
        self._clock = clock
        self._types: dict[Tenant, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """No connection is open any more."""
        self._calls.close()

    def authentication(self, tenant: Tenant, authentication_id: str) -> Authentication | None:
        """The authentication with its secret part; None where Sources knows none of that id."""
        path = f"{_INTERNAL}/authentications/{quote(authentication_id, safe='')}"
        answer = self._get(tenant, path, {"expose_encrypted_attribute[]": "password"})
        if answer is None:
            return None
        found = _shaped(answer, _Authentication)
        _is_asked_for(found.id, authentication_id)
        return Authentication(
            id=str(found.id),
            authtype=found.authtype or "",
            token=found.username or found.password or "",
            external_id=_external_id(found.extra),
            resource_type=found.resource_type or "",
        )

    def application(self, tenant: Tenant, application_id: str) -> Application | None:
        """The application; None where Sources knows none of that id."""
        answer = self._get(tenant, f"{_PUBLIC}/applications/{quote(application_id, safe='')}")
        if answer is None:
            return None
        found = _shaped(answer, _Application)
        _is_asked_for(found.id, application_id)
        return Application(
            str(found.id), _number(found.source_id), str(found.application_type_id), bool(found.paused_at)
        )

    def application_authentications(self, tenant: Tenant, authentication_id: str) -> list[ApplicationAuthentication]:
        """Which applications use the authentication."""
        found: list[ApplicationAuthentication] = []
        for page in range(_MOST_PAGES):
            given = {
                "filter[authentication_id]": authentication_id,
                "limit": str(_PAGE),
                "offset": str(page * _PAGE),
            }
            rows = self._listed(tenant, "application_authentications", given, _ApplicationAuthentication)
            pairs = [ApplicationAuthentication(_number(row.application_id), str(row.authentication_id)) for row in rows]
            # an answer to another question must not connect anything
            found += [pair for pair in pairs if pair.authentication_id == authentication_id]
            if len(rows) < _PAGE:
                return found
        raise SourcesUnavailable("Sources lists applications without end")

    def source(self, tenant: Tenant, source_id: str) -> Source | None:
        """The source; None where Sources knows none of that id."""
        answer = self._get(tenant, f"{_PUBLIC}/sources/{quote(source_id, safe='')}")
        if answer is None:
            return None
        found = _shaped(answer, _Source)
        _is_asked_for(found.id, source_id)
        return Source(str(found.id))

    def application_type_id(self, tenant: Tenant) -> str:
        """What Sources calls our type of application; remembered for a while."""
        now = self._clock()
        known = self._types.get(tenant)
        if known and now < known[0]:
            return known[1]
        rows = self._listed(tenant, "application_types", {"filter[name]": APPLICATION_TYPE}, _ApplicationType)
        named = [str(row.id) for row in rows if row.name in (APPLICATION_TYPE, None)]
        if len(named) != 1:
            raise SourcesUnavailable("Sources does not know our type of application")
        with self._lock:
            if len(self._types) >= _MOST_REMEMBERED:
                self._types.clear()
            self._types[tenant] = (now + self._ttl, named[0])
        return named[0]

    def _listed(self, tenant: Tenant, name: str, params: Mapping[str, str], row: type[T]) -> list[T]:
        answer = self._get(tenant, f"{_PUBLIC}/{name}", params)
        if answer is None:
            raise SourcesUnavailable(f"Sources has no list of {name}")
        return [_shaped(each, row) for each in _shaped(answer, _List).data]

    def _get(self, tenant: Tenant, path: str, params: Mapping[str, str] | None = None) -> Any | None:
        if not self._base_url:
            raise SourcesUnavailable("no address of Sources is set (SOURCES_API_BASE_URL)")
        if not self._psk:
            raise SourcesUnavailable("no key for Sources is set (SOURCES_PSK)")
        named = {
            ORG_ID: tenant.org_id,
            ACCOUNT_NUMBER: tenant.account_number,
            REQUEST_ID: request_ids.current().outgoing,
        }
        headers = {PSK: self._psk, **{name: value for name, value in named.items() if value}}
        return self._calls.get(path, headers=headers, params=params)


def connected(section: Section) -> Sources:
    """The API that the settings name."""
    return Sources(
        section.sources_url,
        section.sources_psk.get_secret_value(),
        timeout=section.sources_timeout,
        application_type_ttl=section.application_type_ttl,
    )


class _Authentication(msgspec.Struct):
    id: Id
    authtype: str | None = None
    username: str | None = None
    password: str | None = None
    extra: dict[str, Any] | None = None
    resource_type: str | None = None


class _Application(msgspec.Struct):
    id: Id
    source_id: Id
    application_type_id: Id
    paused_at: str | None = None


class _ApplicationAuthentication(msgspec.Struct):
    application_id: Id
    authentication_id: Id


class _Source(msgspec.Struct):
    id: Id


class _ApplicationType(msgspec.Struct):
    id: Id
    name: str | None = None


class _List(msgspec.Struct):
    data: list[Any]


def _shaped(answer: Any, shape: type[T]) -> T:
    try:
        return msgspec.convert(answer, shape)
    except msgspec.ValidationError:
        raise SourcesUnavailable("Sources answered with JSON of another shape than it documents") from None


def _is_asked_for(found: Id, wanted: str) -> None:
    if str(found) != wanted:  # as text: numbers and text are the same id (C17)
        raise SourcesUnavailable("Sources answered with another thing than it was asked for")


def _number(given: Id) -> str:
    """The id, which we keep as a number."""
    try:
        return parse_id(given)
    except ValueError:
        raise SourcesUnavailable("Sources answered with an id that is none") from None


def _external_id(extra: Mapping[str, Any] | None) -> str:
    value = (extra or {}).get("external_id")
    return value if isinstance(value, str) else ""
