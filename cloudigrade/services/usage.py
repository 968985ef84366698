"""Runs into the daily answer: which days must be answered anew, and answering them."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from django.db import transaction

from cloudigrade.domain import days
from cloudigrade.domain.rhel import Evidence, ImageFacts, Rhel, Verdict, judge
from cloudigrade.domain.usage import Category, Column, DayUsage, Label, Runs, usage_of_days
from cloudigrade.services import run_columns
from cloudigrade.services.staging import execute, fetch, stage, transposed

CLAIM = 400
"""Days of one customer recalculated in one transaction."""


class CustomerRuns(NamedTuple):
    """A customer's runs of a range as columns, and what each place of the label column means."""

    runs: Runs
    labels: list[Label]
    instance: Column
    verdicts: list[tuple[int | None, str, Verdict]]
    """Image, billing code of the run and verdict, by label."""


def mark(*, customer_id: int, spans: Iterable[tuple[int, int | None]], as_of: datetime) -> None:
    """Every day of the customer that the spans of seconds touch will be answered anew, however old it is."""
    touched = {
        (days.day_of(start), None if end is None else days.day_of(end - 1))
        for start, end in spans
        if end is None or start < end
    }
    execute(
        _MARK.format("SELECT %s::bigint AS customer_id, * FROM unnest(%s::date[], %s::date[]) AS u(first, last)"),
        [customer_id, *transposed(touched, 2), _day(as_of), _day(as_of)],
    )


def mark_images(*, pairs: Iterable[tuple[int, int]], as_of: datetime) -> None:
    """Every day on which an instance of the customer ran from the image, of each pair, will be answered anew."""
    customers, images = transposed(pairs, 2)
    execute(
        _MARK.format(
            "SELECT DISTINCT a.customer_id, (lower(r.period) AT TIME ZONE 'UTC')::date AS first,"
            "  (upper(r.period) AT TIME ZONE 'UTC' - interval '1 microsecond')::date AS last"
            " FROM cloudigrade_cloudaccount AS a JOIN cloudigrade_instance AS i ON i.account_id = a.id"
            " JOIN cloudigrade_run AS r ON r.instance_id = i.id"
            # said twice: the planner looks up the first, and checks the second
            " WHERE a.customer_id = ANY(%s) AND i.image_id = ANY(%s)"
            "  AND (a.customer_id, i.image_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))"
        ),
        [customers, images, customers, images, _day(as_of), _day(as_of)],
    )


# From customers' days, as first and last (null: it goes on), those that an answer is due for or stored for.
# The update makes a mark wait for a claim in flight, so that the claim cannot swallow it.
_MARK = """
    INSERT INTO cloudigrade_dirtyday (customer_id, day, marks)
    SELECT touched.customer_id, day::date, 1
    FROM (SELECT customer_id, range_agg(daterange(first, last, '[]')) AS days FROM ({}) AS t GROUP BY 1) AS touched
    CROSS JOIN LATERAL (
        SELECT coalesce((SELECT (min(metered_from) AT TIME ZONE 'UTC')::date FROM cloudigrade_cloudaccount AS a
                         WHERE a.customer_id = touched.customer_id), %s::date) AS first,
               greatest(%s::date - 1, (SELECT max(day) FROM cloudigrade_concurrentusage AS u
                                       WHERE u.customer_id = touched.customer_id)) AS last
    ) AS due
    CROSS JOIN LATERAL generate_series(due.first::timestamp, due.last::timestamp, interval '1 day') AS day
    WHERE day::date <@ touched.days
    ORDER BY 1, 2 ON CONFLICT (customer_id, day) DO UPDATE SET marks = cloudigrade_dirtyday.marks + 1
"""


def mark_unanswered(*, as_of: datetime, customer_id: int | None = None) -> int:
    """Every day that has ended and has no answer yet, idle ones too, will be answered; the number of such days."""
    return execute(
        "INSERT INTO cloudigrade_dirtyday (customer_id, day, marks)"
        " SELECT a.customer_id, ended.at::date, 1"
        " FROM (SELECT customer_id, min(metered_from) AS since FROM cloudigrade_cloudaccount GROUP BY customer_id) AS a"
        " CROSS JOIN generate_series((a.since AT TIME ZONE 'UTC')::date, %s::date - 1, interval '1 day') AS ended(at)"
        " WHERE (%s::bigint IS NULL OR a.customer_id = %s) AND NOT EXISTS (SELECT FROM cloudigrade_concurrentusage AS u"
        "   WHERE u.customer_id = a.customer_id AND u.day = ended.at::date)"
        " ORDER BY 1, 2 ON CONFLICT (customer_id, day) DO UPDATE SET marks = cloudigrade_dirtyday.marks + 1",
        [_day(as_of), customer_id, customer_id],
    )


@transaction.atomic
def recalculate_claimed(*, as_of: datetime, customer_id: int | None = None) -> int:
    """Answer anew some dirty days of one customer that nobody else is at; the number of days, 0 when none is left."""
    claimed = _claim(_day(as_of), customer_id)
    if not claimed:
        return 0
    customer_id, wanted = claimed
    found = load_runs(customer_id=customer_id, first=wanted[0], end=wanted[-1] + timedelta(1))
    answers = usage_of_days(found.runs, found.labels, wanted, as_of=days.second_of(as_of))
    _store(customer_id, answers, as_of)
    return len(wanted)


