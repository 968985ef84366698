"""What a system calls itself: os-release, and release files where that is missing."""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from cloudigrade.inspector.evidence.sources import Sources

PATHS: Final = ("/etc/os-release", "/usr/lib/os-release")
LONGEST_FILE: Final = 64 * 1024
_MOST_FILES: Final = 32
_LONGEST_VALUE: Final = 200
_EXCERPT: Final = 1000

RHEL: Final = "RHEL"
COREOS: Final = "RHEL CoreOS"

# ID of os-release(5), in lower case as it should be, but is not after every edit by hand. Derived systems name their
# parent in ID_LIKE, so that only ID itself tells.
SYSTEMS: Final = {
    "rhel": RHEL,
    "rhcos": COREOS,
    "scos": "CentOS Stream CoreOS",
    "centos": "CentOS",
    "ol": "Oracle Linux",
    "rocky": "Rocky Linux",
    "almalinux": "AlmaLinux",
    "fedora": "Fedora",
    "amzn": "Amazon Linux",
    "scientific": "Scientific Linux",
    "cloudlinux": "CloudLinux",
    "eurolinux": "EuroLinux",
    "virtuozzo": "Virtuozzo",
    "miraclelinux": "MIRACLE LINUX",
    "navylinux": "Navy Linux",
    "circle": "Circle Linux",
    "springdale": "Springdale Linux",
    "openeuler": "openEuler",
    "anolis": "Anolis OS",
    "alinux": "Alibaba Cloud Linux",
    "tencentos": "TencentOS",
    "azurelinux": "Azure Linux",
    "mariner": "CBL-Mariner",
    "photon": "Photon OS",
    "bottlerocket": "Bottlerocket",
    "flatcar": "Flatcar Container Linux",
    "coreos": "Container Linux",
    "debian": "Debian",
    "ubuntu": "Ubuntu",
    "kali": "Kali Linux",
    "linuxmint": "Linux Mint",
    "raspbian": "Raspbian",
    "sles": "SUSE Linux Enterprise Server",
    "sled": "SUSE Linux Enterprise Desktop",
    "sles_sap": "SUSE Linux Enterprise Server for SAP",
    "sle-micro": "SUSE Linux Enterprise Micro",
    "opensuse": "openSUSE",
    "opensuse-leap": "openSUSE Leap",
    "opensuse-tumbleweed": "openSUSE Tumbleweed",
    "alpine": "Alpine Linux",
    "arch": "Arch Linux",
    "gentoo": "Gentoo",
    "nixos": "NixOS",
    "clear-linux-os": "Clear Linux",
}

# The first line of /etc/redhat-release and its kin, as Red Hat has written it since RHEL 3.
_RHEL_LINE: Final = re.compile(
    r"Red Hat Enterprise Linux"
    r"(?P<variant> (?:Server|Client|Workstation|ComputeNode|Desktop|CoreOS|AS|ES|WS|Atomic Host))?"
    r" release (?P<version>\d+(?:\.\d+)*)\b",
    re.ASCII,
)
_OTHER_LINES: Final = (
    ("CentOS Stream", "CentOS Stream"),
    ("CentOS", "CentOS"),
    ("Oracle Linux", "Oracle Linux"),
    ("Enterprise Linux Enterprise Linux", "Oracle Linux"),
    ("Oracle VM", "Oracle VM"),
    ("Rocky Linux", "Rocky Linux"),
    ("AlmaLinux", "AlmaLinux"),
    ("Fedora", "Fedora"),
    ("Amazon Linux", "Amazon Linux"),
    ("Scientific Linux", "Scientific Linux"),
    ("CloudLinux", "CloudLinux"),
    ("EuroLinux", "EuroLinux"),
    ("SUSE Linux", "SUSE Linux"),
    ("openSUSE", "openSUSE"),
)
# Oracle's own file stands beside a redhat-release that says Red Hat.
_OTHER_NAMES: Final = {
    "oracle-release": "Oracle Linux",
    "enterprise-release": "Oracle Linux",
    "centos-release": "CentOS",
    "rocky-release": "Rocky Linux",
    "almalinux-release": "AlmaLinux",
    "fedora-release": "Fedora",
    "amazon-linux-release": "Amazon Linux",
}
_ASSIGNMENT: Final = re.compile(r"\s*([A-Z][A-Z0-9_]*)=(.*)", re.ASCII)
_ESCAPED: Final = re.compile(r"""\\([\\$"`'])""")


