"""The tenant translator's answers, good and bad; it is never waited for without end."""

import pytest

from cloudigrade.redhat import translator
from cloudigrade.redhat.config import Section
from cloudigrade.redhat.translator import Translator, TranslatorUnavailable
from tests.fakes.translator import running

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def fake():
    with running({"0042": "11", "0043": 12, "0044": None}) as made:
        yield made


@pytest.fixture
def service(fake):
    made = Translator(fake.url, timeout=2, sleep=lambda _: None)
    yield made
    made.close()


def test_account_numbers_that_it_knows_have_an_org_id(service, fake):
    assert service.org_ids(["0042", "0043", "0044", "0045"]) == {"0042": "11", "0043": "12"}

    ((path, numbers, headers),) = fake.asked
    assert (path, numbers) == ("/internal/orgIds", ["0042", "0043", "0044", "0045"])
    assert headers["content-type"] == "application/json"


def test_what_was_not_asked_for_is_not_believed(service, fake):
    fake.answers = [(200, b'{"0042": "11", "0099": "13"}')]

    assert service.org_ids(["0042"]) == {"0042": "11"}


@pytest.mark.parametrize(
    ("status", "content"),
    [(500, b"{}"), (503, b""), (403, b"{}"), (404, b"{}"), (200, b"<html>"), (200, b"[]"), (200, b'{"0042": ["11"]}')],
)
def test_what_is_not_understood_is_no_answer(service, fake, status, content):
    fake.answers = [(status, content)] * 9

    with pytest.raises(TranslatorUnavailable):
        service.org_ids(["0042"])


def test_o5_an_address_where_nobody_is_fails_fast():
    """O5: nothing bounded how long an answer was waited for."""
    nobody = Translator("http://127.0.0.1:9", timeout=0.2, sleep=lambda _: None)

    with pytest.raises(TranslatorUnavailable, match="cannot be reached"):
        nobody.org_ids(["0042"])


def test_it_is_where_the_settings_say(fake):
    assert translator.connected(Section()) is None

    made = translator.connected(Section(TENANT_TRANSLATOR_HOST="127.0.0.1", TENANT_TRANSLATOR_PORT=fake.port))

    assert made is not None
    assert made.org_ids(["0042"]) == {"0042": "11"}
    made.close()
