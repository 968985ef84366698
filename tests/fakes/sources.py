"""A Sources service in memory: it answers the calls we make, tells Kafka what happens, and hears how applications are.

Ids, shapes and errors are those of its published API (sources-api 3.1: ids are text of digits, lists have meta, links
and data); events are those it writes when sources are created, changed and destroyed, in that order. A customer's
things do not exist for another customer. It fails on demand.
"""

import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qs, urlsplit

from confluent_kafka import Message

from tests.kafka_broker import Servers

PSK = "sources-made-up-key"
METER_TYPE = "/insights/platform/cloud-meter"
OTHER_TYPE = "/insights/platform/cost-management"
TYPES = {METER_TYPE: "10", OTHER_TYPE: "2"}
AT = "2026-03-02T00:00:00Z"
FIRST_ID = 257
"""Numbers from here on are no longer one object each in Python (C17)."""

Row = dict[str, Any]
KINDS = ("sources", "endpoints", "applications", "application_authentications", "authentications")


class Made(NamedTuple):
    """The ids of what a customer's wizard makes at once."""

    source_id: str
    application_id: str
    authentication_id: str
    application_authentication_id: str


class Request(NamedTuple):
    """A call of ours."""

    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]


@dataclass
class Tenant:
    """One customer's part, by kind and id."""

    org_id: str
    account_number: str
    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    @property
    def headers(self) -> dict[str, bytes]:
        named = {"x-rh-sources-org-id": self.org_id, "x-rh-sources-account-number": self.account_number}
        return {name: value.encode() for name, value in named.items() if value}


