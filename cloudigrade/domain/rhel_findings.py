"""What an inspection found on an image: the inspector's JSON in, of any shape, clean values out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SYSTEM_PURPOSE_LENGTH = 64  # longer values are cut on the wire
VERSION_LENGTH = 64
_ERROR_LENGTH = 200
_ERRORS_KEPT = 3
_REASONS_KEPT = 5
_WITHOUT_REASON: dict[bool | None, tuple[str, ...]] = {True: (), False: (), None: ("inconclusive",)}
_DEEPEST_ERROR = 5  # drives > drive > partition > facts > fact
_SCHEMA = 1

# The inspector's own verdict, and what it means here. Other results have flags only.
_VERDICTS = {"rhel": True, "not_rhel": False, "inconclusive": None}

# `rhel_found` sums them up, but not in every version of the inspector alike; it is not read.
_FLAGS = {
    "rhel_product_certs_found": "product certificates",
    "rhel_release_files_found": "release files",
    "rhel_enabled_repos_found": "enabled repositories",
    "rhel_signed_packages_found": "signed packages",
}


@dataclass(frozen=True, slots=True)
class SystemPurpose:
    """What the customer wrote on the system's disk about its use; empty where nothing is said."""

    role: str = ""
    sla: str = ""
    usage: str = ""
    service_type: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What an inspection says of an image."""

    is_rhel: bool | None
    """None: the inspection failed, or says nothing."""
    version: str = ""
    system_purpose: SystemPurpose = SystemPurpose()
    reasons: tuple[str, ...] = ()
    """The kinds of finding that were positive, or why nothing is known."""


def parse_findings(content: object) -> Findings:
    """What one image of the inspector's JSON says; nonsense in it says nothing."""
    if not isinstance(content, Mapping):
        return Findings(None, reasons=("result is not an object",))
    verdict = content.get("verdict")
    if isinstance(verdict, Mapping) and _is_known(verdict):
        return _judged(content, verdict)
    found = tuple(words for flag, words in _FLAGS.items() if content.get(flag) is True)
    errors = () if found else tuple(_errors(content))
    is_rhel: bool | None = bool(found)
    reasons = found
    if not found and errors:  # a disk that could not be read is not a disk without RHEL
        is_rhel, reasons = None, tuple(dict.fromkeys(errors))[:_ERRORS_KEPT]
    elif not found and not any(content.get(flag) is False for flag in _FLAGS):
        is_rhel, reasons = None, ("result says nothing of RHEL",)
    return Findings(
        is_rhel=is_rhel,
        version=_clean(content.get("rhel_version"), VERSION_LENGTH),
        system_purpose=_parse_system_purpose(content.get("syspurpose")),
        reasons=reasons,
    )


def _is_known(verdict: Mapping[object, object]) -> bool:
    """Whether it is a verdict of the make that is read here; of a newer make the flags are read."""
    word = verdict.get("verdict")
    return verdict.get("schema", _SCHEMA) == _SCHEMA and isinstance(word, str) and word in _VERDICTS


def _judged(content: Mapping[object, object], verdict: Mapping[object, object]) -> Findings:
    """What our own inspector says, which weighs what it finds; whatever the flags beside it are."""
    is_rhel = _VERDICTS[str(verdict["verdict"])]
    listed = verdict.get("reasons")
    sentences = [_clean(reason, _ERROR_LENGTH) for reason in listed] if isinstance(listed, list | tuple) else []
    reasons = tuple(dict.fromkeys(reason for reason in sentences if reason))[:_REASONS_KEPT]
    purpose = _parse_system_purpose(content.get("syspurpose")) if is_rhel else SystemPurpose()
    version = _clean(verdict.get("version"), VERSION_LENGTH) or _clean(content.get("rhel_version"), VERSION_LENGTH)
    return Findings(
        is_rhel=is_rhel,
        version=version if is_rhel else "",
        system_purpose=purpose,
        reasons=reasons or _WITHOUT_REASON[is_rhel],
    )


def _parse_system_purpose(content: object) -> SystemPurpose:
    if not isinstance(content, Mapping):
        return SystemPurpose()
    return SystemPurpose(
        role=_clean(content.get("role"), SYSTEM_PURPOSE_LENGTH),
        sla=_clean(content.get("service_level_agreement"), SYSTEM_PURPOSE_LENGTH),
        usage=_clean(content.get("usage"), SYSTEM_PURPOSE_LENGTH),
        service_type=_clean(content.get("service_type"), SYSTEM_PURPOSE_LENGTH),
    )


def _errors(content: Mapping[object, object]) -> Iterator[str]:
    """What went wrong, from the image's own list and from within its drives."""
    listed = content.get("errors")
    # an entry without text is an error all the same
    for error in listed if isinstance(listed, list | tuple) else [listed] if listed else ():
        yield _clean(error, _ERROR_LENGTH) or "error without text"
    level = [("drives", content.get("drives"))]
    for _ in range(_DEEPEST_ERROR):
        objects = [(name, value) for name, value in level if isinstance(value, Mapping)]
        for name, value in objects:
            if value.get("error"):  # bytes in an encoding of their own, so only the place is told
                yield f"{name} could not be read"
        level = [(_clean(key, _ERROR_LENGTH), child) for _, value in objects for key, child in value.items()]


def _clean(value: object, length: int) -> str:
    """The text as any database and encoder takes it: no NUL, no half of a surrogate pair, not too long."""
    if not isinstance(value, str):
        return ""
    text = value.replace("\0", "")[:length]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
