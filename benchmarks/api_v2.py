"""The public API for a customer with 10,000 instances, 200 images and 20 accounts: gunicorn with 2 workers, and wrk."""

import http.client
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from benchmarks import measuring
from benchmarks.api import IDENTITY, ORG, children, get, peak_of_children, serve, stop
from cloudigrade.models import CloudAccount, Customer, Image
from cloudigrade.services import usage, verdicts
from cloudigrade.services.staging import execute, fetch

INSTANCES, IMAGES, ACCOUNTS, DAYS = 10_000, 200, 20, 90
SECONDS = int(os.environ.get("BENCHMARK_SECONDS", "10"))
WARMING = 2
"""Seconds of load that do not count: the second worker may still be starting."""
CONNECTIONS = 8
BASE = "/api/cloudigrade/v2"
# The rates of 1.0.0 for the same customer on a machine like this, and what is asked of us.
TARGETS = {
    "accounts/": 82,
    "instances/?limit=100": 24,
    "images/?limit=50": 6,
    "concurrent/?limit=90": 11,
}
BAR = 10

_PERCENTILES = """
done = function(summary, latency, requests)
  io.write(string.format("measured %f %f %f %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    summary.errors.status + summary.errors.read + summary.errors.connect + summary.errors.timeout))
end
"""


class Measured(NamedTuple):
    """What a target did."""

    rate: float
    """Requests a second."""
    median: float
    """Milliseconds, like the next."""
    p95: float
    failures: int


def main() -> None:
    """Each target by itself, under load from another process."""
    with measuring.database(), tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        days = fill()
        print(f"  a loop of ten million additions: {measuring.pace():.2f} s")
        print(f"  filled in {time.perf_counter() - begun:.0f} s; load by {'wrk' if shutil.which('wrk') else 'threads'}")
        for name, path in paths(days).items():
            print(f"  {name}: {statements(path)} statements")
        port = free_port()
        server = serve(port, workers=2)
        try:
            for name, path in paths(days).items():
                status, body = get(port, path)
                assert status == 200, body
                load(port, path, Path(folder), WARMING)
                before = processor_seconds(server.pid)
                took = load(port, path, Path(folder))
                after = processor_seconds(server.pid)
                used = sum(seconds - before.get(each, 0) for each, seconds in after.items())
                ratio = took.rate / TARGETS[name]
                print(
                    f"  {name:24}{took.rate:>8.0f} requests/s  p50 {took.median:>6.1f} ms  p95 {took.p95:>6.1f} ms"
                    f" {ratio:>6.1f}x of 1.0.0{'' if ratio >= BAR else '  MISSED'}"
                    f"  {used / took.rate / SECONDS * 1e3:>5.2f} ms of processor time"
                    f"  {len(body):>10,} bytes  {took.failures} failures"
                )
            print(f"  peak memory of a worker: {peak_of_children(server.pid)} MiB")
        finally:
            stop(server)


def paths(days: tuple[str, str]) -> dict[str, str]:
    """Path and query of each target."""
    period = f"&start_date={days[0]}&end_date={days[1]}"
    return {name: f"{BASE}/{name}{period if name.startswith('concurrent') else ''}" for name in TARGETS}


def fill() -> tuple[str, str]:
    """The customer, with answers of 90 days, from everything that is running; the first day and the one after all."""
    now = datetime.now(UTC)
    begun = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(DAYS)
    customer = Customer.objects.create(org_id=ORG, created_at=begun)
    CloudAccount.objects.bulk_create(
        CloudAccount(
            customer=customer, cloud="aws", native_id=f"{number:012}", metered_from=begun, created_at=begun,
            credentials=f"arn:aws:iam::{number:012}:role/cloudigrade", is_enabled=True,
            platform_authentication_id=number, platform_application_id=number, platform_source_id=number,
        )
        for number in range(ACCOUNTS)
    )  # fmt: skip
    images = Image.objects.bulk_create(image(number) for number in range(IMAGES))
    execute(
        "INSERT INTO cloudigrade_instance (account_id, native_id, region, image_id, described_type,"
        " described_billing_code, described_until, drift)"
        " SELECT a.ids[1 + n %% %s], 'i-' || lpad(to_hex(n), 17, '0'), 'eu-west-1', m.ids[1 + n %% %s], '', '', 0, '[]'"
        " FROM generate_series(0, %s) AS n, (SELECT array_agg(id ORDER BY id) AS ids FROM cloudigrade_cloudaccount) AS a,"
        " (SELECT array_agg(id ORDER BY id) AS ids FROM cloudigrade_image) AS m",
        [ACCOUNTS, IMAGES, INSTANCES - 1],
    )
    execute(
        "INSERT INTO cloudigrade_run (instance_id, period, instance_type, vcpu, memory_mib, billing_code)"
        " SELECT id, tstzrange(%s::timestamptz + id %% 80 * interval '1 day', NULL), 'm5.large', 2, 8192, ''"
        " FROM cloudigrade_instance",
        [begun],
    )
    verdicts.recalculate(image_ids=[each.pk for each in images], as_of=now)
    usage.mark_unanswered(as_of=now, customer_id=customer.pk)
    usage.recalculate_all(as_of=now, customer_id=customer.pk)
    fetch("VACUUM ANALYZE")
    return begun.date().isoformat(), now.date().isoformat()


