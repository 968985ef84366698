"""CloudTrail log files: their bytes in, out the few records that can matter and the time of the newest of all."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from cloudigrade.clouds.aws import identifiers, surrogates, times
from cloudigrade.clouds.protocol import Unreadable

CANDIDATES: Final = frozenset(
    {
        "BidEvictedEvent",
        "CreateTags",
        "DeleteTags",
        "ModifyInstanceAttribute",
        "RunInstances",
        "StartInstances",
        "StopInstances",
        "TerminateInstanceInAutoScalingGroup",
        "TerminateInstances",
    }
)

_LEAST_RECORD: Final = 200  # bytes; what every record has to say takes about 300
_LEAST_OBJECT: Final = 32  # bytes; tags and ids, the smallest objects that records are full of, take as much
_LEAST_VALUE: Final = 16  # bytes; on average, with its name
_SMALL: Final = 2 << 20  # bytes; the emptiest records of such a file take 90 MB, for a moment
_FEW_RECORDS: Final = 100
_FEW_VALUES: Final = 100_000  # never worth a look: they take some MB

_NULL: Final = msgspec.Raw(b"null")
_USUAL: Final = len("2026-01-02T03:04:05Z")

_Latest = dict[tuple[str | None, str | None], str]
"""The greatest time as text, by account and region as the records name them."""


class Record(msgspec.Struct, gc=False):
    """One record, its bodies not yet decoded: all but a few are dropped after a look at the name.

    Text that is missing or null is None; text of a wrong type is empty. The order is CloudTrail's own: the quickest.
    """

    event_time: str | None = msgspec.field(default=None, name="eventTime")
    event_source: str | None = msgspec.field(default=None, name="eventSource")
    event_name: str | None = msgspec.field(default=None, name="eventName")
    region: str | None = msgspec.field(default=None, name="awsRegion")
    error_code: msgspec.Raw = msgspec.field(default=_NULL, name="errorCode")
    error_message: msgspec.Raw = msgspec.field(default=_NULL, name="errorMessage")
    request: msgspec.Raw = msgspec.field(default=_NULL, name="requestParameters")
    response: msgspec.Raw = msgspec.field(default=_NULL, name="responseElements")
    event_id: str | None = msgspec.field(default=None, name="eventID")
    addendum: msgspec.Raw = _NULL
    account: str | None = msgspec.field(default=None, name="recipientAccountId")
    service: msgspec.Raw = msgspec.field(default=_NULL, name="serviceEventDetails")


class Candidate(NamedTuple):
    """A record that can matter, its account, region and id completed, and where it stands in the file."""

    record: Record
    position: int


class Log:
    """What one log file holds."""

    def __init__(self, content: bytes | bytearray, records: list[Record], account: str, region: str) -> None:
        self._content = content
        self._raws: list[msgspec.Raw] | None = None
        self.records_read = len(records)
        self.candidates, latest = _sifted(records)
        self.newest = _newest(latest, records, account, region)
        for candidate in self.candidates:
            self._complete(candidate, account, region)

    def raw(self, candidate: Candidate) -> bytes:
        """The record as it stands in the file."""
        if self._raws is None:  # rarely asked for, so not kept while reading
            self._raws = _raw_records(self._content)
        return bytes(self._raws[candidate.position])

    def _complete(self, candidate: Candidate, account: str, region: str) -> None:
        record = candidate.record
        record.region = region if record.region is None else record.region
        if record.account is None:
            record.account = account or _caller_account(self.raw(candidate))
        if not identifiers.checked(record.event_id, identifiers.EVENT):
            record.event_id = "sha256:" + hashlib.sha256(self.raw(candidate)).hexdigest()


def parse(content: bytes | bytearray, *, account: str = "", region: str = "") -> Log:
    """What the file holds, account and region standing in where a record names none; raises Unreadable."""
    if len(content) > _SMALL:  # counting takes a quarter of the time of reading
        # No record ends without a brace, and what is no object is not read at first.
        _refuse_crowd(content.count(b"}"), len(content) // _LEAST_OBJECT + _FEW_VALUES)
    most = len(content) // _LEAST_RECORD + _FEW_RECORDS
    try:
        records = _FILE.decode(content).records
        _refuse_crowd(len(records), most)
    except (ValueError, RecursionError):
        # One odd record must cost no more than itself: look at each on its own.
        _refuse_crowd(content.count(b","), len(content) // _LEAST_VALUE + _FEW_VALUES)
        content = surrogates.replaced(content)
        raws = _raw_records(content)
        _refuse_crowd(len(raws), most)
        records = [_leniently(raw) for raw in raws]
    return Log(content, records, account, region)


def _refuse_crowd(count: int, most: int) -> None:
    # What takes a few bytes in a file takes hundreds when read, and packed thousandfold it takes next to none.
    if count > most:
        raise Unreadable("has more records than a log file of its size can")


class _File(msgspec.Struct):
    records: list[Record] = msgspec.field(name="Records")


class _RawFile(msgspec.Struct):
    records: list[msgspec.Raw] = msgspec.field(name="Records")


_FILE: Final = msgspec.json.Decoder(_File)
_RAW_FILE: Final = msgspec.json.Decoder(_RawFile)
_RECORD: Final = msgspec.json.Decoder(Record)
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRUCTURE: Final = msgspec.structs.fields(Record)


def _raw_records(content: bytes | bytearray) -> list[msgspec.Raw]:
    try:
        return _RAW_FILE.decode(content).records
    except msgspec.ValidationError as error:
        raise Unreadable("has no list of CloudTrail records") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable("is not JSON") from error


def _leniently(raw: msgspec.Raw) -> Record:
    try:
        return _RECORD.decode(raw)
    except ValueError:
        return _piecemeal(raw)


def _piecemeal(raw: msgspec.Raw) -> Record:
    try:
        fields = _FIELDS.decode(raw)
    except ValueError:  # no object at all
        return Record()
    known: dict[str, Any] = {}
    for field in _STRUCTURE:
        if field.encode_name in fields:
            value = fields[field.encode_name]
            known[field.name] = value if field.type is msgspec.Raw else _text(value)
    return Record(**known)


def _text(raw: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=str | None)
    except ValueError:
        return ""


def _caller_account(raw: bytes) -> str:
    try:
        identity = msgspec.json.decode(raw)["userIdentity"]
        return identifiers.checked(identity["accountId"], identifiers.ACCOUNT)
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def _sifted(records: list[Record]) -> tuple[list[Candidate], _Latest]:
    # The one loop over every record there is: keep it bare.
    candidates = []
    latest: _Latest = {}
    for position, record in enumerate(records):
        key = (record.account, record.region)
        time = record.event_time
        if time is not None and time > latest.get(key, ""):
            latest[key] = time
        name = record.event_name
        if name in CANDIDATES or not name:  # without a name it cannot be told, and must not be lost
            candidates.append(Candidate(record, position))
    return candidates, latest


def _newest(latest: _Latest, records: list[Record], account: str, region: str) -> dict[tuple[str, str], int]:
    newest: dict[tuple[str, str], int] = {}
    for (named_account, named_region), second in _times(latest, records):
        owner = identifiers.checked(account if named_account is None else named_account, identifiers.ACCOUNT)
        place = identifiers.checked(region if named_region is None else named_region, identifiers.REGION)
        if owner and place:
            newest[owner, place] = max(second, newest.get((owner, place), 0))
    return newest


def _times(latest: _Latest, records: list[Record]) -> Iterator[tuple[tuple[str | None, str | None], int]]:
    # The usual spelling sorts like the time it means; where the greatest is of another, every time is looked at.
    unusual = set()
    for key, text in latest.items():
        second = times.parse_time(text) if len(text) == _USUAL else None
        if second is None:
            unusual.add(key)
        else:
            yield key, second
    for record in records if unusual else ():
        second = times.parse_time(record.event_time)
        if second is not None and (record.account, record.region) in unusual:
            yield (record.account, record.region), second
