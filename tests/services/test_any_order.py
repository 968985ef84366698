"""The whole store against counting hour by hour: no order, repetition or division of what is told matters."""

import random
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudigrade.clouds.protocol import TagChange, TypeDefinition
from cloudigrade.models import CloudAccount, Customer, Image, InstanceDefinition, Quarantine
from tests.builders import HOUR, Item, custom_image, day, launch, retype, start, stop, tag
from tests.services.stored import Stored

DAYS = 3
HOURS = 24 * DAYS
SIZES = {"m5.large": (2, 8192), "m5.xlarge": (4, 16384)}
IMAGES = ("ami-1", "ami-2")

pytestmark = pytest.mark.django_db


class Life(NamedTuple):
    """What an instance does: it is launched, then stopped and started in turn; its type changes in between."""

    image: str
    first_type: str
    turns: list[int]
    """Hours at which it goes on, off, on, ..."""
    retypes: dict[int, str]
    """Hours from which it has another type."""

    def told(self, name: str) -> list[Item]:
        turns = [start, stop]
        changes: list[Item] = [turns[place % 2](name, hour) for place, hour in enumerate(self.turns)]
        changes[0] = launch(name, self.turns[0], image=self.image, instance_type=self.first_type)
        return [*changes, *(retype(name, hour, to) for hour, to in self.retypes.items() if hour > self.turns[0])]

    def is_on(self, hour: int) -> bool:
        return sum(turn <= hour for turn in self.turns) % 2 == 1

    def type_at(self, hour: int) -> str:
        past = [change for change in self.retypes if self.turns[0] < change <= hour]
        return self.retypes[max(past)] if past else self.first_type


TYPES = st.sampled_from([*SIZES])
HOUR_SETS = st.lists(st.integers(0, HOURS + 5), min_size=1, max_size=7, unique=True).map(sorted)
LIVES = st.lists(
    st.builds(
        Life, st.sampled_from(IMAGES), TYPES, HOUR_SETS, st.dictionaries(st.integers(0, HOURS), TYPES, max_size=2)
    ),
    min_size=1,
    max_size=4,
)
TAGS = st.lists(
    st.builds(
        lambda image, hour, is_present: tag(hour, image=image, is_present=is_present),
        st.sampled_from(IMAGES),
        st.integers(0, HOURS),
        st.booleans(),
    ),
    max_size=4,
    unique_by=lambda change: (change.image, change.occurred_at),
)


def everything_told(lives: list[Life], tags: list[TagChange]) -> list[Item]:
    told: list[Item] = [*tags]
    told += [item for number, life in enumerate(lives) for item in life.told(f"i-{number}")]
    told += [TypeDefinition(name, *size) for name, size in SIZES.items()]
    return [*told, *(custom_image(image) for image in IMAGES)]


def counted(lives: list[Life], tags: list[TagChange], number: int) -> tuple[dict[str, int], dict[str, int]]:
    """What all and what RHEL used on the day, counted hour by hour: nothing changes within one."""
    newest = {change.image: change.is_present for change in sorted(tags, key=lambda change: change.occurred_at)}
    return _measured(lives, number), _measured([life for life in lives if newest.get(life.image)], number)


def _measured(lives: list[Life], number: int) -> dict[str, int]:
    hours = [
        [SIZES[life.type_at(hour)] for life in lives if life.is_on(hour)]
        for hour in range(24 * number, 24 * number + 24)
    ]
    return {
        "instances_peak": max(len(on) for on in hours),
        "vcpu_peak": max(sum(vcpu for vcpu, _ in on) for on in hours),
        "memory_mib_peak": max(sum(memory for _, memory in on) for on in hours),
        "instance_seconds": HOUR * sum(len(on) for on in hours),
        "vcpu_seconds": HOUR * sum(vcpu for on in hours for vcpu, _ in on),
    }


def empty() -> Stored:
    """A customer in a store that holds nothing else."""
    Quarantine.objects.all().delete()
    CloudAccount.objects.all().delete()
    Customer.objects.all().delete()
    Image.objects.all().delete()
    InstanceDefinition.objects.all().delete()
    return Stored()


def metered(pieces: list[list[Item]], *, recalculated: set[int]) -> Stored:
    stored = empty()
    for place, piece in enumerate(pieces):
        stored.record(*piece)
        if place in recalculated:
            stored.recalculate()
    stored.recalculate()
    return stored


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LIVES, TAGS, st.randoms(use_true_random=False))
def test_c11_any_order_repetition_and_division_gives_the_same_bytes_and_the_true_counts(
    lives: list[Life], tags: list[TagChange], chance: random.Random
):
    """C1, C2, C8, C9, C11, C12, C13 in one: what was told decides, not when, how often or in which company."""
    told = everything_told(lives, tags)
    plain = metered([told], recalculated=set())
    expected = plain.everything()

    for number in range(DAYS):
        everything, rhel = counted(lives, tags, number)
        totals = plain.totals(day(number))
        assert totals["all"] == everything
        assert totals["rhel"]["all"] == totals["rhel"]["customer"] == rhel
        assert plain.counts(day(number)).get(("_ANY",) * 5, 0) == rhel["instances_peak"]

    again = told + chance.choices(told, k=len(told) // 2)
    chance.shuffle(again)
    cuts = sorted(chance.sample(range(len(again) + 1), k=min(4, len(again))))
    pieces = [again[low:high] for low, high in zip([0, *cuts], [*cuts, len(again)], strict=True)]
    assert metered(pieces, recalculated=set(chance.sample(range(len(pieces)), k=2))).everything() == expected
