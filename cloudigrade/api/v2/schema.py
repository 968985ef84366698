"""What the OpenAPI document says of shapes, parameters and errors; answers are tested against it."""

from collections.abc import Sequence
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_serializer,
)
from rest_framework import serializers

from cloudigrade.api.schema import Refusal

STATUSES: Final = ("pending", "preparing", "inspecting", "inspected", "error", "unavailable")

CLOUDS: Final = ("aws", "azure")


class AwsCloudAccount(serializers.Serializer[Any]):
    """An account in AWS."""

    aws_cloud_account_id = serializers.IntegerField(help_text="The same as account_id.")
    account_arn = serializers.CharField(allow_blank=True, help_text="Of the role that lets us in.")
    aws_account_id = serializers.CharField(help_text="12 digits, with leading zeros.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AzureCloudAccount(serializers.Serializer[Any]):
    """A subscription in Azure."""

    azure_cloud_account_id = serializers.IntegerField(help_text="The same as account_id.")
    subscription_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AwsInstance(serializers.Serializer[Any]):
    """An instance of EC2."""

    aws_instance_id = serializers.IntegerField(help_text="The same as instance_id.")
    created_at = serializers.DateTimeField()
    ec2_instance_id = serializers.CharField()
    region = serializers.CharField()
    updated_at = serializers.DateTimeField()


class AzureInstance(serializers.Serializer[Any]):
    """A virtual machine of Azure."""

    azure_instance_id = serializers.IntegerField(help_text="The same as instance_id.")
    created_at = serializers.DateTimeField()
    resource_id = serializers.CharField()
    region = serializers.CharField()
    updated_at = serializers.DateTimeField()


class ProductCode(serializers.Serializer[Any]):
    """A code of AWS Marketplace or DevPay."""

    ProductCodeId = serializers.CharField()
    ProductCodeType = serializers.CharField(allow_blank=True)


class AwsMachineImage(serializers.Serializer[Any]):
    """An AMI."""

    aws_image_id = serializers.IntegerField(help_text="The same as image_id.")
    created_at = serializers.DateTimeField()
    ec2_ami_id = serializers.CharField()
    id = serializers.IntegerField(help_text="The same as image_id.")
    owner_aws_account_id = serializers.CharField(allow_null=True, help_text="With leading zeros.")
    platform = serializers.ChoiceField(choices=["none", "windows"])
    region = serializers.CharField(allow_null=True)
    updated_at = serializers.DateTimeField()
    is_cloud_access = serializers.BooleanField(help_text="Red Hat's own image, on the customer's subscription.")
    is_marketplace = serializers.BooleanField(help_text="Billed by AWS's market, or through AWS by Red Hat.")
    product_codes = ProductCode(many=True, allow_null=True)
    platform_details = serializers.CharField(allow_null=True)
    usage_operation = serializers.CharField(allow_null=True)


class AzureMachineImage(serializers.Serializer[Any]):
    """An image of Azure."""

    azure_image_id = serializers.IntegerField(help_text="The same as image_id.")
    created_at = serializers.DateTimeField()
    resource_id = serializers.CharField(allow_null=True)
    id = serializers.IntegerField(help_text="The same as image_id.")
    region = serializers.CharField(allow_null=True)
    updated_at = serializers.DateTimeField()
    is_marketplace = serializers.BooleanField()


def _either(name: str, *shapes: type[serializers.Serializer[Any]]) -> Any:
    """One of the clouds' shapes."""
    return PolymorphicProxySerializer(name, list(shapes), resource_type_field_name=None)


class CloudAccount(serializers.Serializer[Any]):
    """A customer's account in a cloud."""

    account_id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    user_id = serializers.IntegerField(help_text="Of the customer.")
    cloud_type = serializers.ChoiceField(choices=CLOUDS)
    content_object = _either("CloudAccountContent", AwsCloudAccount, AzureCloudAccount)
    is_enabled = serializers.BooleanField(help_text="Whether it is metered.")
    platform_authentication_id = serializers.IntegerField(allow_null=True, help_text="Null: not from Sources.")
    platform_application_id = serializers.IntegerField(allow_null=True, help_text="Null: not from Sources.")
    platform_application_is_paused = serializers.BooleanField()
    platform_source_id = serializers.IntegerField(allow_null=True, help_text="Null: not from Sources.")


class Instance(serializers.Serializer[Any]):
    """A virtual machine, running or not."""

    cloud_account_id = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    instance_id = serializers.IntegerField()
    machine_image_id = serializers.IntegerField(allow_null=True, help_text="Null: not known.")
    updated_at = serializers.DateTimeField()
    cloud_type = serializers.ChoiceField(choices=CLOUDS)
    content_object = _either("InstanceContent", AwsInstance, AzureInstance)


class MachineImage(serializers.Serializer[Any]):
    """What instances boot from, as far as is known."""

    architecture = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    image_id = serializers.IntegerField()
    inspection_json = serializers.CharField(allow_null=True, help_text="What the inspection found: JSON, as text.")
    is_encrypted = serializers.BooleanField(help_text="Always false: nobody needs to know.")
    name = serializers.CharField(allow_null=True)
    openshift = serializers.BooleanField(help_text="By the customer's tag.")
    openshift_detected = serializers.BooleanField(help_text="The same.")
    rhel = serializers.BooleanField(help_text="By all the evidence, whoever pays for it.")
    rhel_detected = serializers.BooleanField(help_text="The same.")
    rhel_detected_by_tag = serializers.BooleanField(help_text="By the customer's tag.")
    rhel_enabled_repos_found = serializers.BooleanField(help_text="By inspection.")
    rhel_product_certs_found = serializers.BooleanField(help_text="By inspection.")
    rhel_release_files_found = serializers.BooleanField(help_text="By inspection.")
    rhel_signed_packages_found = serializers.BooleanField(help_text="By inspection.")
    rhel_version = serializers.CharField(allow_null=True, help_text="By inspection, else by Red Hat's name of it.")
    status = serializers.ChoiceField(choices=STATUSES)
    syspurpose = serializers.DictField(allow_null=True, help_text="As the customer wrote it on the disk.")
    cloud_type = serializers.ChoiceField(choices=CLOUDS)
    content_object = _either("MachineImageContent", AwsMachineImage, AzureMachineImage)


class MaximumCount(serializers.Serializer[Any]):
    """One category of a day; `_ANY` stands for whatever, the empty text for not known."""

    arch = serializers.CharField(allow_blank=True)
    role = serializers.CharField(allow_blank=True)
    sla = serializers.CharField(allow_blank=True)
    usage = serializers.CharField(allow_blank=True)
    service_type = serializers.CharField(allow_blank=True)
    instances_count = serializers.IntegerField(min_value=0)


class DailyConcurrentUsage(serializers.Serializer[Any]):
    """A UTC day; without RHEL on it, no counts."""

    date = serializers.DateField()
    maximum_counts = MaximumCount(many=True)


class Policies(serializers.Serializer[Any]):
    """Policies of IAM."""

    traditional_inspection = serializers.DictField(help_text="What metering needs.")


@extend_schema_serializer(many=False)
class Sysconfig(serializers.Serializer[Any]):
    """What customers need to know to connect their accounts."""

    aws_account_id = serializers.CharField(help_text="Whom the customers' roles are to trust.")
    aws_policies = Policies()
    azure_offer_template_path = serializers.CharField(allow_null=True, help_text="Null: Azure is not metered here.")
    version = serializers.CharField(allow_null=True)


class BadDates(serializers.Serializer[Any]):
    """What is wrong with each date."""

    start_date = serializers.ListField(child=serializers.CharField(), required=False)
    end_date = serializers.ListField(child=serializers.CharField(), required=False)
    detail = serializers.CharField(required=False, help_text="Where the request as a whole is malformed.")


class BadInstanceFilter(serializers.Serializer[Any]):
    """What is wrong with each filter."""

    running_since = serializers.ListField(child=serializers.CharField(), required=False)
    detail = serializers.CharField(required=False, help_text="Where the request as a whole is malformed.")


class BadImageFilter(serializers.Serializer[Any]):
    """What is wrong with each filter."""

    architecture = serializers.ListField(child=serializers.CharField(), required=False)
    status = serializers.ListField(child=serializers.CharField(), required=False)
    detail = serializers.CharField(required=False, help_text="Where the request as a whole is malformed.")


Shape = type[serializers.Serializer[Any]]

_UNREADABLE: Final = OpenApiResponse(Refusal, "The request is malformed.")
_NONE: Final = "There is none of this id, or it is another customer's"
_NO_FORM: Final = "No such form of the answer as `format` asks for"
_ERRORS: Final = {
    403: OpenApiResponse(Refusal, "The request is not authenticated, or the customer is not known."),
    406: OpenApiResponse(Refusal, "The answer is JSON, which the request does not accept."),
    429: OpenApiResponse(Refusal, "Too many requests; `Retry-After` says for how long."),
    500: OpenApiResponse(Refusal, "We failed."),
}


def query(name: str, kind: OpenApiTypes, description: str, **more: Any) -> OpenApiParameter:
    """A parameter of the query."""
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description, **more)


