"""Installed packages: how many there are, who signed them, and which one says what system it is."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from cloudigrade.inspector.evidence import rpm_database
from cloudigrade.inspector.evidence.rpm_database import Database
from cloudigrade.inspector.evidence.signers import DISTRIBUTIONS, RED_HAT, signer
from cloudigrade.inspector.evidence.sources import Sources
from cloudigrade.inspector.rpmdb.header import Package

RED_HAT_VENDOR: Final = "Red Hat, Inc."
_IMPORTED_KEY: Final = "gpg-pubkey"
_MOST_NAMES: Final = 20
_ANY_ARCHITECTURE: Final = frozenset({"noarch", ""})

# Packages that own a system's release file. Amazon Linux's and Fedora's families also have one called system-release.
_RHEL_RELEASES: Final = (
    "redhat-release",
    "redhat-release-server",
    "redhat-release-client",
    "redhat-release-workstation",
    "redhat-release-computenode",
    "redhat-release-coreos",
    "redhat-release-5Server",
)
_OTHER_RELEASES: Final = {
    "centos-release": "CentOS",
    "centos-linux-release": "CentOS",
    "centos-stream-release": "CentOS Stream",
    "oraclelinux-release": "Oracle Linux",
    "enterprise-release": "Oracle Linux",
    "rocky-release": "Rocky Linux",
    "almalinux-release": "AlmaLinux",
    "fedora-release": "Fedora",
    "fedora-release-common": "Fedora",
    "system-release": "Amazon Linux",
    "sl-release": "Scientific Linux",
    "cloudlinux-release": "CloudLinux",
    "eurolinux-release": "EuroLinux",
    "openEuler-release": "openEuler",
    "anolis-release": "Anolis OS",
    "openSUSE-release": "openSUSE",
    "sles-release": "SUSE Linux Enterprise Server",
    "azurelinux-release": "Azure Linux",
    "mariner-release": "CBL-Mariner",
}


@dataclass(frozen=True, slots=True)
class Release:
    """An installed release package."""

    package: Package
    system: str
    """`RHEL`, or which other system it belongs to; empty: called like RHEL's, but nothing tells whose it is."""


@dataclass(frozen=True, slots=True)
class Packages:
    """What the rpm database adds up to."""

    path: str
    total: int
    """Without imported keys, which rpm lists as packages."""
    by_signer: dict[str, int]
    """`Red Hat`, `CentOS`, ...; empty for keys that are not known, and for no signature."""
    releases: tuple[Release, ...] = ()
    architecture: str = ""
    openshift: tuple[str, ...] = ()
    """Names of packages that make an OpenShift node."""

    @property
    def red_hat(self) -> int:
        """How many are signed by Red Hat."""
        return self.by_signer.get(RED_HAT, 0)

    @property
    def is_mostly_red_hat(self) -> bool:
        """Whether at least half are signed by Red Hat."""
        return self.red_hat > 0 and 2 * self.red_hat >= self.total

    @property
    def main_other(self) -> str:
        """The other distribution that signed more packages than Red Hat; empty if none did."""
        others = [(count, name) for name, count in self.by_signer.items() if name in DISTRIBUTIONS]
        count, name = max(others, default=(0, ""))
        return name if count > self.red_hat else ""


def read(sources: Sources) -> Packages | None:
    """What the system's rpm database says; None without one, or where nothing of it can be read."""
    found = rpm_database.read(sources)
    return None if found is None else summarise(found)


def summarise(found: Database) -> Packages:
    """The packages of a database in figures."""
    packages = [package for package in found.packages if package.name != _IMPORTED_KEY]
    architectures = Counter(package.architecture for package in packages)
    for architecture in _ANY_ARCHITECTURE:
        architectures.pop(architecture, None)
    return Packages(
        path=found.path,
        total=len(packages),
        by_signer=dict(Counter(signer(package.keys) for package in packages)),
        releases=tuple(Release(package, _system(package)) for package in packages if _is_release(package))[
            :_MOST_NAMES
        ],
        architecture=max(architectures, key=lambda name: (architectures[name], name), default=""),
        openshift=_openshift(packages),
    )


def _is_release(package: Package) -> bool:
    return package.name in _RHEL_RELEASES or package.name in _OTHER_RELEASES


def _system(package: Package) -> str:
    """Whose system a release package makes; the name alone does not tell, for Oracle's is called like Red Hat's."""
    if package.name in _OTHER_RELEASES:
        return _OTHER_RELEASES[package.name]
    signed_by = signer(package.keys)
    if signed_by:
        return "RHEL" if signed_by == RED_HAT else signed_by
    if package.vendor.startswith("Oracle"):
        return "Oracle Linux"
    return "RHEL" if package.vendor == RED_HAT_VENDOR else ""


def _openshift(packages: list[Package]) -> tuple[str, ...]:
    """OpenShift's own kubelet, signed by Red Hat; clients of OpenShift are on any machine."""
    kubelets = {"openshift-hyperkube", "openshift-kubelet", "atomic-openshift-node", "atomic-openshift-hyperkube"}
    names = {package.name for package in packages if package.name in kubelets and signer(package.keys) == RED_HAT}
    return tuple(sorted(names))
