"""One late event of a customer with 10,000 instances: from recording it to the right answer of the API.

`python -m benchmarks.late_event [INSTANCES]` prints the time, and what was recalculated.
"""

import sys
from datetime import UTC, datetime, timedelta

from benchmarks import measuring
from benchmarks.metering import DAYS, FIRST, fill
from cloudigrade.clouds.protocol import Batch, InstanceActivity
from cloudigrade.domain.events import Event, Kind, Previous
from cloudigrade.services import activity, runs, usage
from cloudigrade.services.staging import fetch


def main() -> None:
    """Fill, answer everything, then let one stop arrive 60 days late."""
    instances = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with measuring.database():
        measure(instances)


def measure(instances: int) -> None:
    """Print what the late event cost."""
    fill(instances)
    start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    as_of = start + timedelta(DAYS)
    usage.mark_unanswered(as_of=as_of)
    everything = measuring.seconds(lambda: (runs.recalculate_all(as_of=as_of), usage.recalculate_all(as_of=as_of)))
    ((customer, native_id, begun, ended),) = fetch(
        "SELECT a.customer_id, i.native_id, extract(epoch FROM lower(r.period))::bigint,"
        " extract(epoch FROM upper(r.period))::bigint FROM cloudigrade_run AS r"
        " JOIN cloudigrade_instance AS i ON i.id = r.instance_id JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id"
        " WHERE upper(r.period) - lower(r.period) > interval '30 hours' ORDER BY lower(r.period), r.id LIMIT 1"
    )
    stop = Event("late", (begun + ended) // 2, Kind.POWER_OFF, previous=Previous.ON)
    batch = Batch(instances=[InstanceActivity("012345678901", "us-east-1", native_id, stop)])
    before = _answers()
    counts: list[int] = []

    def arrive() -> None:
        activity.record(customer_id=customer, cloud="aws", feed="bench", batch=batch, as_of=as_of)
        counts.append(runs.recalculate_all(as_of=as_of))
        counts.append(usage.recalculate_all(as_of=as_of + timedelta(seconds=1)))

    late = measuring.seconds(arrive)
    after = _answers()
    recalculated = sum(after[day][1] != before[day][1] for day in after)
    changed = sum(after[day][0] != before[day][0] for day in after)
    print(
        f"{instances} instances, all {len(after)} days: {everything:.2f} s; one late event to the right answer: {late:.3f} s"
        f" ({everything / late:.0f}x less), recalculated {counts[0]} instance(s) and {recalculated} day(s),"
        f" of which {changed} now have another answer"
    )


def _answers() -> dict[object, tuple[object, object]]:

    rows = fetch("SELECT day, totals::text, computed_at FROM cloudigrade_concurrentusage")
    return {day: (totals, computed_at) for day, totals, computed_at in rows}


if __name__ == "__main__":
    main()
