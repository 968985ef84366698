"""Whether this process can do its work, for probes: no authentication, so nothing of interest is told."""

import logging

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - the framework's signature
    """200 while the database answers, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        logger.exception("The database does not answer")
        return _answer("unavailable", status=503)
    return _answer("ok", status=200)


def _answer(word: str, *, status: int) -> JsonResponse:
    return JsonResponse({"status": word}, status=status, json_dumps_params={"separators": (",", ":")})
