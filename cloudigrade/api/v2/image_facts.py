"""What is stored of an image in, what the API shows of it out."""

import json
from typing import Any, NamedTuple

import msgspec

from cloudigrade.api import plans

_FOUND = (
    *("rhel_enabled_repos_found", "rhel_product_certs_found"),
    *("rhel_release_files_found", "rhel_signed_packages_found"),
)


class Facts(NamedTuple):
    """An image's columns, with the customer's verdict on it."""

    id: int
    cloud: str
    native_id: str
    region: str
    owner: str
    name: str
    architecture: str
    platform: str
    billing_code: str
    platform_details: str
    product_codes: str
    findings: str
    rhel: bool | None
    """None, like the next three, where there is no verdict yet."""
    version: str | None
    openshift: bool | None
    tagged: bool | None
    status: str
    created_at: str
    updated_at: str

    @property
    def is_rhel(self) -> bool:
        """What the verdict says, whoever pays."""
        return bool(self.rhel)

    @property
    def is_openshift(self) -> bool:
        """What the customer's tag says."""
        return bool(self.openshift)

    @property
    def is_tagged(self) -> bool:
        """The customer's tag says RHEL."""
        return bool(self.tagged)

    def found(self) -> dict[str, Any]:
        """What the inspection found, and its result as it was written."""
        content = json.loads(self.findings, parse_constant=str) if self.findings else {}
        if not isinstance(content, dict):
            content = {}
        purpose = content.get("syspurpose")
        return {
            **{flag: content.get(flag) is True for flag in _FOUND},
            "inspection_json": self.findings or None,
            "syspurpose": _encodable(purpose) if isinstance(purpose, dict) else None,
        }

    def aws(self) -> dict[str, Any]:
        """What only AWS says."""
        codes = msgspec.json.decode(self.product_codes)
        return {
            "ec2_ami_id": self.native_id,
            "owner_aws_account_id": self.owner or None,
            "platform": "windows" if self.platform == "windows" else "none",
            "region": self.region or None,
            "is_cloud_access": plans.is_cloud_access(name=self.name, owner=self.owner),
            "is_marketplace": plans.is_marketplace(name=self.name, owner=self.owner, product_codes=codes),
            "product_codes": [{"ProductCodeId": code, "ProductCodeType": kind} for code, kind in codes] or None,
            "platform_details": self.platform_details or None,
            "usage_operation": self.billing_code or None,
        }

    def azure(self) -> dict[str, Any]:
        """What only Azure says."""
        return {
            "resource_id": self.native_id or None,
            "region": self.region or None,
            "is_marketplace": msgspec.json.decode(self.product_codes) != [],
        }


def _encodable(content: dict[str, Any]) -> msgspec.Raw:
    """The content as JSON that every reader takes, without halves of surrogate pairs."""
    return msgspec.Raw(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
