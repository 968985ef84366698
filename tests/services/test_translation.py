"""Customers known by account number alone get their org id, in chunks; contradictions are left to people."""

import pytest

from cloudigrade.models import Customer
from cloudigrade.redhat.translator import Translator, TranslatorUnavailable
from cloudigrade.services import translation
from cloudigrade.services.translation import Translated
from tests.builders import AS_OF
from tests.fakes.translator import running

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]


@pytest.fixture
def fake():
    with running({}) as made:
        yield made


@pytest.fixture
def translate(fake):
    service = Translator(fake.url, timeout=2, sleep=lambda _: None)
    yield lambda: translation.translate_all(service)
    service.close()


def add(account_number, org_id=None):
    return Customer.objects.create(account_number=account_number, org_id=org_id, created_at=AS_OF).pk


def org_ids():
    return dict(Customer.objects.order_by("pk").values_list("account_number", "org_id"))


def test_those_without_an_org_id_are_asked_about_and_no_others(translate, fake):
    fake.org_ids = {"1": "11", "2": "12", "3": "99"}
    add("1"), add("2"), add("3", "13"), add("4"), add(None, "14")

    assert translate() == Translated(named=2, unknown=1)

    assert [numbers for _, numbers, _ in fake.asked] == [["1", "2", "4"]]
    assert org_ids() == {"1": "11", "2": "12", "3": "13", "4": None, None: "14"}


def test_contradictions_are_counted_and_nobody_is_merged(translate, fake):
    fake.org_ids = {"1": "13", "2": "12", "3": "12"}
    add("1"), add("2"), add("3"), add("9", "13")

    assert translate() == Translated(contradictions=3)
    assert org_ids() == {"1": None, "2": None, "3": None, "9": "13"}


@pytest.mark.parametrize("org_id", ["x" * 151, "1\n1", "1\x001"])
def test_an_org_id_that_is_none_is_as_good_as_unknown(translate, fake, org_id):
    fake.org_ids = {"1": org_id}
    add("1")

    assert translate() == Translated(unknown=1)


def test_many_are_asked_about_in_chunks_of_which_each_is_kept(translate, fake):
    numbers = [str(number) for number in range(1, 1202)]
    fake.org_ids = {number: f"org-{number}" for number in numbers}
    Customer.objects.bulk_create(Customer(account_number=number, created_at=AS_OF) for number in numbers)
    fake.answers = []

    assert translate() == Translated(named=1201)
    assert [len(asked) for _, asked, _ in fake.asked] == [500, 500, 201]


def test_what_was_stored_before_an_outage_stays(translate, fake, monkeypatch):
    monkeypatch.setattr(translation, "CHUNK", 1)
    fake.org_ids = {"1": "11", "2": "12"}
    add("1"), add("2")
    fake.answers = [(200, b'{"1": "11"}'), (500, b""), (500, b""), (500, b"")]

    with pytest.raises(TranslatorUnavailable):
        translate()

    assert org_ids() == {"1": "11", "2": None}
    assert translate() == Translated(named=1)
