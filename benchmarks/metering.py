"""Stored events into runs into 90 days of usage, against reading those events by one SELECT.

`python -m benchmarks.metering 1000 10000` measures these numbers of instances; `--no-constraint` without the exclusion
constraint's index.
"""

import argparse
import gc
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
from django.conf import settings
from django.db import connection, transaction

from benchmarks import measuring
from cloudigrade.clouds.protocol import Batch, Findings, TypeDefinition
from cloudigrade.services import accounts, definitions, runs, staging, usage, verdicts
from cloudigrade.services.activity import record
from cloudigrade.services.staging import execute, fetch

DAYS = 90
EVENTS = 20
ROUNDS = 3
FIRST = date(2026, 1, 1)
SEED = 20260101


def main() -> None:
    """Measure each size in a fresh database."""
    parser = argparse.ArgumentParser()
    parser.add_argument("instances", type=int, nargs="+")
    parser.add_argument("--no-constraint", action="store_true")
    options = parser.parse_args()
    if len(options.instances) > 1:
        for instances in options.instances:
            more = ["--no-constraint"] if options.no_constraint else []
            measuring.in_process_of_its_own("benchmarks.metering", str(instances), *more)
        return
    with measuring.database():
        measure(options.instances[0], constraint=not options.no_constraint)


def measure(instances: int, *, constraint: bool) -> None:
    """Print what this many instances cost."""
    fill(instances)
    if not constraint:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE cloudigrade_run DROP CONSTRAINT runs_of_an_instance_do_not_overlap")
    measuring.forget_peak()
    select = measuring.seconds(read_events, rounds=ROUNDS if instances <= 10_000 else 1)
    select_peak = measuring.peak_mib()
    gc.collect()
    measuring.forget_peak()
    as_of = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(DAYS)
    building = counting = float("inf")
    for _ in range(ROUNDS if instances <= 10_000 else 1):
        forget_derived()
        usage.mark_unanswered(as_of=as_of)
        building = min(building, measuring.seconds(lambda: runs.recalculate_all(as_of=as_of)))
        counting = min(counting, measuring.seconds(lambda: usage.recalculate_all(as_of=as_of)))
    total = building + counting
    ((stored, answered),) = fetch(
        "SELECT (SELECT count(*) FROM cloudigrade_run), (SELECT count(*) FROM cloudigrade_concurrentusage)"
    )
    print(
        f"{instances:>7} instances {'with' if constraint else 'without'} constraint:"
        f" SELECT {select:.3f} s ({select_peak} MiB), runs {building:.3f} s, usage {counting:.3f} s,"
        f" total {total:.3f} s = {total / select:.1f}x SELECT, {1e6 * total / instances:.0f} us/instance,"
        f" peak {measuring.peak_mib()} MiB; {stored} runs, {answered} days"
    )


def forget_derived() -> None:
    """Nothing is stored but events, and every instance is dirty."""
    execute("TRUNCATE cloudigrade_run, cloudigrade_concurrentusage, cloudigrade_dirtyday")
    execute("UPDATE cloudigrade_instance SET runs_dirty_from = now()")
    execute("VACUUM ANALYZE cloudigrade_instance")


def read_events() -> int:
    """The measure of things: every stored event, all columns, by one SELECT of the bare driver into Python."""
    with psycopg.connect(settings.DATABASE_URL) as connection:
        rows = connection.execute(
            "SELECT * FROM cloudigrade_instanceevent ORDER BY instance_id, occurred_at"
        ).fetchall()
    return len(rows)


def fill(instances: int) -> None:
    """One customer whose instances each have 20 power events, on and off in turn, over 90 days."""
    start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    customer = accounts.ensure_customer(org_id="bench", now=start)
    accounts.ensure_accounts(
        customer_id=customer, cloud="aws", native_ids=["012345678901"], metered_from=start, now=start
    )
    sizes = [TypeDefinition("t3.large", 2, 8192), TypeDefinition("m5.4xlarge", 16, 65536)]
    definitions.record(cloud="aws", definitions=sizes, as_of=start)
    purposes = [{"role": role, "service_level_agreement": sla, "usage": "Production", "service_type": "L1-L3"}
                for role in ("Server", "Workstation") for sla in ("Premium", "Standard", "Self-Support")]  # fmt: skip
    found = [
        Findings(f"ami-{n:08x}", {"rhel_product_certs_found": True, "syspurpose": purpose})
        for n, purpose in enumerate(purposes)
    ]
    record(customer_id=customer, cloud="aws", feed="bench", batch=Batch(findings=found), as_of=start)
    ((account,),) = staging.fetch("SELECT id FROM cloudigrade_cloudaccount")
    staging.execute(
        "INSERT INTO cloudigrade_instance (account_id, native_id, region, image_id, described_type, described_billing_code,"
        " described_until, drift, runs_dirty_from)"
        " SELECT %s, 'i-' || lpad(to_hex(n), 17, '0'), 'us-east-1', i.id, '', '', 0, '[]', %s"
        " FROM generate_series(1, %s) AS n JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM cloudigrade_image) AS i"
        " ON i.place = n %% %s + 1",
        [account, start, instances, len(found)],
    )

    with transaction.atomic():
        images = [image for (image,) in staging.fetch("SELECT id FROM cloudigrade_image")]
        verdicts.recalculate(image_ids=images, as_of=start)
    ids = [instance for (instance,) in staging.fetch("SELECT id FROM cloudigrade_instance ORDER BY id")]
    columns = ["instance_id", "source_id", "revision", "occurred_at", "kind", "feed", "previous", "is_launch",
               "is_termination", "instance_type", "billing_code", "earliest", "latest"]  # fmt: skip
    staging.copy_into("cloudigrade_instanceevent", columns, _events(ids))
    for table in ("instance", "instanceevent", "imageverdict", "image"):
        staging.execute(f"ANALYZE cloudigrade_{table}")


def _events(ids: list[int]) -> Iterator[tuple[object, ...]]:
    chance = random.Random(SEED)
    start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    for instance in ids:
        for turn, second in enumerate(sorted(chance.sample(range(DAYS * 86_400), EVENTS))):
            on = turn % 2 == 0
            yield (
                instance, f"{instance:08x}-{turn:04d}-4000-8000-00000000beef", "", start + timedelta(seconds=second),
                1 if on else 2, 1, 0 if turn == 0 else (2 if on else 1), turn == 0, False,
                ("t3.large" if instance % 2 else "m5.4xlarge") if turn == 0 else "", "", 0, 0,
            )  # fmt: skip


if __name__ == "__main__":
    main()
