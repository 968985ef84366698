"""Whether an image's disks have to be looked into at all, for whom, and through which of their accounts."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from django.conf import settings

from cloudigrade.clouds.cloud import Account
from cloudigrade.domain.rhel import Evidence, Rhel, judge
from cloudigrade.models import CloudAccount
from cloudigrade.services.inspections import Claimed
from cloudigrade.services.opened import accounts_of
from cloudigrade.services.staging import execute, fetch

MOST_ASKED: Final = 5
"""Accounts asked for one attempt: not everybody who says to boot from an image may see it."""

USABLE: Final = (
    "a.is_verified AND a.is_enabled AND a.wanted = 'enabled' AND NOT a.is_paused AND NOT a.is_synthetic"
    " AND a.credentials <> '' AND a.external_id <> ''"
)
"""Accounts that may be read."""


class Decision(NamedTuple):
    """What is known without the disks."""

    reason: str
    """Why nobody needs to look at them; empty: somebody does."""
    customers: frozenset[int]
    """Whose verdict depends on them."""


class Candidate(NamedTuple):
    """An account through which they may be looked at."""

    account_id: int
    customer_id: int
    account: Account


def decide(*, image_id: int) -> Decision:
    """What all evidence but that of the disks says, for each customer who boots from the image."""
    rows = fetch(
        "SELECT customer_id, evidence::text FROM cloudigrade_imageverdict WHERE image_id = %s ORDER BY customer_id",
        [image_id],
    )
    open_for, reasons = set(), []
    for customer, text in rows:
        evidence = msgspec.json.decode(text, type=Evidence)
        verdict = judge(replace(evidence, findings=None))
        if verdict.rhel is Rhel.UNDETERMINED:
            open_for.add(customer)
        else:
            reasons.append(public_reason(verdict.reasons[0]))
    return Decision("" if open_for or not reasons else min(reasons), frozenset(open_for))


def public_reason(reason: str) -> str:
    """The reason without what is one customer's own: tags, and images that it was copied from."""
    if reason.startswith("certain: "):
        return reason
    if reason.startswith("strong: source image "):
        return "strong: the image that it was copied from tells"
    return "declared: each customer who boots from it has tagged it"


def candidates(*, claimed: Claimed, customers: Collection[int]) -> list[Candidate]:
    """Accounts of these customers that boot from the image: untried ones first, then its owner's, then who sees it."""
    rows = fetch(
        f"""
        WITH users AS (SELECT DISTINCT i.account_id FROM cloudigrade_instance AS i WHERE i.image_id = %(image)s)
        SELECT a.id FROM users AS u JOIN cloudigrade_cloudaccount AS a ON a.id = u.account_id
        JOIN cloudigrade_image AS m ON m.id = %(image)s
        LEFT JOIN cloudigrade_sight AS s ON s.customer_id = a.customer_id AND s.image_id = m.id
        WHERE {USABLE} AND a.customer_id = ANY(%(customers)s) AND a.cloud = m.cloud
        ORDER BY a.id = ANY(%(tried)s), a.native_id = m.owner DESC, s.id IS NULL, md5(a.id || '-' || %(number)s::text)
        LIMIT %(most)s
        """,  # noqa: S608 - our own literal
        {
            "image": claimed.image_id,
            "customers": sorted(customers),
            "tried": list(claimed.tried),
            "number": claimed.number,
            "most": MOST_ASKED,
        },
    )
    found = CloudAccount.objects.in_bulk([account for (account,) in rows])
    ordered = [found[account] for (account,) in rows if account in found]
    return [
        Candidate(row.pk, row.customer_id, account) for row, account in zip(ordered, accounts_of(ordered), strict=True)
    ]


_UNDETERMINED: Final = f"""
    SELECT v.image_id, v.customer_id, a.id AS account_id, a.enabled_at, s.id IS NOT NULL AS is_seen
    FROM cloudigrade_imageverdict AS v JOIN cloudigrade_image AS m ON m.id = v.image_id
    JOIN cloudigrade_instance AS i ON i.image_id = v.image_id
    JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id AND a.customer_id = v.customer_id
    LEFT JOIN cloudigrade_sight AS s ON s.customer_id = v.customer_id AND s.image_id = v.image_id
    WHERE v.rhel = 'undetermined' AND m.cloud = ANY(%(clouds)s) AND m.is_described AND m.region <> '' AND {USABLE}
"""  # noqa: S608 - our own literal
"""Images whose disks matter to somebody who may look at them, once for each instance."""