class FakeSources:
    """Sources; `running` gives one that answers."""

    def __init__(self, kafka: Servers | None = None, *, events: str = "", statuses: str = "") -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.answers: list[tuple[int, bytes] | threading.Event] = []
        """What the next calls are answered instead of the truth; an event: nothing until it is set."""
        self.told = 0
        """Events written to Kafka."""
        self.redirect = ""
        """Where every call is sent instead."""
        self._kafka = kafka
        self._events, self._statuses = events, statuses
        self._heard: set[tuple[int | None, int | None]] = set()
        self._said: dict[str, tuple[str, str]] = {}
        self._tenants: list[Tenant] = []
        self._ids = itertools.count(FIRST_ID)
        self._lock = threading.RLock()

    # What customers do

    def create(
        self,
        arn: str,
        *,
        org_id: str = "11",
        account_number: str = "",
        external_id: str = "",
        application_type: str = METER_TYPE,
        **more: Any,
    ) -> Made:
        """A source with an application and its authentication, made at once; `more` is of the authentication."""
        tenant = self._tenant(org_id, account_number)
        extra: Row = {"extra": {"external_id": external_id}} if external_id else {}
        source = self._add(tenant, "sources", name="my cloud", source_type_id="1")
        endpoint = self._add(tenant, "endpoints", source_id=source["id"])
        application = self._add(
            tenant, "applications", source_id=source["id"], application_type_id=TYPES[application_type]
        )
        row: Row = {"authtype": "cloud-meter-arn", "username": arn, "resource_type": "Application", "version": "1"}
        row |= {"resource_id": application["id"], **extra, **more}
        authentication = self._add(tenant, "authentications", **row)
        link = self._add(
            tenant,
            "application_authentications",
            application_id=application["id"],
            authentication_id=authentication["id"],
            authentication_uid=authentication["id"],
        )
        self._tell(tenant, "Source.create", source)
        self._tell(tenant, "Endpoint.create", endpoint)
        self._tell(tenant, "Application.create", application)
        self._tell(tenant, "ApplicationAuthentication.create", link)
        self._tell(tenant, "Authentication.create", authentication)
        return Made(source["id"], application["id"], authentication["id"], link["id"])

    def change(self, authentication_id: str, **fields: Any) -> None:
        """The authentication has these instead."""
        tenant, row = self._find("authentications", authentication_id)
        row.update(fields)
        self._tell(tenant, "Authentication.update", row)

    def pause(self, application_id: str) -> None:
        tenant, row = self._find("applications", application_id)
        row["paused_at"] = AT
        self._tell(tenant, "Application.pause", row)

    def unpause(self, application_id: str) -> None:
        tenant, row = self._find("applications", application_id)
        row.pop("paused_at")
        self._tell(tenant, "Application.unpause", row)

    def destroy(self, source_id: str) -> None:
        """The source is gone with all that belongs to it, the innermost first."""
        tenant, _ = self._find("sources", source_id)
        applications = [row["id"] for row in tenant.rows["applications"].values() if row["source_id"] == source_id]
        links = tenant.rows["application_authentications"]
        for link in [row for row in links.values() if row["application_id"] in applications]:
            self._remove(tenant, "application_authentications", link["id"])
            self._remove(tenant, "authentications", link["authentication_id"])
        for application_id in applications:
            self._remove(tenant, "applications", application_id)
        for endpoint in [row["id"] for row in tenant.rows["endpoints"].values() if row["source_id"] == source_id]:
            self._remove(tenant, "endpoints", endpoint)
        self._remove(tenant, "sources", source_id)

    # What customers see

    def availability(self, application_id: str) -> tuple[str, str]:
        """Status and error of the application, as last heard; of one that is gone, too."""
        self._hear()
        return self._said.get(application_id, ("", ""))

    # What tests say

    def fail(self, status: int = 500, content: bytes = b"out of order", *, times: int = 1) -> None:
        """The next so many calls are answered so."""
        self.answers += [(status, content)] * times

    def hang(self) -> threading.Event:
        """The next call is not answered until the event is set."""
        until = threading.Event()
        self.answers.append(until)
        return until

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    # Inside

    def _tenant(self, org_id: str, account_number: str) -> Tenant:
        with self._lock:
            for tenant in self._tenants:
                if (org_id and tenant.org_id == org_id) or (not org_id and tenant.account_number == account_number):
                    return tenant
            self._tenants.append(Tenant(org_id, account_number))
            return self._tenants[-1]

    def _add(self, tenant: Tenant, kind: str, **fields: Any) -> Row:
        with self._lock:
            row = {"id": str(next(self._ids)), "created_at": AT, "updated_at": AT, **fields}
            tenant.rows[kind][row["id"]] = row
            return row

    def _find(self, kind: str, pk: str) -> tuple[Tenant, Row]:
        return next((tenant, tenant.rows[kind][pk]) for tenant in self._tenants if pk in tenant.rows[kind])

    def _remove(self, tenant: Tenant, kind: str, pk: str) -> None:
        row = tenant.rows[kind].pop(pk)
        named = {"application_authentications": "ApplicationAuthentication"}.get(kind, kind[:-1].capitalize())
        self._tell(tenant, f"{named}.destroy", row)

    def _tell(self, tenant: Tenant, event_type: str, row: Row) -> None:
        if self._kafka is None:
            return
        # events have numbers where the API has text, but for the ids of authentications
        body = {
            name: int(value) if _is_number(event_type, name, value) else value
            for name, value in row.items()
            if name != "password"
        }
        headers = {"event_type": event_type.encode(), "encoding": b"json", **tenant.headers}
        key = (tenant.org_id or tenant.account_number).encode()
        self.told += 1
        self._kafka.send(self._events, json.dumps({**body, "tenant": tenant.account_number}).encode(), headers, key=key)

    def _hear(self) -> None:
        """Everything in the status topic has been read, and what it says of applications holds."""
        assert self._kafka is not None
        for message in self._kafka.read_all(self._statuses):
            place = (message.partition(), message.offset())
            if place not in self._heard:
                self._heard.add(place)
                self._take(message)

    def _take(self, message: Message) -> None:
        headers = dict(message.headers() or [])
        assert headers["event_type"] == b"availability_status"
        body = json.loads(message.value() or b"")
        assert body["resource_type"] == "Application"
        assert body["status"] in ("available", "unavailable")
        self._said[str(body["resource_id"])] = (body["status"], body["error"])
        for tenant in self._tenants:
            application = tenant.rows["applications"].get(str(body["resource_id"]))
            if application is not None and headers["x-rh-sources-org-id"] == tenant.org_id.encode():
                application |= {"availability_status": body["status"], "availability_status_error": body["error"]}
                self._tell(tenant, "Records.update", application)

    def answer(self, request: Request) -> tuple[int, Any]:
        """Status and body."""
        if request.headers.get("x-rh-sources-psk") != PSK:
            return _error(HTTPStatus.UNAUTHORIZED, "Unauthorized Action: Incorrect PSK")
        org_id = request.headers.get("x-rh-sources-org-id", "")
        account_number = request.headers.get("x-rh-sources-account-number", "")
        if not (org_id or account_number):
            return _error(HTTPStatus.UNAUTHORIZED, "Unauthorized Action: no tenant")
        with self._lock:
            return self._found(self._tenant(org_id, account_number), request)

    def _found(self, tenant: Tenant, request: Request) -> tuple[int, Any]:
        match request.path.strip("/").split("/"):
            case ["internal", "v1.0", "authentications", pk]:
                row = tenant.rows["authentications"].get(pk)
                shows = request.query.get("expose_encrypted_attribute[]") == ["password"]
                return _one(row if shows else _without(row, "password"))
            case ["api", "sources", "v3.0", ("applications" | "sources") as kind, pk]:
                return _one(tenant.rows[kind].get(pk))
            case ["api", "sources", "v3.0", "application_types"]:
                rows = [{"id": pk, "name": name, "created_at": AT} for name, pk in TYPES.items()]
                return _list(rows, request)
            case ["api", "sources", "v3.0", "application_authentications"]:
                return _list(list(tenant.rows["application_authentications"].values()), request)
        return _error(HTTPStatus.NOT_FOUND, "Not Found")


