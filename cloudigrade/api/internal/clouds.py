"""The rows of one cloud, as the internal API shows and finds them; ids are those of the rows of all clouds."""

from functools import partial
from typing import Final

from django.db.models import Q, QuerySet
from rest_framework import serializers

from cloudigrade.api import plans
from cloudigrade.api.internal import filters
from cloudigrade.api.internal.filters import Filter, around, of_customer
from cloudigrade.api.internal.resources import NO_TIMES, Resource, Row, integer, json, text, times
from cloudigrade.models import CloudAccount, Image, Instance, InstanceEvent

AWS: Final = "aws"
AZURE: Final = "azure"

_DIGITS: Final = 12
_TIMES: Final = {**around("created_at", "created_at"), **around("updated_at", "updated_at")}
_NO_TIMES: Final = filters.not_kept_times("created_at", "updated_at")
_MARKET: Final = [["marketplace"]]


def _accounts(cloud: str) -> QuerySet[CloudAccount]:
    return CloudAccount.objects.filter(cloud=cloud)


def _instances(cloud: str) -> QuerySet[Instance]:
    return Instance.objects.filter(account__cloud=cloud)


def _events(cloud: str) -> QuerySet[InstanceEvent]:
    return InstanceEvent.objects.filter(instance__account__cloud=cloud)


def _images(cloud: str) -> QuerySet[Image]:
    return Image.objects.filter(cloud=cloud)


def _is_of_market(value: bool) -> Q:  # noqa: FBT001 - the only value there is
    # pairs of code and type: one whose second is the word; containment of JSON arrays does not mind the place
    marked = Q(product_codes__contains=_MARKET)
    return marked if value else ~marked


_IS_OF_MARKET: Final = Filter(filters.flag("").parse, _is_of_market, filters.flag("").type)
_PLATFORMS: Final = {"none": "", "windows": "windows"}


def _account_id(value: str) -> Q:
    return Q(native_id=value.rjust(_DIGITS, "0"))


def _aws_account(row: Row) -> Row:
    return row | {"account_arn": row["account_arn"] or None}


AWS_ACCOUNTS = Resource(
    "AwsCloudAccount",
    "awscloudaccounts",
    partial(_accounts, AWS),
    {
        "id": integer("pk"),
        **times(),
        "aws_account_id": text("native_id"),
        "account_arn": text("credentials", null=True),
    },
    {
        "aws_account_id": filters.text("native_id", "With its leading zeros or without.")._replace(
            condition=_account_id
        ),
        "account_arn": filters.text("credentials"),
        **_TIMES,
        **of_customer("customer__"),
    },
    shape=_aws_account,
)

AWS_INSTANCES = Resource(
    "AwsInstance",
    "awsinstances",
    partial(_instances, AWS),
    {"id": integer("pk"), **times(), "ec2_instance_id": text("native_id"), "region": text("region")},
    {"ec2_instance_id": filters.text("native_id"), "region": filters.text("region"), **_TIMES},
)


def _aws_image(row: Row) -> Row:
    codes = row["product_codes"]
    facts = {"name": row.pop("name"), "owner": row["owner_aws_account_id"]}
    return row | {
        "platform": row["platform"] or "none",
        "owner_aws_account_id": row["owner_aws_account_id"] or None,
        "region": row["region"] or None,
        "aws_marketplace_image": plans.has_market_code(codes),
        "is_cloud_access": plans.is_cloud_access(**facts),
        "is_marketplace": plans.is_marketplace(**facts, product_codes=codes),
        "product_codes": [{"ProductCodeId": code, "ProductCodeType": kind} for code, kind in codes] or None,
        "platform_details": row["platform_details"] or None,
        "usage_operation": row["usage_operation"] or None,
    }


_FLAGS: Final = ("aws_marketplace_image", "is_cloud_access", "is_marketplace")

AWS_IMAGES = Resource(
    "AwsMachineImage",
    "awsmachineimages",
    partial(_images, AWS),
    {
        "id": integer("pk"),
        **times(),
        "ec2_ami_id": text("native_id"),
        "platform": text("platform"),
        "owner_aws_account_id": text("owner", null=True),
        "region": text("region", null=True),
        "product_codes": json("product_codes"),
        "platform_details": text("platform_details", null=True),
        "usage_operation": text("billing_code", null=True),
        "name": text("name"),
    },
    {
        "ec2_ami_id": filters.text("native_id"),
        "platform": filters.choice(_PLATFORMS, "platform"),
        "owner_aws_account_id": filters.text("owner"),
        "region": filters.text("region"),
        "aws_marketplace_image": _IS_OF_MARKET,
        **_TIMES,
    },
    shape=_aws_image,
    extra={name: serializers.BooleanField() for name in _FLAGS},
    dropped=("name",),
)


def _typed(row: Row) -> Row:
    return row | {"instance_type": row["instance_type"] or None}


AWS_EVENTS = Resource(
    "AwsInstanceEvent",
    "awsinstanceevents",
    partial(_events, AWS),
    {"id": integer("pk"), **NO_TIMES, "subnet": text(None), "instance_type": text("instance_type", null=True)},
    {**filters.not_kept("subnet"), "instance_type": filters.text("instance_type"), **_NO_TIMES},
    shape=_typed,
)

AZURE_ACCOUNTS = Resource(
    "AzureCloudAccount",
    "azurecloudaccounts",
    partial(_accounts, AZURE),
    {"id": integer("pk"), **times(), "subscription_id": text("native_id")},
    {"subscription_id": filters.text("native_id"), **_TIMES, **of_customer("customer__")},
)

AZURE_INSTANCES = Resource(
    "AzureInstance",
    "azureinstances",
    partial(_instances, AZURE),
    {"id": integer("pk"), **times(), "resource_id": text("native_id"), "region": text("region")},
    {"region": filters.text("region"), "resource_id": filters.text("native_id"), **_TIMES},
)


def _azure_image(row: Row) -> Row:
    is_of_market = plans.has_market_code(row.pop("product_codes"))
    return row | {
        "region": row["region"] or None,
        "azure_marketplace_image": is_of_market,
        "is_cloud_access": False,
        "is_marketplace": is_of_market,
    }


_AZURE_FLAGS: Final = ("azure_marketplace_image", "is_cloud_access", "is_marketplace")

AZURE_IMAGES = Resource(
    "AzureMachineImage",
    "azuremachineimages",
    partial(_images, AZURE),
    {
        "id": integer("pk"),
        **times(),
        "resource_id": text("native_id", null=True),
        "region": text("region", null=True),
        "product_codes": json("product_codes"),
    },
    {
        "azure_marketplace_image": _IS_OF_MARKET,
        "region": filters.text("region"),
        "resource_id": filters.text("native_id"),
        **_TIMES,
    },
    shape=_azure_image,
    extra={name: serializers.BooleanField() for name in _AZURE_FLAGS},
    dropped=("product_codes",),
)

AZURE_EVENTS = Resource(
    "AzureInstanceEvent",
    "azureinstanceevents",
    partial(_events, AZURE),
    {"id": integer("pk"), **NO_TIMES, "instance_type": text("instance_type", null=True)},
    {"instance_type": filters.text("instance_type"), **_NO_TIMES},
    shape=_typed,
)

ALL: Final[tuple[Resource, ...]] = (
    AWS_ACCOUNTS,
    AWS_INSTANCES,
    AWS_IMAGES,
    AWS_EVENTS,
    AZURE_ACCOUNTS,
    AZURE_INSTANCES,
    AZURE_IMAGES,
    AZURE_EVENTS,
)
"""Those that can only be read: all."""
