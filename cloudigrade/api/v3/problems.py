"""Exceptions of a view in, problem documents (RFC 9457) out; what went wrong inside is logged, never told."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from django.http import HttpResponse
from rest_framework import status
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.response import Response

from cloudigrade.api import errors
from cloudigrade.api.authentication import NOT_GIVEN
from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain.problems import Problem

CONTENT_TYPE = "application/problem+json"
TYPE = "urn:cloudigrade:problem:{}"

Errors = Mapping[str, Sequence[str]]
"""What is wrong, by parameter or field."""

_CONFLICTS = {Problem.DUPLICATE_ACCOUNT, Problem.DUPLICATE_CREDENTIALS, Problem.EXTERNAL_ID_TAKEN}
_BEARER = 'Bearer realm="cloudigrade"'

# where a status says all that there is to say
_PLAIN = {
    400: ("bad-request", "The request cannot be read"),
    401: ("not-authenticated", "The request carries no valid credentials"),
    403: ("not-allowed", "These credentials do not allow it"),
    404: ("not-found", "There is nothing here"),
    405: ("method-not-allowed", "This method is not allowed here"),
    415: ("unsupported-media-type", "The body must be JSON"),
    429: ("too-many-requests", "Too many requests"),
    500: ("failed", "We failed"),
}


class Refusal(APIException):
    """A refusal with a type of its own."""

    def __init__(self, status_code: int, kind: str, title: str, detail: str = "", errors: Errors | None = None) -> None:
        super().__init__(detail or title)
        self.status_code = status_code
        self.kind = kind
        self.title = title
        self.sentence = detail
        self.errors = errors or {}


def bad_parameters(errors: Errors) -> Refusal:
    """Parameters that cannot be accepted, each with its reasons."""
    return Refusal(400, "invalid-parameters", "Parameters cannot be accepted", errors=errors)


def bad_body(errors: Errors) -> Refusal:
    """Fields of the body that cannot be accepted, likewise."""
    return Refusal(400, "invalid-body", "The body cannot be accepted", errors=errors)


def conflict(detail: str) -> Refusal:
    """What is asked for does not fit with how things stand."""
    return Refusal(409, "conflict", "It does not fit with how things stand", detail)


def later(detail: str) -> Refusal:
    """What is asked for may succeed a little later."""
    refusal = Refusal(503, "try-again-later", "Try again later", detail)
    refusal.wait = 60  # type: ignore[attr-defined]  # becomes Retry-After
    return refusal


def of_customer(problem: CustomerProblem) -> Refusal:
    """What only the customer can solve, with its code."""
    number = 409 if problem.problem in _CONFLICTS else 400
    kind = problem.problem.value.lower()
    return Refusal(number, kind, "The customer must act", f"{problem.problem.sentence} ({problem})")


def answer_to(fault: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """The problem document for a request that raised the fault."""
    request_id = getattr(context.get("request"), "request_id", "")
    if isinstance(fault, Refusal):
        answer = _document(fault.status_code, fault.kind, fault.title, fault.sentence, request_id, fault.errors)
        if hasattr(fault, "wait"):
            answer.headers["Retry-After"] = str(fault.wait)
        return answer
    plain = errors.answer_to(fault, context)
    number = plain.status_code
    if isinstance(fault, AuthenticationFailed):
        number = _status_of_stranger(fault, context)
    kind, title = _PLAIN.get(number) or (f"http-{number}", HTTPStatus(number).phrase)
    answer = _document(number, kind, title, _sentence(plain), request_id)
    for name in ("Retry-After", "Allow"):
        if name in plain.headers:
            answer.headers[name] = plain.headers[name]
    if number == status.HTTP_401_UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = _BEARER if _is_empty(fault) else f'{_BEARER}, error="invalid_token"'
    return answer


def _status_of_stranger(fault: AuthenticationFailed, context: Mapping[str, Any]) -> int:
    """401 where other credentials would help: none were given, or a token that does not count."""
    request = context.get("request")
    is_token = request is not None and "Authorization" in request.headers
    return status.HTTP_401_UNAUTHORIZED if _is_empty(fault) or is_token else status.HTTP_403_FORBIDDEN


def _is_empty(fault: Exception) -> bool:
    return isinstance(fault, AuthenticationFailed) and fault.get_codes() == NOT_GIVEN


def _sentence(plain: Response) -> str:
    data = plain.data
    return str(data["detail"]) if isinstance(data, dict) and "detail" in data else ""


def _document(
    number: int, kind: str, title: str, detail: str, request_id: str, errors: Errors | None = None
) -> HttpResponse:
    content = {"type": TYPE.format(kind), "title": title, "status": number}
    if detail:
        content["detail"] = detail
    if request_id:
        content["instance"] = f"urn:uuid:{request_id}"
    if errors:
        content["errors"] = errors
    return HttpResponse(msgspec.json.encode(content), status=number, content_type=CONTENT_TYPE)
