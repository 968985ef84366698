"""Tags by which things are ours: what is written is read again, and nobody else's tags ever count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.clouds.aws import ownership
from cloudigrade.clouds.aws.ownership import Mark
from cloudigrade.clouds.aws.remains import YOUNG, Remain

NUMBERS = st.integers(0, 10**15)
MARK = Mark(7, 2, 1000, "snap-1")


@given(st.builds(Mark, NUMBERS, NUMBERS, NUMBERS, st.text(st.characters(codec="ascii"), max_size=20)))
def test_what_is_written_is_read_again(mark):
    assert ownership.read("prod", ownership.tags("prod", mark)) == mark


@given(st.lists(st.dictionaries(st.sampled_from(["Key", "Value"]), st.text(max_size=30)), max_size=6))
def test_tags_of_others_are_never_ours(listed):
    assert ownership.read("prod", listed) is None


@pytest.mark.parametrize("left_out", [ownership.OWNER, ownership.INSPECTION])
def test_without_owner_or_inspection_it_is_not_ours(left_out):
    tags = [tag for tag in ownership.tags("prod", MARK) if tag["Key"] != left_out]

    assert ownership.read("prod", tags) is None


def test_another_installation_is_somebody_else():
    assert ownership.read("stage", ownership.tags("prod", MARK)) is None


@pytest.mark.parametrize("deadline", ["", "never", "-1", "1" * 30, "٣"])
def test_a_deadline_that_cannot_be_read_is_over(deadline):
    tags = [
        tag | {"Value": deadline} if tag["Key"] == ownership.DEADLINE else tag for tag in ownership.tags("prod", MARK)
    ]

    assert ownership.read("prod", tags) == MARK._replace(deadline=0)


@pytest.mark.parametrize(
    ("alive", "now", "is_wanted"),
    [
        ({7}, 4999, True),
        ({7}, 5000, False),
        ({8}, 4999, False),
        ({8}, 100 + YOUNG - 1, True),
        ({8}, 100 + YOUNG, False),
    ],
)
def test_something_is_wanted_until_its_deadline_by_an_inspection_that_lives_or_may_be_too_new_to_be_counted(
    alive, now, is_wanted
):
    remain = Remain("snapshot", "snap-2", MARK._replace(deadline=5000), "completed", born_at=100)

    assert remain.is_wanted(alive, now) == is_wanted


def test_filters_name_the_owner_and_what_is_asked_for():
    assert ownership.filters("prod") == [{"Name": "tag:cloudigrade-owner", "Values": ["prod"]}]
    assert ownership.filters("prod", 7, 2) == [
        {"Name": "tag:cloudigrade-owner", "Values": ["prod"]},
        {"Name": "tag:cloudigrade-inspection", "Values": ["7"]},
        {"Name": "tag:cloudigrade-attempt", "Values": ["2"]},
    ]
