"""`cloudigrade up` as people run it: one story over one data folder, from the first start to the last."""

import json
import os
import shutil
import signal
import socket
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.management.running import Running, are_gone, await_that

pytestmark = pytest.mark.enable_socket

CONCURRENT = "/api/cloudigrade/v2/concurrent/"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture
def up(data, tmp_path):
    """Starts it; whatever still runs at the end of the test is killed."""
    started: list[Running] = []

    def start(*arguments, data=data, port=0):
        output = tmp_path / f"{len(started)}.out"
        started.append(Running("up", "--data", data, "--port", port, *arguments, output=output))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def taken_port():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def _database(data: Path) -> "psycopg.Connection[tuple[int]]":
    """A look into the embedded database, whose folder of sockets stands in its mark."""
    sockets = (data / "postgres" / "postmaster.pid").read_text().splitlines()[4]
    return psycopg.connect(f"postgresql://cloudigrade@/cloudigrade?host={sockets}")


def _days_ago(number: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=number)  # noqa: TID251 - the service's clock is the real one


def _connect_customer(data, org_id):
    """A customer with an account that is metered since the day before yesterday, and no message that says so."""
    with _database(data) as database:
        values = [org_id, _days_ago(2)]
        database.execute(
            "WITH c AS (INSERT INTO cloudigrade_customer (org_id, created_at) VALUES (%s, now()) RETURNING id)"
            " INSERT INTO cloudigrade_cloudaccount"
            " (customer_id, cloud, native_id, metered_from, is_verified, created_at, updated_at, wanted, is_paused,"
            "  is_enabled, details, credentials, next_credentials, external_id, problem_code, problem)"
            " SELECT id, 'aws', '000000000042', %s, true, now(), now(), 'enabled', false,"
            "  false, '{}', '', '', '', '', '' FROM c",
            values,
        )


def test_it_serves_refuses_a_second_one_and_stops_on_sigterm(up, data):
    service = up().await_ready()
    health = service.ask("/internal/healthz/")
    assert (health.status, json.loads(health.body)) == (200, {"status": "ok"})
    refused = service.ask(CONCURRENT, identity=[1])
    assert refused.status == 403
    assert b"invalid identity header failed parsing" in refused.body  # so the header is believed
    _connect_customer(data, "42")
    assert service.ask(CONCURRENT, identity={"org_id": "42"}).status == 425
    _assert_s2_each_port_has_its_own_paths(service)

    second = up(port=service.port)
    assert second.process.wait(30) == 1
    assert (
        second.text == f"cloudigrade: error: {data} is in use by another cloudigrade (process {service.process.pid})\n"
    )
    assert service.ask("/internal/healthz/").status == 200

    family = service.family()
    assert [name for name in ("gunicorn", " beat ", ".worker ", "postgres") if name not in str(family)] == []
    assert service.end(signal.SIGTERM) == 0
    assert are_gone(family)
    assert service.text.count("\n") == 1


def _assert_s2_each_port_has_its_own_paths(service):
    """S2: the internal API was open on the public port."""
    associate = {"type": "Associate"}
    users = "/internal/api/cloudigrade/v1/users/"
    assert service.port != service.internal_port
    assert service.ask("/internal/healthz/", port=service.internal_port).status == 200
    assert service.ask(users, identity=associate).status == 404
    assert service.ask(users, port=service.internal_port).status == 403
    assert service.ask(users, identity={"org_id": "42"}, port=service.internal_port).status == 403
    assert service.ask(users, identity=associate, port=service.internal_port).status == 200
    assert service.ask(CONCURRENT, identity={"org_id": "42"}, port=service.internal_port).status == 404


def test_after_kill_9_and_the_loss_of_every_message_it_starts_again_and_finds_its_work(up, data):
    killed = up().await_ready()
    family = killed.family()
    killed.process.kill()
    killed.process.wait()
    shutil.rmtree(data / "queue")

    service = up().await_ready()
    assert are_gone(family)
    await_that(lambda: service.ask(CONCURRENT, identity={"org_id": "42"}).status == 200)
    answer = json.loads(service.ask(CONCURRENT, identity={"org_id": "42"}).body)
    assert answer["data"] == [{"date": str(_days_ago(1)), "maximum_counts": []}]

    (beat,) = service.programs(" beat ")
    os.kill(beat, signal.SIGKILL)
    await_that(lambda: "the beat ended with SIGKILL and is started again in 1 s; see " in service.text)
    await_that(lambda: [pid for pid in service.programs(" beat ") if pid != beat])

    family = service.family()
    assert service.end(signal.SIGINT) == 0
    assert are_gone(family)


def test_a_busy_port_is_refused_before_anything_starts(up, tmp_path, taken_port):
    refused = up(data=tmp_path / "data", port=taken_port)

    assert refused.process.wait(30) == 1
    assert refused.text == (
        f"cloudigrade: error: port {taken_port} is in use by another program; choose another with --port\n"
    )
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["service.lock"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (
            ("--internal-port", "{taken}"),
            1,
            "port {taken} is in use by another program; choose another with --internal-port",
        ),
        (
            ("--port", "{taken}", "--internal-port", "{taken}"),
            2,
            "the internal API needs a port of its own; choose one with --internal-port",
        ),
    ],
)
def test_a_busy_internal_port_is_refused_too(up, tmp_path, taken_port, arguments, status, sentence):
    refused = up(*(part.format(taken=taken_port) for part in arguments), data=tmp_path / "data")

    assert refused.process.wait(30) == status
    assert refused.text == f"cloudigrade: error: {sentence.format(taken=taken_port)}\n"


def test_a_signal_while_it_starts_ends_it_too(up, tmp_path):
    service = up(data=tmp_path / "data")
    await_that((tmp_path / "data" / "postgres.new").exists)

    assert service.end(signal.SIGTERM) == 0
    assert service.family() == {}
    assert service.text == ""
