"""The platform's tenant translator: account numbers in, the org ids of the same customers out."""

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from cloudigrade.redhat import request_ids
from cloudigrade.redhat.calls import Calls, Unanswered
from cloudigrade.redhat.config import Section
from cloudigrade.redhat.messages import REQUEST_ID

_PATH = "/internal/orgIds"


class TranslatorUnavailable(Unanswered):
    """It gave no answer that can be used; try again later."""


class Translator:
    """The service at one address."""

    def __init__(self, base_url: str, *, timeout: float = 10.0, sleep: Callable[[float], None] = time.sleep) -> None:
        self._calls = Calls(
            base_url, name="the tenant translator", timeout=timeout, error=TranslatorUnavailable, sleep=sleep
        )

    def close(self) -> None:
        """No connection is open any more."""
        self._calls.close()

    def org_ids(self, account_numbers: Sequence[str]) -> Mapping[str, str]:
        """The org id of each of the account numbers that the platform knows."""
        request_id = request_ids.current().outgoing
        headers = {REQUEST_ID: request_id} if request_id else {}
        answer = self._calls.post(_PATH, headers=headers, json=list(account_numbers))
        try:
            found = msgspec.convert(answer, dict[str, str | int | None])
        except msgspec.ValidationError:
            raise TranslatorUnavailable("the tenant translator answered with JSON of another shape") from None
        return {number: str(found[number]) for number in account_numbers if found.get(number)}


def connected(section: Section) -> Translator | None:
    """The service that the settings name; None where they name none."""
    if not section.translator_host:
        return None
    address = f"{section.translator_scheme}://{section.translator_host}:{section.translator_port}"
    return Translator(address, timeout=section.sources_timeout)
