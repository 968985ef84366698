"""Result of an inspection as JSON: houndigrade's keys, so that its consumers read it, and a versioned verdict beside.

    {"cloud": str, "errors": [str], "images": {<image id>: image}}

An image has `rhel_found`, `rhel_signed_packages_found`, `rhel_product_certs_found`, `rhel_release_files_found`,
`rhel_enabled_repos_found`, `rhel_version`, `syspurpose`, `errors`, `drives` and `verdict`. A consumer that knows only
the flags comes to the right end: they are true only where the verdict is RHEL, and `errors` is empty only where it is
conclusive. What was found is in the facts in any case.

    "verdict": {"schema": 1, "verdict": "rhel"|"not_rhel"|"inconclusive", "product": str, "version": str,
                "architecture": str, "openshift": bool, "reasons": [str], "conflicts": [str],
                "notes": [str],
                "coverage": {"systems": [{"root": str, "volumes": [str], "deployment": str}], "read": [str],
                             "uncovered": [{"place": str, "reason": str}]},
                "bytes_read": int, "blocks_fetched": int}

All values are plain, bounded, and free of NUL and of halves of surrogate pairs.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cloudigrade.inspector.evidence.gather import Evidence
from cloudigrade.inspector.evidence.os_release import COREOS, RHEL
from cloudigrade.inspector.verdict import Examined, Rhel, Seen, Verdict
from cloudigrade.inspector.volume import CANNOT_HOLD_A_SYSTEM

SCHEMA: Final = 1
_MOST_ITEMS: Final = 100
_LONGEST_TEXT: Final = 1100
_DEEPEST: Final = 40


class Work(NamedTuple):
    """What an inspection took."""

    bytes_read: int = 0
    blocks_fetched: int = 0


def document(cloud: str, images: Mapping[str, Mapping[str, object]], errors: Iterable[str] = ()) -> dict[str, Any]:
    """The whole result; an image's errors are repeated among the general ones, as houndigrade does."""
    repeated = [error for image_result in images.values() for error in _texts(image_result.get("errors"))]
    return {
        "cloud": _plain(cloud),
        "errors": _plain([*errors, *repeated]),
        "images": {str(_plain(name)): dict(image_result) for name, image_result in images.items()},
    }


def image(
    seen: Seen,
    verdict: Verdict,
    *,
    errors: Sequence[str] = (),
    notes: Sequence[str] = (),
    work: Work = Work(),  # noqa: B008  # a NamedTuple never changes
) -> dict[str, Any]:
    """One image's part of the result; `notes` are what makes it less certain and leaves nothing open."""
    is_rhel = verdict.rhel is Rhel.RHEL
    flags = [_flags(examined.evidence) for examined in seen.systems] if is_rhel else []
    problems = [*errors, *(f"{part.place}: {part.reason}" for part in seen.all_uncovered())]
    if verdict.rhel is Rhel.INCONCLUSIVE and not problems:
        problems = list(verdict.reasons) or ["inconclusive"]
    purpose = verdict.decided_by.evidence.system_purpose.value if verdict.decided_by is not None else None
    return {
        "rhel_found": is_rhel,
        **{f"rhel_{kind}_found": any(flag[kind] for flag in flags) for kind in _KINDS},
        "rhel_version": _plain(verdict.version) or None,
        "syspurpose": _plain(purpose),
        "errors": _plain(problems),
        "drives": _drives(seen),
        "verdict": _verdict(seen, verdict, notes, work),
    }


def failure(reason: str, *, disks: Sequence[str] = (), work: Work = Work()) -> dict[str, Any]:  # noqa: B008  # as above
    """The part of an image whose inspection crashed, ran out of time or never began."""
    verdict = Verdict(Rhel.INCONCLUSIVE, reasons=(f"unknown: {reason}",))
    return image(Seen(disks=tuple(disks)), verdict, errors=[reason], work=work)


_KINDS: Final = ("signed_packages", "product_certs", "release_files", "enabled_repos")


