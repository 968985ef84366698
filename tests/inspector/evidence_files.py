"""A system's files from a dictionary, and builders of the files that hold evidence."""

import base64
import datetime as dt
import struct
from collections.abc import Iterable, Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloudigrade.inspector.reading import Content, Exhausted

RELEASE_KEY = "199e2f91fd431d51"
CENTOS_KEY = "05b555b38483c65d"
ORACLE_KEY = "82562ea9ad986da3"
ROCKY_KEY = "702d426d350d275d"
UNKNOWN_KEY = "0123456789abcdef"
_KEY = ec.derive_private_key(1, ec.SECP256R1())
_BINARY, _TEXT, _TEXT_LIST = 7, 6, 8


class DictFiles:
    """Files by path; an exception in place of a content is raised by whatever reads it."""

    def __init__(self, files: Mapping[str, bytes | Exception]) -> None:
        self._files = dict(files)

    def read(self, path: str, *, limit: int) -> bytes | None:
        content = self._files.get(path)
        if isinstance(content, Exception):
            raise content
        if content is not None and len(content) > limit:
            raise Exhausted(f"{path} is longer than {limit} bytes")
        return content

    def names(self, path: str) -> list[str]:
        content = self._files.get(path)
        if isinstance(content, Exception):
            raise content
        begin = path.rstrip("/") + "/"
        return sorted({name.removeprefix(begin).partition("/")[0] for name in self._files if name.startswith(begin)})

    def open(self, path: str) -> Content | None:
        content = self._files.get(path)
        if isinstance(content, Exception):
            raise content
        return None if content is None else Content(content)


def os_release(system_id: str, version: str = "", **more: str) -> bytes:
    values = {"NAME": "Some Linux", "ID": system_id, "VERSION_ID": version, **more}
    return "".join(f'{name}="{value}"\n' for name, value in values.items()).encode()


CENTOS_STREAM_9 = os_release(
    "centos",
    "9",
    ID_LIKE="rhel fedora",
    PLATFORM_ID="platform:el9",
    REDHAT_SUPPORT_PRODUCT="Red Hat Enterprise Linux 9",
)


def certificate(product_id: int = 479, name: str = "", version: str = "9.4", **fields: str) -> bytes:
    """A product certificate with the object identifiers of Red Hat's."""
    values = {1: name or "Red Hat Enterprise Linux for x86_64", 2: version}
    values |= {3: fields.get("architecture", "x86_64"), 4: fields.get("tags", "rhel-9,rhel-9-x86_64")}
    extensions = [(f"1.3.6.1.4.1.2312.9.1.{product_id}.{field}", value) for field, value in values.items()]
    return certificate_with(extensions)


def certificate_with(extensions: Iterable[tuple[str, str]]) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Red Hat Product ID [made up]")])
    issuer = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Red Hat, Inc.")])
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(_KEY.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start.replace(year=2044))
    )
    for oid, value in extensions:
        text = value.encode()
        length = bytes([len(text)]) if len(text) < 128 else b"\x81" + bytes([len(text)])
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b"\x0c" + length + text)
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def repository(label: str = "rhel-9-for-x86_64-baseos-rpms", /, **options: str) -> bytes:
    values = {"name": "A repository", "baseurl": "https://cdn.redhat.com/content/dist/rhel9/9/x86_64/baseos/os"}
    lines = [f"{key} = {value}" for key, value in {**values, **options}.items()]
    return "\n".join([f"[{label}]", *lines, ""]).encode()


def signature(key: str, version: int = 4, kind: int = 16) -> bytes:
    """An OpenPGP signature packet that names its key, and whose value is none."""
    issuer = bytes.fromhex(key)
    if version == 3:
        body = b"\x03\x05\x00" + bytes(4) + issuer + b"\x01\x08" + bytes(8)
        return b"\x88" + bytes([len(body)]) + body
    if kind == 16:
        subpacket = b"\x09\x10" + issuer
    elif version == 4:
        subpacket = b"\x16\x21\x04" + bytes(12) + issuer
    else:
        subpacket = b"\x22\x21" + bytes([version]) + issuer + bytes(24)
    size = 4 if version == 6 else 2
    counts = b"\x00\x01\x08" if version != 6 else b"\x00\x1e\x0c"
    body = bytes([version]) + counts + (0).to_bytes(size, "big")
    body += len(subpacket).to_bytes(size, "big") + subpacket + bytes(16)
    return b"\xc2" + bytes([len(body)]) + body if len(body) < 192 else b"\xc2\xff" + len(body).to_bytes(4, "big") + body


def rpm_header(name: str, key: str = "", **more: str | bytes | int) -> bytes:
    """A package's header as the database has it; `signature` replaces the one by the key, under `signature_tag`."""
    texts = {
        1000: name,
        1001: str(more.get("version", "1.0")),
        1002: str(more.get("release", "1.el9")),
        1011: str(more.get("vendor", "Red Hat, Inc.")),
        1022: str(more.get("architecture", "x86_64")),
    }
    values: list[tuple[int, int, bytes, int]] = [
        (tag, _TEXT, text.encode() + b"\0", 1) for tag, text in texts.items() if text
    ]
    made = more.get("signature", signature(key) if key else b"")
    if made:
        assert isinstance(made, bytes)
        tag = int(more.get("signature_tag", 268))
        if tag == 278:
            values.append((tag, _TEXT_LIST, base64.b64encode(made) + b"\0", 1))
        else:
            values.append((tag, _BINARY, made, len(made)))
    filler = int(more.get("filler", 0))
    if filler:
        values.append((1117, _BINARY, bytes(range(256)) * (filler // 256 + 1), filler))
    return _header_of(sorted(values))


def _header_of(values: list[tuple[int, int, bytes, int]]) -> bytes:
    index, store = b"", b""
    for tag, kind, content, count in values:
        index += struct.pack(">4I", tag, kind, len(store), count)
        store += content
    return struct.pack(">II", len(values), len(store)) + index + store


def packages(count: int, key: str, prefix: str = "package", **more: str | bytes | int) -> list[bytes]:
    return [rpm_header(f"{prefix}{number}", key, **more) for number in range(count)]
