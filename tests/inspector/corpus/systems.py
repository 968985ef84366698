"""What systems have in files: pieces of evidence, whole distributions, and the skeleton that every system has."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tests.inspector.corpus import certificates, packages
from tests.inspector.corpus.packages import Package


class Link(NamedTuple):
    """A symbolic link."""

    target: str


Tree = dict[str, bytes | Link]
"""Files and links by path without the first slash; directories are as needed."""

RHEL_REPOSITORY = (
    "[rhel-9-baseos-rhui-rpms]\nname=Red Hat Enterprise Linux 9 for x86_64 - BaseOS from RHUI (RPMs)\n"
    "mirrorlist=https://rhui.REGION.aws.ce.redhat.com/pulp/mirror/content/dist/rhel9/rhui/$releasever/x86_64/baseos/os\n"
    "enabled=1\ngpgcheck=1\n"
)
RHEL_VERSIONS = {"6": "6.10", "7": "7.9", "8": "8.10", "9": "9.4", "10": "10.0"}
FSTAB = b"# a comment\n/dev/disk/by-label/root / auto defaults 0 0\n"


def skeleton() -> Tree:
    """What every Linux system has, and nothing that tells which."""
    return {
        "etc/passwd": b"root:x:0:0:root:/root:/bin/bash\n",
        "etc/hostname": b"inside-the-image\n",
        "etc/fstab": FSTAB,
        "bin": Link("usr/bin"),
        "sbin": Link("usr/sbin"),
        "lib": Link("usr/lib"),
        "usr/bin/bash": b"\x7fELF",
        "usr/sbin/init": Link("../lib/systemd/systemd"),
        "usr/lib/systemd/systemd": b"\x7fELF",
        "var/log/messages": b"",
        "boot/vmlinuz-5.14.0": b"MZ",
    }


def os_release(text: str, *, is_linked: bool = True) -> Tree:
    """The file where systemd looks for it."""
    if not is_linked:
        return {"usr/lib/os-release": text.encode()}
    return {"usr/lib/os-release": text.encode(), "etc/os-release": Link("../usr/lib/os-release")}


def rhel_os_release(major: str = "9") -> str:
    """Red Hat's own, of that major version."""
    version = RHEL_VERSIONS[major]
    return (
        f'NAME="Red Hat Enterprise Linux"\nVERSION="{version}"\nID="rhel"\nID_LIKE="fedora"\nVERSION_ID="{version}"\n'
        f'PRETTY_NAME="Red Hat Enterprise Linux {version}"\nCPE_NAME="cpe:/o:redhat:enterprise_linux:{major}::baseos"\n'
    )


def rhel_release(major: str = "9") -> Tree:
    """Release files; up to RHEL 6 there is no os-release."""
    files: Tree = {
        "etc/redhat-release": f"Red Hat Enterprise Linux release {RHEL_VERSIONS[major]} (Name)\n".encode(),
        "etc/system-release": Link("redhat-release"),
    }
    return files if major == "6" else files | os_release(rhel_os_release(major))


def certificate(number: int = 479, name: str = "Red Hat Enterprise Linux for x86_64", *, folder: str = "") -> Tree:
    """A product certificate."""
    return {f"etc/pki/{folder or 'product-default'}/{number}.pem": certificates.product(number, name)}


def repository(text: str = RHEL_REPOSITORY, *, file: str = "redhat-rhui.repo") -> Tree:
    """A file of repositories."""
    return {f"etc/yum.repos.d/{file}": text.encode()}


def rpm_sqlite(installed: Sequence[Package], *, folder: str = "var/lib/rpm") -> Tree:
    """The database of RHEL 9 on."""
    return {f"{folder}/rpmdb.sqlite": packages.sqlite(installed)}


def rpm_berkeley(installed: Sequence[Package], *, folder: str = "var/lib/rpm") -> Tree:
    """The database of RHEL up to 8."""
    return {f"{folder}/Packages": packages.berkeley(installed)}


def rpm_ndb(installed: Sequence[Package], *, folder: str = "usr/lib/sysimage/rpm") -> Tree:
    """The database of SUSE."""
    return {f"{folder}/Packages.db": packages.ndb(installed)}


def signed_by_red_hat(count: int = 40) -> list[Package]:
    """Packages of RHEL, without the one that names it."""
    return packages.red_hat(count)