def operation(
    name: str,
    shape: Shape,
    description: str,
    *,
    parameters: Sequence[OpenApiParameter] = (),
    refused: OpenApiResponse = _UNREADABLE,
    is_list: bool = False,
) -> dict[str, Any]:
    """How an operation that shows pages, or one thing by its id, is described."""
    key = OpenApiParameter("id", OpenApiTypes.INT64, OpenApiParameter.PATH)
    return {
        "operation_id": name,
        "description": description,
        "tags": ["api-v2"],
        "parameters": [*parameters, *([] if is_list else [key])],
        "responses": {
            200: shape(many=True) if is_list else shape,
            400: refused,
            404: OpenApiResponse(Refusal, f"{_NO_FORM}." if is_list else f"{_NONE}."),
            **_ERRORS,
        },
    }


def operations(
    names: tuple[str, str],
    shape: Shape,
    description: str,
    *,
    parameters: Sequence[OpenApiParameter] = (),
    refused: OpenApiResponse = _UNREADABLE,
) -> dict[str, Any]:
    """The same for a view that lists and retrieves, named in this order."""
    listed, one = names
    more: dict[str, Any] = {"parameters": parameters, "refused": refused}
    return {
        "list": extend_schema(**operation(listed, shape, f"{description} Ordered by id.", is_list=True, **more)),
        "retrieve": extend_schema(**operation(one, shape, "One of them.", **more)),
    }


