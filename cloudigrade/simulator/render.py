"""Calls in, CloudTrail records of EC2 and Auto Scaling out."""

import copy
from collections import defaultdict
from random import Random

from cloudigrade.simulator import records, sizes
from cloudigrade.simulator.images import TAG, Image
from cloudigrade.simulator.places import Place
from cloudigrade.simulator.records import Json, Record
from cloudigrade.simulator.server import AUTOSCALING, RUNNING, SPOT, STOPPED, Call, Server
from cloudigrade.simulator.timestamps import HOUR, MINUTE, Window

Said = list[tuple[Server, Call]]
"""The servers and calls that share one record."""

_AFTER = {
    ("StartInstances", STOPPED): "pending",
    ("StartInstances", RUNNING): "running",
    ("StopInstances", RUNNING): "stopping",
    ("StopInstances", STOPPED): "stopped",
    ("TerminateInstances", RUNNING): "shutting-down",
    ("TerminateInstances", STOPPED): "terminated",
}
_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


def relevant(place: Place, servers: list[Server], images: list[Image], window: Window, rng: Random) -> list[Record]:
    """Every record that tells something of the place's servers and images, one of the launches corrected later."""
    told = [(said[0][1].at, _body(place, said, rng), _is_explained(said)) for said in _shared(servers)]
    made: list[Record] = []
    launches = [i for i, (_, body, known) in enumerate(told) if body["eventName"] == "RunInstances" and not known]
    if launches:
        index = rng.choice(launches)
        at, right, _ = told[index]
        wrong, addendum = _corrected(right, rng)
        told[index] = (at, wrong, False)
        made.append(Record(at, records.text(addendum), delay=2 * HOUR))
    made += [Record(at, records.text(body), is_explained=known) for at, body, known in told]
    return sorted(made + _tagging(place, images, window, rng))


def _shared(servers: list[Server]) -> list[Said]:
    together: dict[tuple[int, str, str], Said] = defaultdict(list)
    for server in servers:
        for number, call in enumerate(server.calls):
            together[call.at, call.name, call.batch or f"{server.native_id}/{number}"].append((server, call))
    return [together[key] for key in sorted(together)]


def _is_explained(said: Said) -> bool:
    return said[0][1].name == "RunInstances" and all(server.is_explained for server, _ in said)


def _body(place: Place, said: Said, rng: Random) -> Json:
    name, actor, error = said[0][1].name, said[0][1].actor, said[0][1].error
    if error:
        return _failed(place, said, rng)
    if name == "RunInstances":
        return _launch(place, said, rng)
    if name == "BidEvictedEvent":
        return _eviction(place, said, rng)
    if name == "ModifyInstanceAttribute":
        return _modification(place, said, rng)
    if name == "TerminateInstanceInAutoScalingGroup":
        return _notice(place, said, rng)
    items = [{"instanceId": server.native_id} | _states(call) for server, call in said]
    return records.envelope(place, said[0][1].at, rng, eventName=name) | {
        **records.acting(place, rng, actor),
        "requestParameters": _named(said),
        "responseElements": {"requestId": records.uuid(rng), "instancesSet": {"items": items}},
    }


def _named(said: Said) -> Json:
    return {"instancesSet": {"items": [{"instanceId": server.native_id} for server, _ in said]}}


def _states(call: Call) -> Json:
    current = _AFTER[call.name, call.previous]
    return {
        "currentState": {"code": _CODES[current], "name": current},
        "previousState": {"code": _CODES[call.previous], "name": call.previous},
    }


def _failed(place: Place, said: Said, rng: Random) -> Json:
    call = said[0][1]
    request: Json = _named(said)
    if call.name == "ModifyInstanceAttribute":
        request = {"instanceId": said[0][0].native_id, "instanceType": {"value": "m5.24xlarge"}}
    return records.envelope(
        place,
        call.at,
        rng,
        eventName=call.name,
        requestParameters=request,
        errorCode=call.error,
        errorMessage="The request was not carried out.",
    )


def _launch(place: Place, said: Said, rng: Random) -> Json:
    at, actor = said[0][1].at, said[0][1].actor
    return records.envelope(place, at, rng, eventName="RunInstances") | {
        **records.acting(place, rng, actor),
        "requestParameters": _launch_request(said, rng),
        "responseElements": {
            "requestId": records.uuid(rng),
            "reservationId": f"r-0{rng.getrandbits(64):016x}",
            "ownerId": place.account,
            "groupSet": {},
            "instancesSet": {"items": [_launched(server, call, rng) for server, call in said]},
        },
    }


