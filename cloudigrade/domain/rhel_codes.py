"""What is known about billing codes, product codes and image owners: tables with their sources.

Codes and owners change. No meaning is derived by a rule: a value that is not listed here is reported as unknown.
"""

import re
from enum import StrEnum
from typing import NamedTuple

RHEL_TAG = "cloudigrade-rhel-present"
OPENSHIFT_TAG = "cloudigrade-ocp-present"


class Payer(StrEnum):
    """Who pays Red Hat for an instance."""

    CUSTOMER = "customer"  # with a subscription of their own
    CLOUD = "cloud"  # with the cloud's bill: pay as you go, or its marketplace
    UNKNOWN = "unknown"
    NONE = ""  # nobody has to: it is not RHEL, or not known to be

    @property
    def needs_subscription(self) -> bool:
        """Whether the customer's own subscription has to cover it, as far as is known."""
        return self in {Payer.CUSTOMER, Payer.UNKNOWN}


class BillingRow(NamedTuple):
    """What one usage operation, and the platform details shown with it, say of an image."""

    usage_operation: str
    platform_details: tuple[str, ...]
    """The documented text first, then other texts in use for the same thing."""
    is_rhel: bool | None
    """None: the cloud charges for no RHEL, but the disk may hold it."""
    payer: Payer = Payer.NONE
    product: str = ""


class ProductRow(NamedTuple):
    """A marketplace product of Red Hat's."""

    code: str
    product: str
    listing: str
    """The offer's name and region, by which it is found in the source."""


_YES, _NO, _SILENT = True, False, None

# Source: EC2 user guide, "AMI billing information fields" (billing-info-fields.html), and the values of the filter
# `usage-operation` of DescribeInstances. The texts "RHEL with ..." and "Linux with ..." are those of the EC2 API's
# CapacityReservationInstancePlatform; both spellings are met.
BILLING = (
    BillingRow("RunInstances", ("Linux/UNIX",), _SILENT),
    BillingRow("RunInstances:00g0", ("Red Hat BYOL Linux",), _YES, Payer.CUSTOMER, "RHEL"),
    BillingRow("RunInstances:0010", ("Red Hat Enterprise Linux",), _YES, Payer.CLOUD, "RHEL"),
    BillingRow(
        "RunInstances:1010",
        ("Red Hat Enterprise Linux with HA", "RHEL with HA"),
        _YES,
        Payer.CLOUD,
        "RHEL with HA",
    ),
    BillingRow(
        "RunInstances:1014",
        (
            "Red Hat Enterprise Linux with SQL Server Standard and HA",
            "RHEL with SQL Server Standard and HA",
            "RHEL with HA and SQL Server Standard",
        ),
        _YES,
        Payer.CLOUD,
        "RHEL with SQL Server Standard and HA",
    ),
    BillingRow(
        "RunInstances:1110",
        (
            "Red Hat Enterprise Linux with SQL Server Enterprise and HA",
            "RHEL with SQL Server Enterprise and HA",
            "RHEL with HA and SQL Server Enterprise",
        ),
        _YES,
        Payer.CLOUD,
        "RHEL with SQL Server Enterprise and HA",
    ),
    BillingRow(
        "RunInstances:0014",
        ("Red Hat Enterprise Linux with SQL Server Standard", "RHEL with SQL Server Standard"),
        _YES,
        Payer.CLOUD,
        "RHEL with SQL Server Standard",
    ),
    BillingRow(
        "RunInstances:0210",
        ("Red Hat Enterprise Linux with SQL Server Web", "RHEL with SQL Server Web"),
        _YES,
        Payer.CLOUD,
        "RHEL with SQL Server Web",
    ),
    BillingRow(
        "RunInstances:0110",
        ("Red Hat Enterprise Linux with SQL Server Enterprise", "RHEL with SQL Server Enterprise"),
        _YES,
        Payer.CLOUD,
        "RHEL with SQL Server Enterprise",
    ),
    # SQL Server on a Linux that the cloud does not charge for: as silent about the disk as the plain code.
    BillingRow("RunInstances:0100", ("SQL Server Enterprise", "Linux with SQL Server Enterprise"), _SILENT),
    BillingRow("RunInstances:0004", ("SQL Server Standard", "Linux with SQL Server Standard"), _SILENT),
    BillingRow("RunInstances:0200", ("SQL Server Web", "Linux with SQL Server Web"), _SILENT),
    BillingRow("RunInstances:000g", ("SUSE Linux",), _NO),
    BillingRow("RunInstances:0g00", ("Ubuntu Pro",), _NO),
    BillingRow("RunInstances:0002", ("Windows",), _NO),
    BillingRow("RunInstances:0800", ("Windows BYOL",), _NO),
    BillingRow("RunInstances:0102", ("Windows with SQL Server Enterprise",), _NO),
    BillingRow("RunInstances:0006", ("Windows with SQL Server Standard",), _NO),
    BillingRow("RunInstances:0202", ("Windows with SQL Server Web",), _NO),
)

# Not complete: there are many more, by seller and region. Product codes that are not here are reported.
# Source: License Manager user guide, "Convert a license type for Linux". The usage operation beside them is
# RunInstances or, after a conversion, RunInstances:00g0.
PRODUCTS = (
    ProductRow("6cd5fxzrad0cu2j23p692xytz", "RHEL", "RHEL, sold by Red Hat in AWS Marketplace: NA and global"),
    ProductRow("6t1yup6mik9ng3ge36n33xqhw", "RHEL", "RHEL, sold by Red Hat in AWS Marketplace: EMEA"),
    ProductRow("du6111oq9lwrc996awt04qyql", "RHEL for SAP", "RHEL for SAP with HA and Update Services: NA and global"),
    ProductRow("952qwcsxkm430zxhpy32i7w8g", "RHEL for SAP", "RHEL for SAP with HA and Update Services: EMEA"),
)

# Source: the owners of Red Hat's public images, one per AWS partition.
RED_HAT_OWNERS = {
    "309956199498": "aws",
    "219670896067": "aws-us-gov",
    "841258680906": "aws-cn",
}

BY_USAGE_OPERATION = {row.usage_operation: row for row in BILLING}
BY_PLATFORM_DETAILS = {text: row for row in BILLING for text in row.platform_details}
BY_PRODUCT_CODE = {row.code: row for row in PRODUCTS}

# Cost and usage reports end a spot instance's operation with its zone: RunInstances:0010:SV006, or RunInstances:SV006
# where there is no code. Source: notes 2 and 3 of the table above; sample of the spot data feed in the user guide.
_SPOT_ZONE = re.compile(r"SV[0-9]+", re.ASCII)


def plain_usage_operation(text: str) -> str:
    """The usage operation without a spot instance's zone."""
    if ":" not in text:
        return text.strip()
    parts = text.strip().split(":", 2)[:2]
    if _SPOT_ZONE.fullmatch(parts[1]):
        del parts[1]
    return ":".join(parts)