def evidence(*kinds: str) -> Tree:
    """The evidence of RHEL 9 of these kinds: release, certificate, repository, packages."""
    makers: dict[str, Callable[[], Tree]] = {
        "release": rhel_release,
        "certificate": certificate,
        "repository": repository,
        "packages": lambda: rpm_sqlite(signed_by_red_hat()),
    }
    tree = skeleton()
    for kind in kinds:
        tree |= makers[kind]()
    return tree


KINDS = ("release", "certificate", "repository", "packages")


def rhel(major: str = "9") -> Tree:
    """A whole RHEL."""
    installed = packages.red_hat(60, release="redhat-release")
    if major in {"6", "7"}:
        name = "redhat-release-server"
        installed = [
            *(each._replace(old_signature=True) for each in packages.red_hat(60)),
            Package(name, packages.RED_HAT),
        ]
    database = rpm_berkeley(installed) if major in {"6", "7", "8"} else rpm_sqlite(installed)
    number = {"6": 69, "7": 69}.get(major, 479)
    return skeleton() | rhel_release(major) | certificate(number) | repository() | database


def foreign(
    name: str,
    text: str,
    *,
    release: Mapping[str, str] | None = None,
    signer: int = 0,
    package: str = "",
    vendor: str = "",
    repositories: str = "",
    is_berkeley: bool = False,
) -> Tree:
    """A system that is not RHEL."""
    tree = skeleton() | os_release(text)
    tree |= {f"etc/{file}": content.encode() for file, content in (release or {}).items()}
    if signer:
        installed = [Package(f"{name}-{number}", signer, vendor=vendor) for number in range(60)]
        installed.append(Package(package, signer, vendor=vendor))
        tree |= rpm_berkeley(installed) if is_berkeley else rpm_sqlite(installed)
    if repositories:
        tree |= repository(repositories, file=f"{name}.repo")
    return tree


def _stream(major: str, *, is_berkeley: bool) -> Tree:
    text = (
        f'NAME="CentOS Stream"\nVERSION="{major}"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="{major}"\n'
        f'PRETTY_NAME="CentOS Stream {major}"\nREDHAT_SUPPORT_PRODUCT="Red Hat Enterprise Linux {major}"\n'
        'REDHAT_SUPPORT_PRODUCT_VERSION="CentOS Stream"\nBUG_REPORT_URL="https://issues.redhat.com/"\n'
    )
    return foreign(
        "centos",
        text,
        release={
            "redhat-release": f"CentOS Stream release {major}\n",
            "centos-release": f"CentOS Stream release {major}\n",
        },
        signer=packages.CENTOS,
        package="centos-stream-release",
        vendor="CentOS",
        repositories="[baseos]\nname=CentOS Stream $releasever - BaseOS\nmetalink=https://mirrors.centos.org/metalink\n",
        is_berkeley=is_berkeley,
    )


def _oracle() -> Tree:
    text = 'NAME="Oracle Linux Server"\nVERSION="8.8"\nID="ol"\nID_LIKE="fedora"\nVERSION_ID="8.8"\n'
    return foreign(
        "oracle",
        text,
        release={
            "redhat-release": "Red Hat Enterprise Linux release 8.8 (Ootpa)\n",
            "oracle-release": "Oracle Linux Server release 8.8\n",
        },
        signer=packages.ORACLE,
        package="oraclelinux-release",
        vendor="Oracle America",
        repositories="[ol8_baseos_latest]\nname=Oracle Linux 8 BaseOS\nbaseurl=https://yum.oracle.com/repo/OracleLinux/OL8\n",
        is_berkeley=True,
    )


def rocky(*, extra: Tree | None = None) -> Tree:
    """Rocky Linux with a repository of another company, made for RHEL and its likes."""
    tree = foreign(
        "rocky",
        'NAME="Rocky Linux"\nVERSION="9.4"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n'
        'REDHAT_SUPPORT_PRODUCT="Rocky Linux"\n',
        release={
            "redhat-release": "Rocky Linux release 9.4 (Blue Onyx)\n",
            "rocky-release": "Rocky Linux release 9.4\n",
        },
        signer=packages.ROCKY,
        package="rocky-release",
        vendor="Rocky Enterprise Software Foundation",
        repositories="[acme]\nname=Acme Tools for RHEL/Rocky 9\nbaseurl=https://rpm.acme.example/el9\nenabled=1\n",
    )
    return tree | (extra or {})


def _plain(identifier: str, name: str, version: str) -> Tree:
    return skeleton() | os_release(f'NAME="{name}"\nID={identifier}\nVERSION_ID="{version}"\n')


