"""What Azure's words say of RHEL: license types, marketplace offers and plans, names that the guest agent reports.

As for AWS, what is not listed is reported as unknown. Azure writes names in any case, so case is not compared.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cloudigrade.domain.rhel_codes import BillingRow, Payer

PLAN = "plan"
"""Type of the product code `publisher:product:name` of a purchase plan."""


class Statement(NamedTuple):
    """What an offer, a plan or the guest agent says of an image."""

    grade: str
    text: str
    is_rhel: bool
    payer: Payer = Payer.NONE
    product: str = ""


class OfferRow(NamedTuple):
    """An offer whose images are RHEL."""

    publisher: str
    offer: str
    payer: Payer
    product: str


_RHEL, _HA, _SAP, _SQL = "RHEL", "RHEL with HA", "RHEL for SAP", "RHEL with SQL Server"


def _paid(code: str, product: str) -> BillingRow:
    return BillingRow(code, ("Red Hat Enterprise Linux",), is_rhel=True, payer=Payer.CLOUD, product=product)


def _foreign(code: str, system: str) -> BillingRow:
    return BillingRow(code, (system,), is_rhel=False)


# Source: "Azure Hybrid Benefit for Linux virtual machines" in Azure's documentation, and the values that
# `az vm update --license-type` takes. The last two are the same benefit for Windows.
LICENSES = (
    BillingRow("RHEL_BYOS", ("Red Hat Enterprise Linux",), is_rhel=True, payer=Payer.CUSTOMER, product=_RHEL),
    _paid("RHEL_BASE", _RHEL),
    _paid("RHEL_EUS", "RHEL with Extended Update Support"),
    _paid("RHEL_SAPAPPS", _SAP),
    _paid("RHEL_SAPHA", _SAP),
    _paid("RHEL_BASESAPAPPS", _SAP),
    _paid("RHEL_BASESAPHA", _SAP),
    _paid("RHEL_ELS_6", "RHEL with Extended Life Cycle Support"),
    *(_foreign(code, "SUSE Linux") for code in ("SLES", "SLES_BYOS", "SLES_SAP", "SLES_HPC", "SLES_STANDARD")),
    *(_foreign(code, "Ubuntu") for code in ("UBUNTU", "UBUNTU_PRO")),
    *(_foreign(code, "Windows") for code in ("WINDOWS_SERVER", "WINDOWS_CLIENT")),
)
BY_LICENSE = {row.usage_operation: row for row in LICENSES}

# Source: "Overview of Red Hat Enterprise Linux images" (virtual-machines/workloads/redhat/redhat-images) and "Red Hat
# Enterprise Linux bring-your-own-subscription Gold Images" beside it; `az vm image list --publisher RedHat --all`;
# "SQL Server on Linux virtual machines" for the offers of MicrosoftSQLServer.
OFFERS = (
    *(
        OfferRow("redhat", offer, Payer.CLOUD, _RHEL)
        for offer in ("rhel", "rh-rhel", "rhel-20190605", "rhel-raw", "rhel-arm64", "rhel-cvm")
    ),
    OfferRow("redhat", "rhel-ha", Payer.CLOUD, _HA),
    *(OfferRow("redhat", offer, Payer.CLOUD, _SAP) for offer in ("rhel-sap", "rhel-sap-apps", "rhel-sap-ha")),
    OfferRow("redhat", "rhel-byos", Payer.CUSTOMER, _RHEL),
    *(
        OfferRow("microsoftsqlserver", offer, Payer.CLOUD, _SQL)
        for offer in ("sql2017-rhel7", "sql2019-rhel7", "sql2019-rhel8", "sql2022-rhel8")
    ),
)
BY_OFFER = {(row.publisher, row.offer): row for row in OFFERS}

# Publishers all of whose offers are one system that is not RHEL. Source: "Endorsed Linux distributions on Azure".
FOREIGN_PUBLISHERS = {
    "canonical": "Ubuntu",
    "suse": "SUSE Linux",
    "debian": "Debian",
    "credativ": "Debian",
    "openlogic": "CentOS",
    "resf": "Rocky Linux",
    "almalinux": "AlmaLinux",
    "kinvolk": "Flatcar",
    "microsoftcblmariner": "Azure Linux",
    "microsoftwindowsserver": "Windows",
    "microsoftwindowsdesktop": "Windows",
}
FOREIGN_OFFERS = {("oracle", "oracle-linux"): "Oracle Linux"}

# New offers keep these names: Red Hat's begin with the product, Microsoft's SQL Server ends with the system.
_RHEL_OFFERS = {
    "redhat": re.compile(r"(?:rh-)?rhel(?:[-_].*)?", re.DOTALL),
    "microsoftsqlserver": re.compile(r"sql\d+-rhel\d*", re.ASCII),
}
_SQL_ELSEWHERE = re.compile(r"sql\d+(?:sp\d)?-(ws|ubuntu|sles)", re.ASCII)
_SYSTEMS = {"ws": "Windows", "ubuntu": "Ubuntu", "sles": "SUSE Linux"}

# What the Linux agent reports as osName: the distribution's id, `redhat` for RHEL; some agents the long name.
_RHEL_NAMES = {
    "redhat",
    "rhel",
    "red hat enterprise linux",
    "red hat enterprise linux server",
    "red hat enterprise linux workstation",
}
_FOREIGN_NAMES = {
    "almalinux": "AlmaLinux",
    "azurelinux": "Azure Linux",
    "centos": "CentOS",
    "centos linux": "CentOS",
    "centos stream": "CentOS",
    "debian": "Debian",
    "fedora": "Fedora",
    "flatcar": "Flatcar",
    "mariner": "Azure Linux",
    "opensuse": "SUSE Linux",
    "oracle": "Oracle Linux",
    "rocky": "Rocky Linux",
    "sles": "SUSE Linux",
    "suse": "SUSE Linux",
    "ubuntu": "Ubuntu",
    "windows": "Windows",
}

_PARTS_OF_URN = 4
_PARTS_OF_PLAN = 3
# Red Hat dates its images after the version of RHEL: 9.4.2024053113.
_DATED = re.compile(r"(\d{1,2}\.\d{1,2})\.\d{8,}", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)*", re.ASCII)


def is_azure(native_id: str) -> bool:
    """Whether an image's identity is one of Azure's: publisher:offer:sku:version, or the path of a resource."""
    return native_id.startswith("/") or native_id.count(":") == _PARTS_OF_URN - 1


def plain_license(text: str) -> str:
    """The license type in capitals; empty where the image's own model holds, which Azure writes as nothing or None."""
    code = text.strip().upper()
    return "" if code == "NONE" else code


