"""The truth agrees with a loop over seconds that a child could write."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudigrade.simulator import truth
from cloudigrade.simulator.timestamps import DAY, Window
from cloudigrade.simulator.truth import Span

_WINDOW = Window(20_000 * DAY, 20_002 * DAY)
_MIDNIGHT = 20_001 * DAY
_NEAR = st.integers(_MIDNIGHT - 30, _MIDNIGHT + 30)
_WORD = st.sampled_from(["", "a"])


@st.composite
def _spans(draw: st.DrawFn) -> Span:
    start, end = sorted([draw(_NEAR), draw(_NEAR)])
    return Span(
        instance=draw(st.sampled_from(["i-1", "i-2", "i-3"])),
        start=start,
        end=end,
        vcpu=draw(st.integers(0, 8)),
        memory_mib=draw(st.integers(0, 4_096)),
        rhel="rhel",
        payer=draw(st.sampled_from(["customer", "cloud", "unknown", ""])),
        attributes=(draw(_WORD), draw(_WORD), draw(_WORD), draw(_WORD), draw(_WORD)),
    )


def _on(spans: list[Span], day: int) -> list[list[Span]]:
    seconds = [_MIDNIGHT + offset for offset in (range(-30, 0), range(30))[day]]
    return [[span for span in spans if span.start <= second < span.end] for second in seconds]


def _figures(alive: list[list[Span]]) -> dict[str, int]:
    return {
        "instances_peak": max(len(spans) for spans in alive),
        "vcpu_peak": max(sum(span.vcpu for span in spans) for spans in alive),
        "memory_mib_peak": max(sum(span.memory_mib for span in spans) for spans in alive),
        "instance_seconds": sum(len(spans) for spans in alive),
        "vcpu_seconds": sum(span.vcpu for spans in alive for span in spans),
    }


def _matches(span: Span, key: tuple[str, ...]) -> bool:
    return all(wanted in ("_ANY", own) for wanted, own in zip(key, span.attributes, strict=True))


def _counts(alive: list[list[Span]]) -> list[dict[str, object]]:
    words = ["_ANY", "", "a"]
    counted = [[span for span in spans if span.payer in ("customer", "unknown")] for spans in alive]
    found: list[dict[str, object]] = []
    for key in sorted(product(words, repeat=5)):
        peak = max(sum(_matches(span, key) for span in spans) for spans in counted)
        if peak and "_ANY" in key[:2]:
            arch, role, sla, usage, service_type = key
            found.append(
                {"arch": arch, "role": role, "sla": sla, "usage": usage, "service_type": service_type}
                | {"instances_count": peak}
            )
    return found


@settings(max_examples=60)
@given(st.lists(_spans(), max_size=6))
def test_truth_is_what_a_count_of_every_second_gives(spans: list[Span]) -> None:
    days = truth.days(spans, _WINDOW, is_complete=lambda opening: opening == _MIDNIGHT)

    assert [day["complete"] for day in days] == [False, True]
    for index, day in enumerate(days):
        alive = _on(spans, index)
        assert day["all"] == _figures(alive)
        for payer in ("customer", "cloud", "unknown"):
            assert day["rhel"][payer] == _figures([[s for s in some if s.payer == payer] for some in alive])
        assert day["rhel"]["all"] == _figures([[s for s in some if s.payer] for some in alive])
        assert day["maximum_counts"] == _counts(alive)


def _span(start: int, end: int, instance: str = "i-1", rhel: str = "rhel") -> Span:
    return Span(instance, start, end, 2, 8_192, rhel, "customer", ("x86_64", "", "", "", ""))


def test_c15_a_run_that_ends_at_midnight_does_not_count_on_the_next_day() -> None:
    """C15: the day is half-open."""
    first, second = truth.days([_span(_MIDNIGHT - 10, _MIDNIGHT)], _WINDOW, is_complete=lambda _: True)

    assert first["all"]["instance_seconds"] == 10
    assert second["all"]["instances_peak"] == 0
    assert second["maximum_counts"] == []


def test_c14_a_stop_and_a_start_in_the_same_second_are_not_concurrent() -> None:
    """C14: one ends when the other begins."""
    _, day = truth.days(
        [_span(_MIDNIGHT, _MIDNIGHT + 60), _span(_MIDNIGHT + 60, _MIDNIGHT + 90, "i-2")],
        _WINDOW,
        is_complete=lambda _: True,
    )

    assert day["all"]["instances_peak"] == 1
    assert day["all"]["instance_seconds"] == 90


def test_one_instance_counts_under_its_24_keys() -> None:
    span = Span("i-1", _MIDNIGHT, _MIDNIGHT + 5, 2, 8_192, "rhel", "unknown", ("arm64", "role", "sla", "usage", "type"))

    _, day = truth.days([span], _WINDOW, is_complete=lambda _: True)

    assert len(day["maximum_counts"]) == 24
    assert not [count for count in day["maximum_counts"] if "_ANY" not in (count["arch"], count["role"])]


def test_instances_are_those_that_ran_for_a_second_within_the_days() -> None:
    spans = [
        _span(_WINDOW.start - 9, _WINDOW.start),
        _span(_WINDOW.start - 9, _WINDOW.start + 1, "i-2", "not_rhel"),
        _span(_WINDOW.end - 1, _WINDOW.end, "i-3", "undetermined"),
        _span(_MIDNIGHT, _MIDNIGHT + 1, "i-3", "undetermined"),
        _span(_WINDOW.end, _WINDOW.end + 5, "i-4"),
        _span(_MIDNIGHT, _MIDNIGHT, "i-5"),
    ]

    assert truth.instances(spans, _WINDOW) == {"rhel": 0, "not_rhel": 1, "undetermined": 1}
