"""A notebook that the database itself keeps: which messages ended in which transaction, and what changed in it."""

from collections import Counter
from typing import NamedTuple

from django.db import connection

_BEGIN = """
CREATE TABLE noted (
    id bigserial PRIMARY KEY, transaction bigint NOT NULL DEFAULT txid_current(), kind text NOT NULL,
    lane text, event text, place text, application bigint, paused boolean, wanted text, status text, error text
);
CREATE FUNCTION note_message() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO noted (kind, lane, event, place)
    VALUES ('message', NEW.lane, NEW.event_type, NEW."partition" || '/' || NEW."offset");
    RETURN NULL;
END $$;
CREATE FUNCTION note_account() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO noted (kind, application, paused, wanted)
    VALUES ('account', NEW.platform_application_id, NEW.is_paused, NEW.wanted);
    RETURN NULL;
END $$;
CREATE FUNCTION note_word() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO noted (kind, lane, application, status, error)
    VALUES ('word', NEW.lane, NEW.application_id, NEW.status, NEW.error);
    RETURN NULL;
END $$;
CREATE TRIGGER noted_message AFTER UPDATE ON cloudigrade_inbox FOR EACH ROW
    WHEN (OLD.done_at IS NULL AND NEW.done_at IS NOT NULL) EXECUTE FUNCTION note_message();
CREATE TRIGGER noted_claim AFTER INSERT ON cloudigrade_cloudaccount FOR EACH ROW EXECUTE FUNCTION note_account();
CREATE TRIGGER noted_wish AFTER UPDATE ON cloudigrade_cloudaccount FOR EACH ROW
    WHEN (OLD.revision <> NEW.revision) EXECUTE FUNCTION note_account();
CREATE TRIGGER noted_word AFTER INSERT ON cloudigrade_outbox FOR EACH ROW EXECUTE FUNCTION note_word();
"""
_END = """
DROP TRIGGER IF EXISTS noted_message ON cloudigrade_inbox;
DROP TRIGGER IF EXISTS noted_claim ON cloudigrade_cloudaccount;
DROP TRIGGER IF EXISTS noted_wish ON cloudigrade_cloudaccount;
DROP TRIGGER IF EXISTS noted_word ON cloudigrade_outbox;
DROP FUNCTION IF EXISTS note_message, note_account, note_word;
DROP TABLE IF EXISTS noted;
"""


class Effect(NamedTuple):
    """What a message did to an account: how it was afterwards."""

    event: str
    paused: bool
    wanted: str


class Word(NamedTuple):
    """What is told of an application."""

    application: int
    status: str
    error: str


def begin() -> None:
    """Everything is noted from now on."""
    end()
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN)


def end() -> None:
    """Nothing is noted any more, and the notes are gone."""
    with connection.cursor() as cursor:
        cursor.execute(_END)


def _rows(query: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def messages() -> dict[str, list[str]]:
    """The places of those that ended, by lane, in the order in which they did."""
    found: dict[str, list[str]] = {}
    for lane, place in _rows("SELECT lane, place FROM noted WHERE kind = 'message' ORDER BY id"):
        found.setdefault(str(lane), []).append(str(place))
    return found


def effects() -> dict[int, list[Effect]]:
    """What messages did to the accounts of applications, in order; each message counts once for an account."""
    found: dict[int, list[Effect]] = {}
    for application, *effect in _rows(
        "SELECT DISTINCT ON (m.id, a.application) a.application, m.event, a.paused, a.wanted FROM noted AS m"
        " JOIN noted AS a USING (transaction) WHERE m.kind = 'message' AND a.kind = 'account'"
        " ORDER BY m.id, a.application, a.id DESC"
    ):
        found.setdefault(int(str(application)), []).append(Effect(*effect))  # type: ignore[arg-type]  # as the columns are
    return found


def words() -> dict[str, list[Word]]:
    """What was to be told, in order, by lane."""
    found: dict[str, list[Word]] = {}
    for lane, *word in _rows("SELECT lane, application, status, error FROM noted WHERE kind = 'word' ORDER BY id"):
        found.setdefault(str(lane), []).append(Word(*word))  # type: ignore[arg-type]  # as the columns are
    return found


def per_transaction() -> Counter[int]:
    """How many transactions ended so many messages."""
    return Counter(
        int(str(number))
        for (number,) in _rows("SELECT count(*) FROM noted WHERE kind = 'message' GROUP BY transaction")
    )
