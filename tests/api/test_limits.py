"""How often each customer and each key may ask."""

from datetime import UTC, datetime

import pytest
from django.core.cache import cache

from cloudigrade.api import limits
from cloudigrade.api.limits import Counts, Rate
from cloudigrade.redhat.psks import Psk
from cloudigrade.services import tokens
from tests.api import identities

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()
MINUTE = Rate(600, 60)


@pytest.fixture(autouse=True)
def _empty(monkeypatch):
    cache.clear()
    monkeypatch.setattr(limits, "_counts", Counts())
    yield
    cache.clear()


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = NOON

        def time(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(limits, "time", clock)
    return clock


def _allowed(counts, asker="a", rate=MINUTE, now=NOON, asks=1000):
    return [counts.allows(asker, rate, now) for _ in range(asks)].count(True)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("600/min", Rate(600, 60)),
        ("1/s", Rate(1, 1)),
        ("5/h", Rate(5, 3600)),
        ("9/day", Rate(9, 86_400)),
        ("none", None),
    ],
)
def test_a_rate_is_read(text, rate):
    assert limits.parse(text) == rate


@pytest.mark.parametrize("number", [1, 2, 99, 100, 101, 600, 6000])
def test_one_process_allows_exactly_the_rate(number):
    assert _allowed(Counts(), rate=Rate(number, 60), asks=number + 50) == number


def test_each_asker_and_each_window_has_its_own():
    counts = Counts()
    assert [_allowed(counts, "a"), _allowed(counts, "a"), _allowed(counts, "b")] == [600, 0, 600]
    assert [_allowed(counts, now=NOON + 59.9), _allowed(counts, now=NOON + 60)] == [0, 600]


@pytest.mark.parametrize("number", [1, 50, 600, 6000])
def test_several_processes_together_allow_hardly_more(number):
    rate, processes = Rate(number, 60), [Counts() for _ in range(3)]

    allowed = sum(one.allows("a", rate, NOON) for _ in range(number) for one in processes)

    batch = max(number // 50, 1)
    assert number <= allowed <= number + len(processes) * (batch - 1)


def test_too_many_askers_take_no_memory_without_end(monkeypatch):
    monkeypatch.setattr(limits, "MOST_COUNTS", 3)
    counts = Counts()

    for number in range(10):
        counts.allows(str(number), MINUTE, NOON)

    assert len(counts._counts) <= 3


class _Silent:
    def count(self, *_, **__):
        return None


def test_without_the_cache_each_process_counts_for_itself(monkeypatch):
    monkeypatch.setattr(limits, "cache", _Silent())

    assert [_allowed(Counts()), _allowed(Counts())] == [600, 600]


@pytest.mark.django_db
def test_a_customer_who_asks_too_often_waits(ask, customer, neighbour, settings, clock):
    settings.RATE_LIMIT_CUSTOMER = "3/min"
    clock.now = NOON + 12.5
    token = tokens.issue(
        customer_id=customer.pk, name="ci", scopes=["read"], days=366, now=datetime.now(UTC)  # noqa: TID251 - requests are answered at the real time
    )  # fmt: skip
    asked = [ask().status_code, ask(headers={"Authorization": f"Bearer {token}"}).status_code, ask().status_code]

    refused = ask()

    assert asked == [425, 425, 425]
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "48")
    assert refused.json() == {"detail": "Request was throttled. Expected available in 48 seconds."}
    assert ask(headers=identities.of(org_id="22")).status_code == 425
    clock.now = NOON + 60
    assert ask().status_code == 425


@pytest.mark.django_db
def test_a_key_that_is_used_too_often_waits_and_its_customers_do_not(ask, customer, neighbour, settings, clock):
    settings.CLOUDIGRADE_PSKS = {name: Psk(f"key-of-{name}") for name in ("swatch", "rhsm")}
    settings.RATE_LIMIT_PSK, settings.RATE_LIMIT_CUSTOMER = "2/min", "1/min"

    def status(name, org_id):
        return ask(headers={"X-RH-CLOUDIGRADE-PSK": f"key-of-{name}", "X-RH-CLOUDIGRADE-ORG-ID": org_id}).status_code

    assert [status("swatch", "11"), status("swatch", "22"), status("swatch", "11")] == [425, 425, 429]
    assert status("rhsm", "11") == 425
    assert [ask().status_code, ask().status_code] == [425, 429]


@pytest.mark.django_db
def test_who_is_not_let_in_is_not_counted(ask, customer, settings, clock):
    settings.RATE_LIMIT_CUSTOMER = "1/min"

    assert {ask(headers={}).status_code for _ in range(3)} == {403}
    assert ask().status_code == 425