def image(number: int) -> Image:
    """One of five from Red Hat, one of five inspected, the others any."""
    facts = {
        0: {"owner": "309956199498", "name": f"RHEL-9.{number % 6}.0_HVM-20240605-x86_64-{number}-Access2-GP3",
            "billing_code": "RunInstances:00g0", "platform_details": "Red Hat BYOL Linux"},
        1: {"findings": '{"rhel_found":true,"rhel_product_certs_found":true,"rhel_release_files_found":true,'
            f'"rhel_version":"9.{number % 6}","syspurpose":{{"role":"Red Hat Enterprise Linux Server",'
            f'"service_level_agreement":"{("Premium", "Standard", "Self-Support")[number % 3]}",'
            f'"usage":"{("Production", "Development/Test")[number % 2]}"}},"errors":[]}}'},
    }.get(number % 5, {})  # fmt: skip
    return Image(
        **{
            "cloud": "aws",
            "region": "eu-west-1",
            "native_id": f"ami-{number:017x}",
            "is_described": True,
            "architecture": ("x86_64", "arm64")[number % 2],
            "billing_code": "RunInstances",
            "platform_details": "Linux/UNIX",
            "owner": f"{number:012}",
            "name": f"image {number}",
            **facts,
        }
    )


def statements(path: str) -> int:
    """How many a request takes."""
    from django.conf import settings  # noqa: PLC0415 - set up by `measuring`
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    settings.IDENTITY_HEADER_TRUSTED = True
    settings.ALLOWED_HOSTS = ["*"]
    with CaptureQueriesContext(connection) as captured:
        assert Client().get(path, headers={"x-rh-identity": IDENTITY}).status_code == 200
    return len(captured)


def processor_seconds(server: int) -> dict[int, float]:
    """What gunicorn's workers and PostgreSQL's processes for them have used so far."""
    backends = [pid for (pid,) in fetch("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")]
    return measuring.processor_seconds([*backends, *(pid for pid, _ in children(server))])


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def load(port: int, path: str, folder: Path, seconds: int = SECONDS) -> Measured:
    """The target, asked by wrk from a process of its own, or where it is missing by one of ours."""
    if not shutil.which("wrk"):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.api_v2", "load", str(port), path, str(seconds)],
            check=True,
            capture_output=True,
        )
    else:
        script = folder / "percentiles.lua"
        script.write_text(_PERCENTILES)
        done = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script, "-H", f"x-rh-identity: {IDENTITY}",
             f"http://127.0.0.1:{port}{path}"], check=True, capture_output=True,
        )  # fmt: skip
    found = re.search(rb"measured (\S+) (\S+) (\S+) (\d+)", done.stdout)
    assert found, done.stdout
    return Measured(float(found[1]), float(found[2]), float(found[3]), int(found[4]))


def load_by_threads(port: int, path: str, seconds: int) -> None:
    """Print what some threads measured, each with a connection that stays open, as wrk's do."""
    times: list[float] = []
    failures: list[int] = []
    deadline = time.perf_counter() + seconds

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.perf_counter() < deadline:
            begun = time.perf_counter()
            connection.request("GET", path, headers={"x-rh-identity": IDENTITY})
            response = connection.getresponse()
            response.read()
            times.append(time.perf_counter() - begun)
            if response.status != 200:
                failures.append(response.status)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    cuts = statistics.quantiles(times, n=20)
    print(f"measured {len(times) / seconds} {cuts[9] * 1e3} {cuts[18] * 1e3} {len(failures)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["load"]:
        load_by_threads(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        main()
