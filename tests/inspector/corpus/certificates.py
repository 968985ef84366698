"""Product certificates as Red Hat issues them, made with a real library."""

from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

_ARC = "1.3.6.1.4.1.2312.9.1"


@cache
def product(number: int, name: str, *, version: str = "9.4", architecture: str = "x86_64") -> bytes:
    """A certificate of the product as PEM."""
    key = Ed25519PrivateKey.generate()
    fields = {1: name, 2: version, 3: architecture, 4: "rhel-9,rhel-9-x86_64"}
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Red Hat Product ID [{number}]")]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Red Hat Entitlement Product Authority")]))
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(datetime(2022, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2042, 1, 1, tzinfo=UTC))
    )
    for field, text in fields.items():
        content = text.encode()
        identifier = x509.ObjectIdentifier(f"{_ARC}.{number}.{field}")
        builder = builder.add_extension(
            x509.UnrecognizedExtension(identifier, bytes([12, len(content)]) + content), critical=False
        )
    return builder.sign(key, None).public_bytes(Encoding.PEM)
