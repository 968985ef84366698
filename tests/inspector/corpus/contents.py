"""Cases of files: each kind of evidence alone and combined, what houndigrade knew and got wrong, other systems."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations

from tests.inspector.corpus import packages, systems
from tests.inspector.corpus.case import INCONCLUSIVE, NOT_RHEL, RHEL, Case, Workshop, plain
from tests.inspector.corpus.layouts import Disks, mbr
from tests.inspector.corpus.packages import Package
from tests.inspector.corpus.systems import Link, Tree

_REPOSITORY = systems.RHEL_REPOSITORY
_THIRD = "[acme]\nname=Acme Tools for RHEL/Rocky 9\nbaseurl=https://rpm.acme.example/el9\nenabled=1\n"


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _kinds()
    yield from _versions()
    yield from _known_answers()
    yield from _defects()
    yield from _databases()
    yield from _doubtful()
    yield from _mixed()
    yield from _writings()
    yield from _others()


def _kinds() -> Iterator[Case]:
    for count in range(1, len(systems.KINDS) + 1):
        for kinds in combinations(systems.KINDS, count):
            yield plain(f"evidence: {' and '.join(kinds)}", RHEL, partial(systems.evidence, *kinds))
    yield plain("evidence: none", INCONCLUSIVE, systems.skeleton, says="nothing on it tells what system it is")


def _versions() -> Iterator[Case]:
    for major, version in systems.RHEL_VERSIONS.items():
        yield plain(
            f"RHEL {major}",
            RHEL,
            partial(systems.rhel, major),
            facts={"rhel_version": version, "verdict.version": version, "verdict.product": "RHEL"},
        )


def _with(*parts: Tree, base: Tree | None = None) -> Tree:
    tree = systems.skeleton() if base is None else dict(base)
    for part in parts:
        tree |= part
    return tree


def _rhel_with(path: str, content: bytes) -> Tree:
    return systems.rhel() | {path: content}


def _repository(text: str) -> Tree:
    return _with(systems.repository(text))


def _installed(make: Callable[..., Tree], folder: str) -> Tree:
    return _with(make(systems.signed_by_red_hat(), folder=folder))


def _signed_with(key: int) -> Tree:
    return _with(systems.rpm_sqlite(packages.red_hat(9, signer=key)))


def _configured(path: str, text: bytes, folder: str) -> Tree:
    return _with({path: text, f"{folder}/rhel.repo": _REPOSITORY.encode()})


def _known_answers() -> Iterator[Case]:
    """The rows of A.7."""
    quoted = b'[main]\nreposdir="/srv/a, b/repos","/srv/repos"\n'
    yield Case("A.7: partitions of RHEL and of Rocky", RHEL, _two_systems, says="is not RHEL; but")
    yield plain(
        "A.7: reposdir of yum.conf", RHEL, lambda: _configured("etc/yum.conf", b"[main]\nreposdir=/srv/r\n", "srv/r")
    )
    yield plain(
        "A.7: reposdir of dnf.conf",
        RHEL,
        lambda: _configured("etc/dnf/dnf.conf", b"[main]\nreposdir=/srv/r\n", "srv/r"),
    )
    yield plain("A.7: reposdir in quotes", RHEL, lambda: _configured("etc/yum.conf", quoted, "srv/repos"))
    disabled = systems.repository(_REPOSITORY.replace("enabled=1", "enabled=0"))
    yield plain("A.7: disabled repository alone", INCONCLUSIVE, lambda: _with(disabled))
    yield plain("A.7: disabled repository on Rocky", NOT_RHEL, lambda: systems.rocky(extra=disabled))
    yield plain(
        "A.7: undecodable yum.conf on RHEL", RHEL, lambda: systems.rhel() | {"etc/yum.conf": b"[main\xff\xfe\nx"}
    )
    yield plain(
        "A.7: undecodable yum.conf on Rocky", NOT_RHEL, lambda: systems.rocky(extra={"etc/yum.conf": b"[main]\n\xff"})
    )
    undecodable: Tree = {"etc/odd-release": b"\xff\xfe\x00Red Hat"}
    yield plain("A.7: undecodable release file on RHEL", RHEL, lambda: systems.rhel() | undecodable)
    yield plain("A.7: undecodable release file on Rocky", NOT_RHEL, lambda: systems.rocky(extra=undecodable))
    yield plain("A.7: no rpm database", RHEL, lambda: _with(systems.rhel_release()))
    yield from _system_purposes()
    yield from _deployments()


def _two_systems(workshop: Workshop) -> Disks:
    return {"/dev/sdf": mbr(workshop.filesystem(systems.rocky()), workshop.filesystem(systems.rhel()))}


def _system_purposes() -> Iterator[Case]:
    place = "etc/rhsm/syspurpose/syspurpose.json"
    for name, content, expected in [
        ("empty", b"", None),
        ("blank", b" \n", None),
        ("malformed", b'{"role": ', None),
        ("too long", b'{"role": "' + b"x" * 1100 + b'"}', None),
        ("object", b'{"role": "RHEL Server", "usage": "Production"}', {"role": "RHEL Server", "usage": "Production"}),
    ]:
        yield plain(
            f"A.7: system purpose {name}",
            RHEL,
            partial(_rhel_with, place, content),
            facts={"syspurpose": expected},
        )


def _deployments() -> Iterator[Case]:
    coreos = systems.skeleton() | systems.os_release(
        'NAME="Red Hat Enterprise Linux CoreOS"\nID="rhcos"\nID_LIKE="rhel fedora"\nVERSION_ID="4.15"\n'
        'RHEL_VERSION="9.2"\nREDHAT_SUPPORT_PRODUCT="OpenShift Container Platform"\n'
    )
    fedora = systems.skeleton() | systems.os_release("NAME=Fedora\nID=fedora\nVERSION_ID=40\nVARIANT_ID=coreos\n")
    share = "usr/share/rpm"
    signed = systems.signed_by_red_hat()
    yield plain("A.7: ostree", RHEL, lambda: systems.ostree(coreos), facts={"verdict.openshift": True})
    yield plain(
        "A.7: ostree with packages only",
        RHEL,
        lambda: systems.ostree(_with(systems.rpm_sqlite(signed, folder=share))),
    )
    yield plain("A.7: ostree of Fedora", NOT_RHEL, lambda: systems.ostree(fedora, name="fedora"))
    yield plain(
        "A.7: ostree that boots RHEL beside Fedora",
        RHEL,
        lambda: _second_deployment(booted=coreos, other=fedora),
    )
    yield plain(
        "A.7: ostree that boots Fedora beside RHEL",
        NOT_RHEL,
        lambda: _second_deployment(booted=fedora, other=coreos),
    )


def _second_deployment(*, booted: Tree, other: Tree) -> Tree:
    """Two deployments, of which the one with the later entry boots."""
    return systems.ostree(other, serial=0, commit="aa00") | systems.ostree(booted, serial=1, commit="bb11")


def _defects() -> Iterator[Case]:
    """The rows of A.8."""
    yield plain("A.8: third-party repository for RHEL/Rocky", NOT_RHEL, systems.rocky)
    empty: Tree = {"etc/pki/product/69.pem": b""}
    yield plain("A.8: empty product certificate alone", INCONCLUSIVE, lambda: _with(empty))
    yield plain("A.8: empty product certificate on Rocky", NOT_RHEL, lambda: systems.rocky(extra=empty))
    arm = systems.certificate(419, "Red Hat Enterprise Linux for ARM 64")
    yield plain("A.8: certificate of RHEL for ARM", RHEL, lambda: _with(arm))
    for name, text in {
        "without enabled": _REPOSITORY.replace("enabled=1\n", ""),
        "enabled=true": _REPOSITORY.replace("enabled=1", "enabled=true"),
        "enabled = yes": _REPOSITORY.replace("enabled=1", "enabled = yes"),
        "a percent sign in its name": _REPOSITORY.replace("BaseOS", "100% BaseOS %(x)s"),
    }.items():
        yield plain(f"A.8: repository {name}", RHEL, partial(_repository, text))
    for value in ("0", "false", "No", "off"):
        text = _REPOSITORY.replace("enabled=1", f"enabled={value}")
        yield plain(f"A.8: repository enabled={value}", INCONCLUSIVE, partial(_repository, text))
    twice = systems.repository(_THIRD + _THIRD, file="a.repo")
    yield plain("A.8: section twice in another file", RHEL, lambda: _with(twice, systems.repository()))
    for name, content in {"no main": b"[other]\nx=1\n", "no header": b"gpgcheck=1\n", "empty": b""}.items():
        files: Tree = {"etc/yum.conf": content}
        yield plain(f"A.8: yum.conf with {name}", RHEL, partial(_with, files, systems.repository()))
    yield plain(
        "A.8: os-release below /usr only",
        RHEL,
        lambda: _with(systems.os_release(systems.rhel_os_release(), is_linked=False)),
    )
    yield from _links()


def _links() -> Iterator[Case]:
    absolute: Tree = {"etc/os-release": Link("/usr/lib/os-release"), "etc/leak-release": Link("/etc/hostname")}
    release = systems.os_release(systems.rhel_os_release(), is_linked=False)
    yield plain("A.8: absolute link to os-release", RHEL, lambda: _with(release, absolute))
    outside: Tree = {"etc/os-release": Link("../../../../../../usr/lib/os-release")}
    yield plain("A.8: link that climbs above the root", RHEL, lambda: _with(release, outside))
    circle: Tree = {"etc/yum.repos.d/a.repo": Link("b.repo"), "etc/yum.repos.d/b.repo": Link("a.repo")}
    yield plain("links in a circle on RHEL", RHEL, lambda: systems.rhel() | circle)
    yield plain("links in a circle on Rocky", INCONCLUSIVE, lambda: systems.rocky(extra=circle))
    dangling: Tree = {"etc/yum.repos.d/a.repo": Link("/nowhere/at/all.repo")}
    yield plain("a link to nothing on Rocky", NOT_RHEL, lambda: systems.rocky(extra=dangling))
    host: Tree = {"etc/os-release": Link("/proc/1/root/etc/os-release")}
    yield plain("a link into /proc", INCONCLUSIVE, lambda: _with(host))


def _databases() -> Iterator[Case]:
    signed = systems.signed_by_red_hat()
    yield plain("A.8: one signed package in sqlite", RHEL, lambda: _with(systems.rpm_sqlite(packages.red_hat(1))))
    for folder in ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"):
        for form, make in {
            "sqlite": systems.rpm_sqlite,
            "Berkeley DB": systems.rpm_berkeley,
            "ndb": systems.rpm_ndb,
        }.items():
            yield plain(
                f"packages: {form} in /{folder}",
                RHEL,
                partial(_installed, make, folder),
            )
    for key in (packages.RED_HAT_AUXILIARY, 0x5326810137017186, 0x45689C882FA658E0, 0x219180CDDB42A60E):
        yield plain(
            f"packages: key {key:016x}",
            RHEL,
            partial(_signed_with, key),
        )
    before, log = packages.write_ahead([Package("filesystem")], signed)
    written: Tree = {"var/lib/rpm/rpmdb.sqlite": before, "var/lib/rpm/rpmdb.sqlite-wal": log}
    yield plain("packages: only in sqlite's log", RHEL, lambda: _with(written))
    many = [Package(f"package-{number}", packages.RED_HAT, old_signature=True) for number in range(700)]
    yield plain("packages: 700 in Berkeley DB", RHEL, lambda: _with(systems.rpm_berkeley(many)))
    moved: Tree = {"var/lib/rpm": Link("../../usr/lib/sysimage/rpm")}
    place = "usr/lib/sysimage/rpm"
    yield plain("packages: moved, with a link", RHEL, lambda: _with(moved, systems.rpm_sqlite(signed, folder=place)))


def _doubtful() -> Iterator[Case]:
    """Systems that are a little of another one."""
    epel = [Package(f"epel-{number}", 0x8A3872BF3228467C, vendor="Fedora Project") for number in range(200)]
    one = Package("openscap", packages.RED_HAT)
    rocky = [Package(f"rocky-{number}", packages.ROCKY) for number in range(60)]
    release = Package("rocky-release", packages.ROCKY)
    yield plain(
        "RHEL with many packages of EPEL", RHEL, lambda: systems.rhel() | systems.rpm_sqlite([*signed(), *epel])
    )
    yield plain(
        "Rocky with one package of Red Hat's",
        NOT_RHEL,
        lambda: systems.rocky(extra=systems.rpm_sqlite([*rocky, release, one])),
    )
    edited = systems.os_release(systems.rhel_os_release())
    yield plain(
        "CentOS that calls itself RHEL in os-release", NOT_RHEL, lambda: systems.FOREIGN["CentOS Stream 9"] | edited
    )
    yield plain(
        "a damaged rpm database on RHEL", RHEL, lambda: systems.rhel() | {"var/lib/rpm/rpmdb.sqlite": b"\x00" * 8192}
    )
    yield plain(
        "a damaged rpm database on Rocky",
        INCONCLUSIVE,
        lambda: systems.rocky(extra={"var/lib/rpm/rpmdb.sqlite": b"no database" * 999}),
        says="rpmdb.sqlite",
    )
    cut = packages.berkeley(systems.signed_by_red_hat())[: 3 * 4096]
    yield plain("a Berkeley DB that ends early, alone", INCONCLUSIVE, lambda: _with({"var/lib/rpm/Packages": cut}))


def _mixed() -> Iterator[Case]:
    """Traces of RHEL on other systems, and of others on RHEL."""
    yield plain(
        "CentOS with RHEL's repositories", NOT_RHEL, lambda: systems.FOREIGN["CentOS Stream 9"] | systems.repository()
    )
    yield plain("Rocky with a certificate of RHEL's", NOT_RHEL, lambda: systems.rocky(extra=systems.certificate()))
    layer = "var/lib/containers/storage/overlay/ab12/diff"
    inside: Tree = {f"{layer}/{path}": content for path, content in systems.rhel().items()}
    yield plain("Ubuntu with a container of RHEL's", NOT_RHEL, lambda: systems.FOREIGN["Ubuntu 22.04"] | inside)
    own = 'NAME="Acme"\nID=acme\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n'
    yield plain(
        "a distribution of one's own, like RHEL", NOT_RHEL, lambda: systems.skeleton() | systems.os_release(own)
    )
    scientific = 'NAME="Scientific Linux"\nID="scientific"\nID_LIKE="rhel centos fedora"\nVERSION_ID="7.9"\n'
    yield plain("Scientific Linux 7", NOT_RHEL, lambda: systems.skeleton() | systems.os_release(scientific))
    converted = [*signed(), *(Package(f"centos-{number}", packages.CENTOS) for number in range(100))]
    yield plain("CentOS converted to RHEL", RHEL, lambda: systems.rhel() | systems.rpm_sqlite(converted))
    beta = packages.red_hat(30, signer=0xFD372689897DA07A)
    yield plain("packages of a beta", RHEL, lambda: _with(systems.rpm_sqlite(beta)))
    old: Tree = {"etc/redhat-release": b"Red Hat Enterprise Linux Server release 5.11 (Tikanga)\n"}
    yield plain("RHEL 5", RHEL, lambda: _with(old), facts={"verdict.version": "5.11"})


def _writings() -> Iterator[Case]:
    """One os-release, written in every way that a shell reads alike."""
    for name, text in {
        "without quotes": "ID=rhel\nVERSION_ID=9.4\n",
        "in single quotes": "ID='rhel'\nVERSION_ID='9.4'\n",
        "with comments and blank lines": '# ID=centos\n\n  \nID="rhel"\nVERSION_ID="9.4"\n',
        "without a last line end": 'VERSION_ID="9.4"\nID="rhel"',
        "said twice": "ID=centos\nID=rhel\nVERSION_ID=9.4\n",
    }.items():
        tree = systems.skeleton() | systems.os_release(text)
        yield plain(f"os-release {name}", RHEL, partial(dict, tree), facts={"verdict.version": "9.4"})
    liked = systems.skeleton() | systems.os_release('ID=centos\nID_LIKE=rhel\nNAME="Red Hat Enterprise Linux"\n')
    yield plain("os-release that is like RHEL", NOT_RHEL, partial(dict, liked))
    long: Tree = {"usr/lib/os-release": b"#" * 3_000_000 + b"\nID=rhel\n"}
    yield plain("os-release of 3 MB", INCONCLUSIVE, lambda: _with(long), says="os-release")
    folder: Tree = {"etc/os-release/x": b"", "usr/lib/os-release": systems.rhel_os_release().encode()}
    yield plain("a directory in place of os-release", RHEL, lambda: _with(folder))


def signed() -> list[Package]:
    """RHEL's own, with the package that names it."""
    return packages.red_hat(60, release="redhat-release")


def _others() -> Iterator[Case]:
    for name, tree in systems.FOREIGN.items():
        label = f"A.8: {name}" if name.startswith(("CentOS Stream", "Oracle")) else f"other: {name}"
        yield plain(label, NOT_RHEL, partial(dict, tree))
