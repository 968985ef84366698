"""Images whose verdict is known because they are made for it."""

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from cloudigrade.simulator.places import Place

RHEL = "rhel"
NOT_RHEL = "not_rhel"
UNDETERMINED = "undetermined"

PAID_TO_CLOUD = "cloud"
CUSTOMER = "customer"
UNKNOWN = "unknown"

TAG = "cloudigrade-rhel-present"
OPENSHIFT_TAG = "cloudigrade-ocp-present"

_RED_HAT = "309956199498"
_MARKETPLACE = "679593333241"
_MARKETPLACE_RHEL = "6cd5fxzrad0cu2j23p692xytz"
_LONGEST = 64
_CUSTOM = "golden-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image, everything that a meter may learn of it, and what it must conclude."""

    archetype: str
    rhel: str
    payer: str = ""
    architecture: str = "x86_64"
    name: str = ""
    owner: str = ""
    """Empty in the table: the account that uses it."""
    owner_alias: str = ""
    usage_operation: str = "RunInstances"
    """Empty: described without billing information."""
    platform_details: str = "Linux/UNIX"
    platform: str = ""
    product_code: str = ""
    copy_of: str = ""
    """Archetype that it was copied from."""
    tagging: str = ""
    """How the tag comes: `set` or `set and removed` by calls, `described` without any, or not at all."""
    findings: dict[str, Any] | None = None
    native_id: str = ""
    source_image: str = ""
    region: str = ""
    is_openshift: bool = False
    """Tagged as OpenShift's."""

    @property
    def is_public(self) -> bool:
        """Whether every account can use it."""
        return not self.name.startswith(_CUSTOM)

    @property
    def is_tagged(self) -> bool:
        """Whether it carries the tag at the end."""
        return self.tagging in ("set", "described")

    @property
    def purpose(self) -> tuple[str, str, str, str]:
        """Role, service level, usage and service type as they must be counted."""
        stated = (self.findings or {}).get("syspurpose")
        found = stated if isinstance(stated, dict) else {}
        values = [found.get(key) for key in ("role", "service_level_agreement", "usage", "service_type")]
        role, sla, usage, service_type = (value[:_LONGEST] if isinstance(value, str) else "" for value in values)
        return role, sla, usage, service_type


def catalogue(place: Place, *, seed: int) -> list[Image]:
    """Every archetype as it is found in the place: public images by region, custom ones of its account."""
    ids = {row.archetype: _native_id(seed, place, row) for row in _TABLE}
    return [
        replace(
            row,
            native_id=ids[row.archetype],
            source_image=ids.get(row.copy_of, ""),
            owner=row.owner or place.account,
            name=row.name or f"{_CUSTOM}{row.archetype}-2026.1",
            region=place.region,
        )
        for row in _TABLE
    ]


def _native_id(seed: int, place: Place, row: Image) -> str:
    scope = place.region if row.owner else f"{place.account}/{place.region}"
    return f"ami-0{Random(f'{seed}/{scope}/{row.archetype}').getrandbits(64):016x}"


def _findings(syspurpose: Any = None, *, version: str | None = "9.4", errors: tuple[str, ...] = ()) -> dict[str, Any]:
    """Houndigrade's result for one image; without a version nothing of RHEL was found."""
    is_found = version is not None
    facts = {
        "rhel_release_files": {"rhel_found": is_found, "release_files": []},
        "rhel_product_certs": {"rhel_found": is_found, "rhel_pem_files": ["/etc/pki/product/479.pem"] * is_found},
        "rhel_signed_packages": {"rhel_found": is_found, "rhel_signed_package_count": 412 * is_found},
        "rhel_enabled_repos": {"rhel_found": False, "rhel_enabled_repos": []},
    }
    return {
        "rhel_found": is_found,
        "rhel_signed_packages_found": is_found,
        "rhel_product_certs_found": is_found,
        "rhel_release_files_found": is_found,
        "rhel_enabled_repos_found": False,
        "rhel_version": version,
        "syspurpose": syspurpose,
        "errors": list(errors),
        "drives": {} if errors else {"/dev/xvdbb": {"/dev/xvdbb1": {"facts": facts}}},
    }


def found(syspurpose: Any) -> dict[str, Any]:
    """Houndigrade's result for an image in which it found RHEL with this system purpose."""
    return _findings(syspurpose)


NOTHING_FOUND = _findings(version=None)
"""Houndigrade's result for an image in which it found nothing of RHEL."""


def _found(archetype: str, syspurpose: Any, **details: Any) -> Image:
    """A custom image on a plain code in which an inspection found RHEL."""
    return replace(Image(archetype=archetype, rhel=RHEL, payer=CUSTOMER, findings=_findings(syspurpose)), **details)


