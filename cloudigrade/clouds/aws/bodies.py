"""Bodies of CloudTrail records in, whatever their shape; out what they say of instances and images, or Unreadable."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from cloudigrade.clouds.aws import identifiers
from cloudigrade.clouds.aws.cloudtrail import Record
from cloudigrade.clouds.protocol import Unreadable
from cloudigrade.domain.events import Kind, Previous

TAG_KEYS: Final = ("cloudigrade-ocp-present", "cloudigrade-rhel-present")
"""The tags of an image that mean something to us."""


class Change(NamedTuple):
    """What happened to one instance."""

    instance: str
    kind: Kind
    previous: Previous = Previous.UNKNOWN
    is_launch: bool = False
    is_termination: bool = False
    instance_type: str = ""
    image: str = ""


class TagWord(NamedTuple):
    """What was said of one tag of one image."""

    image: str
    key: str
    is_present: bool


class Said(NamedTuple):
    """What a record's bodies say; the reason tells of the parts that could not be read."""

    changes: list[Change]
    tags: list[TagWord]
    reason: str = ""


TERMINATION: Final = Change("", Kind.POWER_OFF, is_termination=True)

_BAD_ITEM: Final = "has an item that names no valid instance"
_PREVIOUS: Final = {
    "pending": Previous.ON,
    "running": Previous.ON,
    "stopping": Previous.OFF,
    "stopped": Previous.OFF,
    "shutting-down": Previous.GONE,
    "terminated": Previous.GONE,
    0: Previous.ON,
    16: Previous.ON,
    64: Previous.OFF,
    80: Previous.OFF,
    32: Previous.GONE,
    48: Previous.GONE,
}


