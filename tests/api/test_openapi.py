import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from cloudigrade.api import concurrent
from tests.api.conftest import CONCURRENT, counts_text, store_usage

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi-v2.json"
OPENAPI = "/api/cloudigrade/v2/openapi.json"


@pytest.fixture
def document() -> dict[str, Any]:
    committed: dict[str, Any] = json.loads(COMMITTED.read_text())
    return committed


def _json_schema(part: Any) -> Any:
    """The same rules for a validator that knows JSON Schema only: every property named, null where allowed."""
    if isinstance(part, list):
        return [_json_schema(item) for item in part]
    if not isinstance(part, dict):
        return part
    rules = {key: _json_schema(value) for key, value in part.items()}
    if rules.get("type") == "object":
        rules["additionalProperties"] = False
    return {"anyOf": [rules, {"type": "null"}]} if rules.get("nullable") is True else rules


def _check(document: dict[str, Any], response: Any) -> None:
    answers = document["paths"][CONCURRENT]["get"]["responses"]
    schema = answers[str(response.status_code)]["content"]["application/json"]["schema"]
    components = {name: _json_schema(part) for name, part in document["components"]["schemas"].items()}
    jsonschema.validate(response.json(), _json_schema(schema) | {"components": {"schemas": components}})


def test_o13_the_committed_document_is_that_of_the_code(document):
    """O13: the document was wrong; write it anew by `cloudigrade django spectacular` with --format openapi-json."""
    assert SchemaGenerator().get_schema(public=True) == document
    validate_schema(document)


def test_the_document_is_served_to_everyone(client, document):
    response = client.get(OPENAPI)

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/vnd.oai.openapi+json"
    assert json.loads(response.content) == document


@pytest.mark.parametrize("query", ["?version=%0D%0Ax", "?lang=de", "?format=json"])
def test_a_hostile_query_does_not_change_the_document(client, document, query):
    response = client.get(OPENAPI + query)

    assert (response.status_code, json.loads(response.content)) == (200, document)


def test_plain_json_is_acceptable_too(client, document):
    response = client.get(OPENAPI, headers={"Accept": "application/json"})

    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert json.loads(response.content) == document


def test_o13_counts_errors_and_ways_to_authenticate_are_documented(document):
    """O13: `instance_count` instead of `instances_count`, no errors, no authentication."""
    listing = document["paths"][CONCURRENT]["get"]
    count = document["components"]["schemas"]["MaximumCount"]["properties"]

    assert listing["operationId"] == "listDailyConcurrentUsages"
    assert list(listing["responses"]) == ["200", "400", "403", "425", "500"]
    assert listing["security"] == [
        {"identity": []},
        {"psk": [], "orgId": []},
        {"psk": [], "accountNumber": []},
    ]
    assert {name: part["name"] for name, part in document["components"]["securitySchemes"].items()} == {
        "identity": "X-RH-IDENTITY",
        "psk": "X-RH-CLOUDIGRADE-PSK",
        "orgId": "X-RH-CLOUDIGRADE-ORG-ID",
        "accountNumber": "X-RH-CLOUDIGRADE-ACCOUNT-NUMBER",
    }
    assert {name: part["type"] for name, part in count.items()} == {
        "arch": "string",
        "role": "string",
        "sla": "string",
        "usage": "string",
        "service_type": "string",
        "instances_count": "integer",
    }
    assert list(document["paths"]) == [CONCURRENT]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({}, None, 200),
        ({"start_date": "2026-03-08", "limit": 1, "offset": 1}, None, 200),
        ({"start_date": "2026-03-02"}, None, 425),
        ({"start_date": "soon", "end_date": "later"}, None, 400),
        ({}, {}, 403),
    ],
)
def test_o13_every_answer_is_as_documented(ask, customer, document, query, headers, status):
    """O13: counts, links and errors had other types than the document said."""
    store_usage(customer, date(2026, 3, 7), counts_text(1), "[]", counts_text(2))

    response = ask(headers=headers, **query)

    assert response.status_code == status
    _check(document, response)


@pytest.mark.django_db
def test_o13_our_failure_is_as_documented(ask, customer, document, monkeypatch):
    """O13: no errors were documented."""
    monkeypatch.setattr(concurrent, "today", lambda: 1 / 0)

    response = ask()

    assert response.status_code == 500
    _check(document, response)
