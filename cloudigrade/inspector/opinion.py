"""What the evidence on one system adds up to: witnesses by weight, and a sentence for each of them.

A system's identity (what it calls itself, and whose release package it has) counts before product certificates, these
before the share of packages that Red Hat signed, and that before enabled repositories. Each alone is enough where
nothing of more weight contradicts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from cloudigrade.inspector.evidence.gather import Evidence
from cloudigrade.inspector.evidence.os_release import COREOS, RHEL, ReleaseFile
from cloudigrade.inspector.evidence.packages import Packages
from cloudigrade.inspector.evidence.product_ids import Kind

_RHEL_SYSTEMS: Final = frozenset({RHEL, COREOS})


class Weight(IntEnum):
    """How much a witness counts; the lowest decides."""

    IDENTITY = 0
    CERTIFICATE = 1
    PACKAGES = 2
    UNKNOWN_IDENTITY = 3
    FEW_PACKAGES = 4
    REPOSITORY = 5
    RELEASE_FILE = 6
    """Against an os-release that says something else."""


GRADES: Final = {
    Weight.IDENTITY: "certain",
    Weight.CERTIFICATE: "strong",
    Weight.PACKAGES: "strong",
    Weight.UNKNOWN_IDENTITY: "strong",
    Weight.FEW_PACKAGES: "weak",
    Weight.REPOSITORY: "weak",
    Weight.RELEASE_FILE: "weak",
}


class Witness(NamedTuple):
    """One statement about a system."""

    weight: Weight
    text: str
    is_rhel: bool


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one system is."""

    is_rhel: bool | None
    """None: nothing tells, or what tells contradicts itself."""
    reasons: tuple[str, ...] = ()
    """Sentences `<grade>: <what says so>`, strongest first; `unknown: ...` where nothing decides."""
    conflicts: tuple[str, ...] = ()
    """Sentences `<what lost>; but <what counts>`."""
    is_weak: bool = False
    """Whether only weak witnesses say so."""
    product: str = ""
    version: str = ""
    architecture: str = ""


def weigh(evidence: Evidence) -> Opinion:
    """The opinion that the evidence allows."""
    witnesses = sorted(_witnesses(evidence), key=lambda witness: witness.weight)
    if not witnesses:
        return Opinion(None, reasons=("unknown: nothing on it tells what system it is",))
    is_rhel = _decide(witnesses, evidence.packages)
    if is_rhel is None:
        disputed = [witness.text for witness in witnesses if witness.weight <= Weight.PACKAGES]
        return Opinion(None, reasons=("unknown: what identifies it contradicts itself",), conflicts=tuple(disputed))
    agreeing = [witness for witness in witnesses if witness.is_rhel is is_rhel]
    conflicts = [f"{witness.text}; but {agreeing[0].text}" for witness in witnesses if witness.is_rhel is not is_rhel]
    return Opinion(
        is_rhel,
        reasons=tuple(f"{GRADES[witness.weight]}: {witness.text}" for witness in agreeing),
        conflicts=(*conflicts, *_unknown_products(evidence)),
        is_weak=agreeing[0].weight >= Weight.FEW_PACKAGES,
        product=_product(evidence) if is_rhel else "",
        version=_version(evidence) if is_rhel else "",
        architecture=_architecture(evidence) if is_rhel else "",
    )


def _decide(witnesses: list[Witness], packages: Packages | None) -> bool | None:
    """What the weightiest say; where they disagree, what most packages say."""
    first = [witness.is_rhel for witness in witnesses if witness.weight is witnesses[0].weight]
    agreed = first[0] if len(set(first)) == 1 else None
    if witnesses[0].weight is not Weight.IDENTITY:
        return agreed
    majority = _majority(packages)
    if agreed is None:
        return majority if majority is not None else _more(first)
    # One voice that most packages contradict decides nothing: an edited os-release, or a system half converted.
    return agreed if majority in (None, agreed) or len(first) > 1 else None


def _more(voices: list[bool]) -> bool | None:
    """What more of them say; None for as many on either side."""
    balance = 2 * sum(voices) - len(voices)
    return balance > 0 if balance else None


def _majority(packages: Packages | None) -> bool | None:
    """Whether most packages are signed by Red Hat or by another distribution; None for neither."""
    if packages is None:
        return None
    if packages.is_mostly_red_hat:
        return True
    return False if packages.main_other and 2 * packages.by_signer[packages.main_other] >= packages.total else None


