"""A day of three customer accounts in two partitions and four regions: what happens, what of it AWS says, and how.

All of it is made by the simulator's own parts, so that the truth shares nothing with the meter; here it is only turned
into what lies in buckets, waits in queues and is listed by EC2 at a time.
"""

import json
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, NamedTuple

from cloudigrade.simulator import background, delivery, describe, digests, fleet, places, records, render, truth
from cloudigrade.simulator.digests import Delivered, DigestFile
from cloudigrade.simulator.images import TAG, Image
from cloudigrade.simulator.images import catalogue as images_of
from cloudigrade.simulator.places import Place
from cloudigrade.simulator.server import RUNNING, STOPPED, TERMINATED, Server
from cloudigrade.simulator.sizes import SIZES
from cloudigrade.simulator.timestamps import DAY, HOUR, MINUTE, Window, moment, offset, zulu
from cloudigrade.simulator.truth import Span
from tests.aws_patches import REGIONS

Json = dict[str, Any]

START = 1_772_496_000
"""Tuesday, 2026-03-03, 00:00 UTC."""
WINDOW = Window(START, START + DAY)
SEED = 20260303
SERVERS = 18
"""Of each account's own fleet, at one time."""

FIRST, ADOPTED, CHINESE = "000000000042", "210987654321", "000123456789"
ORGANIZATION = "o-a1b2c3d4e5"
IRELAND, VIRGINIA = Place(FIRST, "eu-west-1", ""), Place(FIRST, "us-east-1", "")
OREGON = Place(ADOPTED, "us-west-2", ORGANIZATION)
BEIJING = Place(CHINESE, "cn-north-1", "")
PLACES = (IRELAND, VIRGINIA, OREGON, BEIJING)

KEY = digests.signing_key()
"""CloudTrail's; the same in every region is enough."""

SHORT, QUIET = "i-0105701", "i-0511e77"
"""One whose end is in the file that never arrives, and one of whose stop CloudTrail does not tell."""
LOST_AT = START + 13 * HOUR
"""In this hour, in Virginia, a file is delivered that never arrives."""


LAST = START + 25 * HOUR
"""By then whatever was late is there."""


class Conversion(NamedTuple):
    """From then on the instance is billed otherwise."""

    at: int
    usage_operation: str
    platform_details: str
    payer: str


PAID_TO_CLOUD = Conversion(START + 10 * HOUR, "RunInstances:0010", "Red Hat Enterprise Linux", "cloud")


class Arrival(NamedTuple):
    """An object that lies in its bucket from then on, of which the queue is told as often as it is put."""

    at: int
    place: Place
    key: str
    content: bytes
    metadata: dict[str, str]


class Notice(NamedTuple):
    """What EventBridge says then."""

    at: int
    place: Place
    body: Json


@dataclass(slots=True)
class Story:
    """Everything that happens, and what AWS makes of it."""

    servers: list[Server] = field(default_factory=list)
    images: dict[Place, list[Image]] = field(default_factory=dict)
    conversions: dict[str, Conversion] = field(default_factory=dict)
    tagged: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)
    """When an image's tag came and went."""
    arrivals: list[Arrival] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    lost: Arrival | None = None
    """Delivered, as the digests say, but not there."""

    def spans(self, accounts: Iterable[str]) -> list[Span]:
        """What really ran."""
        return [
            span for server in self.servers if server.place.account in set(accounts) for span in self._spans(server)
        ]

    def answer(self, accounts: Iterable[str], *, is_complete: bool) -> Json:
        """The true answer of the day."""
        (day,) = truth.days(self.spans(accounts), WINDOW, is_complete=lambda _: is_complete)
        return day

    def described(self, place: Place, at: int) -> tuple[Json, Json]:
        """What EC2 lists of instances and images at a time."""
        seen = [seen for server in self.servers if server.place == place and (seen := as_of(server, at))]
        instances = describe.instances(seen)
        for reservation in instances["Reservations"]:
            for instance in reservation["Instances"]:
                conversion = self.conversions.get(instance["InstanceId"])
                if conversion and conversion.at <= at:
                    instance["UsageOperation"] = conversion.usage_operation
                    instance["PlatformDetails"] = conversion.platform_details
                    instance["UsageOperationUpdateTime"] = offset(conversion.at)
        return instances, describe.images([self._tagged_as_of(image, at) for image in self.images[place]])

    def _tagged_as_of(self, image: Image, at: int) -> Image:
        if image.tagging == "described":
            return image
        changes = [is_set for when, is_set in sorted(self.tagged.get(image.native_id, [])) if when <= at]
        return replace(image, tagging="set" if changes and changes[-1] else "")

    def _spans(self, server: Server) -> Iterator[Span]:
        conversion = self.conversions.get(server.native_id)
        for run in server.runs:
            is_converted = conversion and run.start >= conversion.at
            yield Span(
                instance=server.native_id,
                start=run.start,
                end=run.end,
                vcpu=SIZES[run.instance_type].vcpu,
                memory_mib=SIZES[run.instance_type].memory_mib,
                rhel=server.image.rhel,
                payer=conversion.payer if conversion and is_converted else server.image.payer,
                attributes=(server.image.architecture, *server.image.purpose),
            )


