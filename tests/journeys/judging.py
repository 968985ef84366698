"""Whether what came of a played scene is what had to come of it."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cloudigrade.models import CloudAccount, Inbox, Outbox, Quarantine
from cloudigrade.services import availability, inbox
from tests.journeys import effects
from tests.journeys.effects import Word
from tests.journeys.messaging import Scene


class Judged(NamedTuple):
    """What there was to be judged."""

    messages: int
    """That took effect."""
    poison: int
    effects: int
    """On accounts."""
    words: int
    """That were to be told."""
    repeated: int
    """Words that were told again."""


def judge(scene: Scene) -> Judged:
    """Everything is as it must be."""
    read = _read(scene)
    poison = Quarantine.objects.filter(feed=inbox.FEED).count()
    assert poison == scene.tally.poison
    assert effects.messages() == read
    assert set(effects.per_transaction()) == {1}
    assert Inbox.objects.filter(done_at=None).count() == Outbox.objects.count() == 0
    return Judged(sum(len(places) for places in read.values()), poison, _judge_effects(scene), *_judge_words(scene))


def _read(scene: Scene) -> dict[str, list[str]]:
    """The places of all messages that can be read, by lane."""
    found: dict[str, list[str]] = {}
    rejected = set(Quarantine.objects.filter(feed=inbox.FEED).values_list("source", flat=True))
    for message in scene.kafka.read_all(scene.events):
        place = f"{message.partition()}/{message.offset()}"
        if f"{scene.events}/{place}" not in rejected:
            found.setdefault((message.key() or b"").decode(), []).append(place)
    return found


def _judge_effects(scene: Scene) -> int:
    """Each event did what it had to do to its account, once and in order; other transactions are not looked at."""
    expected = {each.id: each.expected for customer in scene.customers for each in customer.applications}
    assert effects.effects() == {application: wishes for application, wishes in expected.items() if wishes}
    return sum(len(wishes) for wishes in expected.values())


def _judge_words(scene: Scene) -> tuple[int, int]:
    """All words arrived in order, and the last of each application is the truth; how many, and how many again."""
    wanted, told = effects.words(), _told(scene)
    assert set(told) == set(wanted)
    for lane, words in wanted.items():
        assert is_in_order(words, told[lane]), f"{lane}: {words} told as {told[lane]}"
    last = {word.application: (word.status, word.error) for words in told.values() for word in words}
    accounts = {each.platform_application_id: each for each in CloudAccount.objects.all()}
    for one in (each for customer in scene.customers for each in customer.applications if each.expected):
        account = accounts.get(one.id)
        assert (account is None) == (one.state == "gone")
        true = availability.GONE if account is None else availability.word(account)
        assert true is not None
        assert last[one.id] == tuple(true)
        assert (true.status == "available") == (one.state == "metered" and one.is_good)
    number = sum(map(len, wanted.values()))
    return number, sum(map(len, told.values())) - number


def _told(scene: Scene) -> dict[str, list[Word]]:
    """What Sources heard, in order, by lane."""
    found: dict[str, list[Word]] = {}
    for message in scene.kafka.read_all(scene.statuses):
        body = json.loads(message.value() or b"")
        word = Word(body["resource_id"], body["status"], body["error"])
        found.setdefault((message.key() or b"").decode(), []).append(word)
    return found


def is_in_order(wanted: Sequence[Word], told: Iterable[Word]) -> bool:
    """Whether all was told to the end, nothing left out; someone may have begun again further up."""
    reached = {-1}
    for word in told:
        furthest = max(reached, default=-2) + 1
        reached = {place for place in range(min(furthest + 1, len(wanted))) if wanted[place] == word}
    return len(wanted) - 1 in reached
