"""Names that AWS gives to things: text in, checked text out; whatever goes on from here is safe to store."""

import re
from typing import Final

Pattern = re.Pattern[str]

ACCOUNT: Final = re.compile(r"[0-9]{12}")
REGION: Final = re.compile(r"[a-z0-9-]{1,32}")
INSTANCE: Final = re.compile(r"i-[0-9A-Za-z-]{1,64}")
IMAGE: Final = re.compile(r"ami-[0-9A-Za-z-]{1,64}")
SNAPSHOT: Final = re.compile(r"snap-[0-9A-Za-z-]{1,64}")
INSTANCE_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,63}")
EVENT: Final = re.compile(r"[ -~]{1,128}")

_ZONE_REGION: Final = re.compile(r"[a-z]{2,8}(?:-[a-z]+)+?-[0-9]+")


def checked(value: object, pattern: Pattern) -> str:
    """The value if it is text of exactly this form, else empty."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def region_of_zone(zone: object) -> str:
    """The region that an availability, local or wavelength zone belongs to; empty if it names none."""
    found = _ZONE_REGION.match(zone) if isinstance(zone, str) else None
    return checked(found[0], REGION) if found else ""


def cleaned(value: object, limit: int = 255) -> str:
    """The value if it is text, cut to the limit and without the characters that a database refuses, else empty."""
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-8", "ignore").decode()[:limit]