def as_of(server: Server, at: int) -> Server | None:
    """The server as it was at a time; none before it came to be."""
    begun = [run for run in server.runs if run.start <= at]
    if not begun:
        return None
    last = begun[-1]
    seen = copy(server)
    seen.horizon, seen.started_at = at, last.start
    retyped = [call.value for call in sorted(server.calls) if call.name == "ModifyInstanceAttribute" and call.at <= at]
    seen.instance_type = last.instance_type
    is_last = last == server.runs[-1]
    if at < last.end or (is_last and server.state == RUNNING):
        seen.state, seen.changed_at, seen.reason = RUNNING, last.start, ""
        return seen
    seen.instance_type = retyped[-1] if retyped else last.instance_type
    if server.state == TERMINATED and server.changed_at <= at:
        return seen
    is_evicted = any(call.name == "BidEvictedEvent" and call.at == last.end for call in server.calls)
    seen.state, seen.changed_at, seen.reason = STOPPED, last.end, "" if is_evicted else "User initiated"
    return seen


def told() -> Story:
    """The story of the day, the same every time."""
    story = Story()
    for account in (FIRST, ADOPTED, CHINESE):
        own = tuple(place for place in PLACES if place.account == account)
        customer = places.Customer(account, own)
        servers, _ = fleet.made_up(customer, seed=SEED, window=WINDOW, count=SERVERS)
        story.servers += servers
    for place in PLACES:
        story.images[place] = images_of(place, seed=SEED)
    story.servers += _scripted(story)
    for place in PLACES:
        _log(story, place, KEY)
    for place in _idle_places():
        _sign(story, place, [], KEY)
    story.notices = [notice for server in story.servers for notice in _notices(server)]
    return story


def _scripted(story: Story) -> list[Server]:
    """What the simulator's scripts do not do, or not surely within a day."""
    converted = _server(story, IRELAND, "red-hat-access", "i-0c0e1ed")
    converted.launch(START + 2 * HOUR)
    converted.stop(PAID_TO_CLOUD.at - 10 * MINUTE)
    converted.start(PAID_TO_CLOUD.at + 10 * MINUTE)
    story.conversions[converted.native_id] = PAID_TO_CLOUD

    short = _server(story, VIRGINIA, "red-hat-access", SHORT)
    short.launch(LOST_AT + 2 * MINUTE)
    short.terminate(LOST_AT + 32 * MINUTE)

    quiet = _server(story, BEIJING, "found-server", QUIET)
    quiet.launch(START + 3 * HOUR)
    quiet.stop(START + 8 * HOUR)
    quiet.calls.pop()  # from inside: EventBridge alone tells

    retyped = _server(story, OREGON, "found-server", "i-0c4a11ed")
    retyped.exist_since(START - 40 * DAY)
    retyped.stop(START + 7 * HOUR)
    retyped.retype(START + 7 * HOUR + 5 * MINUTE, "m5.2xlarge")
    retyped.start(START + 7 * HOUR + 20 * MINUTE)
    return [converted, short, quiet, retyped, *_spot(story)]


def _spot(story: Story) -> list[Server]:
    """Two instances that are interrupted at once: one is gone, the other comes back."""
    gone = _server(story, OREGON, "found-server", "i-0e71c7ed")
    back = _server(story, OREGON, "found-server", "i-0e71c7ee")
    for server in (gone, back):
        server.is_spot = True
        server.launch(START + 4 * HOUR, batch="spot")
        server.evict(START + 14 * HOUR, batch="spot", is_final=server is gone)
    back.start(START + 16 * HOUR)
    return [gone, back]


def _server(story: Story, place: Place, archetype: str, native_id: str) -> Server:
    image = next(image for image in story.images[place] if image.archetype == archetype)
    return Server(place, native_id, image, "m5.large", WINDOW.end)


