"""Product certificates, by content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.inspector.evidence import certificates
from cloudigrade.inspector.evidence.certificates import Certificate
from cloudigrade.inspector.evidence.product_ids import PRODUCTS, Kind
from cloudigrade.inspector.evidence.sources import Sources
from cloudigrade.inspector.reading import Damaged
from tests.inspector.evidence_files import DictFiles, certificate, certificate_with

SEED = certificate()


def read(files):
    sources = Sources(DictFiles(files))
    return certificates.read(sources), sources.unread


@pytest.mark.parametrize("directory", ["/etc/pki/product", "/etc/pki/product-default"])
@pytest.mark.parametrize("name", ["479.pem", "69.pem", "anything.pem"])
def test_a_certificate_tells_its_product_whatever_it_is_called(directory, name):
    found, unread = read({f"{directory}/{name}": SEED})

    assert found == (
        Certificate(
            f"{directory}/{name}",
            479,
            "Red Hat Enterprise Linux for x86_64",
            "9.4",
            "x86_64",
            ("rhel-9", "rhel-9-x86_64"),
        ),
    )
    assert found[0].is_rhel
    assert unread == ()


@pytest.mark.parametrize("content", [b"", b"\n", b"garbage", SEED[:-200], SEED.replace(b"CERTIFICATE", b"SOMETHING")])
def test_a_file_by_the_name_of_rhels_certificate_is_no_evidence(content):
    assert read({"/etc/pki/product/69.pem": content}) == ((), ())


@pytest.mark.parametrize("product_id", [69, 479, 419, 72, 74, 279, 420, 68, 71, 76, 486, 363])
def test_every_kind_of_rhel_is_rhel(product_id):
    found, _ = read({"/etc/pki/product/x.pem": certificate(product_id)})

    assert [item.is_rhel for item in found] == [True]


@pytest.mark.parametrize(
    ("product_id", "kind"),
    [(70, Kind.ADD_ON), (146, Kind.ADD_ON), (241, Kind.ADD_ON), (290, Kind.OPENSHIFT), (230, Kind.BETA)],
)
def test_other_products_of_the_table_are_known_for_what_they_are(product_id, kind):
    (found,), _ = read({"/etc/pki/product/x.pem": certificate(product_id)})

    assert found.product.kind is kind
    assert found.is_rhel is (kind is Kind.BETA)


def test_an_unknown_number_is_told_and_not_guessed_at():
    (found,), _ = read({"/etc/pki/product/x.pem": certificate(123456, "Red Hat Enterprise Linux for Toasters")})

    assert (found.product_id, found.name) == (123456, "Red Hat Enterprise Linux for Toasters")
    assert found.product is None
    assert not found.is_rhel


def test_one_certificate_may_have_several_products():
    begin = "1.3.6.1.4.1.2312.9.1"
    content = certificate_with([(f"{begin}.69.1", "RHEL"), (f"{begin}.69.2", "7.9"), (f"{begin}.290.1", "OpenShift")])

    found, _ = read({"/etc/pki/product/x.pem": content})

    assert [(item.product_id, item.name, item.version) for item in found] == [
        (69, "RHEL", "7.9"),
        (290, "OpenShift", ""),
    ]


def test_a_certificate_of_others_is_no_product():
    assert read({"/etc/pki/product/69.pem": certificate_with([("1.3.6.1.4.1.99999.9.1.69.1", "RHEL")])}) == ((), ())
    assert read({"/etc/pki/product/69.pem": certificate_with([])}) == ((), ())


def test_files_of_another_kind_are_not_looked_at():
    assert read({"/etc/pki/product/479.txt": SEED, "/etc/pki/tls/479.pem": SEED}) == ((), ())


def test_what_cannot_be_read_is_noted():
    found, unread = read({"/etc/pki/product/1.pem": Damaged("bad block"), "/etc/pki/product/2.pem": SEED})

    assert [item.product_id for item in found] == [479]
    assert unread == (("/etc/pki/product/1.pem", "bad block"),)


def test_the_table_names_every_product():
    assert all(product.name and number > 0 for number, product in PRODUCTS.items())


@given(st.data())
def test_a_mutated_certificate_is_one_or_none(data):
    content = bytearray(SEED)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    found = certificates.parse("x.pem", bytes(content))

    assert all(len(item.name) <= 200 for item in found)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_no_certificate(content):
    assert certificates.parse("x.pem", content) == ()
    begin, end = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----\n"
    assert certificates.parse("x.pem", begin + content + end) == ()


@given(st.binary(max_size=20))
def test_arbitrary_values_are_texts(value):
    assert isinstance(certificates._text(value), str)
