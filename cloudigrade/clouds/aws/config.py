"""What may be set for AWS; credentials are the SDK's own business, and its endpoint is only checked."""

import re
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PARTITIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""The partitions we know, and the region of each in which our own bucket and queues lie unless set otherwise."""

_HOST: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*")
"""A name or an address; the SDK takes no other."""


def _parts(text: object) -> object:
    if isinstance(text, str):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _partitions(names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in names if name not in PARTITIONS]
    if unknown or not names:
        raise ValueError(f"must be some of {', '.join(PARTITIONS)}")
    return names


def _endpoint(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_host = _HOST.fullmatch(parts.hostname or "") is not None
        is_endpoint = parts.scheme in ("http", "https") and is_host and parts.port != 0
    except ValueError:  # the port is no number, or the host no address
        is_endpoint = False
    if url and not is_endpoint:
        raise ValueError("is no URL such as http://127.0.0.1:5000")
    return url


_Endpoint = Annotated[str, AfterValidator(_endpoint)]


def _endpoint_of(service: str) -> Any:
    return Field(
        "",
        validation_alias=f"AWS_ENDPOINT_URL_{service}",
        max_length=1024,
        description=f"The same for {service} alone.",
    )


class Section(BaseSettings):
    """The AWS part of the environment."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True, env_ignore_empty=True, extra="ignore")

    partitions: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts), AfterValidator(_partitions)] = Field(
        ("aws",),
        validation_alias="AWS_PARTITIONS",
        description="Partitions in which we have a bucket and queues of our own.",
    )
    home_region: str = Field(
        "us-east-1",
        validation_alias=AliasChoices("SQS_DEFAULT_REGION", "S3_DEFAULT_REGION"),
        pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$",
        description="Region of our own bucket and queues in the partition `aws`.",
    )
    endpoint: _Endpoint = Field(
        "",
        validation_alias="AWS_ENDPOINT_URL",
        max_length=1024,
        description="Where the AWS SDK asks instead of AWS, as `http://host:port`; the SDK reads it itself.",
    )
    cloudtrail_endpoint: _Endpoint = _endpoint_of("CLOUDTRAIL")
    ebs_endpoint: _Endpoint = _endpoint_of("EBS")
    ec2_endpoint: _Endpoint = _endpoint_of("EC2")
    s3_endpoint: _Endpoint = _endpoint_of("S3")
    sqs_endpoint: _Endpoint = _endpoint_of("SQS")
    sts_endpoint: _Endpoint = _endpoint_of("STS")
    cn_profile: str = Field(
        "",
        validation_alias="AWS_CN_PROFILE",
        max_length=128,
        description="Profile of the SDK's configuration with our identity in `aws-cn`; empty: the default one.",
    )
    us_gov_profile: str = Field(
        "",
        validation_alias="AWS_US_GOV_PROFILE",
        max_length=128,
        description="Profile of the SDK's configuration with our identity in `aws-us-gov`; empty: the default one.",
    )
    bucket: str = Field(
        "",
        validation_alias="AWS_TRAILS_BUCKET",
        pattern=r"^$|^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="Our bucket for log files; empty: `{environment}-cloudigrade-trails`.",
    )
    log_queue: str = Field(
        "",
        validation_alias="AWS_CLOUDTRAIL_QUEUE",
        pattern=r"^[A-Za-z0-9_-]{0,80}$",
        description="Our queue of S3 notifications; empty: `{environment}-cloudigrade-cloudtrail-s3`.",
    )
    notice_queue: str = Field(
        "",
        validation_alias="AWS_EC2_EVENTS_QUEUE",
        pattern=r"^[A-Za-z0-9_-]{0,80}$",
        description="Our queue of EventBridge's EC2 notices; empty: `{environment}-cloudigrade-ec2-events`.",
    )
    results_bucket: str = Field(
        "",
        validation_alias="AWS_INSPECTIONS_BUCKET",
        pattern=r"^$|^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="Our bucket for what inspectors find on copies; empty: `{environment}-cloudigrade-inspections`.",
    )
    results_queue: str = Field(
        "",
        validation_alias="AWS_INSPECTIONS_QUEUE",
        pattern=r"^[A-Za-z0-9_-]{0,80}$",
        description="Our queue that is told of those; empty: `{environment}-cloudigrade-inspections-s3`.",
    )
    launch_template: str = Field(
        "",
        validation_alias="AWS_INSPECTION_LAUNCH_TEMPLATE",
        pattern=r"^$|^[a-zA-Z0-9().\-/_]{3,128}$",
        description="Launch template of machines that look at copies; empty: `cloudigrade-lt-{environment}`.",
    )
    most_inspectors: int = Field(
        10,
        validation_alias="AWS_INSPECTION_MACHINES",
        ge=1,
        le=1000,
        description="Machines that look at copies at one time, in each partition; further copies wait.",
    )
    inspector_name: str = Field(
        "",
        validation_alias="HOUNDIGRADE_ECS_IMAGE_NAME",
        pattern=r"^$|^[a-z0-9][a-z0-9._/:-]{0,254}$",
        description="Container image that those machines run, without tag or digest.",
    )
    inspector_digest: str = Field(
        "",
        validation_alias="HOUNDIGRADE_ECS_IMAGE_DIGEST",
        pattern=r"^$|^sha256:[0-9a-f]{64}$",
        description="Its digest, as `sha256:…`; empty: nothing is copied, and images are read where they are or not at"
        " all.",
    )
    event_bus_arn: str = Field(
        "",
        validation_alias="AWS_EVENT_BUS_ARN",
        max_length=512,
        description="Our event bus, which customers' rules send notices to; empty: the template offers no such rule.",
    )
    template_url: str = Field(
        "",
        validation_alias="AWS_CUSTOMER_TEMPLATE_URL",
        max_length=1024,
        pattern=r"^$|^https://",
        description="Where the customers' CloudFormation template lies in S3; empty: they upload it themselves.",
    )
