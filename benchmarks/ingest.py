"""Log files into events in PostgreSQL with one worker, against decoding and extracting the same files.

`python -m benchmarks.ingest` measures files with 1 % and 20 % of relevant records.
"""

import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection

from benchmarks import measuring
from benchmarks.decode import ACCOUNT, log_file
from cloudigrade.clouds.aws import reading
from cloudigrade.clouds.aws.trail import sources
from cloudigrade.services import accounts, activity

RECORDS_PER_FILE = 5_000
FILES = 16
SHARES = (0.01, 0.20)
ROUNDS = 3


def main() -> None:
    """Measure each share, best of some rounds, each into empty tables."""
    with measuring.database(), tempfile.TemporaryDirectory() as folder:
        for share in SHARES:
            trail = Path(folder) / f"trail-{share}"
            trail.mkdir()
            chance = random.Random(RECORDS_PER_FILE)
            for number in range(FILES):
                (trail / f"{number:04d}.json.gz").write_bytes(log_file(chance, RECORDS_PER_FILE, share))
            measure(trail, share)


def measure(trail: Path, share: float) -> None:
    """Print the rates of both, side by side."""
    measuring.forget_peak()
    records = FILES * RECORDS_PER_FILE
    extracting = storing = float("inf")
    for _ in range(ROUNDS):
        extracting = min(extracting, measuring.seconds(lambda: extract(trail)))
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE cloudigrade_customer CASCADE")
        storing = min(storing, measuring.seconds(lambda: store(trail)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cloudigrade_instanceevent")
        ((events,),) = cursor.fetchall()
    print(
        f"{share:4.0%} relevant: decode + extract {records / extracting:,.0f} records/s;"
        f" into PostgreSQL {records / storing:,.0f} records/s = {extracting / storing:.2f}x"
        f" ({events} events, {events / storing:,.0f} events/s); peak {measuring.peak_mib()} MiB"
    )


def extract(trail: Path) -> int:
    """All activities of the trail, thrown away."""
    return sum(len(batch.instances) for batch in reading.read_trail(sources(str(trail))))


def store(trail: Path) -> None:
    """All activities of the trail, recorded as the service does it."""
    now = datetime(2026, 1, 3, tzinfo=UTC)
    customer = accounts.ensure_customer(org_id="bench", now=now)
    accounts.ensure_accounts(
        customer_id=customer, cloud="aws", native_ids=[ACCOUNT], metered_from=datetime(2026, 1, 1, tzinfo=UTC), now=now
    )
    for batch in reading.read_trail(sources(str(trail))):
        activity.record(customer_id=customer, cloud="aws", feed="cloudtrail", batch=batch, as_of=now)


if __name__ == "__main__":
    main()