def _is_number(event_type: str, name: str, value: Any) -> bool:
    is_text = name == "id" and event_type.startswith("Authentication.")
    return isinstance(value, str) and (name == "id" or name.endswith("_id")) and not is_text


def _without(row: Row | None, name: str) -> Row | None:
    return row and {key: value for key, value in row.items() if key != name}


def _one(row: Row | None) -> tuple[int, Any]:
    return (HTTPStatus.OK, row) if row else _error(HTTPStatus.NOT_FOUND, "resource not found")


def _list(rows: list[Row], request: Request) -> tuple[int, Any]:
    """The page of those that fit all filters."""
    filters = {name[7:-1]: given[0] for name, given in request.query.items() if name.startswith("filter[")}
    fitting = [row for row in rows if all(str(row.get(name)) == value for name, value in filters.items())]
    limit, offset = (
        int(request.query.get(name, [default])[0]) for name, default in (("limit", "100"), ("offset", "0"))
    )
    meta = {"count": len(fitting), "limit": limit, "offset": offset}
    links = {"first": request.path, "last": request.path}
    return HTTPStatus.OK, {"meta": meta, "links": links, "data": fitting[offset : offset + limit]}


def _error(status: int, detail: str) -> tuple[int, Any]:
    return int(status), {"errors": [{"detail": detail, "status": str(int(status))}]}


@contextmanager
def running(kafka: Servers | None = None, *, events: str = "", statuses: str = "") -> Iterator[FakeSources]:
    """Sources answers on the loopback address until the block ends."""
    sources = FakeSources(kafka, events=events, statuses=statuses)

    class Handler(_Handler):
        service = sources

    with _Server(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        sources.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield sources
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Whoever asks may die before the answer."""


class _Handler(BaseHTTPRequestHandler):
    service: ClassVar[FakeSources]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(parts.path, parse_qs(parts.query), headers)
        self.service.requests.append(request)
        if self.service.redirect:
            self._write(HTTPStatus.FOUND, b"", location=self.service.redirect)
            return
        instead = self.service.answers.pop(0) if self.service.answers else None
        if isinstance(instead, threading.Event):
            instead.wait(30)
            self.close_connection = True
        elif instead is not None:
            self._write(*instead)
        else:
            status, body = self.service.answer(request)
            self._write(status, json.dumps(body).encode())

    def _write(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        named = {"content-type": "application/json", "content-length": str(len(content)), **headers}
        for name, value in named.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""