def _launch_request(said: Said, rng: Random) -> Json:
    server, call = said[0]
    wanted: Json = {"minCount": len(said), "maxCount": len(said)}
    if call.actor == AUTOSCALING:
        template = {"launchTemplateId": f"lt-0{rng.getrandbits(64):016x}", "version": str(rng.randint(1, 40))}
        return {"instancesSet": {"items": [wanted]}, "launchTemplate": template, "clientToken": records.uuid(rng)}
    market = {"instanceMarketOptions": {"marketType": "spot"}} if call.actor == SPOT else {}
    image = {"imageId": server.image.native_id, "keyName": "ops"}
    return {"instancesSet": {"items": [image | wanted]}, "instanceType": call.value} | market


def _launched(server: Server, call: Call, rng: Random) -> Json:
    spot = {"instanceLifecycle": "spot", "spotInstanceRequestId": f"sir-{rng.getrandbits(32):08x}"}
    group = [{"key": "aws:autoscaling:groupName", "value": server.group}] if server.group else []
    return {
        "instanceId": server.native_id,
        "imageId": server.image.native_id,
        "instanceState": {"code": 0, "name": "pending"},
        "privateDnsName": f"ip-10-0-{rng.randint(0, 255)}-{rng.randint(4, 254)}.ec2.internal",
        "amiLaunchIndex": 0,
        "productCodes": {},
        "instanceType": call.value,
        "launchTime": call.at * 1_000,
        "placement": {"availabilityZone": f"{server.place.region}a", "tenancy": "default"},
        "monitoring": {"state": "disabled"},
        "architecture": server.image.architecture,
        "rootDeviceType": "ebs",
        "virtualizationType": "hvm",
        "hypervisor": "xen",
        "tagSet": {"items": [*group, {"key": "Name", "value": "made-up"}]},
        # Not the type's default on purpose: vCPUs are counted as the type defines them.
        "cpuOptions": {"coreCount": 1, "threadsPerCore": 1},
    } | (spot if server.is_spot else {})


def _eviction(place: Place, said: Said, rng: Random) -> Json:
    return records.envelope(
        place,
        said[0][1].at,
        rng,
        eventName="BidEvictedEvent",
        eventType="AwsServiceEvent",
        userIdentity={"accountId": place.account, "invokedBy": "ec2.amazonaws.com"},
        sourceIPAddress="ec2.amazonaws.com",
        userAgent="ec2.amazonaws.com",
        serviceEventDetails={"instanceIdSet": [server.native_id for server, _ in said]},
    )


def _modification(place: Place, said: Said, rng: Random) -> Json:
    server, call = said[0]
    return records.envelope(
        place,
        call.at,
        rng,
        eventName=call.name,
        requestParameters={"instanceId": server.native_id, "instanceType": {"value": call.value}},
        responseElements={"requestId": records.uuid(rng), "_return": True},
    )


def _notice(place: Place, said: Said, rng: Random) -> Json:
    server, call = said[0]
    activity = {"activityId": records.uuid(rng), "statusCode": "InProgress", "autoScalingGroupName": server.group}
    return records.envelope(
        place,
        call.at,
        rng,
        eventSource="autoscaling.amazonaws.com",
        eventName=call.name,
        requestParameters={"instanceId": server.native_id, "shouldDecrementDesiredCapacity": True},
        responseElements={"activity": activity},
    )


def _corrected(right: Json, rng: Random) -> tuple[Json, Json]:
    """The record as it came first, with a wrong instance type, and the addendum that carries the right one."""
    wrong = copy.deepcopy(right)
    for item in wrong["responseElements"]["instancesSet"]["items"]:
        item["instanceType"] = sizes.pick(rng, item["architecture"], other_than=item["instanceType"])
    addendum = right | {
        "eventID": records.uuid(rng),
        "addendum": {
            "reason": "UPDATED_DATA",
            "updatedFields": "responseElements",
            "originalRequestID": right["requestID"],
            "originalEventID": right["eventID"],
        },
    }
    return wrong, addendum


def _tagging(place: Place, images: list[Image], window: Window, rng: Random) -> list[Record]:
    """The account tags some of its own images, and thinks better of some."""
    made: list[Record] = []
    for image in images:
        if not image.tagging.startswith("set"):
            continue
        at = rng.randrange(window.start, window.end - 2 * HOUR)
        made.append(_tag_record(place, at, "CreateTags", image, rng))
        if image.tagging == "set and removed":
            made.append(_tag_record(place, rng.randrange(at + MINUTE, window.end), "DeleteTags", image, rng))
    return made


def _tag_record(place: Place, at: int, name: str, image: Image, rng: Random) -> Record:
    request = {
        "resourcesSet": {"items": [{"resourceId": image.native_id}]},
        "tagSet": {"items": [{"key": TAG, "value": "true"}, {"key": "owner", "value": "platform"}]},
    }
    response = {"requestId": records.uuid(rng), "_return": True}
    body = records.envelope(place, at, rng, eventName=name, requestParameters=request, responseElements=response)
    return Record(at, records.text(body))
