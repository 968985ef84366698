"""Requests made up from an OpenAPI document, and their answers held against it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import hypothesis
import schemathesis
from django.conf import settings
from django.db import transaction
from hypothesis import HealthCheck
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi import checks

from cloudigrade.api import documents
from cloudigrade.config import wsgi
from tests.api import identities
from tests.api.internal.world import key

CASES: Final = int(os.environ.get("SCHEMA_CASES", "4"))
"""Of each operation, and stories of each document; `make test-schema` wants more."""
STEPS: Final = 8
"""Of a story at most."""
CHECKS: Final = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
MINE = identities.of(org_id="11", account_number="0011")
WAYS_IN: Final[Mapping[str, Sequence[dict[str, str]]]] = {
    "v2": [MINE, MINE, key(org_id="11"), {}],
    "v3": [MINE, MINE, key(org_id="11"), {}],
    "internal": [key(org_id="11"), key(), key("reader"), {}],
}
"""Headers to ask with, the usual ones more often."""


def document(name: str) -> BaseSchema:
    """The document, in which no answer may have more than it names."""
    urls = settings.INTERNAL_URLCONF if name == "internal" else settings.ROOT_URLCONF
    found = schemathesis.openapi.from_dict(_closed(documents.build(name)))
    found.app = wsgi.Application(urls)
    return found


def _closed(part: Any) -> Any:
    if isinstance(part, list):
        return [_closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    rules = {name: _closed(value) for name, value in part.items()}
    return {"additionalProperties": False, **rules} if "properties" in part and "type" in part else rules


def operations(name: str) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    """Each of the document."""
    for found in document(name).get_all_operations():
        assert isinstance(found, Ok)
        yield found.ok()


def asked(operation: APIOperation[Any, Any, Any, Any], name: str, ids: Sequence[int]) -> int:
    """So many requests to the operation were answered as the document says, good and bad, some of known ids."""
    names = [each.name for each in operation.path_parameters]
    known = st.fixed_dictionaries({each: st.sampled_from(ids) for each in names})
    number = 0

    @hypothesis.settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @hypothesis.given(
        case=st.one_of(operation.as_strategy(), operation.as_strategy(GenerationMode.NEGATIVE)),
        spot=st.none() | known,
        headers=st.sampled_from(WAYS_IN[name]),
    )
    def ask(case: Case[Any], spot: dict[str, int] | None, headers: dict[str, str]) -> None:
        nonlocal number
        number += 1
        if spot:
            case.path_parameters = spot
        with undone():
            answer = case.call(headers=headers)
            case.validate_response(answer, CHECKS)

    ask()
    return number


def told(name: str) -> int:
    """So many requests, each with what the answers before it gave, were answered as the document says."""
    number = 0

    class Story(document(name).as_state_machine()):  # type: ignore[misc]  # the class is made at run time
        """Requests one after the other, by one who may do everything."""

        def setup(self) -> None:
            self.point = transaction.savepoint()

        def teardown(self) -> None:
            transaction.savepoint_rollback(self.point)
            super().teardown()

        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:  # noqa: ARG002 - the framework's signature
            return {"headers": WAYS_IN[name][0]}

        def validate_response(self, response: Response, case: Case[Any], **more: Any) -> None:
            nonlocal number
            number += 1
            case.validate_response(response, CHECKS, transport_kwargs=more)

    Story.run(
        settings=hypothesis.settings(
            max_examples=CASES * 2, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck),
            database=None,
        )
    )  # fmt: skip
    return number


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is stored meanwhile is not, afterwards; by no block, for services look whether they are in one."""
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)
