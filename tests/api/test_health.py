import pytest
from django.db import OperationalError, connection

HEALTHZ = "/internal/healthz/"


@pytest.fixture
def _no_database(monkeypatch):
    def fail() -> None:
        raise OperationalError("could not connect to db.internal as metering")

    monkeypatch.setattr(connection, "cursor", fail)


@pytest.mark.django_db
def test_it_is_well_while_the_database_answers(client, django_assert_num_queries):
    with django_assert_num_queries(1):
        response = client.get(HEALTHZ)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.django_db
def test_head_answers_without_a_body(client):
    response = client.head(HEALTHZ)

    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_database")
def test_without_the_database_it_is_unavailable_and_tells_no_more(client, caplog):
    response = client.get(HEALTHZ)

    assert (response.status_code, response.json()) == (503, {"status": "unavailable"})
    assert "could not connect" in caplog.text


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_only_answers(client, method):
    assert getattr(client, method)(HEALTHZ).status_code == 405
