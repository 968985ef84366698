"""What an inspection found into the store, and what it means for customers and days."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from cloudigrade.domain.inspection import Basis, Happening
from cloudigrade.domain.rhel import parse_findings
from cloudigrade.models import Image
from cloudigrade.services import images, verdicts

LARGEST: Final = 2 * 1024 * 1024
"""Letters of a result as JSON that are stored."""


class Conclusion(NamedTuple):
    """What a result means for the inspection."""

    happening: Happening
    reason: str
    basis: Basis


def conclude(content: Mapping[str, Any]) -> Conclusion:
    """Found only where it says whether it is RHEL; a disk that could not be read is none without RHEL (C28)."""
    found = parse_findings(content)
    if found.is_rhel is not None:
        word = "RHEL" if found.is_rhel else "no RHEL"
        return Conclusion(Happening.FOUND, f"inspection found {word}", Basis.DISK)
    reason = "; ".join(found.reasons)
    if isinstance(content.get("verdict"), Mapping):
        return Conclusion(Happening.INCONCLUSIVE, f"inconclusive: {reason}", Basis.DISK)
    return Conclusion(Happening.FAILED, f"the result tells nothing: {reason}", Basis.NONE)


def record(*, image_id: int, content: Mapping[str, Any], now: datetime) -> None:
    """What was found is the image's, and exactly those customers and days are answered anew that it concerns (C1).

    Inside of a transaction. What tells nothing does not replace what was found before, only what told nothing either.
    """
    text = images.ascii_json(content)
    if len(text) > LARGEST:
        text = images.ascii_json({name: value for name, value in content.items() if name != "drives"})
    image = Image.objects.select_for_update(no_key=True).get(pk=image_id)
    is_news = parse_findings(content).is_rhel is not None or not image.findings or _tells_nothing(image.findings)
    if is_news and len(text) <= LARGEST and image.findings != text:
        image.findings, image.updated_at = text, now
        image.save(update_fields=["findings", "updated_at"])
    verdicts.recalculate(image_ids=[image_id], as_of=now)


def definite(text: str) -> Mapping[str, Any] | None:
    """Stored findings that say whether it is RHEL; None for others."""
    content = json.loads(text)
    return content if parse_findings(content).is_rhel is not None else None


def _tells_nothing(text: str) -> bool:
    return definite(text) is None