def _flags(evidence: Evidence) -> dict[str, bool]:
    """Which kinds of evidence say RHEL."""
    identity = evidence.identity
    says_so = {file.system for file in evidence.release_files} if identity is None else {identity.system}
    if evidence.packages is not None:
        says_so |= {release.system for release in evidence.packages.releases}
    return {
        "signed_packages": evidence.packages is not None and evidence.packages.red_hat > 0,
        "product_certs": any(certificate.is_rhel for certificate in evidence.certificates),
        "release_files": bool(says_so & {RHEL, COREOS}),
        "enabled_repos": bool(evidence.repositories),
    }


def _drives(seen: Seen) -> dict[str, object]:
    """What was found on each disk, under the name of each volume that can hold a system."""
    drives: dict[str, dict[str, object]] = {disk: {} for disk in seen.disks[:_MOST_ITEMS]}
    facts = {examined.system.root: _facts(examined) for examined in seen.systems}
    reasons = {part.place: part.reason for part in seen.uncovered}
    for volume in [volume for volume in seen.volumes if volume.kind not in CANNOT_HOLD_A_SYSTEM][:_MOST_ITEMS]:
        found: dict[str, object] = {"facts": facts.get(volume.name, _NO_FACTS)}
        if volume.name in reasons:
            found["error"] = reasons[volume.name]
        drives.setdefault(volume.disk, {})[volume.name] = found
    plain = _plain(drives)
    return plain if isinstance(plain, dict) else {}


_NO_FACTS: Final[dict[str, object]] = {
    "rhel_release_files": {},
    "rhel_product_certs": {},
    "rhel_signed_packages": {},
    "rhel_enabled_repos": {},
}


def _facts(examined: Examined) -> dict[str, object]:
    evidence = examined.evidence
    flags = _flags(evidence)
    rhel_files = {RHEL, COREOS}
    packages = evidence.packages
    repositories = [{"repo": item.id, "name": item.name} for item in evidence.repositories]
    return {
        "rhel_release_files": {
            "rhel_found": flags["release_files"],
            "release_files": [
                {
                    "rhel_release_file": item.path,
                    "rhel_release_file_contents": item.excerpt,
                    "rhel_found": item.system in rhel_files,
                }
                for item in evidence.release_files
            ],
        },
        "rhel_product_certs": {
            "rhel_found": flags["product_certs"],
            "rhel_pem_files": [item.path for item in evidence.certificates if item.is_rhel],
        },
        "rhel_signed_packages": {
            "rhel_found": flags["signed_packages"],
            "rhel_signed_package_count": packages.red_hat if packages is not None else 0,
            "package_count": packages.total if packages is not None else 0,
            **({} if packages is not None else {"status": "no rpm database"}),
        },
        "rhel_enabled_repos": {
            "rhel_found": flags["enabled_repos"],
            **({"rhel_enabled_repos": repositories} if repositories else {}),
        },
        "os_version": evidence.identity.version if evidence.identity is not None else None,
        "syspurpose_contents": evidence.system_purpose.text,
    }


def _verdict(seen: Seen, verdict: Verdict, notes: Sequence[str], work: Work) -> object:
    return _plain(
        {
            "schema": SCHEMA,
            "verdict": str(verdict.rhel),
            "product": verdict.product,
            "version": verdict.version,
            "architecture": verdict.architecture,
            "openshift": verdict.is_openshift,
            "reasons": verdict.reasons,
            "conflicts": verdict.conflicts,
            "notes": notes,
            "coverage": {
                "systems": [
                    {
                        "root": examined.system.root,
                        "volumes": examined.system.volumes,
                        "deployment": examined.system.deployment,
                    }
                    for examined in seen.systems
                ],
                "read": seen.read,
                "uncovered": [{"place": part.place, "reason": part.reason} for part in seen.all_uncovered()],
            },
            "bytes_read": work.bytes_read,
            "blocks_fetched": work.blocks_fetched,
        }
    )


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list | tuple) else []


def _plain(value: object, depth: int = 0) -> object:
    """The value as any database and encoder takes it, cut where it is too long or too deep."""
    if isinstance(value, str):
        return value.replace("\0", "")[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Mapping) and depth < _DEEPEST:
        items = list(value.items())[:_MOST_ITEMS]
        return {str(_plain(str(key))): _plain(inner, depth + 1) for key, inner in items}
    if isinstance(value, list | tuple) and depth < _DEEPEST:
        return [_plain(inner, depth + 1) for inner in value[:_MOST_ITEMS]]
    return None
