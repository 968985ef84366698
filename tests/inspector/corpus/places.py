"""Cases of where the files lie: every filesystem, layout and container, and systems of several volumes."""

from collections.abc import Callable, Iterator
from functools import partial

from cloudigrade.inspector.reading import Window
from tests.inspector.corpus import systems
from tests.inspector.corpus.case import INCONCLUSIVE, NOT_RHEL, PLAIN, RHEL, Case, Workshop
from tests.inspector.corpus.filesystems import MAKERS, UUID, VAR_UUID
from tests.inspector.corpus.layouts import CONTAINERS, LAYOUTS, Disks, gpt, group, linear, mbr
from tests.inspector.corpus.patchwork import damaged, laid
from tests.inspector.corpus.systems import Tree

_RHEL = systems.rhel()
_OLD_RHEL = systems.rhel("7")
_ROCKY = systems.rocky()
_BOTH = {RHEL: _RHEL, NOT_RHEL: _ROCKY}


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _filesystems()
    yield from _layouts()
    yield from _containers()
    yield from _assembled()


def _filesystems() -> Iterator[Case]:
    for kind, maker in MAKERS.items():
        for answer, tree in _BOTH.items():
            expected = INCONCLUSIVE if kind == "btrfs" else answer
            make = partial(_on, tree=tree, kind=kind)
            says = "btrfs" if kind == "btrfs" else ""
            yield Case(f"{kind}: {answer}", expected, make, (maker.tool,), says, is_sample=answer == RHEL)
    for kind in ("ext4", "xfs v5", "xfs v4"):
        for answer, tree in _BOTH.items():
            make = partial(_on, tree=_crowded(tree), kind=kind)
            yield Case(f"{kind}, crowded directories: {answer}", answer, make, (MAKERS[kind].tool,))
    for kind in ("ext3", "xfs v4"):
        yield Case(f"{kind}: RHEL 7", RHEL, partial(_on, tree=_OLD_RHEL, kind=kind), (MAKERS[kind].tool,))


def _on(workshop: Workshop, *, tree: Tree, kind: str) -> Disks:
    return {"/dev/sdf": gpt(workshop.filesystem(tree, kind))}


def _crowded(tree: Tree) -> Tree:
    """The same with many files in the directories that matter."""
    extra: Tree = {f"etc/file-with-a-long-name-{number:04}": b"x" for number in range(900)}
    extra |= {f"etc/yum.repos.d/other-{number:03}.repo.disabled": b"x" for number in range(300)}
    return {**tree, **extra}


def _layouts() -> Iterator[Case]:
    for name, layout in LAYOUTS.items():
        for kind in (PLAIN, "ext4", "xfs v5"):
            for answer, tree in _BOTH.items():
                tools = () if kind == PLAIN else (MAKERS[kind].tool,)
                yield Case(
                    f"{name}, {kind}: {answer}", answer, partial(_in, layout=layout, tree=tree, kind=kind), tools
                )


def _in(workshop: Workshop, *, layout: Callable[..., Disks], tree: Tree, kind: str) -> Disks:
    return layout(workshop.filesystem(tree, kind))


def _containers() -> Iterator[Case]:
    for kind in CONTAINERS:
        for answer, tree in _BOTH.items():
            make = partial(_contained, kind=kind, tree=tree)
            yield Case(f"{kind}: {answer}", answer, make, ("qemu-img",), is_sample=answer == NOT_RHEL)
    for name, change in {
        "with a backing file": (8, b"\0\0\0\0\0\1\0\0\0\0\0\4"),
        "encrypted": (32, b"\0\0\0\2"),
    }.items():
        yield Case(f"qcow2 {name}", INCONCLUSIVE, partial(_changed, change=change), ("qemu-img",), "disk.img")
    yield Case("qcow2 that ends early", INCONCLUSIVE, _cut, ("qemu-img",), "disk.img")
    yield Case("qcow2, xfs on LVM: rhel", RHEL, _contained_lvm, ("qemu-img", "mkfs.xfs"))


def _contained(workshop: Workshop, *, kind: str, tree: Tree) -> Disks:
    return {"disk.img": workshop.contained(gpt(workshop.filesystem(tree)), kind)}


