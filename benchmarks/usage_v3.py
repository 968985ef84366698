"""`GET /v3/usage` for a customer with 10,000 instances over 30 days, on for long and stopped every night."""

import argparse
import base64
import gc
import json
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.test import Client

from benchmarks import measuring
from cloudigrade.services import accounts, staging, verdicts

INSTANCES, ACCOUNTS, REGIONS, IMAGES, TYPES = 10_000, 20, 10, 200, 30
DAYS = 30
FIRST = date(2026, 3, 1)
END = FIRST + timedelta(DAYS)
ROUNDS = 3
ORG = "bench"
IDENTITY = base64.b64encode(json.dumps({"identity": {"org_id": ORG}}).encode()).decode()

QUESTIONS = {
    "by day": {},
    "by day, region": {"group_by": "region"},
    "by month, all dimensions": {
        "granularity": "month",
        "group_by": "cloud,account,region,arch,version,product,payer,role,sla,usage,instance_type",
        "format": "parquet",
    },
    "by hour": {"granularity": "hour"},
    "by hour, account, region": {"granularity": "hour", "group_by": "account,region", "format": "csv"},
    "by hour, account, region, parquet": {"granularity": "hour", "group_by": "account,region", "format": "parquet"},
}


def main() -> None:
    """Measure with this many runs for each instance, each in a fresh database."""
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=int, nargs="*", default=[1, 30])
    options = parser.parse_args()
    if len(options.runs) > 1:
        for runs in options.runs:
            measuring.in_process_of_its_own("benchmarks.usage_v3", str(runs))
        return
    settings.IDENTITY_HEADER_TRUSTED = True
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.RATE_LIMIT_CUSTOMER = "none"
    with measuring.database():
        fill(options.runs[0])
        measure(options.runs[0])


def measure(runs: int) -> None:
    """Print what each question costs, first asked and asked again."""
    client = Client(headers={"X-RH-IDENTITY": IDENTITY})
    print(f"  {INSTANCES:,} instances with {runs} run(s) each, {INSTANCES * runs:,} runs in {DAYS} days")
    for name, more in QUESTIONS.items():
        query = {"start": str(FIRST), "end": str(END), "granularity": "day", "rhel": "all"} | more
        gc.collect()
        measuring.forget_peak()
        best, size, tag = min((ask(client, query) for _ in range(ROUNDS)), key=lambda answer: answer[0])
        again = min(ask(client, query, tag)[0] for _ in range(ROUNDS))
        print(
            f"  {name:36}{best:>7.3f} s{size:>13,} bytes, peak {measuring.peak_mib():>4} MiB;"
            f" unchanged {1000 * again:>5.1f} ms"
        )


def ask(client: Client, query: dict[str, str], tag: str = "") -> tuple[float, int, str]:
    """Seconds, bytes and tag of one answer."""
    begun = time.perf_counter()
    answer = client.get("/api/cloudigrade/v3/usage", query, headers={"If-None-Match": tag} if tag else {})
    size = sum(len(part) for part in _parts(answer))
    assert answer.status_code == (304 if tag else 200), answer.content
    return time.perf_counter() - begun, size, answer.headers["ETag"]


def _parts(answer: Iterable[bytes]) -> Iterable[bytes]:
    return answer


def fill(runs: int) -> None:
    """One customer whose instances were on for so many equal parts of the period, two thirds of each."""
    start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    customer = accounts.ensure_customer(org_id=ORG, now=start)
    names = [f"{number:012}" for number in range(ACCOUNTS)]
    accounts.ensure_accounts(customer_id=customer, cloud="aws", native_ids=names, metered_from=start, now=start)
    staging.execute(
        "INSERT INTO cloudigrade_image (cloud, region, native_id, owner, name, architecture, platform, billing_code,"
        "  platform_details, product_codes, source_image, is_described, findings)"
        " SELECT 'aws', '', 'ami-' || n, '', '', CASE n %% 2 WHEN 0 THEN 'x86_64' ELSE 'arm64' END, '',"
        "  CASE n %% 3 WHEN 0 THEN 'RunInstances:0010' WHEN 1 THEN 'RunInstances:00g0' ELSE 'RunInstances' END,"
        "  '', '[]', '', true, '' FROM generate_series(1, %s) AS n",
        [IMAGES],
    )
    staging.execute(
        "INSERT INTO cloudigrade_instance (account_id, native_id, region, image_id, described_type,"
        "  described_billing_code, described_until, drift)"
        " SELECT a.id, 'i-' || n, 'region-' || n / %s %% %s, i.id, '', '', 0, '[]' FROM generate_series(1, %s) AS n"
        " JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM cloudigrade_cloudaccount) AS a"
        "  ON a.place = n %% %s + 1"
        " JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM cloudigrade_image) AS i"
        "  ON i.place = n %% %s + 1",
        [ACCOUNTS, REGIONS, INSTANCES, ACCOUNTS, IMAGES],
    )
    part = DAYS * 86_400 // runs
    staging.execute(
        "INSERT INTO cloudigrade_run (instance_id, period, instance_type, billing_code, vcpu, memory_mib)"
        " SELECT i.id, tstzrange(%s + make_interval(secs => n * %s + i.id %% 3600),"
        "  %s + make_interval(secs => n * %s + i.id %% 3600 + %s)), 'type-' || i.id %% %s, '', 1 << (i.id %% 6)::int,"
        "  1024 << (i.id %% 6)::int FROM generate_series(0, %s) AS n CROSS JOIN cloudigrade_instance AS i",
        [start, part, start, part, part * 2 // 3, TYPES, runs - 1],
    )
    verdicts.recalculate(
        image_ids=[image for (image,) in staging.fetch("SELECT id FROM cloudigrade_image")], as_of=start
    )
    for table in ("instance", "run", "image", "imageverdict"):
        staging.execute(f"VACUUM ANALYZE cloudigrade_{table}")


if __name__ == "__main__":
    main()
