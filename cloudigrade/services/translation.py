"""Customers who are known by their account number alone, given the org id that the platform has for it."""

from collections.abc import Mapping
from typing import NamedTuple

from cloudigrade.models import Customer
from cloudigrade.redhat.identity import LONGEST_NAME
from cloudigrade.redhat.translator import Translator
from cloudigrade.services.staging import fetch

CHUNK = 500
"""Account numbers in one question."""


class Translated(NamedTuple):
    """How many customers got their org id, and how many did not."""

    named: int = 0
    unknown: int = 0
    """The platform has no org id for them."""
    contradictions: int = 0
    """The org id is another customer's already, or was given for several; nobody is merged."""

    def plus(self, other: "Translated") -> "Translated":
        """Both together."""
        return Translated(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def translate_all(translator: Translator) -> Translated:
    """Every customer without an org id has the one that the platform knows; raises TranslatorUnavailable.

    Each chunk is stored as it is answered, so that an attempt which is cut off has done what it has.
    """
    result, after = Translated(), 0
    while chunk := _nameless(after):
        result = result.plus(_store(chunk, translator.org_ids(list(chunk.values()))))
        after = max(chunk)
    return result


def _nameless(after: int) -> dict[int, str]:
    """The next customers without an org id, with their account numbers."""
    found = Customer.objects.filter(org_id=None, pk__gt=after).exclude(account_number=None).order_by("pk")
    return {pk: number or "" for pk, number in found.values_list("pk", "account_number")[:CHUNK]}


def _store(chunk: Mapping[int, str], known: Mapping[str, str]) -> Translated:
    given = {pk: known[number] for pk, number in chunk.items() if number in known and _is_fit(known[number])}
    rows = fetch(
        # who has the org id by now, or is given it with somebody else, is a matter for people
        "WITH w AS MATERIALIZED (SELECT *, count(*) OVER (PARTITION BY org) AS number"
        "   FROM unnest(%s::bigint[], %s::text[]) AS t (id, org))"
        " UPDATE cloudigrade_customer AS c SET org_id = w.org FROM w WHERE c.id = w.id AND c.org_id IS NULL"
        " AND w.number = 1 AND NOT EXISTS (SELECT 1 FROM cloudigrade_customer AS o WHERE o.org_id = w.org)"
        " RETURNING c.id",
        [list(given), list(given.values())],
    )
    return Translated(len(rows), len(chunk) - len(given), len(given) - len(rows))


def _is_fit(org_id: str) -> bool:
    return len(org_id) <= LONGEST_NAME and org_id.isprintable()
