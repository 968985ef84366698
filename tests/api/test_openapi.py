import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from drf_spectacular.validation import validate_schema

from cloudigrade.api import documents
from cloudigrade.api.v2 import concurrent, sysconfig
from cloudigrade.services import clouds
from tests.api import identities
from tests.api.conftest import CONCURRENT, counts_text, store_usage
from tests.api.v2 import world
from tests.fake_cloud import FakeCloud

ROOT = Path(__file__).parents[2]
BASE = "/api/cloudigrade/v2"
OPENAPI = f"{BASE}/openapi.json"


@pytest.fixture
def document() -> dict[str, Any]:
    committed: dict[str, Any] = json.loads((ROOT / documents.DOCUMENTS["v2"].file).read_text())
    return committed


def _closed(part: Any) -> Any:
    """The same rules, with every property named."""
    if isinstance(part, list):
        return [_closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    rules = {key: _closed(value) for key, value in part.items()}
    return {"additionalProperties": False, **rules} if "properties" in part and "type" in part else rules


def _check(document: dict[str, Any], path: str, response: Any) -> None:
    answers = document["paths"][path]["get"]["responses"]
    schema = answers[str(response.status_code)]["content"]["application/json"]["schema"]
    rules = _closed(schema) | {"components": _closed(document["components"])}
    jsonschema.Draft202012Validator(rules, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(
        response.json()
    )


@pytest.mark.parametrize("name", documents.DOCUMENTS)
def test_o13_the_committed_document_is_that_of_the_code(name, capsys):
    """O13: the document was wrong; `make openapi` writes it anew."""
    documents.build.cache_clear()

    assert documents.text(name) == (ROOT / documents.DOCUMENTS[name].file).read_text()
    assert capsys.readouterr().err == ""  # warnings of the generator


@pytest.mark.parametrize("name", documents.DOCUMENTS)
def test_every_document_is_openapi_3_1_and_describes_every_answer(name):
    document = documents.build(name)

    validate_schema(document)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert document["openapi"] == "3.1.0"
    assert [each["operationId"] for each in operations if "500" not in each["responses"]] == []
    assert len({each["operationId"] for each in operations}) == len(operations)


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


OPERATIONS = {
    "accounts/": "listCloudAccounts",
    "accounts/{id}/": "retrieveCloudAccount",
    "instances/": "listInstances",
    "instances/{id}/": "retrieveInstance",
    "images/": "listMachineImages",
    "images/{id}/": "retrieveMachineImage",
    "sysconfig/": "listSysconfigViewSets",
    "concurrent/": "listDailyConcurrentUsages",
}


def test_every_operation_has_its_known_id(document):
    assert {path: methods["get"]["operationId"] for path, methods in document["paths"].items()} == {
        f"{BASE}/{path}": operation for path, operation in OPERATIONS.items()
    }
    assert {"CloudAccount", "Instance", "MachineImage", "DailyConcurrentUsage"} <= set(
        document["components"]["schemas"]
    )


def test_o13_counts_errors_and_ways_to_authenticate_are_documented(document):
    """O13: `instance_count` instead of `instances_count`, no errors, no authentication."""
    listing = document["paths"][CONCURRENT]["get"]
    count = document["components"]["schemas"]["MaximumCount"]["properties"]

    assert sorted(listing["responses"]) == ["200", "400", "403", "404", "406", "425", "429", "500"]
    assert listing["security"] == [
        {"identity": []},
        {"token": []},
        {"psk": [], "orgId": []},
        {"psk": [], "accountNumber": []},
    ]
    schemes = document["components"]["securitySchemes"]
    assert {name: part.get("name", part.get("scheme")) for name, part in schemes.items()} == {
        "identity": "X-RH-IDENTITY",
        "psk": "X-RH-CLOUDIGRADE-PSK",
        "orgId": "X-RH-CLOUDIGRADE-ORG-ID",
        "accountNumber": "X-RH-CLOUDIGRADE-ACCOUNT-NUMBER",
        "token": "bearer",
    }
    assert {name: part["type"] for name, part in count.items()} == {
        "arch": "string",
        "role": "string",
        "sla": "string",
        "usage": "string",
        "service_type": "string",
        "instances_count": "integer",
    }


ANSWERS = [
    ("concurrent/", {}, None, 200),
    ("concurrent/", {"start_date": "2026-03-08", "limit": 1, "offset": 1}, None, 200),
    ("concurrent/", {"start_date": "2026-03-02"}, None, 425),
    ("concurrent/", {"start_date": "soon", "end_date": "later"}, None, 400),
    *((path, {}, {}, 403) for path in OPERATIONS),
    *((path, {}, {"Accept": "text/html"}, 406) for path in OPERATIONS),
    *((path, {"format": "xml"}, None, 404) for path in OPERATIONS),
    *((path, {}, None, 200) for path in OPERATIONS),
    *((path, {"limit": 1, "offset": 1}, None, 200) for path in ("accounts/", "instances/", "images/")),
    ("instances/", {"running_since": "soon"}, None, 400),
    ("images/", {"status": "none", "architecture": "\0"}, None, 400),
]


@pytest.fixture
def _one_of_each(customer, monkeypatch):
    """Ids 1 of everything, in both clouds, with and without what may be null."""
    monkeypatch.setattr(clouds, "get", {"aws": FakeCloud()}.__getitem__)
    sysconfig.instructions.forget()
    owners = [world.account(customer, pk=1, platform_source_id=1), world.account(customer, "0-0", pk=2, cloud="azure")]
    full: dict[str, Any] = {
            "architecture": "arm64", "owner": "000000000042", "name": "n", "billing_code": "RunInstances",
            "platform_details": "Linux/UNIX", "product_codes": [["a", "marketplace"]],
            "findings": world.findings(rhel_product_certs_found=True, rhel_version="9", syspurpose={})}  # fmt: skip
    images = [world.image(pk=1, **full), world.image("ami-2", pk=2), world.image("sku", pk=3, cloud="azure")]
    for number, each in enumerate((*images, None), start=1):
        world.instance(owners[number == 3], f"i-{number}", pk=number, booted=each)
    world.judge(*images)
    store_usage(customer, date(2026, 3, 7), counts_text(1), "[]", counts_text(2))
    yield
    sysconfig.instructions.forget()


@pytest.mark.django_db
@pytest.mark.usefixtures("_one_of_each")
@pytest.mark.parametrize(("path", "query", "headers", "status"), ANSWERS)
def test_o13_every_answer_is_as_documented(ask, document, path, query, headers, status):
    """O13: fields, links and errors had other types than the document said."""
    sent = headers if not headers else headers | identities.of(org_id="11")
    response = ask(f"{BASE}/{path.format(id=1)}", headers=sent, **query)

    assert response.status_code == status
    _check(document, f"{BASE}/{path}", response)


@pytest.mark.django_db
@pytest.mark.usefixtures("_one_of_each")
@pytest.mark.parametrize("path", ["accounts/{id}/", "instances/{id}/", "images/{id}/"])
def test_o13_what_is_not_found_is_as_documented(ask, document, path):
    """O13: no errors were documented."""
    response = ask(f"{BASE}/{path.format(id=99)}")

    assert response.status_code == 404
    _check(document, f"{BASE}/{path}", response)


@pytest.mark.django_db
def test_o13_a_silent_cloud_is_as_documented(ask, customer, document, monkeypatch):
    """O13: no errors were documented."""
    monkeypatch.setattr(sysconfig.instructions, "read", lambda: None)

    response = ask(f"{BASE}/sysconfig/")

    assert response.status_code == 503
    _check(document, f"{BASE}/sysconfig/", response)


@pytest.mark.django_db
def test_o13_our_failure_is_as_documented(ask, customer, document, monkeypatch):
    """O13: no errors were documented."""
    monkeypatch.setattr(concurrent, "today", lambda: 1 / 0)

    response = ask()

    assert response.status_code == 500
    _check(document, CONCURRENT, response)
