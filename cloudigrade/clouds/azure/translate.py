"""Virtual machines and images as Azure Resource Manager writes them in, our descriptions of them out.

Both shapes are read: the REST API's, with `properties`, and the flat one that `az` prints. Azure returns names and
identities in any case, so identities are in lower case here.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from cloudigrade.clouds.protocol import ImageDescription, Unreadable
from cloudigrade.domain.rhel_azure import PLAN
from cloudigrade.domain.rhel_codes import OPENSHIFT_TAG, RHEL_TAG

MAX_IDENTITY: Final = 2048
"""Characters; longer ones are no identity of Azure's."""

_MAX_TEXT: Final = 512
_ARCHITECTURES: Final = {"x64": "x86_64", "arm64": "arm64"}
_OWNER: Final = re.compile(
    r"/(?:subscriptions/([0-9a-f-]{36})/resourcegroups|(?:shared|community)galleries/([^/]+))/", re.ASCII
)
_MARKETPLACE: Final = re.compile(
    r"/subscriptions/[^/]+/providers/microsoft\.compute/locations/[^/]+/publishers/([^/:]+)/artifacttypes/vmimage"
    r"/offers/([^/:]+)/skus/([^/:]+)/versions/([^/:]+)",
    re.ASCII,
)


class Machine(NamedTuple):
    """A virtual machine as described, and what it says of its image."""

    account: str
    """Its subscription."""
    region: str
    instance: str
    instance_type: str
    billing_code: str
    """License type: what is charged for this machine as of now; empty where the image's own model holds."""
    tags: tuple[str, ...]
    """Keys of those of its tags that mean something to us."""
    image: ImageDescription
    """Its `image` is empty where Azure does not say what the machine was made from."""


class _Camel(msgspec.Struct, rename="camel"):
    pass


class _Plan(_Camel):
    name: str | None = None
    product: str | None = None
    publisher: str | None = None


class _Reference(_Camel):
    id: str | None = None
    publisher: str | None = None
    offer: str | None = None
    sku: str | None = None
    version: str | None = None
    exact_version: str | None = None
    shared_gallery_image_id: str | None = None
    community_gallery_image_id: str | None = None


class _Link(_Camel):
    id: str | None = None


class _Disk(_Camel):
    os_type: str | None = None
    managed_disk: _Link | None = None
    operating_system: str | None = None


class _Storage(_Camel):
    image_reference: _Reference | None = None
    os_disk: _Disk | None = None
    source: _Link | None = None


class _Hardware(_Camel):
    vm_size: str | None = None


class _View(_Camel):
    os_name: str | None = None
    os_version: str | None = None


class _Resource(_Camel):
    """The fields of machines and of every kind of image."""

    id: str
    location: str | None = None
    name: str | None = None
    tags: dict[str, Any] | None = None
    plan: _Plan | None = None
    storage_profile: _Storage | None = None
    hardware_profile: _Hardware | None = None
    license_type: str | None = None
    instance_view: _View | None = None
    architecture: str | None = None
    os_type: str | None = None
    os_disk_image: _Disk | None = None


def parse_machine(document: object, *, own: Collection[str] = ()) -> Machine:
    """The machine and its image; raises Unreadable.

    The guest agent's word for the system is taken for the image only where that is the customer's own: in the
    machine's subscription or in one of `own`. Images are shared, and nobody may speak for those of others.
    """
    machine = _resource(document)
    identity = _identity(machine.id)
    account = _owner(identity)
    if not account or "/providers/microsoft.compute/virtualmachine" not in identity:
        raise Unreadable("is no virtual machine")
    return Machine(
        account=account,
        region=_region(machine.location),
        instance=identity,
        instance_type=_text((machine.hardware_profile or _Hardware()).vm_size),
        billing_code=_text(machine.license_type),
        tags=_tags(machine),
        image=_image_of(machine, frozenset({account, *(each.lower() for each in own)})),
    )


