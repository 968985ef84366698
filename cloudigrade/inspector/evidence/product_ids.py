"""Red Hat's products by the number that their certificates bear: data."""

from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What a product tells of the system that it is installed on."""

    RHEL = "rhel"
    BETA = "beta"
    """RHEL before its release."""
    ADD_ON = "add-on"
    """Exists on RHEL only: extended support, SAP."""
    OPENSHIFT = "openshift"


class Product(NamedTuple):
    """One row."""

    kind: Kind
    name: str
    short: str = "RHEL"
    """What the verdict calls it."""


# Sources: the products that Red Hat's subscription watch counts as RHEL (rhsm-subscriptions, its product
# configuration), and names in the product certificates that Red Hat ships with leapp for 8.x to 10.x.
# Other numbers are reported and never guessed at.
PRODUCTS: Final = {
    68: Product(Kind.RHEL, "Red Hat Enterprise Linux Desktop", "RHEL Desktop"),
    69: Product(Kind.RHEL, "Red Hat Enterprise Linux Server"),
    71: Product(Kind.RHEL, "Red Hat Enterprise Linux Workstation", "RHEL Workstation"),
    72: Product(Kind.RHEL, "Red Hat Enterprise Linux for IBM z Systems"),
    74: Product(Kind.RHEL, "Red Hat Enterprise Linux for Power, big endian"),
    76: Product(Kind.RHEL, "Red Hat Enterprise Linux for Scientific Computing", "RHEL for Scientific Computing"),
    279: Product(Kind.RHEL, "Red Hat Enterprise Linux for Power, little endian"),
    419: Product(Kind.RHEL, "Red Hat Enterprise Linux for ARM 64"),
    420: Product(Kind.RHEL, "Red Hat Enterprise Linux for Power 9"),
    479: Product(Kind.RHEL, "Red Hat Enterprise Linux for x86_64"),
    230: Product(Kind.BETA, "Red Hat Enterprise Linux for x86_64 High Touch Beta", "RHEL Beta"),
    232: Product(Kind.BETA, "Red Hat Enterprise Linux for IBM z Systems High Touch Beta", "RHEL Beta"),
    362: Product(Kind.BETA, "Red Hat Enterprise Linux for Power, little endian Beta", "RHEL Beta"),
    363: Product(Kind.BETA, "Red Hat Enterprise Linux for ARM 64 Beta", "RHEL Beta"),
    433: Product(Kind.BETA, "Red Hat Enterprise Linux for IBM z Systems Beta", "RHEL Beta"),
    486: Product(Kind.BETA, "Red Hat Enterprise Linux for x86_64 Beta", "RHEL Beta"),
    489: Product(Kind.BETA, "Red Hat Enterprise Linux for ARM 64 High Touch Beta", "RHEL Beta"),
    70: Product(Kind.ADD_ON, "Red Hat Enterprise Linux Server - Extended Update Support"),
    204: Product(Kind.ADD_ON, "Red Hat Enterprise Linux Server - Extended Life Cycle Support"),
    146: Product(Kind.ADD_ON, "Red Hat Enterprise Linux for SAP", "RHEL for SAP"),
    241: Product(Kind.ADD_ON, "Red Hat Enterprise Linux for x86_64 - SAP Solutions", "RHEL for SAP"),
    388: Product(Kind.ADD_ON, "RHEL for SAP - Update Services for SAP Solutions", "RHEL for SAP"),
    389: Product(Kind.ADD_ON, "RHEL for SAP Solutions - Update Services for SAP Solutions", "RHEL for SAP"),
    290: Product(Kind.OPENSHIFT, "Red Hat OpenShift Container Platform", ""),
}
