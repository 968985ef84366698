"""What customers do in Sources, made up: the events in their order, and what must come of them."""

import json
from dataclasses import dataclass, field
from random import Random

from cloudigrade.redhat import messages
from tests.fakes.sources import FakeSources, Made
from tests.journeys import mortal_messages as mortal
from tests.journeys.effects import Effect
from tests.kafka_broker import Headers

Message = tuple[bytes | None, Headers]
_POISON: tuple[bytes | None, ...] = (b"\xff\xfe", b"[1, 2", b"[]", b"{}", b'{"id": "-1"}', b"", None)
_ENDS = (messages.APPLICATION_GONE, messages.SOURCE_GONE, messages.WITHDRAWN)


@dataclass
class Application:
    """One that wants an account to be metered."""

    native_id: str
    made: Made
    state: str = "new"
    is_paused: bool = False
    is_good: bool = True
    """Whether the role that Sources knows now is there."""
    expected: list[Effect] = field(default_factory=list)

    @property
    def id(self) -> int:
        return int(self.made.application_id)


class Customer:
    """One organisation with its applications; Sources knows them all from the beginning and forgets none.

    So what an event comes to does not depend on when it is looked at.
    """

    def __init__(self, number: int, shown: FakeSources, luck: Random) -> None:
        self.org_id = f"{1000 + number}"
        self._shown, self._luck = shown, luck
        self.applications: list[Application] = []
        self.poison = 0
        for account in range(mortal.ACCOUNTS):
            native_id = mortal.native_id(number, account)
            made = shown.create(
                mortal.arn(native_id), org_id=self.org_id, external_id=mortal.WORD.format(number), name="my role"
            )
            self.applications.append(Application(native_id, made))

    def act(self, number: int) -> list[Message]:
        """So many events, some messages that nobody can read among them."""
        found: list[Message] = []
        for _ in range(number):
            if self._luck.random() < 0.1:
                self.poison += 1
                found.append(self._message(messages.PAUSED, self._luck.choice(_POISON)))
            found.append(self._next(self._luck.choice(self.applications)))
        return found

    def settle(self) -> list[Message]:
        """Whoever is paused goes on, so that the last word of each is what is true of its account."""
        paused = [each for each in self.applications if each.state == "metered" and each.is_paused]
        return [self._unpause(each) for each in paused]

    def _next(self, one: Application) -> Message:
        if one.state == "new":
            return self._claim(one)
        if one.state == "gone":  # whatever is said of it now, nothing may come of it
            return self._event(self._luck.choice((messages.PAUSED, messages.APPLICATION_GONE)), one)
        if self._luck.random() < 0.08:
            return self._destroy(one)
        if self._luck.random() < 0.4:
            return self._change(one)
        return self._unpause(one) if one.is_paused else self._pause(one)

    def _claim(self, one: Application) -> Message:
        one.state = "metered"
        return self._expect(one, messages.CLAIMED)

    def _pause(self, one: Application) -> Message:
        one.is_paused = True
        return self._expect(one, messages.PAUSED)

    def _unpause(self, one: Application) -> Message:
        one.is_paused = False
        return self._expect(one, messages.UNPAUSED)

    def _destroy(self, one: Application) -> Message:
        one.state = "gone"
        return self._expect(one, self._luck.choice(_ENDS))

    def _change(self, one: Application) -> Message:
        """The role is another one, which may not exist."""
        one.is_good = not one.is_good
        _, row = self._shown._find("authentications", one.made.authentication_id)
        row["username"] = mortal.arn(one.native_id, is_good=one.is_good)
        return self._expect(one, messages.UPDATED)

    def _expect(self, one: Application, event_type: str) -> Message:
        wanted = "deleted" if one.state == "gone" else "enabled"
        one.expected.append(Effect(event_type, one.is_paused, wanted))
        return self._event(event_type, one)

    def _event(self, event_type: str, one: Application) -> Message:
        made = one.made
        ids = {
            messages.UPDATED: {"id": made.authentication_id},
            messages.SOURCE_GONE: {"id": int(made.source_id)},
        }.get(event_type, {"id": int(made.application_id)})
        pair = {"application_id": int(made.application_id), "authentication_id": int(made.authentication_id)}
        value = pair if event_type in (messages.CLAIMED, messages.WITHDRAWN) else ids
        return self._message(event_type, json.dumps(value).encode())

    def _message(self, event_type: str, value: bytes | None) -> Message:
        headers = {messages.EVENT_TYPE: event_type.encode(), messages.ORG_ID: self.org_id.encode()}
        return value, list(headers.items())
