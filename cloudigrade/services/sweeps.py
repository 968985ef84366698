"""What a sweep of an account found into the store: descriptions as they are, and what follows from comparing them.

Most differences have a time that the cloud gives, and become events by themselves. What nobody dates is bounded by the
last two looks (`domain.looks`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from cloudigrade.clouds.cloud import RegionSweep
from cloudigrade.clouds.protocol import Batch, CustomerProblem, InstanceActivity, InstanceDescription, TagChange
from cloudigrade.domain import days, looks
from cloudigrade.domain.events import Event, Feed, Kind
from cloudigrade.domain.looks import Belief, Look
from cloudigrade.domain.runs import SAME_TRANSITION
from cloudigrade.models import CloudAccount
from cloudigrade.services import accounts, activity, clouds, ingest
from cloudigrade.services.opened import account_of
from cloudigrade.services.staging import execute, fetch, transposed

FEED: Final = "sweep"

TAG_AGE: Final = 60
"""Seconds before a look that a change of tags is dated: later ones that a feed tells of stand."""

AHEAD: Final = 5 * 60
"""Seconds by which a clock may be ahead; a look that is told to be later was none, and the next one counts."""

SHORTEST_PAUSE: Final = timedelta(minutes=1)


class Swept(NamedTuple):
    """What a sweep came to."""

    regions: int
    """Looked at, and not later by another sweep."""
    instances: int
    """Listed."""
    new: int
    """Events and changes of tags that were news, with the estimates."""
    estimates: int
    """Transitions that nobody dated."""
    problems: Mapping[str, str]
    """Why a region could not be looked at."""


class _Account(NamedTuple):
    """Whose sweep it is, and the looks that count, by region."""

    id: int
    customer_id: int
    cloud: str
    native_id: str
    looks: Mapping[str, Look]


_Believed = tuple[str, Belief]
"""The region of an instance, and what is known of it."""


def sweep(*, account_id: int, now: datetime) -> Swept | None:
    """The account's cloud has been asked what runs, and the answer recorded; None if the account is not to be read.

    Raises CustomerProblem and Unavailable where the account as a whole cannot be looked at, and accounts.Gone where it
    is removed meanwhile.
    """
    row = CloudAccount.objects.filter(pk=account_id, is_verified=True, wanted="enabled", is_paused=False).first()
    if row is None:
        return None
    try:
        swept = record(account_id=account_id, sweep=clouds.get(row.cloud).sweep(account_of(row)), now=now)
    except CustomerProblem:
        accounts.get(account_id=account_id)  # what is gone no longer lets us in, and that is no problem
        raise
    if not swept.regions:
        accounts.get(account_id=account_id)
    return swept


def record(*, account_id: int, sweep: Iterable[RegionSweep], now: datetime) -> Swept:
    """All that was found is stored, and what follows from it; regions that a later sweep has looked at are left out."""
    found = list(sweep)  # before the transaction: the cloud is asked while this is read (P8)
    return ingest.persistently(lambda: _record(account_id, found, now))


def retry_at(*, account_id: int, now: datetime, interval: timedelta) -> datetime:
    """When to try again what the cloud did not answer: after a quarter of the time since the last answer."""
    ((last,),) = fetch(
        "SELECT coalesce((SELECT max(newest_at) FROM cloudigrade_feedposition WHERE account_id = %s AND feed = %s),"
        " (SELECT enabled_at FROM cloudigrade_cloudaccount WHERE id = %s))",
        [account_id, FEED, account_id],
    )
    pause = (now - last) / 4 if last else SHORTEST_PAUSE
    return now + max(SHORTEST_PAUSE, min(pause, interval))


def _record(account_id: int, found: Sequence[RegionSweep], now: datetime) -> Swept:
    problems = {region.region: region.problem for region in found if region.problem}
    account = _hold(account_id, found, now)
    listed = [region for region in found if account and region.region in account.looks]
    if not account or not listed:
        return Swept(0, 0, 0, 0, problems)
    stops = list(_estimates(listed, account, _beliefs(listed, account)))
    batch = Batch(
        instances=[InstanceActivity(account.native_id, *stop) for stop in stops],
        described_instances=[instance for region in listed for instance in region.instances],
        described_images=[
            image._replace(region=region.region) for region in listed for image in region.images.described_images
        ],
        definitions=[size for region in listed for size in region.images.definitions],
        rejected=[item for region in listed for item in region.images.rejected],
        accounts={account.native_id},
    )
    batch.tags = list(_tag_changes(batch, account))
    recorded = activity.store(
        customer_id=account.customer_id,
        cloud=account.cloud,
        feed=FEED,
        batch=batch,
        as_of=now,
        accounts={account.native_id: account.id},
    )
    _see(listed, account)
    return Swept(len(listed), len(batch.described_instances), recorded.new, len(stops), problems)


def _hold(account_id: int, found: Iterable[RegionSweep], now: datetime) -> _Account | None:
    """The account with the looks that nobody has overtaken; their positions stay locked, so that sweeps take turns.

    A region with a problem keeps the time when it was looked at last.
    """
    told = sorted((region.region, region.looked_at, region.problem) for region in found)
    rows = fetch(
        """
        WITH a AS (SELECT id, customer_id, cloud, native_id FROM cloudigrade_cloudaccount
                   WHERE id = %s AND is_verified),
        held AS (
            INSERT INTO cloudigrade_feedposition AS p (account_id, region, feed, newest_at, problem, details)
            SELECT a.id, l.region, %s, CASE WHEN l.problem = '' THEN to_timestamp(l.at) END, l.problem,
                   jsonb_build_object('looked_at', l.at)
            FROM a CROSS JOIN unnest(%s::text[], %s::bigint[], %s::text[]) AS l(region, at, problem) ORDER BY l.region
            ON CONFLICT (account_id, region, feed) DO UPDATE
            SET newest_at = coalesce(excluded.newest_at, p.newest_at), problem = excluded.problem,
                details = excluded.details || jsonb_build_object('before', floor(extract(epoch FROM p.newest_at)))
            WHERE coalesce((p.details->>'looked_at')::bigint, 0) <= (excluded.details->>'looked_at')::bigint
             OR (p.details->>'looked_at')::bigint > %s
            RETURNING region, problem, (details->>'looked_at')::bigint, (details->>'before')::bigint
        )
        SELECT a.*, held.* FROM a CROSS JOIN held
        """,
        [account_id, FEED, *transposed(told, 3), days.second_of(now) + AHEAD],
    )
    if not rows:
        return None
    held = {region: Look(at, before) for *_, region, problem, at, before in rows if not problem}
    account, customer, cloud, native_id = rows[0][:4]
    return _Account(account, customer, cloud, native_id, held)


def _beliefs(listed: Iterable[RegionSweep], account: _Account) -> dict[str, _Believed]:
    """What we believe of those instances that the looks may contradict, by native id.

    Found off without a time; found on, launched in the midst of a run; not found, and on for some time. Instances whose
    runs are just to be made anew are left to the next sweep.
    """
    seen = [
        (each.instance, each.launched_at, _is_on(each), each.is_stop_undated)
        for region in listed
        for each in region.instances
    ]
    rows = fetch(
        """
        WITH listed AS (
            SELECT * FROM unnest(%(names)s::text[], %(launches)s::bigint[], %(on)s::boolean[], %(undated)s::boolean[])
             AS l(native_id, launched_at, is_on, is_undated)
        ), doubtful AS (
            SELECT i.id, i.native_id, i.region, i.seen_on_at, CASE WHEN l.is_on THEN l.launched_at END AS until,
                   date_part('epoch', lower(r.period))::bigint AS on_since
            FROM cloudigrade_instance AS i LEFT JOIN listed AS l ON l.native_id = i.native_id
            LEFT JOIN cloudigrade_run AS r ON r.instance_id = i.id AND upper_inf(r.period)
            WHERE i.account_id = %(account)s AND i.region = ANY(%(regions)s) AND (
                l.is_undated OR i.runs_dirty_from IS NULL AND r.id IS NOT NULL AND (l.native_id IS NULL
                 OR l.is_on AND lower(r.period) < to_timestamp(l.launched_at - %(same)s)))
        )
        SELECT d.native_id, d.region, coalesce(d.seen_on_at, 0), d.on_since, coalesce(e.last_on, 0),
               coalesce(e.last_off, 0), coalesce(e.last_heard, 0)
        FROM doubtful AS d CROSS JOIN LATERAL (
            SELECT max(date_part('epoch', occurred_at)::bigint) FILTER (WHERE kind = %(turn_on)s) AS last_on,
                   max(date_part('epoch', occurred_at)::bigint) FILTER (WHERE kind = %(turn_off)s) AS last_off,
                   max(date_part('epoch', occurred_at)::bigint) FILTER (WHERE feed < %(described)s) AS last_heard
            FROM cloudigrade_instanceevent AS e WHERE e.instance_id = d.id
             AND (d.until IS NULL OR e.occurred_at < to_timestamp(d.until - %(same)s))
        ) AS e
        """,
        {
            **dict(zip(("names", "launches", "on", "undated"), transposed(seen, 4), strict=True)),
            "account": account.id,
            "regions": list(account.looks),
            "same": SAME_TRANSITION,
            "turn_on": Kind.POWER_ON.value,
            "turn_off": Kind.POWER_OFF.value,
            "described": Feed.DESCRIPTION.value,
        },
    )
    # seen later than now is what a clock that was ahead said: nobody knows when that was
    return {
        name: (region, Belief(seen if seen <= account.looks[region].at else 0, *belief))
        for name, region, seen, *belief in rows
    }


def _estimates(
    listed: Iterable[RegionSweep], account: _Account, beliefs: Mapping[str, _Believed]
) -> Iterator[tuple[str, str, Event]]:
    """The stops that follow from the looks and that nobody dated: region, instance and event."""
    missing = set(beliefs)
    for region in listed:
        for each in region.instances:
            missing.discard(each.instance)
            _, belief = beliefs.get(each.instance, ("", Belief()))
            stop = _stop(each, account.looks[region.region], belief)
            if stop and each.account == account.native_id:
                yield region.region, each.instance, stop
        # what was listed and could not be read is not missing
        odd = b" ".join(item.content for item in region.images.rejected)
        missing -= {name for name in missing if name.encode() in odd}
    for name in sorted(missing):
        where, belief = beliefs[name]
        end = looks.end(name, account.looks[where], belief)
        if end:
            yield where, name, end


def _stop(found: InstanceDescription, look: Look, belief: Belief) -> Event | None:
    if found.is_stop_undated:
        return looks.stop_after_launch(found.instance, found.launched_at, look, belief)
    return looks.stop_before_launch(found.instance, found.launched_at, belief) if _is_on(found) else None


def _is_on(found: InstanceDescription) -> bool:
    """Whether it was found on: described as launched, and not as off since."""
    kinds = {event.kind for event in found.events}
    return Kind.POWER_ON in kinds and Kind.POWER_OFF not in kinds and not found.is_stop_undated


def _tag_changes(batch: Batch, account: _Account) -> Iterator[TagChange]:
    """Differences between the tags that are listed and the customer's newest word on them.

    Of a customer with several accounts in the cloud only what is listed counts: each account sees its own tags alone,
    so that one's list does not say that another has removed what it set.
    """
    listed = {(image.region, image.image): image.tags for image in batch.described_images}
    for region, image, key, is_present, told_at, is_alone in _tag_words(listed, account):
        at = account.looks[region].at - TAG_AGE
        is_listed = key in listed[region, image]
        if is_listed != is_present and (is_listed or is_alone) and told_at < at:
            yield TagChange(account.native_id, region, image, key, is_listed, at, f"sweep:{image}:{at + TAG_AGE}")


def _tag_words(images: Iterable[tuple[str, str]], account: _Account) -> list[tuple[str, str, str, bool, int, bool]]:
    """The customer's newest word on each tag of the images: its time, and whether only one account can have said it."""
    return fetch(
        "SELECT DISTINCT ON (i.region, i.native_id, t.key) i.region, i.native_id, t.key, t.is_present,"
        " date_part('epoch', t.occurred_at)::bigint, (SELECT count(*) = 1 FROM cloudigrade_cloudaccount AS a"
        "  WHERE a.customer_id = %(customer)s AND a.cloud = %(cloud)s AND a.is_verified)"
        " FROM unnest(%(regions)s::text[], %(images)s::text[]) AS n(region, native_id) JOIN cloudigrade_image AS i"
        "  ON i.cloud = %(cloud)s AND i.region = n.region AND i.native_id = n.native_id"
        " JOIN cloudigrade_tagevent AS t ON t.image_id = i.id AND t.customer_id = %(customer)s"
        ' ORDER BY i.region, i.native_id, t.key, t.occurred_at DESC, t.source_id COLLATE "C" DESC',
        {
            "customer": account.customer_id,
            "cloud": account.cloud,
            **dict(zip(("regions", "images"), transposed(list(images), 2), strict=True)),
        },
    )


def _see(listed: Iterable[RegionSweep], account: _Account) -> None:
    """The instances that are on were seen so."""
    seen = [
        (each.instance, account.looks[region.region].at)
        for region in listed
        for each in region.instances
        if _is_on(each)
    ]
    if seen:
        execute(
            "UPDATE cloudigrade_instance AS i SET seen_on_at = s.at"
            " FROM unnest(%s::text[], %s::bigint[]) AS s(native_id, at)"
            " WHERE i.account_id = %s AND i.native_id = s.native_id",
            [*transposed(seen, 2), account.id],
        )
