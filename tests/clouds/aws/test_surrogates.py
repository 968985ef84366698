"""Halves of surrogate pairs: one of them in one text costs nothing else."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.clouds.aws import descriptions, surrogates
from cloudigrade.clouds.aws.cloudtrail import parse
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.clouds.protocol import ImageDescription
from tests.clouds.aws.records import log, record, run_instances

HALVES = st.integers(0xD800, 0xDFFF).map(chr)
TEXTS = st.lists(st.one_of(HALVES, st.sampled_from(["\\", '"', "u", "d83d", "\U0001f600", "a"]))).map("".join)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\uD83D"', rb'"\ufffd"'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
    ],
)
def test_only_halves_are_replaced(told, kept):
    assert surrogates.replaced(told) == kept


@given(TEXTS)
def test_whatever_the_text_it_can_be_decoded_and_only_halves_differ(text):
    told = json.dumps([text]).encode()
    # a decoder takes two halves in a row for one letter, however they came together
    meant = json.loads(told)[0]

    kept = msgspec.json.decode(surrogates.replaced(told))

    assert kept == ["".join("\ufffd" if 0xD800 <= ord(letter) <= 0xDFFF else letter for letter in meant)]


def test_one_in_a_record_costs_neither_the_file_nor_the_record():
    found = parse(log(record("GetObject", userAgent="\ud83d"), run_instances(sourceIPAddress="\ude00")))

    assert found.records_read == 2
    assert [candidate.record.event_name for candidate in found.candidates] == ["RunInstances"]
    assert json.loads(found.raw(found.candidates[0]))["sourceIPAddress"] == "\ufffd"


def test_one_in_a_description_costs_nothing_else():
    content = json.dumps({"Images": [{"ImageId": "ami-1", "Description": "\ud83d"}]}).encode()

    [document] = descriptions.documents(content)

    assert [*descriptions.parse(document, Document.IMAGES, source="x")] == [ImageDescription("", "ami-1")]
