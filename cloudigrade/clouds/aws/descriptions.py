"""Descriptions as the AWS CLI prints them, and inspection results, in; described instances, images and types out."""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Any, Final

import msgspec

from cloudigrade.clouds.aws import described_instances, identifiers, surrogates
from cloudigrade.clouds.aws.bodies import TAG_KEYS
from cloudigrade.clouds.protocol import (
    Findings,
    ImageDescription,
    InstanceDescription,
    Rejected,
    TypeDefinition,
    Unreadable,
)

Part = InstanceDescription | ImageDescription | TypeDefinition | Findings


class Document(StrEnum):
    """What a document holds, by the name of what prints it."""

    INSTANCES = "describe-instances output"
    IMAGES = "describe-images output"
    INSTANCE_TYPES = "describe-instance-types output"
    INSPECTIONS = "inspection results"


MAX_FINDINGS: Final = 1 << 20
"""Bytes of one image's findings: what an inspection machine writes is not trusted."""

MAX_NESTING: Final = 100
"""Levels of a part: encoders further down the road end at some depth, and none at the same."""

_LIMIT: Final = 1 << 31
_INK: Final = re.compile(r"\S")
_FIELDS: Final = {
    Document.INSTANCES: "Reservations",
    Document.IMAGES: "Images",
    Document.INSTANCE_TYPES: "InstanceTypes",
    Document.INSPECTIONS: "images",
}
_OTHERS: Final = {field: kind.value for kind, field in _FIELDS.items()} | {"Records": "a CloudTrail log file"}
_ENCODINGS: Final = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def documents(content: bytes | bytearray) -> Iterator[msgspec.Raw]:
    """The documents: one, a list or one after the other; raises Unreadable at the first place that is not JSON."""
    text = surrogates.replaced(_utf8(content))
    try:
        whole = msgspec.json.decode(text, type=msgspec.Raw)
    except (ValueError, RecursionError):
        yield from _concatenated(text)
    else:
        yield from _opened(whole)


def parse(document: msgspec.Raw, kind: Document, *, source: str) -> Iterator[Part | Rejected]:
    """Every part of the document, or why it cannot be read; raises Unreadable where the whole is of another kind."""
    return _parts(_items(document, kind), kind, source)


def _utf8(content: bytes | bytearray) -> bytes | bytearray:
    # Some shells write what they redirect in another encoding, and say so by a mark at the start.
    for mark, encoding in _ENCODINGS.items():
        if content.startswith(mark):
            try:
                return content.decode(encoding).encode()
            except UnicodeError as error:
                raise Unreadable("is not JSON") from error
    return content


def _opened(document: msgspec.Raw) -> list[msgspec.Raw]:
    if bytes(memoryview(document)[:1]) != b"[":
        return [document]
    try:
        return msgspec.json.decode(document, type=list[msgspec.Raw])
    except RecursionError as error:
        raise Unreadable("is not JSON") from error


