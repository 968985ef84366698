"""What every CloudTrail record has, whatever it tells."""

import json
from random import Random
from typing import Any, NamedTuple

from cloudigrade.simulator.places import Place
from cloudigrade.simulator.server import AUTOSCALING, SPOT
from cloudigrade.simulator.timestamps import zulu

Json = dict[str, Any]

_FOREIGN_ACCOUNT = "060606060606"
"""A partner's account whose people act in the customers' accounts; nobody is metered there."""
_FOREIGN_SHARE = 10


class Record(NamedTuple):
    """A record as text, and how it comes."""

    at: int
    text: str
    delay: int = 0
    """Seconds by which it is delivered later than usual."""
    is_explained: bool = False
    """Whether the descriptions tell all that its bodies tell."""


def envelope(place: Place, at: int, rng: Random, **fields: Any) -> Json:
    """A record of an EC2 call at the place and time, with the fields that make it this one."""
    return {
        "eventVersion": "1.11",
        "userIdentity": identity(place, rng),
        "eventTime": zulu(at),
        "eventSource": "ec2.amazonaws.com",
        "eventName": "",
        "awsRegion": place.region,
        "sourceIPAddress": f"198.51.100.{rng.randint(1, 254)}",
        "userAgent": "aws-cli/2.15.30 Python/3.11.8 Linux/6.1.79 exe/x86_64.amzn.2023 prompt/off",
        "requestParameters": None,
        "responseElements": None,
        "requestID": uuid(rng),
        "eventID": uuid(rng),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": place.account,
        "eventCategory": "Management",
    } | fields


def identity(place: Place, rng: Random) -> Json:
    """Who called: somebody of the account, or now and then a partner."""
    account = place.account if rng.randrange(_FOREIGN_SHARE) else _FOREIGN_ACCOUNT
    session = rng.choice(["deploy", "terraform", "ops-oncall", "i-0f00ba4c0ffee0001"])
    principal = f"AROA{rng.getrandbits(64):016X}"
    return {
        "type": "AssumedRole",
        "principalId": f"{principal}:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{session}-role/{session}",
        "accountId": account,
        "accessKeyId": f"ASIA{rng.getrandbits(64):016X}",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": principal,
                "arn": f"arn:aws:iam::{account}:role/{session}-role",
                "accountId": account,
                "userName": f"{session}-role",
            },
            "attributes": {"mfaAuthenticated": "false"},
        },
    }


def acting(place: Place, rng: Random, actor: str) -> Json:
    """The fields of a record that differ when a service acts for the customer."""
    services = {
        AUTOSCALING: ("AWSServiceRoleForAutoScaling", "autoscaling.amazonaws.com"),
        SPOT: ("AWSServiceRoleForEC2Spot", "spot.amazonaws.com"),
    }
    if actor not in services:
        return {"userIdentity": identity(place, rng)}
    role, service = services[actor]
    arn = f"arn:aws:sts::{place.account}:assumed-role/{role}/{role}"
    return {
        "userIdentity": {"type": "AssumedRole", "arn": arn, "accountId": place.account, "invokedBy": service},
        "sourceIPAddress": service,
        "userAgent": service,
    }


def uuid(rng: Random) -> str:
    """A random UUID that the seed decides."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def text(record: Json) -> str:
    """As CloudTrail writes it, without needless space."""
    return json.dumps(record, separators=(",", ":"))