def _changed(workshop: Workshop, *, change: tuple[int, bytes]) -> Disks:
    return {"disk.img": damaged(workshop.contained(gpt(workshop.filesystem(_RHEL)), "qcow2"), change)}


def _cut(workshop: Workshop) -> Disks:
    return {"disk.img": Window(workshop.contained(gpt(workshop.filesystem(_RHEL)), "qcow2"), 0, 200_000)}


def _contained_lvm(workshop: Workshop) -> Disks:
    root = workshop.filesystem(_RHEL, "xfs v5")
    return {"disk.img": workshop.contained(gpt(*group("rhel", [20], [linear("root", root)])), "qcow2")}


# Nothing on the root tells of RHEL; the packages on the other volume do.
_BARE = systems.skeleton()
_PACKAGES: Tree = {
    path.removeprefix("var/"): content for path, content in systems.rpm_sqlite(systems.signed_by_red_hat()).items()
}
_ROCKY_ROOT: Tree = {path: content for path, content in _ROCKY.items() if not path.startswith("var/")}
_ROCKY_VAR: Tree = {path.removeprefix("var/"): content for path, content in _ROCKY.items() if path.startswith("var/")}


def _mounting(root: Tree, line: str) -> Tree:
    return {**root, "etc/fstab": f"UUID={UUID} / xfs defaults 0 0\n{line}\n".encode()}


def _assembled() -> Iterator[Case]:
    """Systems whose own fstab says what belongs together."""
    partitions = {
        "UUID": f"UUID={VAR_UUID} /var ext4 defaults 0 0",
        "UUID in capitals and quotes": f'UUID="{VAR_UUID.upper()}" /var/ ext4 defaults 0 0',
        "LABEL": "LABEL=var /var ext4 defaults 0 0",
        "by-uuid": f"/dev/disk/by-uuid/{VAR_UUID} /var ext4 defaults 0 0",
        "PARTUUID": "PARTUUID=00000000-0000-0000-0000-0000face0001 /var ext4 defaults 0 0",
        "PARTLABEL": "PARTLABEL=part1 /var ext4 defaults 0 0",
        "another name of the disk": "/dev/xvda2 /var ext4 defaults 0 0",
    }
    for name, line in partitions.items():
        yield Case(f"/var by {name}: rhel", RHEL, partial(_two, root=_mounting(_BARE, line), var=_PACKAGES))
        yield Case(
            f"/var by {name}: not_rhel", NOT_RHEL, partial(_two, root=_mounting(_ROCKY_ROOT, line), var=_ROCKY_VAR)
        )
    logical = {"/dev/group/name": "/dev/rhel/var", "/dev/mapper": "/dev/mapper/rhel-var"}
    for name, device in logical.items():
        root = _mounting(_BARE, f"{device} /var xfs defaults 0 0")
        yield Case(f"/var by {name}: rhel", RHEL, partial(_two_logical, root=root, var=_PACKAGES))
    by_label = "LABEL=var /var ext4 defaults 0 0"
    yield Case("/var on another disk: rhel", RHEL, partial(_two_disks, root=_mounting(_BARE, by_label), var=_PACKAGES))
    yield from _missing(by_label)
    yield from _finer()
    usr: Tree = {"lib/os-release": systems.rhel_os_release().encode()}
    root = _mounting(
        {path: content for path, content in _BARE.items() if not path.startswith("usr/")},
        f"UUID={VAR_UUID} /usr xfs ro 0 0",
    )
    yield Case("/usr of its own: rhel", RHEL, partial(_two, root=root, var=usr))


def _missing(line: str) -> Iterator[Case]:
    says = "/var"
    yield Case(
        "/var that is missing: rhel without its packages",
        RHEL,
        partial(_alone, tree=_mounting({**_BARE, **systems.rhel_release()}, line)),
    )
    yield Case(
        "/var that is missing: Rocky", INCONCLUSIVE, partial(_alone, tree=_mounting(_ROCKY_ROOT, line)), says=says
    )
    yield Case(
        "a data volume that is missing: Rocky",
        NOT_RHEL,
        partial(_alone, tree=_mounting(_ROCKY, "LABEL=data /srv/data xfs defaults 0 0")),
    )
    yield Case(
        "network and memory below /var: Rocky",
        NOT_RHEL,
        partial(_alone, tree=_mounting(_ROCKY, "tmpfs /var/tmp tmpfs size=1g 0 0\nnas:/x /var/www nfs defaults 0 0")),
    )


