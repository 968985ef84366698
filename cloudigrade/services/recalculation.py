"""What operators want calculated anew: rows are marked, and the work that looks at the marks does the rest."""

from collections.abc import Collection
from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from cloudigrade.domain.events import Kind, Previous
from cloudigrade.models import InstanceEvent, Run
from cloudigrade.services.staging import execute, fetch


def mark_runs(*, now: datetime, account_id: int | None = None, since: datetime | None = None) -> int:
    """The runs of all instances, or of one account's, or of those with an event since then, will be made anew."""
    return execute(
        "UPDATE cloudigrade_instance SET runs_dirty_from = least(runs_dirty_from, coalesce(%(since)s, %(now)s))"
        # locked in one order, as everybody does
        " WHERE id IN (SELECT id FROM cloudigrade_instance AS i"
        "  WHERE (%(account)s::bigint IS NULL OR i.account_id = %(account)s)"
        "   AND (%(since)s::timestamptz IS NULL OR EXISTS (SELECT FROM cloudigrade_instanceevent AS e"
        "    WHERE e.instance_id = i.id AND e.occurred_at >= %(since)s)) ORDER BY id FOR NO KEY UPDATE)",
        {"account": account_id, "since": since, "now": now},
    )


@transaction.atomic
def mark_usage(*, today: date, customer_id: int | None = None, since: date | None = None) -> int:
    """Every day that has ended since then, of one customer or of all, will be answered anew; the number of days."""
    return execute(
        "INSERT INTO cloudigrade_dirtyday (customer_id, day, marks)"
        " SELECT a.customer_id, ended.at::date, 1 FROM (SELECT customer_id, min(metered_from) AS since"
        "   FROM cloudigrade_cloudaccount WHERE %(customer)s::bigint IS NULL OR customer_id = %(customer)s"
        "   GROUP BY customer_id) AS a"
        " CROSS JOIN generate_series(greatest((a.since AT TIME ZONE 'UTC')::date, %(since)s::date)::timestamp,"
        "  %(today)s::date - interval '1 day', interval '1 day') AS ended(at)"
        " ORDER BY 1, 2 ON CONFLICT (customer_id, day) DO UPDATE SET marks = cloudigrade_dirtyday.marks + 1",
        {"customer": customer_id, "since": since, "today": today},
    )


def problematic_runs(*, customer_id: int | None = None) -> QuerySet[Run]:
    """Runs that go on, though a later event, or one of the same second, says that the instance went off."""
    ends = InstanceEvent.objects.filter(
        instance=OuterRef("instance"), kind=Kind.POWER_OFF, occurred_at__gte=OuterRef("period__startswith")
    ).exclude(previous__in=(Previous.OFF, Previous.GONE))  # it was off already: nothing ended
    found = Run.objects.filter(Exists(ends), period__upper_inf=True)
    return found if customer_id is None else found.filter(instance__account__customer=customer_id)


@transaction.atomic
def mark_instances_of(*, runs: Collection[int]) -> int:
    """The runs of the instances of these runs will be made anew; the number of instances."""
    return execute(
        "UPDATE cloudigrade_instance AS i SET runs_dirty_from = least(i.runs_dirty_from, d.since)"
        " FROM (SELECT i.id, r.since FROM cloudigrade_instance AS i"
        "  JOIN (SELECT instance_id, min(lower(period)) AS since FROM cloudigrade_run WHERE id = ANY(%s)"
        "   GROUP BY instance_id) AS r ON r.instance_id = i.id"
        "  ORDER BY i.id FOR NO KEY UPDATE OF i) AS d WHERE i.id = d.id",
        [list(runs)],
    )


def runs_of_days(*, usage_ids: Collection[int]) -> dict[int, list[int]]:
    """The runs that were on, whatever they ran, by the answer of the day."""
    rows = fetch(
        "SELECT u.id, array_agg(r.id ORDER BY r.id) FROM cloudigrade_concurrentusage AS u"
        " JOIN cloudigrade_cloudaccount AS a ON a.customer_id = u.customer_id"
        " JOIN cloudigrade_instance AS i ON i.account_id = a.id JOIN cloudigrade_run AS r ON r.instance_id = i.id"
        "  AND r.period && tstzrange(u.day::timestamp AT TIME ZONE 'UTC', (u.day + 1)::timestamp AT TIME ZONE 'UTC')"
        " WHERE u.id = ANY(%s) GROUP BY u.id",
        [list(usage_ids)],
    )
    return dict(rows)
