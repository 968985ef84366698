"""EC2 asked page by page, by filter, and for all that it would leave out otherwise: what is sent, by the Stubber."""

import boto3
import pytest
from botocore.stub import Stubber

from cloudigrade.clouds.aws import ec2
from cloudigrade.clouds.protocol import ImageDescription, Rejected, TypeDefinition
from tests.clouds.aws.ec2_answers import image, instance, reservations

EVERYTHING = {"IncludeDeprecated": True, "IncludeDisabled": True, "MaxResults": 1000}


@pytest.fixture
def stubber():
    made = boto3.session.Session(aws_access_key_id="x", aws_secret_access_key="x").client("ec2", "us-east-1")
    with Stubber(made) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def told(stubber, operation, answers, **request):
    """The answers in turn, each but the last with the token that the next request has to bring."""
    for place, answer in enumerate(answers):
        sent = request | ({"NextToken": f"page-{place}"} if place else {})
        more = {"NextToken": f"page-{place + 1}"} if place + 1 < len(answers) else {}
        stubber.add_response(operation, answer | more, sent)


def names(parts):
    return [part.instance for part in parts]


def test_regions_are_those_that_are_enabled(stubber):
    answer = {"Regions": [{"RegionName": "us-east-1"}, {"RegionName": "eu-west-1"}, {"RegionName": "odd name"}]}
    stubber.add_response("describe_regions", answer, {"AllRegions": False})

    assert ec2.read_regions(stubber.client) == ["eu-west-1", "us-east-1"]


def test_c22_instances_are_read_page_by_page_to_the_last(stubber):
    """C22: one unpaginated answer is cut off or refused in large accounts."""
    pages = [reservations([instance(f"i-0a{n}")]) for n in range(3)]
    told(stubber, "describe_instances", pages, MaxResults=1000, IncludeManagedResources=True)

    assert names(ec2.read_instances(stubber.client)) == ["i-0a0", "i-0a1", "i-0a2"]


def test_c7_instances_are_asked_for_by_filter_two_hundred_at_a_time(stubber):
    """C7: an id list fails as a whole when one is gone."""
    wanted = [f"i-{n:04x}" for n in range(201)]
    for some in (wanted[:200], wanted[200:]):
        filters = [{"Name": "instance-id", "Values": some}]
        pages = [reservations([instance(some[0])])]
        told(stubber, "describe_instances", pages, Filters=filters, MaxResults=1000, IncludeManagedResources=True)

    assert names(ec2.read_instances(stubber.client, wanted)) == ["i-0000", "i-00c8"]


def test_no_names_ask_for_nothing(stubber):
    assert list(ec2.read_instances(stubber.client, [])) == []
    assert list(ec2.read_images(stubber.client, [])) == []


def test_c7_images_are_asked_for_once_each_by_filter_deprecated_and_disabled_ones_too(stubber):
    """C7: and what vanished all the same is left out."""
    wanted = [f"ami-{n:04x}" for n in range(201)]
    for some in (wanted[:200], wanted[200:]):
        filters = [{"Name": "image-id", "Values": some}]
        told(stubber, "describe_images", [{"Images": [image(some[0])]}], Filters=filters, **EVERYTHING)

    found = [part for part in ec2.read_images(stubber.client, [*wanted, *wanted]) if isinstance(part, ImageDescription)]

    assert [(each.region, each.image) for each in found] == [("us-east-1", "ami-0000"), ("us-east-1", "ami-00c8")]


def test_an_image_is_described_with_the_region_it_was_found_in(stubber):
    odd = {"ImageId": "image", "Name": "x"}
    request = {"Filters": [{"Name": "image-id", "Values": ["ami-0f1"]}]} | EVERYTHING
    told(stubber, "describe_images", [{"Images": [image("ami-0f1", SourceImageId="ami-0b2"), odd]}], **request)

    assert list(ec2.read_images(stubber.client, ["ami-0f1"])) == [
        ImageDescription(
            region="us-east-1",
            image="ami-0f1",
            owner="309956199498",
            name="RHEL-9.4.0_HVM-20240605-x86_64-82-Access2-GP3",
            architecture="x86_64",
            billing_code="RunInstances:00g0",
            platform_details="Red Hat BYOL Linux",
            source_image="ami-0b2",
        ),
        Rejected("us-east-1/DescribeImages", "has an image without a valid id", "", b'{"ImageId":"image","Name":"x"}'),
    ]


def test_c13_types_are_read_page_by_page_and_one_without_a_size_is_left_out(stubber):
    """C13: sizes are EC2's own, and read whenever asked for."""

    def size(name, vcpu):
        return {"InstanceType": name, "VCpuInfo": {"DefaultVCpus": vcpu}, "MemoryInfo": {"SizeInMiB": 8192}}

    pages = [{"InstanceTypes": [size("m5.large", 2)]}, {"InstanceTypes": [size("m5.tiny", 0), size("m5.xlarge", 4)]}]
    told(stubber, "describe_instance_types", pages, MaxResults=100)

    assert list(ec2.read_definitions(stubber.client)) == [
        TypeDefinition("m5.large", 2, 8192),
        TypeDefinition("m5.xlarge", 4, 8192),
    ]


def test_an_sdk_that_does_not_know_of_managed_instances_is_not_asked_for_them(stubber, monkeypatch):
    shape = stubber.client.meta.service_model.operation_model("DescribeInstances").input_shape
    monkeypatch.delitem(shape.members, "IncludeManagedResources")
    told(stubber, "describe_instances", [reservations([])], MaxResults=1000)

    assert list(ec2.read_instances(stubber.client)) == []