def _debian_like(identifier: str, name: str, version: str) -> Tree:
    return _plain(identifier, name, version) | {
        "etc/debian_version": b"12.5\n",
        "var/lib/dpkg/status": b"Package: rpm\nStatus: install ok installed\n",
    }


def _suse() -> Tree:
    installed = [Package(f"suse-{number}", 0xF74F09BC3FA1D6CE, vendor="SUSE LLC") for number in range(30)]
    return _plain("sles", "SLES", "15.5") | rpm_ndb([*installed, Package("sles-release", 0xF74F09BC3FA1D6CE)])


FOREIGN: dict[str, Tree] = {
    "CentOS Stream 8": _stream("8", is_berkeley=True),
    "CentOS Stream 9": _stream("9", is_berkeley=False),
    "CentOS 7": foreign(
        "centos7",
        'NAME="CentOS Linux"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\nREDHAT_SUPPORT_PRODUCT="centos"\n',
        release={"redhat-release": "CentOS Linux release 7.9.2009 (Core)\n"},
        signer=0x24C6A8A7F4A80EB5,
        package="centos-release",
        vendor="CentOS",
        is_berkeley=True,
    ),
    "Oracle Linux 8": _oracle(),
    "Rocky Linux 9": rocky(),
    "AlmaLinux 9": foreign(
        "alma",
        'NAME="AlmaLinux"\nID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n',
        release={"redhat-release": "AlmaLinux release 9.4 (Seafoam Ocelot)\n"},
        signer=0xD36CB86CB86B3716,
        package="almalinux-release",
        vendor="AlmaLinux",
    ),
    "Fedora 40": foreign(
        "fedora",
        'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=40\nREDHAT_BUGZILLA_PRODUCT="Fedora"\n'
        'REDHAT_SUPPORT_PRODUCT="Fedora"\n',
        release={"redhat-release": "Fedora release 40 (Forty)\n"},
        signer=0x0727707EA15B79CC,
        package="fedora-release-cloud",
        vendor="Fedora Project",
    ),
    "Amazon Linux 2": foreign(
        "amazon2",
        'NAME="Amazon Linux"\nID="amzn"\nID_LIKE="centos rhel fedora"\nVERSION_ID="2"\n',
        release={"system-release": "Amazon Linux release 2 (Karoo)\n"},
        signer=0x11CF1F95C87F5B1A,
        package="system-release",
        vendor="Amazon Linux",
        is_berkeley=True,
    ),
    "Amazon Linux 2023": foreign(
        "amazon2023",
        'NAME="Amazon Linux"\nID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"\n',
        release={"system-release": "Amazon Linux release 2023\n"},
        signer=0xE951904AD832C631,
        package="system-release",
        vendor="Amazon Linux",
    ),
    "Debian 12": _debian_like("debian", "Debian GNU/Linux", "12"),
    "Ubuntu 22.04": _debian_like("ubuntu", "Ubuntu", "22.04"),
    "SLES 15": _suse(),
    "openSUSE Leap 15.6": _plain("opensuse-leap", "openSUSE Leap", "15.6"),
    "Alpine 3.20": _plain("alpine", "Alpine Linux", "3.20.1"),
    "Arch": skeleton() | os_release("NAME=Arch\nID=arch\n"),
}


def ostree(tree: Tree, *, name: str = "rhcos", serial: int = 0, boot: int = 1, commit: str = "ab12") -> Tree:
    """The tree as an ostree deployment that boots: its files below, its /usr and /etc, and what the loader names."""
    deployment = f"ostree/deploy/{name}/deploy/{commit}.{serial}"
    inside: Tree = {f"{deployment}/{path}": content for path, content in tree.items() if not path.startswith("var/")}
    link = f"ostree/boot.{boot}/{name}/{commit}c0ffee/{serial}"
    up = "/".join([".."] * 3)
    return inside | {
        f"ostree/boot.{boot}": Link(f"boot.{boot}.1"),
        link.replace(f"boot.{boot}", f"boot.{boot}.1"): Link(f"{up}/deploy/{name}/deploy/{commit}.{serial}"),
        "ostree/repo/config": b"[core]\nrepo_version=1\nmode=bare\n",
        f"ostree/deploy/{name}/var/log/messages": b"",
        "boot/loader": Link(f"loader.{boot}"),
        f"boot/loader.{boot}/entries/ostree-{serial + 1}-{name}.conf": (
            f"title {name}\nversion {serial + 1}\noptions root=UUID=1 ostree=/{link}\n".encode()
        ),
    }