def _witnesses(evidence: Evidence) -> Iterator[Witness]:
    yield from _identity(evidence)
    for certificate in evidence.certificates:
        if certificate.is_rhel:
            product = f"{certificate.name} {certificate.version}".strip()
            text = f"product certificate {certificate.product_id} in {certificate.path} is of {product}"
            yield Witness(Weight.CERTIFICATE, text, is_rhel=True)
    if evidence.packages is not None:
        is_partial = any(unread.path == evidence.packages.path for unread in evidence.unread)
        yield from _packages(evidence.packages, Weight.FEW_PACKAGES if is_partial else Weight.PACKAGES)
    for repository in evidence.repositories[:3]:
        text = f"repository {repository.id} in {repository.path} is enabled"
        yield Witness(Weight.REPOSITORY, text, is_rhel=True)


def _identity(evidence: Evidence) -> Iterator[Witness]:
    """What the system calls itself, and its release package; each at most once."""
    identity = evidence.identity
    if identity is not None:
        text = f"{identity.path} says ID {identity.id}, version {identity.version or 'unknown'}"
        if identity.system:
            yield Witness(Weight.IDENTITY, text, is_rhel=identity.system in _RHEL_SYSTEMS)
        else:
            yield Witness(Weight.UNKNOWN_IDENTITY, f"{text}, which is not RHEL's", is_rhel=False)
    yield from _release_files(evidence)
    yield from _releases(evidence.packages)


def _release_files(evidence: Evidence) -> Iterator[Witness]:
    """What the release files say, as far as os-release leaves them something to say."""
    identity = evidence.identity
    others = [file for file in evidence.release_files if file.system and file.system not in _RHEL_SYSTEMS]
    ours = [file for file in evidence.release_files if file.system in _RHEL_SYSTEMS]
    is_rhel = identity is not None and identity.system in _RHEL_SYSTEMS
    # Another's file beside one that says RHEL is how Oracle Linux does it.
    if others and (identity is None or is_rhel):
        yield Witness(Weight.IDENTITY, _claim(others[0]), is_rhel=False)
    elif ours and not is_rhel:
        yield Witness(Weight.IDENTITY if identity is None else Weight.RELEASE_FILE, _claim(ours[0]), is_rhel=True)


def _claim(file: ReleaseFile) -> str:
    return f"{file.path} says {file.system} {file.version}".strip()


def _releases(packages: Packages | None) -> Iterator[Witness]:
    """The release package of RHEL or of another system; one of each at most."""
    releases = [release for release in packages.releases if release.system] if packages is not None else []
    for is_rhel in (True, False):
        for release in releases:
            if (release.system in _RHEL_SYSTEMS) is is_rhel:
                package = release.package
                text = f"package {package.name}-{package.version} is {release.system}'s release"
                yield Witness(Weight.IDENTITY, text, is_rhel=is_rhel)
                break


def _packages(packages: Packages, share: Weight) -> Iterator[Witness]:
    """Whose the packages are; of a database that was read in part only, nobody knows the share."""
    figures = f"{packages.red_hat} of {packages.total} packages are signed by Red Hat"
    if packages.is_mostly_red_hat:
        yield Witness(share, figures, is_rhel=True)
    elif packages.red_hat and not packages.main_other:
        yield Witness(Weight.FEW_PACKAGES, figures, is_rhel=True)
    if packages.main_other:
        count = packages.by_signer[packages.main_other]
        text = (
            f"{count} of {packages.total} packages are signed by {packages.main_other}, {packages.red_hat} by Red Hat"
        )
        yield Witness(share, text, is_rhel=False)


def _unknown_products(evidence: Evidence) -> Iterator[str]:
    for certificate in evidence.certificates:
        if certificate.product is None:
            what = f"product certificate {certificate.product_id} ({certificate.name})"
            yield f"{what} says something; but nothing is known of its number"


def _product(evidence: Evidence) -> str:
    """The most telling name."""
    if evidence.identity is not None and evidence.identity.system == COREOS:
        return COREOS
    products = [certificate.product for certificate in evidence.certificates if certificate.product is not None]
    for kind in (Kind.ADD_ON, Kind.RHEL, Kind.BETA):
        for product in products:
            if product.kind is kind and product.short != RHEL:
                return product.short
    return RHEL


def _version(evidence: Evidence) -> str:
    """Of RHEL, by the witness that says it most exactly."""
    identity = evidence.identity
    if identity is not None and identity.system == COREOS and identity.rhel_version:
        return identity.rhel_version
    if identity is not None and identity.system == RHEL and identity.version:
        return identity.version
    claims = [file.version for file in evidence.release_files if file.system == RHEL]
    if evidence.packages is not None:
        claims += [item.package.version for item in evidence.packages.releases if item.system == RHEL]
    claims += [certificate.version for certificate in evidence.certificates if certificate.is_rhel]
    return next((claim for claim in claims if claim), "")


def _architecture(evidence: Evidence) -> str:
    if evidence.packages is not None and evidence.packages.architecture:
        return evidence.packages.architecture
    certificates = [certificate.architecture for certificate in evidence.certificates if certificate.is_rhel]
    return next((architecture for architecture in certificates if architecture), "")
