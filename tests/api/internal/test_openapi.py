"""The internal API's document tells the truth of its answers."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from drf_spectacular.validation import validate_schema

from cloudigrade.api import documents
from tests.api.internal.world import BASE, key

pytestmark = pytest.mark.django_db

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi" / "internal.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return documents.build("internal")


def test_o13_the_committed_document_is_that_of_the_code(document):
    """O13: the document was wrong; write it anew by `make openapi`."""
    assert json.loads(COMMITTED.read_text()) == json.loads(documents.text("internal"))
    validate_schema(document)


def test_the_document_is_for_operators(ask, document):
    assert ask("/internal/openapi.json", headers={}).status_code == 403
    answer = ask("/internal/openapi.json")
    assert answer.headers["Content-Type"] == "application/vnd.oai.openapi+json"
    assert answer.json()["info"]["title"] == "Cloudigrade Internal API"


def _whole(part: Any) -> Any:
    """The same rules, but no property may be there that is not named."""
    if isinstance(part, list):
        return [_whole(item) for item in part]
    if not isinstance(part, dict):
        return part
    rules = {name: _whole(item) for name, item in part.items()}
    if rules.get("type") == "object" and "properties" in rules:
        rules.setdefault("additionalProperties", False)
    return rules


def _check(document: dict[str, Any], path: str, method: str, answer: Any) -> None:
    told = document["paths"][path][method]["responses"][str(answer.status_code)]
    if not answer.content:
        assert "content" not in told
        return
    schema = told["content"]["application/json"]["schema"]
    components = _whole(document["components"]["schemas"])
    jsonschema.validate(answer.json(), _whole(schema) | {"components": {"schemas": components}})


def _paths(document: dict[str, Any], method: str) -> list[str]:
    return [path for path, operations in document["paths"].items() if method in operations]


def test_o13_every_list_and_row_is_as_documented(ask, world, document):
    """O13: types were wrong, and errors not documented."""
    ids = {"machineimages": world.image, "awsmachineimages": world.image, "users": world.customer}
    ids |= {"instances": world.instance, "awsinstances": world.instance, "runs": world.runs[0]}
    ids |= {"accounts": world.account, "cloudaccounts": world.account, "awscloudaccounts": world.account}
    ids |= {"instanceevents": world.events[0], "awsinstanceevents": world.events[0], "concurrentusages": world.usage[0]}
    ask("syntheticdatarequests/", "post", {"cloud_type": "aws"})

    checked = 0
    for path in _paths(document, "get"):
        kind = path.removeprefix(BASE).split("/")[0]
        answer = ask(path.replace("{id}", str(ids.get(kind, 999_999))), headers=key(org_id="11"))
        assert answer.status_code in (200, 404)
        _check(document, path, "get", answer)
        checked += answer.status_code == 200
    assert checked >= 30


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_o13_every_refusal_is_as_documented(ask, world, document, method):
    """O13: likewise."""
    faults: list[dict[str, Any]] = [{"headers": {}}]
    if method != "get":
        faults += [{"body": []}, {"body": {"cloud_type": "x", "org_id": ["x"], "since": "x"}}]
    for path in _paths(document, method):
        for fault in faults:
            _check(document, path, method, ask(path.replace("{id}", "999999"), method, **fault))
