"""An answer keeps its tag exactly as long as it stays the same."""

from datetime import timedelta

import pytest

from tests.api.v3.metered import ASKED, MONDAY, TUESDAY, read
from tests.builders import (
    LARGE,
    custom_image,
    found,
    launch,
    moment,
    red_hat_image,
    retype,
    stop,
    tag,
)


def test_an_unchanged_answer_is_not_made_again(asking, metered, monkeypatch):
    first = asking.get("usage", **ASKED)
    monkeypatch.setattr("cloudigrade.services.breakdown.answer", lambda *_, **__: pytest.fail("it was made again"))
    again = asking.get("usage", **ASKED, headers={"If-None-Match": f'"x", W/{first.headers["ETag"]}'})

    assert first.headers["Cache-Control"] == again.headers["Cache-Control"] == "private, no-cache"
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert "Authorization" in again.headers["Vary"]


def changed(asking, query, change):
    """Whether the answer's tag is another after the change."""
    before = asking.get("usage", **query).headers["ETag"]
    change()
    return asking.get("usage", **query).headers["ETag"] != before


@pytest.mark.parametrize("is_recalculated", [False, True])
@pytest.mark.parametrize(
    "items",
    [
        (launch("i-3", 20, image="ami-rhel"), stop("i-3", 26)),
        (stop("i-1", 7),),
        (tag(20, image="ami-other"),),
        (found("ami-other"),),
        (custom_image("ami-other", architecture="arm64"),),
        (LARGE._replace(vcpu=3),),
        (retype("i-2", 20, "m5.large"),),
    ],
)
def test_the_tag_changes_with_whatever_changes_the_answer(asking, metered, items, is_recalculated):
    def change():
        metered.record(*items)
        metered.recalculate()

    assert changed(asking, ASKED, change)
    assert not changed(asking, ASKED, metered.recalculate)


def test_the_tag_of_today_changes_with_what_happens_today(asking, stored, at):
    at(moment(30))
    stored.record(LARGE, red_hat_image(), launch("i-1", 25))
    stored.recalculate(as_of=moment(30))
    today = {"start": TUESDAY, "end": "2026-03-04"}

    def stopped():
        stored.record(stop("i-1", 27))
        stored.recalculate(as_of=moment(30))

    assert changed(asking, today, stopped)
    assert not changed(asking, today, lambda: at(moment(30) + timedelta(seconds=59)))
    assert changed(asking, today, lambda: at(moment(30) + timedelta(seconds=60)))
    assert not changed(asking, {"start": MONDAY, "end": TUESDAY}, lambda: at(moment(40)))


def test_the_tag_changes_with_completeness_and_is_of_one_question_alone(asking, metered):
    assert changed(asking, ASKED, lambda: read(24.25))
    tags = {asking.get("usage", **ASKED | more).headers["ETag"] for more in ({}, {"rhel": "true"}, {"format": "csv"})}
    assert len(tags) == 3
