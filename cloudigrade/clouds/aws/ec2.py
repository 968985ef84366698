"""What EC2 answers, page by page, in; descriptions of instances, images and types out."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from cloudigrade.clouds.aws import descriptions, identifiers
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.clouds.protocol import ImageDescription, InstanceDescription, Rejected, TypeDefinition

if TYPE_CHECKING:  # type stubs, absent outside development
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import ImageTypeDef

PAGE: Final = 1000
"""Instances or images in an answer, the most that EC2 gives."""
NAMES: Final = 200
"""Values of a filter, the most that EC2 takes."""
TYPES: Final = 100
"""Instance types in an answer, the most that EC2 gives."""


def read_regions(client: "EC2Client") -> list[str]:
    """The regions that are enabled for the client's account."""
    answer = client.describe_regions(AllRegions=False)
    named = (identifiers.checked(region.get("RegionName"), identifiers.REGION) for region in answer["Regions"])
    return sorted(name for name in named if name)


def read_instances(client: "EC2Client", names: Sequence[str] | None = None) -> Iterator[InstanceDescription | Rejected]:
    """The instances of the client's region, whatever their state; of these names, or all.

    They are asked for by filter: in a list of ids, one that vanished would cost the whole answer.
    """
    pages = client.get_paginator("describe_instances")
    for filters in [{}] if names is None else _filters("instance-id", names):
        for page in pages.paginate(**filters, **_managed(client), PaginationConfig={"PageSize": PAGE}):
            for reservation in page["Reservations"]:
                yield from _instances(reservation, f"{client.meta.region_name}/DescribeInstances")


def read_images(client: "EC2Client", names: Iterable[str]) -> Iterator[ImageDescription | Rejected]:
    """Those of the images that the client's account may see, deprecated and disabled ones too."""
    for filters in _filters("image-id", sorted(set(names))):
        for image in image_documents(client, **filters):
            yield described(client, image)


def image_documents(client: "EC2Client", **filters: Any) -> Iterator["ImageTypeDef"]:
    """The images that the filters leave, as EC2 describes them."""
    pages = client.get_paginator("describe_images")
    for page in pages.paginate(
        **filters, IncludeDeprecated=True, IncludeDisabled=True, PaginationConfig={"PageSize": PAGE}
    ):
        yield from page["Images"]


def described(client: "EC2Client", image: "ImageTypeDef") -> ImageDescription | Rejected:
    """What the document says of the image, or why it cannot be read."""
    region = client.meta.region_name
    source = f"{region}/DescribeImages"
    match descriptions.parse_part(_plain(image), Document.IMAGES, source=source):
        case ImageDescription() as part:
            return part._replace(region=region)
        case Rejected() as part:
            return part
        case _:  # of another kind of document
            return Rejected(source, "is no image")


def read_definitions(client: "EC2Client") -> Iterator[TypeDefinition]:
    """The sizes of all instance types of the client's region; one that has none is left out."""
    for page in client.get_paginator("describe_instance_types").paginate(PaginationConfig={"PageSize": TYPES}):
        for each in page["InstanceTypes"]:
            part = descriptions.parse_part(_plain(each), Document.INSTANCE_TYPES, source="DescribeInstanceTypes")
            if isinstance(part, TypeDefinition):
                yield part


def _instances(reservation: object, source: str) -> Iterator[InstanceDescription | Rejected]:
    for owner, instance in descriptions.with_owner(reservation):
        part = descriptions.parse_part(_plain(instance), Document.INSTANCES, account=owner, source=source)
        if isinstance(part, InstanceDescription | Rejected):
            yield part


def _filters(name: str, values: Sequence[str]) -> list[dict[str, Any]]:
    """Filters for these values, as many as it takes."""
    parts = [list(values[first : first + NAMES]) for first in range(0, len(values), NAMES)]
    return [{"Filters": [{"Name": name, "Values": part}]} for part in parts]


def _managed(client: "EC2Client") -> dict[str, Any]:
    """What makes the answer hold instances that AWS services manage, which an account may have set to be hidden.

    They run and cost like others, and CloudTrail tells of them; left out, they would be taken for gone. Older
    SDKs do not know the word.
    """
    shape = client.meta.service_model.operation_model("DescribeInstances").input_shape
    known = "IncludeManagedResources" in getattr(shape, "members", ())
    return {"IncludeManagedResources": True} if known else {}


def _plain(part: object) -> object:
    """The part with its times as text, as the parsers expect them."""
    if not isinstance(part, dict):
        return part
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in part.items()}
