"""The RHEL verdict: graded evidence about an image in; whether it is RHEL, which one, who pays and why, out.

Witnesses are heard in order of strength; the first decides whether it is RHEL, and those that disagree are reported as
conflicts. What nobody knows stays undetermined.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from cloudigrade.domain import rhel_azure
from cloudigrade.domain.rhel_codes import (
    BY_PLATFORM_DETAILS,
    BY_PRODUCT_CODE,
    BY_USAGE_OPERATION,
    RED_HAT_OWNERS,
    RHEL_TAG,
    BillingRow,
    Payer,
    plain_usage_operation,
)
from cloudigrade.domain.rhel_findings import Findings, SystemPurpose, parse_findings

__all__ = [
    "Evidence",
    "Findings",
    "ImageFacts",
    "Payer",
    "Rhel",
    "SystemPurpose",
    "Verdict",
    "judge",
    "needs_subscription",
    "parse_findings",
]


class Rhel(StrEnum):
    """Whether an image is Red Hat Enterprise Linux."""

    RHEL = "rhel"
    NOT_RHEL = "not_rhel"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a cloud says of an image, true for every customer."""

    native_id: str
    owner: str = ""
    name: str = ""
    architecture: str = ""
    platform: str = ""
    """`windows` or empty."""
    billing_code: str = ""
    """Usage operation, or license type."""
    platform_details: str = ""
    """What the cloud prints beside the code; on Azure what the guest agent calls the system."""
    product_codes: tuple[tuple[str, str], ...] = ()
    """Pairs of product code and its type; on Azure the plan `publisher:product:name`."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything known about an image, as one customer sees it."""

    image: ImageFacts
    lineage: tuple[ImageFacts, ...] = ()
    """The images it was copied from, nearest first."""
    is_tagged_rhel: bool = False
    is_tagged_openshift: bool = False
    findings: Findings | None = None
    """None: not inspected."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence adds up to."""

    rhel: Rhel
    version: str
    product: str
    payer: Payer
    reasons: tuple[str, ...]
    """Sentences `<grade>: <witness> <what it says>`, strongest first: certain, strong, declared. A last one,
    `payer: ...`, tells why that payer where no witness says so; `unknown: ...` tells what is missing for a verdict."""
    conflicts: tuple[str, ...]
    """Sentences `<witness that lost>; but <witness that counts>`."""
    unknown_codes: tuple[str, ...]
    """`usage operation X`, `platform details X`, `product code X`; `license type X`, `offer X` or `operating system X`:
    not in our tables; sorted, distinct."""
    is_openshift: bool


class _Witness(NamedTuple):
    """One statement about an image."""

    grade: str
    text: str
    is_rhel: bool
    payer: Payer = Payer.NONE
    payer_rank: int = 0
    """Whose word about the payer counts first: lowest."""
    product: str = ""


class _Billing(NamedTuple):
    """What the cloud charges for, from the usage operation in force and the platform details."""

    row: BillingRow | None
    """None: absent or not in our table."""
    text: str
    unknown_codes: tuple[str, ...]
    conflicts: tuple[str, ...] = ()
    words: str = "usage operation or platform details"
    """What the cloud would have to give for a row."""


_MARKETPLACE_FIRST, _BILLING_NEXT, _NAME_LAST, _OFFER_LAST = range(4)

# Pairs of who pays that do not disagree: marketplace RHEL runs under the plain code or the customer's own, and a
# license type is there to change what the offer says.
_USUAL = {(_MARKETPLACE_FIRST, _BILLING_NEXT), (_BILLING_NEXT, _OFFER_LAST)}

# Beta, HA and SAP images put words before the version, so only the beginning is fixed.
_NAME_VERSION = re.compile(r"RHEL(?:[-_][A-Z]+)*[-_](\d+(?:\.\d+){1,2})(?![\d.])", re.ASCII | re.IGNORECASE)

_PAYER_WORDS = {Payer.CUSTOMER: "on the customer's own subscription", Payer.CLOUD: "paid through the cloud"}


def judge(evidence: Evidence, *, billing_code: str = "") -> Verdict:
    """The verdict for an instance of the image that is billed by the code; empty: by the image's."""
    billing = _read_billing(evidence.image, billing_code)
    own = list(_own_witnesses(evidence.image, billing))
    witnesses = [*own, *_other_witnesses(evidence)]
    unknown_codes = _unknown_codes(evidence, billing)
    if not witnesses:
        return Verdict(
            Rhel.UNDETERMINED,
            version="",
            product="",
            payer=Payer.NONE,
            reasons=tuple(_missing(evidence, billing)),
            conflicts=billing.conflicts,
            unknown_codes=unknown_codes,
            is_openshift=evidence.is_tagged_openshift,
        )
    is_rhel = witnesses[0].is_rhel
    payer, reasons, conflicts = _weigh(witnesses, billing)
    return Verdict(
        Rhel.RHEL if is_rhel else Rhel.NOT_RHEL,
        version=_version(evidence) if is_rhel else "",
        product=_product(own) if is_rhel else "",
        payer=payer,
        reasons=reasons,
        conflicts=(*billing.conflicts, *conflicts),
        unknown_codes=unknown_codes,
        is_openshift=evidence.is_tagged_openshift,
    )