def _log(story: Story, place: Place, key: Any) -> None:
    """The log files of the place with the digests that name them; some are late, some come twice, one never."""
    rng = Random(f"{SEED}/{place}")
    servers = [server for server in story.servers if server.place == place]
    own_images = [image for image in story.images[place] if image.owner == place.account]
    relevant = render.relevant(place, servers, own_images, WINDOW, rng)
    _note_tags(story, relevant)
    made = sorted(relevant + background.irrelevant(place, WINDOW, len(relevant), rng))
    delivered = []
    for file in delivery.log_files(made):
        name, content = delivery.packed(place, file, rng)
        delivered.append(Delivered(name, content, file.written_at))
        late = rng.choice((0, 0, 0, 0, 40 * MINUTE, 5 * HOUR))
        arrival = Arrival(min(file.written_at + late, max(file.written_at, LAST)), place, name, content, {})
        if place == VIRGINIA and any(SHORT in text and "TerminateInstances" in text for text in file.texts):
            story.lost = arrival
            continue
        again = rng.randrange(6) == 0
        story.arrivals += [arrival, arrival._replace(at=arrival.at + 3 * HOUR)] if again else [arrival]
    _sign(story, place, delivered, key)


def _sign(story: Story, place: Place, delivered: list[Delivered], key: Any) -> None:
    """The digests of the place, for hours in which nothing was delivered too."""
    signed = digests.digests(place, bucket_of(place), delivered, Window(START, START + 26 * HOUR), key, trail_of(place))
    story.arrivals += map(_arrival(place), signed)


def _idle_places() -> list[Place]:
    """Where the accounts are enabled and nothing happens: a trail of all regions has digests there as well."""
    own = {FIRST: VIRGINIA, ADOPTED: OREGON, CHINESE: BEIJING}
    return [
        place._replace(region=region)
        for place in own.values()
        for region in REGIONS["aws-cn" if place == BEIJING else "aws"]
        if place._replace(region=region) not in PLACES
    ]


def _arrival(place: Place) -> Any:
    def arrival(digest: DigestFile) -> Arrival:
        ends = digest.key.rpartition("_")[2].removesuffix(".json.gz")
        at = next(at for at in range(START, START + 27 * HOUR, HOUR) if f"{moment(at):%Y%m%dT%H%M%SZ}" == ends)
        return Arrival(at + 10 * MINUTE, place, digest.key, digest.content, dict(digest.metadata))

    return arrival


def bucket_of(place: Place) -> str:
    """The bucket that the account's trail writes to."""
    return "acme-trails" if place.account == ADOPTED else "test-cloudigrade-trails"


def trail_of(place: Place) -> digests.Trail:
    """The trail as its digests name it."""
    if place.account == ADOPTED:
        return digests.Trail("acme-organization", "us-west-2")
    return digests.Trail(f"test-{place.account}", "cn-north-1" if place.account == CHINESE else "us-east-1")


def early_file() -> Arrival:
    """A log file of the day before, so that the organization's folder is there when the account is taken on."""
    rng = Random(SEED)
    text = records.text(records.envelope(OREGON, START - HOUR, rng, eventName="DescribeInstances", readOnly=True))
    key, content = delivery.packed(OREGON, delivery.LogFile(START - HOUR, [text]), rng)
    return Arrival(START - HOUR, OREGON, key, content, {})


def _note_tags(story: Story, made: Iterable[records.Record]) -> None:
    for record in made:
        body = json.loads(record.text)
        if body["eventName"] in ("CreateTags", "DeleteTags") and TAG in record.text:
            (resource,) = body["requestParameters"]["resourcesSet"]["items"]
            story.tagged.setdefault(resource["resourceId"], []).append((record.at, body["eventName"] == "CreateTags"))


def _notices(server: Server) -> Iterator[Notice]:
    """EventBridge tells of some servers' transitions: at once where one begins, and when it is done."""
    if server.native_id != QUIET and int(server.native_id[-1], 16) % 2:
        return
    for run in server.runs:
        if run.start >= WINDOW.start:
            yield from _two(server, run.start, ("pending", "running"), is_long=run.end > run.start + 2 * MINUTE)
        if WINDOW.start <= run.end < WINDOW.end:
            is_gone = server.state == TERMINATED and server.changed_at == run.end
            states = ("shutting-down", "terminated") if is_gone else ("stopping", "stopped")
            others = [other.start for other in server.runs if other.start >= run.end]
            yield from _two(server, run.end, states, is_long=min(others, default=WINDOW.end) > run.end + 2 * MINUTE)


def _two(server: Server, at: int, states: tuple[str, str], *, is_long: bool) -> Iterator[Notice]:
    yield _notice(server, at, states[0])
    if is_long:
        yield _notice(server, at + 20, states[1])


def _notice(server: Server, at: int, state: str) -> Notice:
    place = server.place
    partition = "aws-cn" if place == BEIJING else "aws"
    body = {
        "version": "0",
        "id": records.uuid(Random(f"{server.native_id}/{at}/{state}")),
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "account": place.account,
        "time": zulu(at),
        "region": place.region,
        "resources": [f"arn:{partition}:ec2:{place.region}:{place.account}:instance/{server.native_id}"],
        "detail": {"instance-id": server.native_id, "state": state},
    }
    return Notice(at + 5, place, body)