_PLAN: Final = f"""
    WITH undetermined AS ({_UNDETERMINED} AND NOT EXISTS
            (SELECT FROM cloudigrade_inspection AS n WHERE n.image_id = v.image_id)),
    wanted AS (
        SELECT image_id, (array_agg(customer_id ORDER BY is_seen DESC, customer_id))[1] AS customer_id
        FROM undetermined GROUP BY 1
    )
    INSERT INTO cloudigrade_inspection (image_id, customer_id, state, path, basis, reason, content, subject, progress,
        tried, has_leftovers, attempts, waits, number, claim, requests, bytes_read, due_at, created_at, updated_at)
    SELECT image_id, customer_id, 'pending', '', '', '', '', '{{}}', '{{}}', '[]', false, 0, 0, 0, 0, 0, 0,
           %(now)s, %(now)s, %(now)s
    FROM wanted ORDER BY image_id ON CONFLICT DO NOTHING
"""  # noqa: S608 - likewise

_RECORD_FACTS: Final = f"""
    WITH decided AS (
        SELECT DISTINCT ON (m.id) m.id, v.customer_id,
               CASE WHEN v.reasons->>0 LIKE 'certain: %%' THEN left(v.reasons->>0, 1000)
                    ELSE 'strong: the image that it was copied from tells' END AS reason
        FROM cloudigrade_image AS m JOIN cloudigrade_imageverdict AS v ON v.image_id = m.id
        WHERE m.cloud = ANY(%(clouds)s) AND m.is_described AND v.rhel <> 'undetermined'
         AND (v.reasons->>0 LIKE 'certain: %%' OR v.reasons->>0 LIKE 'strong: source image %%')
         AND NOT EXISTS (SELECT FROM cloudigrade_inspection AS n WHERE n.image_id = m.id)
         AND EXISTS (SELECT FROM cloudigrade_cloudaccount AS a WHERE a.customer_id = v.customer_id
                     AND a.cloud = m.cloud AND {USABLE})
        ORDER BY m.id, v.customer_id
    )
    INSERT INTO cloudigrade_inspection (image_id, customer_id, state, path, basis, reason, content, subject, progress,
        tried, has_leftovers, attempts, waits, number, claim, requests, bytes_read, due_at, finished_at, created_at,
        updated_at)
    SELECT id, customer_id, 'inspected', '', 'facts', reason, '', '{{}}', '{{}}', '[]', false, 0, 0, 0, 0, 0, 0, NULL,
           %(now)s, %(now)s, %(now)s
    FROM decided ORDER BY id ON CONFLICT DO NOTHING
"""  # noqa: S608 - likewise

_REVIVE: Final = f"""
    WITH undetermined AS ({_UNDETERMINED}),
    again AS (
        SELECT n.id FROM cloudigrade_inspection AS n JOIN undetermined AS u ON u.image_id = n.image_id
        WHERE (n.state = 'inspected' AND n.basis = 'facts')
         OR (n.state IN ('error', 'unavailable') AND n.basis = '' AND NOT n.has_leftovers AND n.attempts < %(most)s
             AND (n.due_at IS NULL OR n.due_at > %(now)s)
             AND (u.enabled_at > n.finished_at OR (u.is_seen AND NOT n.tried @> to_jsonb(u.account_id))))
        UNION
        SELECT n.id FROM cloudigrade_inspection AS n JOIN cloudigrade_instance AS i ON i.image_id = n.image_id
        JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id
        WHERE n.state = 'pending' AND n.due_at IS NULL AND a.cloud = ANY(%(clouds)s) AND {USABLE}
    ), held AS (SELECT n.id FROM cloudigrade_inspection AS n JOIN again AS g ON g.id = n.id
                ORDER BY n.id FOR UPDATE OF n SKIP LOCKED)
    UPDATE cloudigrade_inspection AS n SET due_at = %(now)s, updated_at = %(now)s,
           state = CASE WHEN n.basis = 'facts' THEN 'pending' ELSE n.state END,
           basis = '', reason = CASE WHEN n.basis = 'facts' THEN '' ELSE n.reason END
    FROM held WHERE n.id = held.id
"""  # noqa: S608 - likewise


def plan(*, clouds: Collection[str], now: datetime) -> int:
    """Every image whose disks matter to somebody is to be looked into, once; the number of those that are news.

    Those that are decided by what is known of them have it recorded why. Those that came to nothing are looked at
    again when an account is enabled that boots from them, or one sees them that was not asked.
    """
    given = {"clouds": sorted(clouds), "now": now, "most": settings.INSPECTIONS.attempts}
    execute(_RECORD_FACTS, given)
    return execute(_PLAN, given) + execute(_REVIVE, given)
