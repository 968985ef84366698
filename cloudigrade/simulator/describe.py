"""The fleet at the end of the simulation, as the AWS CLI and houndigrade print it."""

from collections import defaultdict
from typing import Any

from cloudigrade.simulator.images import OPENSHIFT_TAG, TAG, Image
from cloudigrade.simulator.server import RUNNING, STOPPED, TERMINATED, Server
from cloudigrade.simulator.sizes import SIZES, Size
from cloudigrade.simulator.timestamps import HOUR, offset, spoken

Json = dict[str, Any]

_CODES = {RUNNING: 16, TERMINATED: 48, STOPPED: 80}


def instances(servers: list[Server]) -> Json:
    """The output of describe-instances; terminated instances are forgotten after an hour."""
    launched_together: dict[tuple[str, int, str], list[Server]] = defaultdict(list)
    for server in servers:
        if server.state != TERMINATED or server.changed_at >= server.horizon - HOUR:
            call = server.place.account, server.first_launched_at, server.image.native_id
            launched_together[call].append(server)
    return {"Reservations": [_reservation(members) for members in launched_together.values()]}


def _reservation(members: list[Server]) -> Json:
    return {
        "Groups": [],
        "Instances": [_instance(server) for server in members],
        "OwnerId": members[0].place.account,
        "ReservationId": f"r-{members[0].native_id.removeprefix('i-')}",
    }


def _instance(server: Server) -> Json:
    image = server.image
    instance: Json = {
        "AmiLaunchIndex": 0,
        "ImageId": image.native_id,
        "InstanceId": server.native_id,
        "InstanceType": server.instance_type,
        "KeyName": "ops",
        "LaunchTime": offset(server.started_at),
        "Monitoring": {"State": "disabled"},
        "Placement": {"AvailabilityZone": f"{server.place.region}a", "GroupName": "", "Tenancy": "default"},
        "ProductCodes": _product_codes(image),
        "State": {"Code": _CODES[server.state], "Name": server.state},
        "StateTransitionReason": f"{server.reason} ({spoken(server.changed_at)})" if server.reason else "",
        "Architecture": image.architecture,
        "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 1},
        "EbsOptimized": False,
        "Hypervisor": "xen",
        "RootDeviceName": "/dev/sda1",
        "RootDeviceType": "ebs",
        "Tags": [{"Key": "aws:autoscaling:groupName", "Value": server.group}] if server.group else [],
        "VirtualizationType": "hvm",
    }
    if server.is_spot:
        instance["InstanceLifecycle"] = "spot"
    if image.platform:
        instance["Platform"] = image.platform
    if image.usage_operation:
        instance |= _billing(image) | {"UsageOperationUpdateTime": offset(server.first_launched_at)}
    return instance


def images(known: list[Image]) -> Json:
    """The output of describe-images; what two accounts share is listed once."""
    return {"Images": [_image(image) for image in {image.native_id: image for image in known}.values()]}


def _image(image: Image) -> Json:
    described: Json = {
        "Architecture": image.architecture,
        "CreationDate": "2024-06-06T09:30:12.000Z",
        "ImageId": image.native_id,
        "ImageLocation": f"{image.owner}/{image.name}",
        "ImageType": "machine",
        "Public": image.is_public,
        "OwnerId": image.owner,
        "State": "available",
        "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 10, "VolumeType": "gp3"}}],
        "EnaSupport": True,
        "Hypervisor": "xen",
        "Name": image.name,
        "RootDeviceName": "/dev/sda1",
        "RootDeviceType": "ebs",
        "VirtualizationType": "hvm",
    }
    optional = {
        "ImageOwnerAlias": image.owner_alias,
        "Platform": image.platform,
        "ProductCodes": _product_codes(image),
        "SourceImageId": image.source_image,
        "SourceImageRegion": image.region if image.source_image else "",
        "Tags": _tags(image),
    }
    billing = _billing(image) if image.usage_operation else {}
    return described | billing | {key: value for key, value in optional.items() if value}


def _tags(image: Image) -> list[Json]:
    keys = {TAG: image.is_tagged, OPENSHIFT_TAG: image.is_openshift}
    return [{"Key": key, "Value": "true"} for key, is_there in keys.items() if is_there]


def _billing(image: Image) -> Json:
    return {"PlatformDetails": image.platform_details, "UsageOperation": image.usage_operation}


def _product_codes(image: Image) -> list[Json]:
    code = image.product_code
    return [{"ProductCodeId": code, "ProductCodeType": "marketplace"}] if code else []


def instance_types() -> Json:
    """The output of describe-instance-types for every type of the fleet."""
    return {"InstanceTypes": [_instance_type(size) for size in SIZES.values()]}


def _instance_type(size: Size) -> Json:
    threads = 1 if size.architecture == "arm64" else 2
    return {
        "InstanceType": size.instance_type,
        "CurrentGeneration": True,
        "SupportedUsageClasses": ["on-demand", "spot"],
        "BareMetal": False,
        "Hypervisor": "nitro",
        "ProcessorInfo": {"SupportedArchitectures": [size.architecture]},
        "VCpuInfo": {
            "DefaultVCpus": size.vcpu,
            "DefaultCores": size.vcpu // threads,
            "DefaultThreadsPerCore": threads,
        },
        "MemoryInfo": {"SizeInMiB": size.memory_mib},
    }


def inspections(known: list[Image]) -> Json:
    """Houndigrade's result for the images that were inspected."""
    return {
        "cloud": "aws",
        "errors": [],
        "images": {image.native_id: image.findings for image in known if image.findings is not None},
    }
