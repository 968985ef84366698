"""`GET /concurrent/?limit=100` over 90 stored days of 250 entries, against a view that has the same bytes in memory."""

import base64
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks import measuring
from cloudigrade.models import CloudAccount, ConcurrentUsage, Customer

DAYS, ENTRIES = 90, 250
ORG = "bench"
IDENTITY = base64.b64encode(json.dumps({"identity": {"org_id": ORG}}).encode()).decode()
CONTENT = Path(os.environ.get("BENCHMARK_CONTENT", "/nonexistent"))
ROUNDS = 60


def main() -> None:
    """One gunicorn process serves both views in turn, once with warm answers and once with answers just replaced."""
    with measuring.database(), tempfile.TemporaryDirectory() as folder:
        end = fill()
        target = f"/api/cloudigrade/v2/concurrent/?limit=100&start_date={end - timedelta(DAYS)}&end_date={end}"
        content = Path(folder) / "content.json"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = serve(port, "benchmarks.api_wsgi", BENCHMARK_CONTENT=str(content))
        content.write_bytes(get(port, target)[1])
        stop(server)
        server = serve(port, "benchmarks.api_wsgi", BENCHMARK_CONTENT=str(content))
        try:
            measure(port, target)
            print(
                f"  peak memory of the worker: {peak_of_children(server.pid)} MiB; {len(content.read_bytes()):,} bytes a response"
            )
        finally:
            stop(server)


def fill() -> date:
    """One customer with an answer for each of 90 days up to yesterday; the day after the last one."""
    end = datetime.now(UTC).date()
    begun = datetime(end.year, end.month, end.day, tzinfo=UTC) - timedelta(DAYS)
    customer = Customer.objects.create(org_id=ORG, created_at=begun)
    CloudAccount.objects.create(
        customer=customer, cloud="aws", native_id="012345678901", metered_from=begun, created_at=begun
    )
    entries = [
        {"arch": "x86_64", "role": f"Red Hat Enterprise Linux Server {n}", "sla": "Premium", "usage": "Production",
         "service_type": "L1-L3", "instances_count": n}
        for n in range(ENTRIES)
    ]  # fmt: skip
    text = json.dumps(entries, separators=(",", ":"))
    ConcurrentUsage.objects.bulk_create(
        ConcurrentUsage(customer=customer, day=end - timedelta(n), maximum_counts=text, totals={}, computed_at=begun)
        for n in range(1, DAYS + 1)
    )
    return end


def serve(port: int, *application: str, workers: int = 1, **variables: str) -> subprocess.Popen[bytes]:
    """Gunicorn as `cloudigrade up` runs it, without a rate limit, once it answers."""
    environment = {**os.environ, "IDENTITY_HEADER_TRUSTED": "true", "RATE_LIMIT_CUSTOMER": "none", **variables}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:cloudigrade.config.gunicorn", "--workers", str(workers),
               "--bind", f"127.0.0.1:{port}", "--log-level", "error", *application]  # fmt: skip
    server = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if get(port, "/internal/healthz/")[0] == 200:
                return server
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the server does not answer")


def stop(server: subprocess.Popen[bytes]) -> None:
    """The server has ended."""
    server.terminate()
    server.wait(timeout=30)


def get(port: int, target: str) -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", target, headers={"x-rh-identity": IDENTITY})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def measure(port: int, target: str) -> None:
    """Print the rates of the three ways, taken in turn."""
    taken: dict[str, list[float]] = {"from memory": [], "unchanged": [], "just replaced": []}
    assert get(port, target) == (200, get(port, "/from-memory/")[1])
    for _ in range(ROUNDS):
        for way, where in (("from memory", "/from-memory/"), ("unchanged", target)):
            taken[way].append(measuring.seconds(partial(get, port, where)))
        ConcurrentUsage.objects.update(computed_at=datetime.now(UTC))
        taken["just replaced"].append(measuring.seconds(lambda: get(port, target)))
    rate = {way: 1 / statistics.median(times) for way, times in taken.items()}
    for way, per_second in rate.items():
        print(f"  {way:14}{per_second:>8.0f} requests/s{per_second / rate['from memory']:>7.2f}x")


def peak_of_children(parent: int) -> int:
    """The most memory that a child of the process has held, in MiB."""
    return max(peak for _, peak in children(parent))


def children(parent: int) -> list[tuple[int, int]]:
    """The children of the process, each with the most memory that it has held, in MiB."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        if int(fields["PPid"]) == parent and "VmHWM" in fields:
            found.append((int(fields["Pid"]), int(fields["VmHWM"].split()[0]) // 1024))
    return found


if __name__ == "__main__":
    main()