_SERVER = {
    "role": "Red Hat Enterprise Linux Server",
    "service_level_agreement": "Premium",
    "usage": "Production",
    "service_type": "L1-L3",
}
_WORKSTATION = {
    "role": "Red Hat Enterprise Linux Workstation",
    "service_level_agreement": "Standard",
    "usage": "Development/Test",
}
_MALFORMED = {"role": None, "service_level_agreement": 7, "usage": ["Production"], "service_type": {"level": "L1"}}
_HALF_MALFORMED = {"role": 4.5, "service_level_agreement": "Self-Support", "usage": None, "service_type": True}
_LONG = {"role": "Red Hat Enterprise Linux Compute Node " * 3, "service_level_agreement": "Premium", "usage": ""}

_TABLE = (
    Image(
        archetype="red-hat-hourly",
        rhel=RHEL,
        payer=PAID_TO_CLOUD,
        owner=_RED_HAT,
        name="RHEL-9.4.0_HVM-20240605-x86_64-82-Hourly2-GP3",
        usage_operation="RunInstances:0010",
        platform_details="Red Hat Enterprise Linux",
    ),
    Image(
        archetype="red-hat-access",
        rhel=RHEL,
        payer=CUSTOMER,
        owner=_RED_HAT,
        name="RHEL-9.4.0_HVM-20240605-x86_64-82-Access2-GP3",
        usage_operation="RunInstances:00g0",
        platform_details="Red Hat BYOL Linux",
    ),
    _found("found-server", _SERVER),
    Image(archetype="plain", rhel=UNDETERMINED),
    Image(archetype="tagged", rhel=RHEL, payer=CUSTOMER, tagging="set"),
    _found("found-workstation-arm", _WORKSTATION, architecture="arm64"),
    _found("found-without-billing", _WORKSTATION, payer=UNKNOWN, usage_operation="", platform_details=""),
    Image(archetype="copy-of-access", rhel=RHEL, payer=CUSTOMER, copy_of="red-hat-access"),
    Image(
        archetype="windows",
        rhel=NOT_RHEL,
        usage_operation="RunInstances:0002",
        platform_details="Windows",
        platform="windows",
    ),
    Image(
        archetype="red-hat-access-arm",
        rhel=RHEL,
        payer=CUSTOMER,
        architecture="arm64",
        owner=_RED_HAT,
        name="RHEL-9.4.0_HVM-20240605-arm64-82-Access2-GP3",
        usage_operation="RunInstances:00g0",
        platform_details="Red Hat BYOL Linux",
    ),
    Image(
        archetype="marketplace",
        rhel=RHEL,
        payer=PAID_TO_CLOUD,
        owner=_MARKETPLACE,
        owner_alias="aws-marketplace",
        name="rhel-workstation-8.9-6b1f",
        product_code=_MARKETPLACE_RHEL,
    ),
    Image(archetype="untagged", rhel=UNDETERMINED, tagging="set and removed"),
    _found("found-malformed", _MALFORMED),
    Image(archetype="nothing-found", rhel=NOT_RHEL, findings=_findings(version=None)),
    Image(
        archetype="red-hat-hourly-arm",
        rhel=RHEL,
        payer=PAID_TO_CLOUD,
        architecture="arm64",
        owner=_RED_HAT,
        name="RHEL-8.10.0_HVM-20240514-arm64-10-Hourly2-GP3",
        usage_operation="RunInstances:0010",
        platform_details="Red Hat Enterprise Linux",
    ),
    _found("found-text-purpose", "Premium"),
    Image(archetype="described-tag", rhel=RHEL, payer=CUSTOMER, tagging="described", architecture="arm64"),
    Image(
        archetype="suse",
        rhel=NOT_RHEL,
        owner="013907871322",
        name="suse-sles-15-sp6-v20240808-hvm-ssd-x86_64",
        usage_operation="RunInstances:000g",
        platform_details="SUSE Linux",
    ),
    _found("found-long-role", _LONG),
    Image(
        archetype="ubuntu-pro",
        rhel=NOT_RHEL,
        owner="099720109477",
        name="ubuntu-pro-server/images/hvm-ssd/ubuntu-jammy-22.04-amd64-pro-server-20240614",
        usage_operation="RunInstances:0g00",
        platform_details="Ubuntu Pro",
    ),
    _found("found-half-malformed", _HALF_MALFORMED),
    Image(
        archetype="inspection-failed",
        rhel=UNDETERMINED,
        findings=_findings(version=None, errors=("mount of /dev/xvdbb1 failed",)),
    ),
    _found("found-null-purpose", None, architecture="arm64"),
    _found("tagged-and-found", _SERVER, tagging="set"),
    Image(archetype="plain-arm", rhel=UNDETERMINED, architecture="arm64"),
)
