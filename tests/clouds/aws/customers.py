"""What customers have in their accounts of the made-up AWS."""

from typing import Any

from moto.cloudtrail.models import cloudtrail_backends

from tests import aws_patches
from tests.aws_server import HOMES

OURS = "test-cloudigrade-trails"
WRITE_ONLY = [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]
WRITABLE = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject",'
    ' "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Resource": "*"}]}'
)


def calls_of(account: str) -> dict[tuple[str, str], int]:
    return {(service, action): count for (who, service, action), count in aws_patches.calls.items() if who == account}


def add_trail(
    aws, account: str, name: str = "audit", *, bucket: str = "", region: str = "us-east-1", **more: Any
) -> str:
    """A trail of the customer's, which is on and logs to a bucket in the same account unless another is named."""
    bucket = bucket or make_bucket(aws, account, f"{name}-{account}")
    client = aws.client("cloudtrail", region, account)
    settings = {"IsMultiRegionTrail": True, "EnableLogFileValidation": True} | more
    arn: str = client.create_trail(Name=name, S3BucketName=bucket, **settings)["TrailARN"]
    client.start_logging(Name=name)
    return arn


def make_bucket(aws, account: str, name: str) -> str:
    aws.make_bucket(name, "us-east-1", account)
    return name


def put_log_file(aws, owner: str, bucket: str, folder: str) -> None:
    key = f"{folder}/CloudTrail/us-east-1/2026/11/01/x_CloudTrail_us-east-1_20261101T0000Z_x.json.gz"
    aws.client("s3", "us-east-1", owner).put_object(Bucket=bucket, Key=key, Body=b"x")


def say_undelivered(account: str, name: str) -> None:
    """CloudTrail says that it may not write to the trail's bucket, which moto never does."""
    status = cloudtrail_backends[account]["us-east-1"].trails[name].status
    said = status.description() | {"LatestDeliveryError": "AccessDenied"}
    vars(status)["description"] = lambda: said


def own_trail(aws, account: str, region: str = "us-east-1") -> dict[str, Any]:
    """Our trail, as the customer sees it."""
    client = aws.client("cloudtrail", region, account)
    name = f"test-{account}"
    (listed,) = client.describe_trails(trailNameList=[name])["trailList"]
    selectors = client.get_event_selectors(TrailName=name)["EventSelectors"]
    is_on = client.get_trail_status(Name=name)["IsLogging"]
    shown = ("S3BucketName", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "LogFileValidationEnabled")
    return {key: listed[key] for key in shown} | {"selectors": selectors, "is_on": is_on}


WANTED = {
    "S3BucketName": OURS,
    "IsMultiRegionTrail": True,
    "IncludeGlobalServiceEvents": True,
    "LogFileValidationEnabled": True,
    "selectors": WRITE_ONLY,
    "is_on": True,
}


def ours(account: str, partition: str = "aws") -> dict[str, Any]:
    """The details where our own trail logs."""
    region = HOMES[partition]
    return {
        "bucket": OURS,
        "prefix": "",
        "organization": "",
        "trail_arn": f"arn:{partition}:cloudtrail:{region}:{account}:trail/test-{account}",
        "home_region": region,
        "is_ours": True,
        "is_notified": True,
        "has_digests": True,
        "reader": "",
    }
