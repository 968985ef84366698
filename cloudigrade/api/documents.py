"""The OpenAPI documents: made from the code, served by it, and committed in docs/openapi."""

import json
from functools import cache
from typing import Any, NamedTuple

from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Document(NamedTuple):
    """What a document speaks of, and where it is kept."""

    title: str
    description: str
    version: str
    """Of the API: the document is the same in every installation."""
    mount: str
    """What stands before the paths of its patterns."""
    urls: str
    """The module with its patterns."""
    file: str
    """From the root of the project on."""
    has_pages: bool = True
    """Whether Django's own page is the answer where there is no such path, as for an id with a dot in it."""


DOCUMENTS = {
    "v2": Document(
        title="Cloudigrade public API v2",
        description="A customer's cloud accounts, instances and images, and their daily RHEL usage.",
        version="2",
        mount="api/cloudigrade/v2/",
        urls="cloudigrade.api.v2.urls",
        file="docs/openapi/v2.json",
    ),
    "v3": Document(
        title="Cloudigrade public API v3",
        description="A customer's usage by hour, day or month, cloud accounts, verdicts and completeness.",
        version="3",
        mount="api/cloudigrade/v3/",
        urls="cloudigrade.api.v3.urls",
        file="docs/openapi/v3.json",
        has_pages=False,
    ),
    "internal": Document(
        title="Cloudigrade Internal API",
        description="Every customer's rows, and what operators and neighbours set going; on a port of its own.",
        version="1",
        mount="",
        urls="cloudigrade.api.internal.urls",
        file="docs/openapi/internal.json",
    ),
}


@cache
def build(name: str) -> dict[str, Any]:
    """The document of this name, of this very code."""
    wanted = DOCUMENTS[name]
    generator = SchemaGenerator(patterns=[path(wanted.mount, include(wanted.urls))])  # type: ignore[no-untyped-call]  # the framework is not typed
    document: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]  # likewise
    document["info"] |= {"title": wanted.title, "description": wanted.description, "version": wanted.version}
    if wanted.has_pages:
        _name_pages(document)
    return document


def _name_pages(document: dict[str, Any]) -> None:
    """Wherever an id may be no id, a page is named among the answers."""
    for operation in (each for at, found in document["paths"].items() if "{" in at for each in found.values()):
        operation["responses"]["404"]["content"]["text/html"] = {"schema": {"type": "string"}}


def text(name: str) -> str:
    """The document as it is committed."""
    return json.dumps(build(name), indent=2, ensure_ascii=False) + "\n"


class DocumentView(APIView):
    """An OpenAPI document, for everyone; made at the first request and kept. `as_view(document="v2")` says which."""

    authentication_classes = []
    throttle_classes = []
    renderer_classes = [OpenApiJsonRenderer, OpenApiJsonRenderer2]
    schema = None
    document = ""

    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """The document of this very code."""
        return Response(build(self.document))