def _concatenated(content: bytes | bytearray) -> Iterator[msgspec.Raw]:
    scanner, start = json.JSONDecoder(), 0
    try:
        text = content.decode().strip()
        if not text:
            raise Unreadable("is empty")
        while start < len(text):
            _, end = scanner.raw_decode(text, start)
            yield from _opened(msgspec.json.decode(text[start:end], type=msgspec.Raw))
            following = _INK.search(text, end)
            start = following.start() if following else len(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("is not JSON") from error


def _items(document: msgspec.Raw, kind: Document) -> list[msgspec.Raw]:
    field = _FIELDS[kind]
    try:
        fields = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
        if field not in fields:
            raise Unreadable(_mistaken(fields, kind))
        if kind is not Document.INSPECTIONS:
            return msgspec.json.decode(fields[field], type=list[msgspec.Raw])
        images = msgspec.json.decode(fields[field], type=dict[str, msgspec.Raw])
        return [msgspec.Raw(msgspec.json.encode({image: content})) for image, content in images.items()]
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is not {kind}") from error


def _mistaken(fields: Iterable[str], kind: Document) -> str:
    other = next((_OTHERS[field] for field in fields if field in _OTHERS), "")
    return f"is {other}, not {kind}" if other else f"is not {kind}"


def _parts(items: list[msgspec.Raw], kind: Document, source: str) -> Iterator[Part | Rejected]:
    for item in items:
        try:
            value = msgspec.json.decode(item)
        except (ValueError, RecursionError):
            yield Rejected(source, "has a part that cannot be decoded", content=bytes(item))
            continue
        if _is_nested_too_deeply(value):
            yield Rejected(source, f"has a part of more than {MAX_NESTING} levels", content=bytes(item))
            continue
        for account, part in with_owner(value) if kind is Document.INSTANCES else [("", value)]:
            yield parse_part(part, kind, account=account, source=source)


def _is_nested_too_deeply(part: object) -> bool:
    level = [part]
    for _ in range(MAX_NESTING):
        values = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [*chain.from_iterable(values)]
    return bool(level)


def with_owner(reservation: object) -> list[tuple[str, object]]:
    """The reservation's instances, each with the account that owns it; one that has none comes out as it is."""
    fields = reservation if isinstance(reservation, dict) else {}
    instances = fields.get("Instances")
    if not isinstance(instances, list):
        return [("", reservation)]
    owner = identifiers.checked(fields.get("OwnerId"), identifiers.ACCOUNT)
    return [(owner, instance) for instance in instances]


def parse_part(part: object, kind: Document, *, source: str, account: str = "") -> Part | Rejected:
    """What one part of a description says, or why it cannot be read; `account` owns it."""
    if not isinstance(part, dict):
        return Rejected(source, "has a part that is no object", account, msgspec.json.encode(part))
    try:
        match kind:
            case Document.INSTANCES:
                return described_instances.parse(part, account)
            case Document.IMAGES:
                return _image(part)
            case Document.INSTANCE_TYPES:
                return _definition(part)
            case Document.INSPECTIONS:
                return _findings(part)
    except Unreadable as problem:
        return Rejected(source, str(problem), account, msgspec.json.encode(part))


def _image(part: dict[str, Any]) -> ImageDescription:
    image = identifiers.checked(part.get("ImageId"), identifiers.IMAGE)
    if not image:
        raise Unreadable("has an image without a valid id")
    return ImageDescription(
        region="",
        image=image,
        owner=identifiers.checked(part.get("OwnerId"), identifiers.ACCOUNT),
        name=identifiers.cleaned(part.get("Name")),
        architecture=identifiers.cleaned(part.get("Architecture")),
        platform="windows" if identifiers.cleaned(part.get("Platform")).lower() == "windows" else "",
        billing_code=identifiers.cleaned(part.get("UsageOperation")),
        platform_details=identifiers.cleaned(part.get("PlatformDetails")),
        product_codes=tuple(_product_codes(part.get("ProductCodes"))),
        source_image=identifiers.checked(part.get("SourceImageId"), identifiers.IMAGE),
        tags=_our_tags(part.get("Tags")),
    )


def _product_codes(listed: object) -> Iterator[tuple[str, str]]:
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and (code := identifiers.cleaned(entry.get("ProductCodeId"))):
            yield code, identifiers.cleaned(entry.get("ProductCodeType"))


def _our_tags(listed: object) -> tuple[str, ...]:
    tags = listed if isinstance(listed, list) else []
    present = [tag.get("Key") for tag in tags if isinstance(tag, dict)]
    return tuple(key for key in TAG_KEYS if key in present)


def _definition(part: dict[str, Any]) -> TypeDefinition:
    name = identifiers.checked(part.get("InstanceType"), identifiers.INSTANCE_TYPE)
    vcpu, memory_mib = _size(part, "VCpuInfo", "DefaultVCpus"), _size(part, "MemoryInfo", "SizeInMiB")
    if not name or not vcpu or not memory_mib:
        raise Unreadable("has an instance type without a valid name, vCPU or memory")
    return TypeDefinition(name, vcpu, memory_mib)


def _size(part: dict[str, Any], group: str, field: str) -> int:
    values = part.get(group)
    size = values.get(field) if isinstance(values, dict) else None
    return size if type(size) is int and 0 < size < _LIMIT else 0


def _findings(part: dict[str, Any]) -> Findings:
    image, content = next(iter(part.items()))
    if not identifiers.checked(image, identifiers.IMAGE):
        raise Unreadable("has findings of something that is no image")
    if not isinstance(content, dict):
        raise Unreadable("has findings that are no object")
    if len(msgspec.json.encode(content)) > MAX_FINDINGS:
        raise Unreadable(f"has findings of more than {MAX_FINDINGS >> 10} KiB")
    return Findings(image, content)