@dataclass(frozen=True, slots=True)
class Identity:
    """What os-release says."""

    path: str
    id: str
    id_like: tuple[str, ...] = ()
    version: str = ""
    name: str = ""
    cpe: str = ""
    variant: str = ""
    platform: str = ""
    rhel_version: str = ""
    """CoreOS only, where the version is OpenShift's."""
    openshift_version: str = ""

    @property
    def system(self) -> str:
        """Which system that is; empty for an id that is not known."""
        known = self.id.lower()
        if known == "rhel" and (self.variant == "coreos" or self.openshift_version):
            return COREOS
        return SYSTEMS.get(known, "")


class ReleaseFile(NamedTuple):
    """A file `/etc/*-release`."""

    path: str
    excerpt: str
    system: str = ""
    """What its first line says; empty where that is nothing known."""
    version: str = ""


def read_identity(sources: Sources) -> Identity | None:
    """What the first os-release with an id says."""
    for path in PATHS:
        content = sources.read(path, limit=LONGEST_FILE)
        identity = parse(path, content) if content is not None else None
        if identity is not None:
            return identity
    return None


def parse(path: str, content: bytes) -> Identity | None:
    """The identity in an os-release file; None without an id."""
    values = _assignments(content)
    if not values.get("ID"):
        return None
    return Identity(
        path=path,
        id=values["ID"],
        id_like=tuple(values.get("ID_LIKE", "").split()),
        version=values.get("VERSION_ID", ""),
        name=values.get("NAME", ""),
        cpe=values.get("CPE_NAME", ""),
        variant=values.get("VARIANT_ID", ""),
        platform=values.get("PLATFORM_ID", ""),
        rhel_version=values.get("RHEL_VERSION", ""),
        openshift_version=values.get("OPENSHIFT_VERSION", ""),
    )


def read_release_files(sources: Sources) -> tuple[ReleaseFile, ...]:
    """Every release file, os-release among them."""
    names = [name for name in sources.names("/etc") if name.endswith("-release")][:_MOST_FILES]
    contents = [(name, sources.read(f"/etc/{name}", limit=LONGEST_FILE)) for name in names]
    return tuple(parse_release_file(name, content) for name, content in contents if content is not None)


def parse_release_file(name: str, content: bytes) -> ReleaseFile:
    """What a release file of this name in /etc says."""
    text = content.decode("utf-8", "replace")
    path, excerpt = f"/etc/{name}", text[:_EXCERPT]
    if name == "os-release":
        identity = parse(path, content)
        return ReleaseFile(path, excerpt, identity.system if identity else "", identity.version if identity else "")
    line = text.lstrip().partition("\n")[0]
    if name in _OTHER_NAMES:
        return ReleaseFile(path, excerpt, _OTHER_NAMES[name])
    said = _RHEL_LINE.match(line)
    if said:
        return ReleaseFile(path, excerpt, COREOS if said["variant"] == " CoreOS" else RHEL, said["version"])
    return ReleaseFile(path, excerpt, next((system for begin, system in _OTHER_LINES if line.startswith(begin)), ""))


def _assignments(content: bytes) -> dict[str, str]:
    """What a shell would assign, as far as os-release(5) allows; of several to one name the last."""
    values: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        assignment = _ASSIGNMENT.fullmatch(line)
        if assignment:
            values[assignment[1]] = _unquoted(assignment[2].strip())[:_LONGEST_VALUE]
    return values


def _unquoted(value: str) -> str:
    for quote in "\"'":
        if value.startswith(quote):
            end = _closing(value, quote)
            inner = value[1:end]
            return _ESCAPED.sub(r"\1", inner) if quote == '"' else inner
    return _ESCAPED.sub(r"\1", value.partition(" ")[0])


def _closing(value: str, quote: str) -> int:
    """Where the quoted part ends; at the end of the line without a closing quote."""
    place = 1
    while place < len(value):
        if value[place] == "\\" and quote == '"':
            place += 2
        elif value[place] == quote:
            return place
        else:
            place += 1
    return len(value)
