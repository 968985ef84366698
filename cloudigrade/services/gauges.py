"""How much waits, and how long already: one value set a scrape, of as many statements for any number of rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from cloudigrade.domain.inspection import State
from cloudigrade.services import statuses
from cloudigrade.services.staging import fetch


class Gauge(NamedTuple):
    """A number that goes up and down, once for each combination of labels."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    values: Sequence[tuple[tuple[str, ...], float]]


def read(*, now: datetime) -> list[Gauge]:
    """Every gauge as it stands."""
    return [*_queues(), *_waiting(now), *_due(now), *_lag(now), *_inspections(now), *_tables()]


def _queues() -> list[Gauge]:
    rows = fetch("SELECT name, waiting, dead FROM cloudigrade_queuestate ORDER BY name")
    return [
        Gauge(
            "sqs_queue_length",
            "Messages in a queue, as last seen.",
            ("queue_name",),
            [((name,), waiting) for name, waiting, _ in rows],
        ),
        Gauge(
            "sqs_dead_letters",
            "Messages in its dead-letter queue, as last seen.",
            ("queue_name",),
            [((name,), dead) for name, _, dead in rows],
        ),
    ]


_WAITING = """
SELECT (SELECT count(*) FROM cloudigrade_inbox WHERE due_at IS NOT NULL),
       (SELECT min(received_at) FROM cloudigrade_inbox WHERE due_at IS NOT NULL),
       (SELECT count(*) FROM cloudigrade_outbox),
       (SELECT min(created_at) FROM cloudigrade_outbox),
       (SELECT count(*) FROM cloudigrade_dirtyday),
       (SELECT count(*) FROM cloudigrade_instance WHERE runs_dirty_from IS NOT NULL)
"""


def _waiting(now: datetime) -> list[Gauge]:
    ((inbox, received, outbox, created, dirty_days, dirty_instances),) = fetch(_WAITING)
    return [
        _plain("inbox_length", "Messages of Sources that have not taken effect yet.", inbox),
        _plain("inbox_age_seconds", "Age of the oldest of them; 0 without any.", _age(received, now)),
        _plain("outbox_length", "Words of availability that have not been told yet.", outbox),
        _plain("outbox_age_seconds", "Age of the oldest of them; 0 without any.", _age(created, now)),
        _plain("dirty_days", "Days of customers that wait to be answered.", dirty_days),
        _plain("dirty_instances", "Instances whose runs wait to be made anew.", dirty_instances),
    ]


def _due(now: datetime) -> list[Gauge]:
    rows = fetch(
        "SELECT work, count(*) FILTER (WHERE due_at <= %s), min(due_at) FROM cloudigrade_duework"
        " GROUP BY work ORDER BY work",
        [now],
    )
    return [
        Gauge("work_due", "Accounts for which it is due.", ("work",), [((work,), due) for work, due, _ in rows]),
        Gauge(
            "work_overdue_seconds",
            "For how long it has been due for the account that waits longest; 0: for none.",
            ("work",),
            [((work,), _age(since, now)) for work, _, since in rows],
        ),
    ]


def _lag(now: datetime) -> list[Gauge]:
    lag = statuses.lag(now=now)
    return [
        _known("newest_event_age_seconds", "Age of the newest record that any feed brought.", lag.newest_event),
        _known("oldest_message_age_seconds", "Age of the oldest message seen and not recorded.", lag.oldest_message),
        _known("last_sweep_age_seconds", "Age of the last sweep of the account swept longest ago.", lag.last_sweep),
        _plain("gaps", "Parts of feeds that are known to be missing.", lag.gaps),
        _plain("quarantine_length", "Records, messages and files that could not be read.", lag.rejected),
    ]


def _inspections(now: datetime) -> list[Gauge]:
    rows = fetch(
        "SELECT state, count(*), min(created_at) FILTER (WHERE state = 'pending' AND due_at IS NOT NULL),"
        " count(*) FILTER (WHERE has_leftovers), sum(requests), sum(bytes_read)"
        " FROM cloudigrade_inspection GROUP BY state"
    )
    states = {state: found for state, *found in rows}
    oldest = states.get("pending", [0, None])[1]
    return [
        Gauge(
            "inspections",
            "Images by how far looking into them is.",
            ("state",),
            [((state.value,), states.get(state.value, [0])[0]) for state in State],
        ),
        _plain("inspection_pending_age_seconds", "Since the oldest image waits; 0 without any.", _age(oldest, now)),
        _plain("inspection_copies", "Images of which a copy of ours may be somewhere.", sum(row[3] for row in rows)),
        _plain("inspection_requests", "Requests for blocks of snapshots so far.", float(sum(row[4] for row in rows))),
        _plain("inspection_bytes_read", "Bytes of blocks fetched so far.", float(sum(row[5] for row in rows))),
    ]


def _tables() -> list[Gauge]:
    rows = fetch(
        "SELECT relname, pg_total_relation_size(oid), greatest(reltuples, 0)::bigint FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        "  AND starts_with(relname, 'cloudigrade_')"
        " ORDER BY relname"
    )
    return [
        Gauge("db_table_size", "Bytes, with indexes.", ("table_name",), [((name,), size) for name, size, _ in rows]),
        Gauge("db_table_rows", "Rows, about.", ("table_name",), [((name,), number) for name, _, number in rows]),
    ]


def _plain(name: str, meaning: str, value: float) -> Gauge:
    return Gauge(name, meaning, (), [((), value)])


def _known(name: str, meaning: str, value: float | None) -> Gauge:
    """Without a value where it is not known."""
    return Gauge(name, meaning, (), [] if value is None else [((), value)])


def _age(moment: Any, now: datetime) -> float:
    return max((now - moment).total_seconds(), 0.0) if moment else 0.0