def parse_image(document: object) -> ImageDescription:
    """A managed image, an image or image version of a gallery, or one of the Marketplace; raises Unreadable."""
    image = _resource(document)
    identity = _identity(image.id)
    listed = _MARKETPLACE.fullmatch(identity)
    if listed is None and "/images/" not in identity:
        raise Unreadable("is no image")
    storage = image.storage_profile or _Storage()
    disk = image.os_disk_image or storage.os_disk or _Disk()
    source = _identity((storage.source or _Link()).id)
    return ImageDescription(
        region=_region(image.location),
        image=":".join(listed.groups()) if listed else identity,
        owner=listed[1] if listed else _owner(identity),
        name=":".join(listed.groups()[:3]) if listed else _text(image.name),
        architecture=_architecture(image.architecture),
        platform=_platform(image.os_type or disk.os_type or disk.operating_system),
        product_codes=_plan(image.plan) if listed else (),
        source_image=source if "/images/" in source else "",
        tags=_tags(image),
    )


def _resource(document: object) -> _Resource:
    if not isinstance(document, Mapping):
        raise Unreadable("is no resource")
    properties = document.get("properties")
    merged = {**document, **properties} if isinstance(properties, Mapping) else document
    try:
        return msgspec.convert({str(key): value for key, value in merged.items()}, _Resource)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Unreadable(f"is no resource: {_text(str(error))}") from error


def _image_of(machine: _Resource, own: frozenset[str]) -> ImageDescription:
    storage = machine.storage_profile or _Storage()
    disk = storage.os_disk or _Disk()
    reference = storage.image_reference or _Reference()
    view = machine.instance_view or _View()
    image = _referenced(reference) or _identity((disk.managed_disk or _Link()).id)
    parts = [] if image.startswith("/") else image.split(":")
    owner = parts[0] if parts else _owner(image)
    said = f"{_text(view.os_name)} {_text(view.os_version)}".strip() if owner in own else ""
    return ImageDescription(
        region=_region(machine.location),
        image=image,
        owner=owner,
        name=":".join(parts[:3]) if parts else "",
        platform=_platform(disk.os_type),
        platform_details=said,
        product_codes=_plan(machine.plan),
    )


def _referenced(reference: _Reference) -> str:
    """Which image exactly: all four names of the Marketplace's, for SKUs repeat, or the path of the customer's own."""
    exact = _identity(reference.exact_version)
    path = next(
        (
            _identity(each)
            for each in (reference.community_gallery_image_id, reference.shared_gallery_image_id, reference.id)
            if each
        ),
        "",
    )
    if path:
        return path if not exact or "/versions/" in path or "/galleries/" not in path else f"{path}/versions/{exact}"
    names = [_identity(each) for each in (reference.publisher, reference.offer, reference.sku)]
    version = exact or _identity(reference.version)
    return ":".join([*names, version]) if all(names) and version and ":" not in "".join([*names, version]) else ""


def _plan(plan: _Plan | None) -> tuple[tuple[str, str], ...]:
    parts = [_identity(each) for each in (plan.publisher, plan.product, plan.name)] if plan else []
    return ((":".join(parts), PLAN),) if parts and all(parts) else ()


def _owner(identity: str) -> str:
    """The subscription or gallery that a path begins with."""
    parsed = _OWNER.match(identity)
    return (parsed[1] or parsed[2]) if parsed else ""


def _tags(resource: _Resource) -> tuple[str, ...]:
    return tuple(key for key in (RHEL_TAG, OPENSHIFT_TAG) if key in (resource.tags or {}))


def _platform(system: str | None) -> str:
    return "windows" if _text(system).lower() == "windows" else ""


def _architecture(text: str | None) -> str:
    plain = _text(text)
    return _ARCHITECTURES.get(plain.lower(), plain)


def _region(location: str | None) -> str:
    """The name that programs use; people's `East US` is `eastus`."""
    return _text(location).replace(" ", "").lower()


def _identity(text: str | None) -> str:
    """In lower case, and whole: a cut one would be another's."""
    identity = (text or "").strip().lower()
    if len(identity) > MAX_IDENTITY or "\0" in identity or _is_torn(identity):
        raise Unreadable("has an identity that is none")
    return identity


def _text(text: str | None) -> str:
    """As any database takes it: no NUL, no half of a surrogate pair, not too long."""
    plain = (text or "").replace("\0", "").strip()[:_MAX_TEXT]
    return plain.encode("utf-8", "replace").decode() if _is_torn(plain) else plain


def _is_torn(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)