def statements(native_id: str, system: str, codes: Iterable[tuple[str, str]]) -> Iterator[Statement]:
    """What the image's offer and plan, then the name its agent reports, say; strongest first."""
    offers = sorted(_offers(native_id, codes))
    sold = [said for said in (_red_hat(offers), _others(offers)) if said is not None]
    yield from sorted(sold, key=lambda said: said.grade)  # certain before strong
    name, _ = _named(system)
    if name in _RHEL_NAMES:
        yield Statement("strong", f"operating system {system} is RHEL", is_rhel=True)
    elif name in _FOREIGN_NAMES:
        yield Statement("strong", f"operating system {system} is {_FOREIGN_NAMES[name]}, not RHEL", is_rhel=False)


def unknown(native_id: str, system: str, codes: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What our tables lack of it."""
    for publisher, offer, _ in _offers(native_id, codes):
        if (publisher, offer) not in BY_OFFER and not _foreign_system(publisher, offer):
            yield f"offer {publisher}:{offer}"
    name, _ = _named(system)
    if name and name not in _RHEL_NAMES and name not in _FOREIGN_NAMES:
        yield f"operating system {system}"


def version(native_id: str, system: str) -> str:
    """The version of RHEL that Red Hat's image is dated after, else that the agent reports."""
    parts = native_id.lower().split(":")
    if len(parts) == _PARTS_OF_URN and (parts[0], parts[1]) in BY_OFFER and parts[0] == "redhat":
        dated = _DATED.fullmatch(parts[3])
        if dated:
            return dated[1]
    name, number = _named(system)
    return number if name in _RHEL_NAMES else ""


def _offers(native_id: str, codes: Iterable[tuple[str, str]]) -> set[tuple[str, str, str]]:
    """Publisher, offer and plan of whatever the image was bought as."""
    plans = [(code.lower().split(":"), kind) for code, kind in codes]
    found = {(parts[0], parts[1], parts[2]) for parts, kind in plans if kind == PLAN and len(parts) == _PARTS_OF_PLAN}
    urn = native_id.lower().split(":")
    if len(urn) == _PARTS_OF_URN and not native_id.startswith("/"):
        found.add((urn[0], urn[1], urn[2]))
    return found


def _red_hat(offers: list[tuple[str, str, str]]) -> Statement | None:
    """RHEL as sold: one statement, for the offer and the plan of an image are one purchase."""
    sold = [each for each in offers if _is_rhel_offer(each[0], each[1])]
    if not sold:
        return None
    listed = [BY_OFFER[publisher, offer] for publisher, offer, _ in sold if (publisher, offer) in BY_OFFER]
    is_own = any("byos" in name for _, offer, plan in sold for name in (offer, plan))
    payer = Payer.CUSTOMER if is_own else Payer.CLOUD
    product = next((row.product for row in listed if row.product != _RHEL), _RHEL)
    whose = "on the customer's own subscription" if is_own else "paid through the cloud"
    names = " and ".join(dict.fromkeys(f"{publisher}:{offer}:{plan}" for publisher, offer, plan in sold))
    grade = "certain" if listed else "strong"
    return Statement(grade, f"offer {names} means {product} {whose}", is_rhel=True, payer=payer, product=product)


def _is_rhel_offer(publisher: str, offer: str) -> bool:
    family = _RHEL_OFFERS.get(publisher)
    return family is not None and family.fullmatch(offer) is not None


def _others(offers: list[tuple[str, str, str]]) -> Statement | None:
    for publisher, offer, plan in offers:
        system = _foreign_system(publisher, offer)
        if system:
            text = f"offer {publisher}:{offer}:{plan} means {system}, not RHEL"
            return Statement("certain", text, is_rhel=False)
    return None


def _foreign_system(publisher: str, offer: str) -> str:
    if publisher == "microsoftsqlserver":
        parsed = _SQL_ELSEWHERE.match(offer)
        return _SYSTEMS[parsed[1]] if parsed else ""
    return FOREIGN_PUBLISHERS.get(publisher, "") or FOREIGN_OFFERS.get((publisher, offer), "")


def _named(system: str) -> tuple[str, str]:
    """Name in lower case and version of `Name 9.4`; a Windows of whatever edition is windows."""
    text = system.strip().lower()
    name, _, number = text.rpartition(" ")
    if not _NUMBER.fullmatch(number):
        name, number = text, ""
    return ("windows" if name.startswith("windows") else name.strip()), number
