"""What operators set going: rows are marked, a message is queued as a nudge, and the answer does not wait."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Final

import msgspec
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cloudigrade.api.authentication import OperatorAuthentication
from cloudigrade.api.internal import bodies, schema
from cloudigrade.clouds.protocol import Unavailable
from cloudigrade.redhat import messages
from cloudigrade.redhat.messages import MalformedMessage
from cloudigrade.redhat.sources import SourcesUnavailable
from cloudigrade.services import recalculation, sources
from cloudigrade.tasks import reconciliation
from cloudigrade.tasks.metering import rebuild_runs, recalculate_usage

_IDENTITY: Final = "x-rh-identity"
_FUNCTIONS: Final = {
    messages.CLAIMED: "create_from_sources_kafka_message",
    messages.WITHDRAWN: "delete_from_sources_kafka_message",
    messages.UPDATED: "update_from_sources_kafka_message",
    messages.PAUSED: "pause_from_sources_kafka_message",
    messages.UNPAUSED: "unpause_from_sources_kafka_message",
    messages.APPLICATION_GONE: "delete_from_sources_kafka_message",
    messages.SOURCE_GONE: "delete_from_sources_kafka_message",
}
"""What each event type sets going, by the names that callers know."""
_QUEUED: Final = {202: None}


class SourcesDown(APIException):
    """Sources, which has to be asked, does not answer."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Sources does not answer, try again later."
    default_code = "sources_unavailable"


class Trigger(APIView):
    """Something that operators set going."""

    authentication_classes = [OperatorAuthentication]


class DeleteCloudAccountsNotInSources(Trigger):
    """Accounts that Sources does not know any more are looked for, and deleted."""

    @extend_schema(**schema.described("deleteCloudAccountsNotInSources", _QUEUED))
    def post(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """The search is queued."""
        reconciliation.begin_reconciliation.delay_on_commit()
        return Response(status=status.HTTP_202_ACCEPTED)


class MigrateAccountNumbersToOrgIds(Trigger):
    """Customers that are known by their account number only get their org id."""

    @extend_schema(**schema.described("migrateAccountNumbersToOrgIds", _QUEUED))
    def post(self, request: Request) -> Response:  # noqa: ARG002 - likewise
        """The translation is queued."""
        reconciliation.translate_account_numbers.delay_on_commit()
        return Response(status=status.HTTP_202_ACCEPTED)


_RUNS: Final = inline_serializer(
    "InternalRecalculateRuns",
    {
        "cloud_account_id": serializers.IntegerField(required=False, allow_null=True, help_text="Else all accounts."),
        "since": serializers.DateTimeField(
            required=False, allow_null=True, help_text="Instances with an event since then; else all."
        ),
    },
)
_USAGE: Final = inline_serializer(
    "InternalRecalculateConcurrentUsage",
    {
        "user_id": serializers.IntegerField(required=False, allow_null=True, help_text="Else all customers."),
        "since": serializers.DateField(required=False, allow_null=True, help_text="First day; else every day."),
    },
)


class RecalculateRuns(Trigger):
    """Runs are made anew from their events."""

    @extend_schema(**schema.described("recalculateRuns", _QUEUED, body=_RUNS))
    def post(self, request: Request) -> Response:
        """The instances are marked."""
        body = bodies.fields(request)
        account, since = bodies.reference(body, "cloud_account_id"), bodies.moment(body, "since")
        recalculation.mark_runs(account_id=account, since=since, now=bodies.now())
        rebuild_runs.delay_on_commit()
        return Response(status=status.HTTP_202_ACCEPTED)


class RecalculateConcurrentUsage(Trigger):
    """Days are answered anew from their runs."""

    @extend_schema(**schema.described("recalculateConcurrentUsage", _QUEUED, body=_USAGE))
    def post(self, request: Request) -> Response:
        """The days are marked."""
        body = bodies.fields(request)
        customer, since = bodies.reference(body, "user_id"), bodies.day(body, "since")
        today = bodies.now().astimezone(UTC).date()
        recalculation.mark_usage(customer_id=customer, since=since, today=today)
        recalculate_usage.delay_on_commit()
        return Response(status=status.HTTP_202_ACCEPTED)


_MESSAGE: Final[dict[str, Any]] = {
    "event_type": serializers.CharField(),
    "value": serializers.DictField(),
    "headers": serializers.ListField(child=serializers.ListField(child=serializers.CharField(), max_length=2)),
}
_ACTED: Final[dict[str, Any]] = {
    "request": inline_serializer("InternalSourcesMessageEcho", dict(_MESSAGE)),
    "function": serializers.CharField(allow_null=True, help_text="What the event sets going; null: nothing."),
}


class SourcesKafka(Trigger):
    """A message as Sources would have sent it through Kafka is acted on at once."""

    @extend_schema(
        **schema.described(
            "sourcesKafka",
            {200: inline_serializer("InternalSourcesMessageDone", _ACTED)},
            body=inline_serializer("InternalSourcesMessage", dict(_MESSAGE)),
            errors=(503,),
        )
    )
    def post(self, request: Request) -> Response:
        """The event has taken effect, or is none that has any."""
        event_type, value, headers = _message(bodies.fields(request))
        try:
            # what the body says is the type, not what its headers may say
            named = [(messages.EVENT_TYPE, event_type), *(h for h in headers if h[0].lower() != messages.EVENT_TYPE)]
            event = messages.parse(None, msgspec.json.encode(value), named)
        except MalformedMessage as bad:
            raise ValidationError({"non_field_errors": [f"The message {bad}."]}) from bad
        if event:
            _act(event)
        echo = {"event_type": event_type, "value": value, "headers": headers}
        return Response({"request": echo, "function": _FUNCTIONS.get(event_type)})


def _act(event: messages.Event) -> None:
    try:
        sources.act_now(event=event, now=bodies.now())
    except (SourcesUnavailable, Unavailable) as problem:
        raise SourcesDown from problem


def _message(body: Mapping[str, Any]) -> tuple[str, dict[str, Any], list[tuple[str, str]]]:
    faults: dict[str, list[str]] = {}
    event_type, value, headers = body.get("event_type"), body.get("value"), body.get("headers")
    if not isinstance(event_type, str) or not event_type:
        faults["event_type"] = ["This field is required."]
    if not isinstance(value, dict):
        faults["value"] = ["It must be a JSON object."]
    if not _are_pairs(headers):
        faults["headers"] = ["It must be a list of pairs of texts."]
    if faults:
        raise ValidationError(faults)
    pairs = [(name, content) for name, content in headers or ()]
    if not any(_is_identity(name, content) for name, content in pairs):
        raise bodies.fault(headers="headers is not valid base64 encoded json")
    return str(event_type), dict(value or {}), pairs


def _are_pairs(headers: Any) -> bool:
    return isinstance(headers, Sequence) and all(
        isinstance(pair, list) and list(map(type, pair)) == [str, str] for pair in headers
    )


def _is_identity(name: str, content: str) -> bool:
    if name.lower() != _IDENTITY:
        return False
    try:
        return isinstance(json.loads(base64.b64decode(content, validate=True)), dict)
    except (binascii.Error, ValueError, RecursionError):
        return False