INSTANCE_FILTERS: Final[dict[str, Any]] = {
    "parameters": [
        query("running_since", OpenApiTypes.DATETIME, "Only what has been running without end since then or earlier.")
    ],
    "refused": OpenApiResponse(BadInstanceFilter, "It is no time."),
}

IMAGE_FILTERS: Final[dict[str, Any]] = {
    "parameters": [
        query("architecture", OpenApiTypes.STR, "Only those of this architecture."),
        query("status", OpenApiTypes.STR, "Only those with this status.", enum=STATUSES),
    ],
    "refused": OpenApiResponse(BadImageFilter, "There is no such status, or no such text."),
}

DAILY_CONCURRENT_USAGE: Final = operation(
    "listDailyConcurrentUsages",
    DailyConcurrentUsage,
    "The highest number of RHEL instances that need the customer's own subscriptions and were running at one time, for"
    " each UTC day and category.",
    parameters=[
        query("start_date", OpenApiTypes.DATE, "First day, before today; yesterday where not given."),
        query("end_date", OpenApiTypes.DATE, "Day after the last one, today at most; today where not given."),
    ],
    refused=OpenApiResponse(BadDates, "A date cannot be read or is out of range."),
    is_list=True,
)
DAILY_CONCURRENT_USAGE["responses"][425] = OpenApiResponse(
    Refusal, "A day of the page has not been calculated yet; try again later."
)

SYSCONFIG: Final = operation(
    "listSysconfigViewSets",
    Sysconfig,
    "Who we are in AWS, what we ask customers to allow there, and which version this is.",
    is_list=True,
)
SYSCONFIG["responses"] |= {
    200: Sysconfig,
    503: OpenApiResponse(Refusal, "AWS does not answer; `Retry-After` says for how long to wait."),
}