def _finer() -> Iterator[Case]:
    """Mounts below /var, and directories that are shown twice."""
    line = "LABEL=var /var/lib/rpm xfs defaults,nofail 0 0"
    rpm: Tree = {path.removeprefix("lib/rpm/"): content for path, content in _PACKAGES.items()}
    rocky_rpm: Tree = {path.removeprefix("lib/rpm/"): each for path, each in _ROCKY_VAR.items() if "lib/rpm" in path}
    point: Tree = {"var/lib/rpm/.covered": b""}  # what is mounted on must be there
    root = _mounting({**_BARE, **point}, line)
    yield Case("/var/lib/rpm of its own: rhel", RHEL, partial(_two, root=root, var=rpm))
    yield Case(
        "/var/lib/rpm of its own: Rocky", NOT_RHEL, partial(_two, root=_mounting(_ROCKY_ROOT, line), var=rocky_rpm)
    )
    yield Case("/var/lib/rpm that is missing: Rocky", INCONCLUSIVE, partial(_alone, tree=_mounting(_ROCKY_ROOT, line)))
    bound: Tree = {f"srv/{path}": content for path, content in _PACKAGES.items()}
    root = _mounting({**_BARE, **point, **bound}, "/srv/lib/rpm /var/lib/rpm none bind 0 0")
    yield Case("/var/lib/rpm shown from /srv: rhel", RHEL, partial(_alone, tree=root))
    yield Case("a disk of 10 TiB, root at its end: rhel", RHEL, partial(_large, tree=_RHEL))
    yield Case("a disk of 10 TiB, root at its end: Rocky", NOT_RHEL, partial(_large, tree=_ROCKY))
    for kind in ("ext2", "ext3"):
        for answer, tree in _BOTH.items():
            make = partial(_unclean, tree=tree, kind=kind)
            yield Case(f"{kind} of a running machine: {answer}", answer, make, (MAKERS[kind].tool,))


def _large(workshop: Workshop, *, tree: Tree) -> Disks:
    return {"/dev/sdf": gpt(laid(10 << 40, []), workshop.filesystem(tree))}


def _unclean(workshop: Workshop, *, tree: Tree, kind: str) -> Disks:
    """A snapshot taken while it was mounted: not marked clean, and a journal to be replayed where there is one."""
    made = workshop.filesystem(tree, kind)
    needs_recovery = 0x4 if kind == "ext3" else 0
    features = int.from_bytes(made.read(1024 + 0x60, 4), "little") | needs_recovery
    return {"/dev/sdf": gpt(damaged(made, (1024 + 0x3A, b"\0\0"), (1024 + 0x60, features.to_bytes(4, "little"))))}


def _alone(workshop: Workshop, *, tree: Tree) -> Disks:
    return {"/dev/sdf": mbr(workshop.filesystem(tree))}


def _two(workshop: Workshop, *, root: Tree, var: Tree) -> Disks:
    return {"/dev/sdf": gpt(workshop.filesystem(root), workshop.filesystem(var, uuid=VAR_UUID, label="var"))}


def _two_disks(workshop: Workshop, *, root: Tree, var: Tree) -> Disks:
    return {
        "/dev/sdf": gpt(workshop.filesystem(root)),
        "/dev/sdg": workshop.filesystem(var, uuid=VAR_UUID, label="var"),
    }


def _two_logical(workshop: Workshop, *, root: Tree, var: Tree) -> Disks:
    volumes = [
        linear("root", workshop.filesystem(root), (0, 0, 2)),
        linear("var", workshop.filesystem(var, uuid=VAR_UUID, label="var"), (0, 2, 2)),
    ]
    return {"/dev/sdf": gpt(*group("rhel", [8], volumes))}
