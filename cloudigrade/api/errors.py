"""Exceptions of a view in, the answer that callers know out; what went wrong inside is logged, never told."""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import Http404
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ParseError
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

logger = logging.getLogger(__name__)


class ResultUnavailable(APIException):
    """A day that was asked for has not been calculated yet."""

    status_code = status.HTTP_425_TOO_EARLY
    default_detail = "Results are currently unavailable, try again later."
    default_code = "result_unavailable"


def answer_to(fault: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to a request that raised the fault."""
    if isinstance(fault, Http404):
        fault = NotFound()  # without the words of the exception
    elif isinstance(fault, SuspiciousOperation | BadRequest):
        fault = ParseError()
    return exception_handler(fault, dict(context)) or _answer_to_unknown(fault, context)


def _answer_to_unknown(fault: Exception, context: Mapping[str, Any]) -> Response:
    request_id = getattr(context.get("request"), "request_id", "-")
    logger.error("Request %s failed", request_id, exc_info=fault)
    set_rollback()
    is_unfinished = isinstance(fault, NotImplementedError)
    return Response(
        {"detail": APIException.default_detail},
        status=status.HTTP_501_NOT_IMPLEMENTED if is_unfinished else status.HTTP_500_INTERNAL_SERVER_ERROR,
    )
