"""`GET /concurrent/?limit=100` over 90 days of 250 entries, against a view that returns the same bytes from memory."""

import base64
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks import measuring

DAYS = 90
ENTRIES = 250
FIRST = date(2026, 1, 1)
SECONDS = 3.0
PATH = f"/api/cloudigrade/v2/concurrent/?start_date={FIRST}&end_date={FIRST + timedelta(DAYS)}&limit=100"
HEADERS = {"X-RH-IDENTITY": base64.b64encode(b'{"identity":{"org_id":"1"}}').decode()}


def main() -> None:
    """Measure on a server of one worker in a process of its own."""
    with measuring.database(), tempfile.TemporaryDirectory() as folder:
        fill()
        body = Path(folder) / "body"
        with served(body) as (port, process):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            body.write_bytes(fetch(connection, PATH))
            print(f"answer: {body.stat().st_size / 1e6:.1f} MB")
            rates = [(rate(connection, "/memory/"), rate(connection, PATH)) for _ in range(3)]
            for memory, api in rates:
                print(f"from memory {memory:.0f}/s, the API {api:.0f}/s: {api / memory:.2f}x (bar: 0.4x)")
            changed = rate(connection, PATH, before=recalculate)
            print(f"the API, every day recalculated before each request: {changed:.0f}/s")
            print(f"peak memory of the worker: {peak_of_worker(process)} MiB (bar: 150 MiB)")


def fill() -> None:
    """A customer has 90 days of 250 categories each."""
    from cloudigrade.models import ConcurrentUsage, Customer  # noqa: PLC0415 - Django is set up by now

    chance = random.Random(20260101)
    customer = Customer.objects.create(org_id="1", created_at=datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC))
    ConcurrentUsage.objects.bulk_create(
        ConcurrentUsage(
            customer=customer,
            day=FIRST + timedelta(number),
            maximum_counts=json.dumps([entry(chance) for _ in range(ENTRIES)], separators=(",", ":")),
            totals={},
            computed_at=datetime(2026, 7, 1, tzinfo=UTC),
        )
        for number in range(DAYS)
    )


def entry(chance: random.Random) -> dict[str, object]:
    """A category with its count."""
    return {
        "arch": chance.choice(["x86_64", "arm64", "_ANY"]),
        "role": f"Red Hat Enterprise Linux {chance.randrange(100)}",
        "sla": "Premium",
        "usage": chance.choice(["Production", "_ANY"]),
        "service_type": "_ANY",
        "instances_count": chance.randrange(5_000),
    }


def recalculate() -> None:
    """Every row is replaced by an equal one."""
    from cloudigrade.models import ConcurrentUsage  # noqa: PLC0415 - Django is set up by now

    ConcurrentUsage.objects.update(computed_at=datetime(2026, 7, 2, tzinfo=UTC))


@contextmanager
def served(body: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The API on a free port of this machine."""
    from django.conf import settings  # noqa: PLC0415 - there are none before Django is set up

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": settings.DATABASE_URL,
        "IDENTITY_HEADER_TRUSTED": "true",
        "BENCHMARK_BODY": str(body),
    }
    command = [sys.executable, "-m", "gunicorn", "--config", "python:cloudigrade.config.gunicorn"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--log-level", "warning"]
    process = subprocess.Popen([*command, "benchmarks.report_served:application"], env=environment)
    try:
        await_server(port)
        yield port, process
    finally:
        process.terminate()
        process.wait()


def await_server(port: int) -> None:
    """The server accepts connections."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("The server does not start.")


def fetch(connection: http.client.HTTPConnection, path: str) -> bytes:
    """The body of the answer."""
    connection.request("GET", path, headers=HEADERS)
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, body[:200]
    return body


def rate(connection: http.client.HTTPConnection, path: str, *, before: Callable[[], None] | None = None) -> float:
    """Requests per second, one after the other; what is done before each does not count."""
    requests, spent = 0, 0.0
    while spent < SECONDS:
        if before:
            before()
        begun = time.perf_counter()
        fetch(connection, path)
        spent += time.perf_counter() - begun
        requests += 1
    return requests / spent


def peak_of_worker(process: subprocess.Popen[bytes]) -> int:
    """The most memory that the worker has held at one time, in MiB."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    status = Path(f"/proc/{children[0]}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
