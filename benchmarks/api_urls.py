"""Our URLs, and one that answers with the same bytes from memory."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from benchmarks.api import CONTENT
from cloudigrade.config.urls import urlpatterns as ours

_content = CONTENT.read_bytes() if CONTENT.exists() else b"[]"


def from_memory(_: HttpRequest) -> HttpResponse:
    """The floor: no answer of this size can come faster."""
    return HttpResponse(_content, content_type="application/json")


urlpatterns = [path("from-memory/", from_memory), *ours]
