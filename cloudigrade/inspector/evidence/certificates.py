"""Product certificates: which of Red Hat's products a system says are installed, by content and never by file name."""

from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from cloudigrade.inspector.evidence.product_ids import PRODUCTS, Kind, Product
from cloudigrade.inspector.evidence.sources import Sources

DIRECTORIES: Final = ("/etc/pki/product", "/etc/pki/product-default")
LONGEST_FILE: Final = 64 * 1024
_MOST_FILES: Final = 200
_MOST_PRODUCTS: Final = 20
_LONGEST_VALUE: Final = 200
_LARGEST_ID: Final = 10**9

# 1.3.6.1.4.1.2312.9.1.<product>.<field>, of Red Hat's own number 2312.
_PRODUCTS_OID: Final = "1.3.6.1.4.1.2312.9.1."
_NAME, _VERSION, _ARCHITECTURE, _TAGS = "1", "2", "3", "4"
_TEXT_TAGS: Final = (0x0C, 0x13, 0x16)  # UTF8String, PrintableString, IA5String
_NO_CERTIFICATE: Final = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class Certificate(NamedTuple):
    """One product of a product certificate."""

    path: str
    product_id: int
    name: str = ""
    version: str = ""
    architecture: str = ""
    tags: tuple[str, ...] = ()
    """What it provides, such as rhel-9 and rhel-9-x86_64."""

    @property
    def product(self) -> Product | None:
        """The product of our table; None for one that is not there."""
        return PRODUCTS.get(self.product_id)

    @property
    def is_rhel(self) -> bool:
        """Whether it makes the system RHEL."""
        return self.product is not None and self.product.kind in (Kind.RHEL, Kind.BETA)


def read(sources: Sources) -> tuple[Certificate, ...]:
    """The products of every certificate in the two places."""
    found: list[Certificate] = []
    for directory in DIRECTORIES:
        names = [name for name in sources.names(directory) if name.endswith(".pem")][:_MOST_FILES]
        for name in names:
            content = sources.read(f"{directory}/{name}", limit=LONGEST_FILE)
            found += parse(f"{directory}/{name}", content) if content else ()
    return tuple(found)


def parse(path: str, content: bytes) -> tuple[Certificate, ...]:
    """The products of a certificate; none in what is none."""
    try:
        certificate = x509.load_pem_x509_certificate(content)
        extensions = [(item.oid.dotted_string, item.value) for item in certificate.extensions]
    except _NO_CERTIFICATE:
        return ()
    products: dict[int, dict[str, str]] = {}
    for oid, value in extensions:
        if oid.startswith(_PRODUCTS_OID) and isinstance(value, x509.UnrecognizedExtension):
            number, _, field = oid.removeprefix(_PRODUCTS_OID).partition(".")
            if number.isdigit() and int(number[:10]) <= _LARGEST_ID and len(products) < _MOST_PRODUCTS:
                products.setdefault(int(number[:10]), {})[field] = _text(value.value)
    return tuple(_certificate(path, number, fields) for number, fields in products.items())


def _certificate(path: str, number: int, fields: dict[str, str]) -> Certificate:
    return Certificate(
        path,
        number,
        fields.get(_NAME, ""),
        fields.get(_VERSION, ""),
        fields.get(_ARCHITECTURE, "").partition(",")[0],
        tuple(tag.strip() for tag in fields.get(_TAGS, "").split(",") if tag.strip()),
    )


def _text(value: bytes) -> str:
    """The text in DER; empty for anything else."""
    if len(value) < 2 or value[0] not in _TEXT_TAGS:  # noqa: PLR2004  # tag and length
        return ""
    start = 2 + (value[1] & 0x7F if value[1] & 0x80 else 0)
    length = int.from_bytes(value[2:start], "big") if value[1] & 0x80 else value[1]
    return value[start : start + length].decode("utf-8", "replace")[:_LONGEST_VALUE]
