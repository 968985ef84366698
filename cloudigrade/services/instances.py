"""What a batch says of instances into the store: the instances, their events, and what descriptions say of them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cloudigrade.clouds.protocol import InstanceActivity, InstanceDescription
from cloudigrade.domain.events import Event, merged
from cloudigrade.services.staging import execute, fetch, stage, transposed


class Changed(NamedTuple):
    """What recording did to instances."""

    told: frozenset[tuple[str, str]]
    """Account and source_id of each event that was news."""
    images: frozenset[int]
    """Images that an instance newly boots from."""
    spans: list[tuple[int, int | None]]
    """Runs of instances whose image is another now, in seconds since 1970."""


def record(
    *,
    accounts: Mapping[str, int],
    images: Mapping[tuple[str, str], int],
    activities: Sequence[InstanceActivity],
    descriptions: Sequence[InstanceDescription],
) -> Changed:
    """Every instance named exists, each event is stored once, and instances with news are marked dirty."""
    if not activities and not descriptions:
        return Changed(frozenset(), frozenset(), [])
    ids = _ensure(accounts, activities, descriptions)
    told = _record_events(accounts, activities, descriptions, ids)
    newly, spans = _link_images(accounts, images, activities, descriptions, ids)
    _describe(accounts, descriptions, ids)
    return Changed(told, newly, spans)


_Ids = Mapping[tuple[int, str], int]
"""Instance id by account id and native id."""


def _ensure(
    accounts: Mapping[str, int], activities: Sequence[InstanceActivity], descriptions: Sequence[InstanceDescription]
) -> _Ids:
    """The id of each instance named; their rows stay locked, in order, so that a recalculation waits for the news."""
    regions: dict[tuple[int, str], str] = {}
    items: list[InstanceActivity | InstanceDescription] = [*activities, *descriptions]
    for item in items:
        identity = (accounts[item.account], item.instance)
        regions[identity] = min(regions.get(identity, item.region), item.region)
    rows = [(account, native_id, region) for (account, native_id), region in sorted(regions.items())]
    ids: dict[tuple[int, str], int] = {}
    while len(ids) < len(rows):  # once again where another batch made some of them just now
        found = fetch(
            # those made come first, for the locks of two batches to be taken in one order
            "WITH n AS (SELECT *"
            "  FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS n(account_id, native_id, region)),"
            " made AS (INSERT INTO cloudigrade_instance (account_id, native_id, region, described_type,"
            "   described_billing_code, described_until, drift)"
            "  SELECT account_id, native_id, region, '', '', 0, '[]' FROM n WHERE NOT EXISTS"
            "   (SELECT FROM cloudigrade_instance AS i WHERE i.account_id = n.account_id AND i.native_id = n.native_id)"
            "  ORDER BY account_id, native_id ON CONFLICT (account_id, native_id) DO NOTHING"
            "  RETURNING account_id, native_id, id),"
            " held AS (SELECT i.account_id, i.native_id, i.id FROM cloudigrade_instance AS i"
            "  JOIN n ON n.account_id = i.account_id AND n.native_id = i.native_id ORDER BY i.id FOR UPDATE OF i)"
            " SELECT * FROM made UNION ALL SELECT * FROM held",
            transposed(rows, 3),
        )
        ids = {(account, native_id): instance for account, native_id, instance in found}
    return ids


def _link_images(
    accounts: Mapping[str, int],
    images: Mapping[tuple[str, str], int],
    activities: Sequence[InstanceActivity],
    descriptions: Sequence[InstanceDescription],
    ids: _Ids,
) -> tuple[frozenset[int], list[tuple[int, int | None]]]:
    """The image of each instance is the described one, else that of its launch or of the addendum that stands for it.

    The result is the images of those for which it is another now, and their runs.
    """
    links: dict[int, tuple[int, bool, str, str]] = {}
    for activity in sorted(activities, key=lambda a: a.event.revision):
        if activity.image:
            image = images[activity.region, activity.image]
            event = activity.event
            links[ids[accounts[activity.account], activity.instance]] = (image, False, event.source_id, event.revision)
    for item in descriptions:
        if item.image:
            links[ids[accounts[item.account], item.instance]] = (images[item.region, item.image], True, "", "")
    if not links:
        return frozenset(), []
    rows = fetch(
        "WITH linked AS (UPDATE cloudigrade_instance AS i SET image_id = l.image_id, updated_at = statement_timestamp()"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[], %s::text[], %s::text[])"
        "  AS l(id, image_id, is_described, source_id, revision)"
        " WHERE i.id = l.id AND i.image_id IS DISTINCT FROM l.image_id"
        "  AND (i.image_id IS NULL OR l.is_described OR (l.revision <> '' AND i.described_until = 0 AND EXISTS"
        "   (SELECT FROM cloudigrade_instanceevent AS e WHERE e.instance_id = i.id AND e.source_id = l.source_id"
        "     AND e.revision = l.revision))) RETURNING i.id, i.image_id)"
        " SELECT l.image_id, date_part('epoch', lower(r.period))::bigint, date_part('epoch', upper(r.period))::bigint"
        " FROM linked AS l LEFT JOIN cloudigrade_run AS r ON r.instance_id = l.id",
        [list(links), *transposed(links.values(), 5)],
    )
    return frozenset(image for image, _, _ in rows), [(start, end) for _, start, end in rows if start is not None]


def _describe(accounts: Mapping[str, int], descriptions: Sequence[InstanceDescription], ids: _Ids) -> None:
    """The description that speaks of the latest time is what is stored, whatever the order in which they are read."""
    newest: dict[int, tuple[int, str, str]] = {}
    undated: dict[int, int] = {}
    for item in descriptions:
        instance = ids[accounts[item.account], item.instance]
        said = (item.described_until, item.instance_type, item.billing_code)
        newest[instance] = max(newest.get(instance, said), said)
        if item.is_stop_undated:
            undated[instance] = max(undated.get(instance, 0), item.launched_at)
    if not newest:
        return
    execute(
        "UPDATE cloudigrade_instance AS i SET runs_dirty_from = coalesce(i.runs_dirty_from, to_timestamp(d.until)),"
        "  described_until = d.until, described_type = d.type, described_billing_code = d.code,"
        "  undated_stop_launch = greatest(i.undated_stop_launch, d.undated)"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[])"
        "  AS d(id, until, type, code, undated)"
        " WHERE i.id = d.id AND ((d.until, d.type, d.code) >"
        "  (i.described_until, i.described_type, i.described_billing_code)"
        "  OR d.undated > coalesce(i.undated_stop_launch, -1))",
        [
            list(newest),
            *(list(column) for column in zip(*newest.values(), strict=True)),
            [undated.get(instance) for instance in newest],
        ],
    )


def _record_events(
    accounts: Mapping[str, int],
    activities: Sequence[InstanceActivity],
    descriptions: Sequence[InstanceDescription],
    ids: _Ids,
) -> frozenset[tuple[str, str]]:
    """Each event is stored once, as `domain.events.merged` says; account and source_id of those that were news."""
    newest: dict[tuple[int, str], Event] = {}
    for account, native_id, event in (
        *((a.account, a.instance, a.event) for a in activities),
        *((d.account, d.instance, event) for d in descriptions for event in d.events),
    ):
        identity = (ids[accounts[account], native_id], event.source_id)
        known = newest.get(identity)
        newest[identity] = event if known is None else merged(known, event)
    if not newest:
        return frozenset()
    stage(
        "told_event",
        "instance_id bigint, source_id text, occurred_at bigint, kind smallint, feed smallint, previous smallint,"
        " is_launch boolean, is_termination boolean, instance_type text, billing_code text, revision text,"
        " earliest bigint, latest bigint",
        ((instance, *event) for (instance, _), event in newest.items()),
        is_joined=False,
    )
    rows = fetch(
        f"""
        WITH told AS (
            INSERT INTO cloudigrade_instanceevent AS e (instance_id, source_id, occurred_at, kind, feed, previous,
                is_launch, is_termination, instance_type, billing_code, revision, earliest, latest)
            SELECT instance_id, source_id, to_timestamp(occurred_at), kind, feed, previous,
                is_launch, is_termination, instance_type, billing_code, revision, earliest, latest
            FROM told_event ORDER BY instance_id, source_id
            ON CONFLICT (instance_id, source_id) DO UPDATE SET {_MERGED}, revision = excluded.revision
            WHERE excluded.revision > e.revision OR (excluded.revision = e.revision AND ({_GREATER}))
            RETURNING instance_id, source_id, occurred_at
        ), news AS (SELECT instance_id, min(occurred_at) AS since FROM told GROUP BY instance_id),
        marked AS (
            UPDATE cloudigrade_instance AS i SET runs_dirty_from = least(i.runs_dirty_from, n.since)
            FROM news AS n WHERE i.id = n.instance_id RETURNING i.id, i.account_id
        )
        SELECT m.account_id, t.source_id FROM told AS t JOIN marked AS m ON m.id = t.instance_id
        """  # noqa: S608 - our own literals
    )
    names = {account: native_id for native_id, account in accounts.items()}
    return frozenset((names[account], source) for account, source in rows)


_VALUES = (
    *("occurred_at", "kind", "feed", "previous", "is_launch", "is_termination"),
    *('instance_type COLLATE "C"', 'billing_code COLLATE "C"', "earliest", "latest"),
)
_GREATER = " OR ".join(f"excluded.{value} > e.{value}" for value in _VALUES)
_MERGED = ", ".join(
    f"{value.split()[0]} = CASE WHEN excluded.revision > e.revision THEN excluded.{value}"
    f" ELSE greatest(excluded.{value}, e.{value}) END"
    for value in _VALUES
)
