"""What a system's fstab mounts, and which of an image's volumes that is."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from cloudigrade.inspector.volume import Volume

MOST_LINES: Final = 1000
EVIDENCE: Final = ("/etc", "/usr/lib/os-release", "/usr/lib/sysimage/rpm", "/usr/share/rpm", "/var/lib/rpm")
"""Where a system tells what it is: a mount above or below these matters."""
_NOT_OF_DISKS: Final = {
    "9p", "afs", "autofs", "bpf", "ceph", "cgroup", "cgroup2", "cifs", "configfs", "debugfs", "devpts", "devtmpfs",
    "efivarfs", "glusterfs", "hugetlbfs", "lustre", "mqueue", "ncpfs", "nfs", "nfs4", "proc", "ramfs", "securityfs",
    "smb3", "smbfs", "swap", "sysfs", "tmpfs", "tracefs", "virtiofs",
}  # fmt: skip
_ESCAPED: Final = re.compile(rb"\\([0-3][0-7]{2})")
_HEXADECIMAL: Final = re.compile(rb"\\x([0-9a-fA-F]{2})")
_PARTITION: Final = re.compile(r"/dev/(?:(?:sd|hd|vd|xvd)[a-z]+(\d{1,3})|(?:nvme\d+n\d+|mmcblk\d+|loop\d+)p(\d{1,3}))")
_WHOLE_DISK: Final = re.compile(r"/dev/(?:(?:sd|hd|vd|xvd)[a-z]+|nvme\d+n\d+|mmcblk\d+)")
_NUMBER: Final = re.compile(r"p?(\d{1,3})")
_BY: Final = {
    "/dev/disk/by-uuid/": "uuid", "/dev/disk/by-label/": "label",
    "/dev/disk/by-partuuid/": "partuuid", "/dev/disk/by-partlabel/": "partlabel",
}  # fmt: skip
_DEVICE_SLASHES: Final = 2
_FEWEST_FIELDS: Final = 3
_OPTIONS: Final = 3


class Mount(NamedTuple):
    """A line of an fstab."""

    source: str
    point: str
    type: str
    options: frozenset[str]

    @property
    def of_a_volume(self) -> bool:
        """Whether it is mounted when the system starts or when somebody looks, and lies on a disk."""
        waits = "noauto" in self.options and "x-systemd.automount" not in self.options
        elsewhere = self.type in _NOT_OF_DISKS or self.type.startswith("fuse.")
        return self.point.startswith("/") and not elsewhere and not waits

    @property
    def binds(self) -> bool:
        """Whether it shows a directory at a second place."""
        return bool(self.options & {"bind", "rbind"})

    @property
    def shown(self) -> str:
        """The point, or what is known of it, so that nothing of the content is quoted."""
        return next((known for known in EVIDENCE if _within(self.point, known)), self.point if self.matters else "")

    @property
    def matters(self) -> bool:
        """Whether evidence may lie there."""
        return any(_within(known, self.point) or _within(self.point, known) for known in EVIDENCE)


def _within(path: str, directory: str) -> bool:
    return directory in {"/", path} or path.startswith(directory + "/")


def parse(fstab: bytes) -> tuple[Mount, ...]:
    """Its lines, in order; those that are none are left out, as mount does."""
    parsed = (_line(line) for line in fstab.splitlines()[:MOST_LINES])
    return tuple(mount for mount in parsed if mount is not None)


def _line(line: bytes) -> Mount | None:
    fields = [_unescaped(field) for field in line.split()]
    if len(fields) < _FEWEST_FIELDS or fields[0].startswith("#"):
        return None
    options = fields[_OPTIONS] if len(fields) > _OPTIONS else ""
    source, point, kind = fields[:3]
    return Mount(source, _normal(point), kind, frozenset(options.split(",")))


def _unescaped(field: bytes) -> str:
    raw = _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), field)
    return raw.decode("utf-8", "surrogateescape")


def _normal(point: str) -> str:
    if not point.startswith("/"):
        return point
    return "/" + "/".join(name for name in point.split("/") if name not in {"", "."})


def volume(source: str, volumes: Iterable[Volume]) -> Volume | None:
    """The one volume that the source names; None for none, and for a name that fits several."""
    candidates = [volume for volume in volumes if names(source, volume)]
    return candidates[0] if len(candidates) == 1 else None


def certain(source: str) -> bool:
    """Whether the source names one volume wherever the disks are: any but the device of a disk or partition."""
    return bool(_tag(source)[0]) or source.startswith("/dev/mapper/") or source.count("/") > _DEVICE_SLASHES


def names(source: str, volume: Volume) -> bool:
    """Whether the source may be a name of the volume."""
    tag, value = _tag(source)
    match tag:
        case "uuid":
            return bool(value) and volume.uuid.lower() == value.lower()
        case "label":
            return bool(value) and volume.label == value
        case "partuuid":
            return bool(value) and volume.partition_uuid.lower() == value.lower()
        case "partlabel":
            return bool(value) and volume.partition_label == value
        case _:
            return _is_device(source, volume)


def _tag(source: str) -> tuple[str, str]:
    """A kind of name in small letters and the name without its quotes; nothing for the name of a device."""
    for directory, tag in _BY.items():
        if source.startswith(directory):
            name = source.removeprefix(directory).encode("utf-8", "surrogateescape")
            raw = _HEXADECIMAL.sub(lambda found: bytes([int(found[1], 16)]), name)
            return tag, raw.decode("utf-8", "surrogateescape")
    tag, equals, value = source.partition("=")
    if not equals or tag.lower() not in _BY.values():
        return "", ""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return tag.lower(), value


def _is_device(source: str, volume: Volume) -> bool:
    """Disks were called otherwise when the system ran: only the number of a partition can be compared."""
    if volume.name == volume.disk:
        return _WHOLE_DISK.fullmatch(source) is not None
    number = _NUMBER.fullmatch(volume.name.removeprefix(volume.disk))
    if number is None:
        return source in _logical_names(volume.name)
    found = _PARTITION.fullmatch(source)
    return found is not None and int(number[1]) == int(found[1] or found[2])


def _logical_names(name: str) -> tuple[str, ...]:
    """The device mapper joins group and volume by one dash, and doubles those within them."""
    group, _, logical = name.removeprefix("/dev/").partition("/")
    return name, f"/dev/mapper/{group.replace('-', '--')}-{logical.replace('-', '--')}"
