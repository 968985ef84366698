import pytest

from cloudigrade.redhat import request_ids
from cloudigrade.redhat.request_ids import LONGEST, RequestIds


@pytest.mark.parametrize("text", ["x", "8f1c0e", "a b", "x" * LONGEST, "~!@#"])
def test_o18_a_callers_id_is_taken(text):
    """O18: inbound ids were ignored."""
    assert request_ids.accepted(text) == text


@pytest.mark.parametrize("text", ["", " ", "x" * (LONGEST + 1), "a\nb", "a\x00", "\u00e9", " a", "a "])
def test_o18_an_id_that_would_spoil_a_log_line_is_not(text):
    """O18: what is taken is fit for log lines and headers."""
    assert request_ids.accepted(text) == ""


def test_the_ids_are_those_of_the_block():
    inner, outer = RequestIds("2", "b"), RequestIds("1", "a")
    assert request_ids.current() == RequestIds()
    with request_ids.bound(outer):
        with request_ids.bound(inner):
            assert request_ids.current() == inner
        assert request_ids.current() == outer
    assert request_ids.current() == RequestIds()


def test_o18_other_services_are_told_the_id_that_all_know():
    """O18: a new id was made, and told to nobody."""
    assert [ids.outgoing for ids in (RequestIds("1", "a"), RequestIds("1"), RequestIds())] == ["a", "1", ""]