def needs_subscription(verdict: Verdict) -> bool:
    """Whether the customer's own subscription has to cover it, as far as is known."""
    return verdict.rhel is Rhel.RHEL and verdict.payer.needs_subscription


def _read_billing(image: ImageFacts, billing_code: str) -> _Billing:
    if rhel_azure.is_azure(image.native_id) or rhel_azure.plain_license(billing_code) in rhel_azure.BY_LICENSE:
        return _read_license(image, billing_code)
    code = plain_usage_operation(billing_code) or plain_usage_operation(image.billing_code)
    details = image.platform_details.strip()
    by_code = BY_USAGE_OPERATION.get(code)
    by_details = BY_PLATFORM_DETAILS.get(details)
    unknown = []
    if code and by_code is None:
        unknown.append(f"usage operation {code}")
    if details and by_details is None:
        unknown.append(f"platform details {details}")
    if by_code is not None:
        text = f"usage operation {code} means {_meaning(by_code)}"
        conflicts: tuple[str, ...] = ()
        if by_details is not None and _claim(by_details) != _claim(by_code):
            conflicts = (f"platform details {details} mean {_meaning(by_details)}; but {text}",)
        return _Billing(by_code, text, tuple(unknown), conflicts)
    # An unknown code may charge for anything, so beside one only details that name a system are heard.
    if by_details is not None and (not code or by_details.is_rhel is not None):
        return _Billing(by_details, f"platform details {details} mean {_meaning(by_details)}", tuple(unknown))
    return _Billing(None, "", tuple(unknown))


def _read_license(image: ImageFacts, billing_code: str) -> _Billing:
    """The same from Azure's license type; without one the image's own model holds."""
    code = rhel_azure.plain_license(billing_code) or rhel_azure.plain_license(image.billing_code)
    row = rhel_azure.BY_LICENSE.get(code)
    text = f"license type {code} means {_meaning(row)}" if row else ""
    unknown = (f"license type {code}",) if code and row is None else ()
    return _Billing(row, text, unknown, words="license type")


def _claim(row: BillingRow) -> tuple[bool | None, Payer]:
    return row.is_rhel, row.payer


def _meaning(row: BillingRow) -> str:
    if row.is_rhel:
        return f"{row.product} {_PAYER_WORDS[row.payer]}"
    if row.is_rhel is None:
        return f"{row.platform_details[0]} with no charge for RHEL"
    return f"{row.platform_details[0]}, not RHEL"


def _own_witnesses(image: ImageFacts, billing: _Billing) -> Iterator[_Witness]:
    """What the image's own facts prove, strongest first."""
    row = billing.row
    if row is not None and row.is_rhel is not None:
        yield _Witness("certain", billing.text, row.is_rhel, row.payer, _BILLING_NEXT, row.product)
    for code in _product_codes(image):
        listed = BY_PRODUCT_CODE.get(code)
        if listed is not None:
            text = f"product code {code} means {listed.product} {_PAYER_WORDS[Payer.CLOUD]}"
            yield _Witness(
                "certain", text, is_rhel=True, payer=Payer.CLOUD, payer_rank=_MARKETPLACE_FIRST, product=listed.product
            )
    if image.platform.lower() == "windows":
        yield _Witness("certain", "platform windows is not RHEL", is_rhel=False)
    plan = _name_payer(image)
    if plan is not Payer.NONE:
        text = f"name {image.name} of Red Hat's account {image.owner} means RHEL {_PAYER_WORDS[plan]}"
        yield _Witness("certain", text, is_rhel=True, payer=plan, payer_rank=_NAME_LAST)
    if rhel_azure.is_azure(image.native_id):
        for said in rhel_azure.statements(image.native_id, image.platform_details, image.product_codes):
            yield _Witness(said.grade, said.text, said.is_rhel, said.payer, _OFFER_LAST, said.product)


def _product_codes(image: ImageFacts) -> list[str]:
    return list(dict.fromkeys(code for code, _ in image.product_codes if code))


def _name_payer(image: ImageFacts) -> Payer:
    """Who pays by the name; anybody can use Red Hat's names, so only Red Hat's own images are asked."""
    if image.owner not in RED_HAT_OWNERS:
        return Payer.NONE
    name = image.name.lower()
    if "-access2-" in name:
        return Payer.CUSTOMER
    return Payer.CLOUD if "-hourly2-" in name else Payer.NONE


def _other_witnesses(evidence: Evidence) -> Iterator[_Witness]:
    """Lineage, inspection and tag, strongest first; a customer's word counts more than a search without result."""
    source = _source_witness(evidence.lineage)
    if source is not None:
        yield source
    findings = evidence.findings
    if findings is not None and findings.is_rhel:
        kinds = f" ({', '.join(findings.reasons)})" if findings.reasons else ""
        version = f" {findings.version}" if findings.version else ""
        yield _Witness("strong", f"inspection found RHEL{version}{kinds}", is_rhel=True)
    if evidence.is_tagged_rhel:
        yield _Witness("declared", f"tag {RHEL_TAG} says RHEL", is_rhel=True)
    if findings is not None and findings.is_rhel is False:
        yield _Witness("strong", "inspection found no RHEL", is_rhel=False)