def _store(customer_id: int, answers: Mapping[date, DayUsage], as_of: datetime) -> None:
    """The answers of these days are stored; an old one stands until the new one replaces it."""
    stage(
        "answered_day",
        "day date, maximum_counts text, totals jsonb",
        (
            (day, encode_counts(answer), msgspec.json.encode(encode_totals(answer)).decode())
            for day, answer in answers.items()
        ),
        is_joined=False,
    )
    execute(
        "INSERT INTO cloudigrade_concurrentusage (customer_id, day, maximum_counts, totals, computed_at)"
        " SELECT %s, day, maximum_counts, totals, %s FROM answered_day ORDER BY day"
        " ON CONFLICT (customer_id, day) DO UPDATE SET maximum_counts = excluded.maximum_counts,"
        "  totals = excluded.totals, computed_at = excluded.computed_at",
        [customer_id, as_of],
    )


def recalculate_all(*, as_of: datetime, customer_id: int | None = None) -> int:
    """Answer every dirty day; the number of days."""
    total = 0
    while answered := recalculate_claimed(as_of=as_of, customer_id=customer_id):
        total += answered
    return total


def encode_counts(answer: DayUsage) -> str:
    """The maximum counts as compact JSON, as the wire wants them."""
    entries = [{**category._asdict(), "instances_count": count} for category, count in answer.maximum_counts.items()]
    return msgspec.json.encode(entries).decode()


def encode_totals(answer: DayUsage) -> dict[str, Any]:
    """Peaks and seconds: RHEL by payer and in all, and all instances."""
    rhel = {payer: measures._asdict() for payer, measures in answer.rhel.items()}
    return {"rhel": rhel, "all": answer.everything._asdict()}


def load_runs(*, customer_id: int, first: date, end: date, accounts: list[str] | None = None) -> CustomerRuns:
    """The runs of the customer (of these of its accounts) that have a part in the days [first, end)."""
    found = run_columns.read(
        customer_id=customer_id,
        start=days.instant(days.opening(first)),
        end=days.instant(days.opening(end)),
        by=("image", "billing_code"),
        only={} if accounts is None else {"account": accounts},
    )
    judged = verdicts_of(customer_id=customer_id, pairs=found.kinds)
    labels = [label_of(verdict, evidence) for verdict, evidence in judged]
    verdicts = [(image, code, verdict) for (image, code), (verdict, _) in zip(found.kinds, judged, strict=True)]
    return CustomerRuns(found.runs, labels, found.instance, verdicts)


def verdicts_of(*, customer_id: int, pairs: Iterable[tuple[int | None, str]]) -> list[tuple[Verdict, Evidence]]:
    """The verdict of each pair of image and billing code, with the evidence it rests on."""
    wanted = list(pairs)
    stored = dict(
        fetch(
            "SELECT image_id, evidence::text FROM cloudigrade_imageverdict"
            " WHERE customer_id = %s AND image_id = ANY(%s)",
            [customer_id, [image for image in {image for image, _ in wanted} if image is not None]],
        )
    )
    evidence: dict[int | None, Evidence] = {
        image: msgspec.json.decode(text, type=Evidence) for image, text in stored.items()
    }
    known = [(evidence.get(image, _NOTHING), code) for image, code in wanted]
    return [(judge(facts, billing_code=code), facts) for facts, code in known]


_NOTHING = Evidence(ImageFacts(native_id=""))


def label_of(verdict: Verdict, evidence: Evidence) -> Label:
    """What the meter must know of a run with this verdict."""
    purpose = evidence.findings.system_purpose if evidence.findings else None
    own = (purpose.role, purpose.sla, purpose.usage, purpose.service_type) if purpose else ("", "", "", "")
    return Label(verdict.rhel is Rhel.RHEL, verdict.payer, Category(evidence.image.architecture, *own))


def _claim(today: date, customer_id: int | None) -> tuple[int, list[date]] | None:
    """Take the marks of some days that have ended away, of one customer; they come back if the transaction fails.

    The customer's row stays locked: one count per customer at a time, and none while a verdict of the customer changes.
    """
    first = fetch(
        "SELECT d.customer_id FROM cloudigrade_dirtyday AS d JOIN cloudigrade_customer AS c ON c.id = d.customer_id"
        " WHERE d.day < %s AND (%s::bigint IS NULL OR d.customer_id = %s) ORDER BY d.customer_id, d.day LIMIT 1"
        " FOR UPDATE OF d SKIP LOCKED FOR NO KEY UPDATE OF c SKIP LOCKED",
        [today, customer_id, customer_id],
    )
    if not first:
        return None
    taken = fetch(
        # materialized: a plan that runs the inner select again for each row would take more than the limit
        "WITH c AS MATERIALIZED (SELECT id FROM cloudigrade_dirtyday"
        "   WHERE customer_id = %s AND day < %s ORDER BY day LIMIT %s FOR UPDATE SKIP LOCKED)"
        " DELETE FROM cloudigrade_dirtyday AS d USING c WHERE d.id = c.id RETURNING d.day",
        [first[0][0], today, CLAIM],
    )
    return first[0][0], sorted(day for (day,) in taken)


def _day(moment: datetime) -> date:
    return days.day_of(days.second_of(moment))
