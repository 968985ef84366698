"""Everything that one system's files say of what it is."""

from dataclasses import dataclass, field
from typing import Final

from cloudigrade.inspector.evidence import certificates, os_release, packages, repositories, system_purpose
from cloudigrade.inspector.evidence.certificates import Certificate
from cloudigrade.inspector.evidence.os_release import COREOS, Identity, ReleaseFile
from cloudigrade.inspector.evidence.packages import Packages
from cloudigrade.inspector.evidence.product_ids import Kind
from cloudigrade.inspector.evidence.repositories import Repository
from cloudigrade.inspector.evidence.sources import Sources, Unread
from cloudigrade.inspector.evidence.system_purpose import SystemPurpose
from cloudigrade.inspector.files import Files

_KUBELET_PATHS: Final = ("kubelet.conf", "kubeconfig")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The facts, unweighed."""

    identity: Identity | None = None
    """None: no os-release with an id."""
    release_files: tuple[ReleaseFile, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    repositories: tuple[Repository, ...] = ()
    packages: Packages | None = None
    """None: no rpm database."""
    system_purpose: SystemPurpose = field(default_factory=SystemPurpose)
    openshift: tuple[str, ...] = ()
    """What makes it a node of OpenShift."""
    unread: tuple[Unread, ...] = ()
    """What may hold evidence and could not be read."""


def gather(files: Files) -> Evidence:
    """The evidence on a system; never raises, for what cannot be read is part of it."""
    sources = Sources(files)
    identity = os_release.read_identity(sources)
    found_certificates = certificates.read(sources)
    found_packages = packages.read(sources)
    return Evidence(
        identity=identity,
        release_files=os_release.read_release_files(sources),
        certificates=found_certificates,
        repositories=repositories.read(sources),
        packages=found_packages,
        system_purpose=system_purpose.read(files),
        openshift=_openshift(sources, identity, found_certificates, found_packages),
        unread=sources.unread,
    )


def _openshift(
    sources: Sources,
    identity: Identity | None,
    found_certificates: tuple[Certificate, ...],
    found_packages: Packages | None,
) -> tuple[str, ...]:
    """What makes the system a node of OpenShift; a kubelet alone is any Kubernetes."""
    found: list[str] = []
    if identity is not None and identity.system == COREOS:
        found.append("os-release")
    if any(item.product is not None and item.product.kind is Kind.OPENSHIFT for item in found_certificates):
        found.append("product certificate")
    kubelets = found_packages.openshift if found_packages is not None else ()
    if kubelets:
        configured = [name for name in _KUBELET_PATHS if name in sources.names("/etc/kubernetes")]
        found += [f"package {name}" for name in kubelets] + [f"/etc/kubernetes/{name}" for name in configured]
    return tuple(found)