def decoded(body: msgspec.Raw) -> Any:
    """The body as a plain value."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("has a body that cannot be decoded") from error


def launched(record: Record) -> Said:
    """The instances that a RunInstances call brought up; type and image as launched, whoever chose them (C5)."""
    request = decoded(record.request)
    items = _items(decoded(record.response), "instancesSet")
    if not items:
        raise Unreadable("gives no instances in its response")
    changes = [_launch(item, request) for item in items]
    known = _each_once(change for change in changes if change is not None)
    return Said(known, [], "" if None not in changes else "has an item without a valid instance id and type")


def switched(record: Record, *, change: Change) -> Said:
    """The instances that a call started, stopped or terminated, by its answer or, without one, by its request (C4)."""
    answers = _items(decoded(record.response), "instancesSet")
    if answers:
        changes = [change._replace(instance=_instance(item), previous=_previous(item)) for item in answers]
        return _all_valid(changes)
    return _requested(decoded(record.request), change)


def released(record: Record) -> Said:
    """The instance that was terminated in its Auto Scaling group (C6)."""
    return _requested(decoded(record.request), TERMINATION)


def evicted(record: Record) -> Said:
    """The spot instances that lost their place; one may also be stopped by that, so none is said to be gone (C6)."""
    ids = _field(decoded(record.service), "instanceIdSet")
    names = ids if isinstance(ids, list) else []
    if not names:
        raise Unreadable("names no instance")
    return _all_valid([Change(identifiers.checked(name, identifiers.INSTANCE), Kind.POWER_OFF) for name in names])


def modified(record: Record) -> Said | None:
    """The new type of an instance; None where another attribute was changed, or nothing."""
    request = decoded(record.request)
    if _field(decoded(record.response), "_return") in (False, "false"):
        return None
    if not isinstance(request, dict) or "omitted" in request:
        raise Unreadable("does not say which attribute changed")
    attribute = request.get("instanceType")
    if attribute is None and request.get("attribute") == "instanceType":  # the call's other spelling
        attribute = request
    if attribute is None:
        return None
    value = _field(attribute, "value") if isinstance(attribute, dict) else attribute
    instance_type = identifiers.checked(value, identifiers.INSTANCE_TYPE)
    if not instance_type:
        raise Unreadable("gives no valid instance type")
    return _requested(request, Change("", Kind.ATTRIBUTE_CHANGE, instance_type=instance_type))


def tagged(record: Record, *, is_present: bool) -> Said | None:
    """The tags of images that were set or removed; None where no image or none of our tags is concerned."""
    request = decoded(record.request)
    if not isinstance(request, dict) or "omitted" in request:
        raise Unreadable("does not say what was tagged")
    resources = [_text(item, "resourceId") for item in _items(request, "resourcesSet")]
    keys = [_text(item, "key") for item in _items(request, "tagSet")]
    if not keys and not is_present:
        keys = [*TAG_KEYS]  # removing tags without naming any removes them all
    images = list(dict.fromkeys(name for name in resources if name is None or name.startswith("ami-")))
    ours = [key for key in dict.fromkeys(keys) if key is None or key in TAG_KEYS]
    return _tag_words(images, ours, is_present=is_present) if images and ours else None


def _tag_words(images: list[str | None], keys: list[str | None], *, is_present: bool) -> Said:
    """The words on valid images and keys; what is not even text could have been ours, and is the reason given."""
    valid_images = [name for image in images if (name := identifiers.checked(image, identifiers.IMAGE))]
    valid_keys = [key for key in keys if key is not None]
    words = [TagWord(image, key, is_present) for image in valid_images for key in valid_keys]
    is_whole = len(valid_images) == len(images) and len(valid_keys) == len(keys)
    return Said([], words, "" if is_whole else "has an item that names no valid resource or tag")


def _launch(item: object, request: object) -> Change | None:
    instance = _instance(item)
    named_type = _field(item, "instanceType")
    if named_type is None:
        named_type = _field(request, "instanceType")
    instance_type = identifiers.checked(named_type, identifiers.INSTANCE_TYPE)
    if not instance or (named_type is not None and not instance_type):
        return None
    image = _field(item, "imageId") or _field(request, "imageId") or _requested_image(request)
    return Change(
        instance,
        Kind.POWER_ON,
        is_launch=True,
        instance_type=instance_type,
        image=identifiers.checked(image, identifiers.IMAGE),
    )


def _requested_image(request: object) -> object:
    return next((_field(item, "imageId") for item in _items(request, "instancesSet")), None)


def _requested(request: object, change: Change) -> Said:
    names = [_field(item, "instanceId") for item in _items(request, "instancesSet")]
    single = _field(request, "instanceId")
    if single is not None:
        names.append(single)
    if not names:
        raise Unreadable("names no instance")
    return _all_valid([change._replace(instance=identifiers.checked(name, identifiers.INSTANCE)) for name in names])


def _all_valid(changes: list[Change]) -> Said:
    known = _each_once(change for change in changes if change.instance)
    return Said(known, [], "" if all(change.instance for change in changes) else _BAD_ITEM)


def _each_once(changes: Iterable[Change]) -> list[Change]:
    first: dict[str, Change] = {}
    for change in changes:
        first.setdefault(change.instance, change)
    return list(first.values())


def _previous(item: object) -> Previous:
    state = _field(item, "previousState")
    for value in _state_words(state):
        if value in _PREVIOUS:
            return _PREVIOUS[value]
    return Previous.UNKNOWN


def _state_words(state: object) -> Iterator[str | int]:
    name, code = _field(state, "name"), _field(state, "code")
    if isinstance(name, str):
        yield name
    if isinstance(code, int) and not isinstance(code, bool):
        yield code & 0xFF  # the high byte is the cloud's own and means nothing to others


def _instance(item: object) -> str:
    return identifiers.checked(_field(item, "instanceId"), identifiers.INSTANCE)


def _items(body: object, field: str) -> list[Any]:
    items = _field(_field(body, field), "items")
    return items if isinstance(items, list) else []


def _field(body: object, name: str) -> Any:
    return body.get(name) if isinstance(body, dict) else None


def _text(item: object, name: str) -> str | None:
    value = _field(item, name)
    return value if isinstance(value, str) else None