def _source_witness(lineage: tuple[ImageFacts, ...]) -> _Witness | None:
    """The nearest source image that is certain about itself, where it is RHEL."""
    for source in lineage:
        first = next(_own_witnesses(source, _read_billing(source, "")), None)
        if first is not None:
            text = f"source image {source.native_id}: {first.text}"
            return _Witness("strong", text, is_rhel=True) if first.is_rhel else None
    return None


def _weigh(witnesses: list[_Witness], billing: _Billing) -> tuple[Payer, tuple[str, ...], tuple[str, ...]]:
    """Payer, reasons and conflicts, where the first witness decides what it is."""
    first = witnesses[0]
    agreeing = [witness for witness in witnesses if witness.is_rhel is first.is_rhel]
    conflicts = [f"{witness.text}; but {first.text}" for witness in witnesses if witness.is_rhel is not first.is_rhel]
    payer = Payer.NONE
    why: list[str] = []
    if first.is_rhel:
        claims = sorted((witness for witness in agreeing if witness.payer), key=lambda witness: witness.payer_rank)
        if claims:
            payer = claims[0].payer
            conflicts += _payer_conflicts(claims, billing)
            agreeing = [witness for witness in agreeing if witness.payer in (payer, Payer.NONE)]
        else:
            payer, sentence = _payer_by_default(billing)
            why.append(sentence)
    return payer, (*(f"{witness.grade}: {witness.text}" for witness in agreeing), *why), tuple(conflicts)


def _payer_conflicts(claims: list[_Witness], billing: _Billing) -> Iterator[str]:
    """Every other opinion of who pays than the first one."""
    winner = claims[0]
    for claim in claims:
        is_usual = (winner.payer_rank, claim.payer_rank) in _USUAL
        if claim.payer is not winner.payer and not is_usual:
            yield f"{claim.text}; but {winner.text}"
    # Only a name is left to say that the cloud charges for RHEL, and a known code says that it does not.
    if winner.payer is Payer.CLOUD and winner.payer_rank == _NAME_LAST and billing.row is not None:
        yield f"{billing.text}; but {winner.text}"


def _payer_by_default(billing: _Billing) -> tuple[Payer, str]:
    """Who pays for RHEL that no code or name speaks of: the customer, if the cloud is known not to charge for it."""
    if billing.row is not None:
        return Payer.CUSTOMER, f"payer: {billing.text}, so the customer's own subscription pays"
    return Payer.UNKNOWN, f"payer: {_missing_billing(billing)}, so who pays is open"


def _missing(evidence: Evidence, billing: _Billing) -> Iterator[str]:
    """Why nothing can be said."""
    if billing.row is not None:
        yield f"unknown: {billing.text}, but the disk may hold it and nothing else tells"
    else:
        yield f"unknown: {_missing_billing(billing)}, and nothing else tells"
    if evidence.findings is not None and evidence.findings.reasons:
        yield f"unknown: inspection tells nothing ({', '.join(evidence.findings.reasons)})"


def _missing_billing(billing: _Billing) -> str:
    if billing.unknown_codes:
        return f"nothing is known of {' and '.join(billing.unknown_codes)}"
    return f"no {billing.words} given"


def _unknown_codes(evidence: Evidence, billing: _Billing) -> tuple[str, ...]:
    """Everything that our tables lack, of the image and of those it was copied from."""
    unknown = set(billing.unknown_codes)
    for source in evidence.lineage:
        unknown.update(_read_billing(source, "").unknown_codes)
    for image in (evidence.image, *evidence.lineage):
        if rhel_azure.is_azure(image.native_id):
            unknown.update(rhel_azure.unknown(image.native_id, image.platform_details, image.product_codes))
        else:
            unknown.update(f"product code {code}" for code in _product_codes(image) if code not in BY_PRODUCT_CODE)
    return tuple(sorted(unknown))


def _product(own: list[_Witness]) -> str:
    """The most telling name that a code gives it."""
    return next((witness.product for witness in own if witness.product not in ("", "RHEL")), "RHEL")


def _version(evidence: Evidence) -> str:
    """What the inspection read, else what Red Hat wrote into the name of the image or of its nearest source."""
    if evidence.findings is not None and evidence.findings.is_rhel and evidence.findings.version:
        return evidence.findings.version
    for image in (evidence.image, *evidence.lineage):
        if image.owner in RED_HAT_OWNERS:
            parsed = _NAME_VERSION.match(image.name)
            if parsed:
                return parsed[1]
        dated = rhel_azure.is_azure(image.native_id) and rhel_azure.version(image.native_id, image.platform_details)
        if dated:
            return dated
    return ""
