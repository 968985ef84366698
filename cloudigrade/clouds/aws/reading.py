"""Log files and documents in, batches of activities and descriptions out; what cannot be read costs only itself."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from cloudigrade.clouds.aws import cloudtrail, descriptions, packing, trail, translate
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.clouds.aws.trail import Content, Found, Skipped, Source
from cloudigrade.clouds.aws.translate import Translation
from cloudigrade.clouds.protocol import (
    Batch,
    FileRead,
    Findings,
    ImageDescription,
    InstanceDescription,
    Rejected,
    TypeDefinition,
    Unreadable,
)

MOST_REJECTED: Final = 1_000
"""Records of one file that are kept because they cannot be read; a file with more is no log file."""

_BATCH_FILES: Final = 5_000
_BATCH_RECORDS: Final = 250_000  # about a second of reading, relevant or not: progress shows at least so often


class _Whole(NamedTuple):
    """A log file whose last record has gone by."""

    source: Source
    log: cloudtrail.Log
    sha256: str
    """Empty unless it was asked for."""


_Piece = Skipped | Rejected | tuple[Translation, Rejected | None] | _Whole


def read_trail(found: Iterable[Found], *, batch_records: int = 20_000, is_hashed: bool = False) -> Iterator[Batch]:
    """Everything in the log files, in order, about so many activities at a time; raises Unavailable, CustomerProblem.

    A batch names a file as read (`is_hashed`: with its hash), and moves its newest times on, only once it holds the
    file's last activity.
    """
    batch = Batch()
    for piece in _pieces(found, is_hashed=is_hashed):
        _add(batch, piece)
        if _is_full(batch, batch_records):
            yield batch
            batch = Batch()
    if batch != Batch():
        yield batch


def add_log(batch: Batch, content: Content) -> int:
    """What the log file says of its own account is in the batch, and its hash; the number of records of other accounts.

    Those are left out: whoever can write into the file's folder must not speak for anybody else.
    """
    own, foreign = content.source.account, 0
    for piece in _of_log(content, is_hashed=True):
        if own and _account(piece) not in {own, ""}:
            foreign += 1
        elif isinstance(piece, _Whole):
            _add_whole(batch, piece, only=own)
        else:
            _add(batch, piece)
    return foreign


def read_documents(paths: Iterable[str], kind: Document) -> Batch:
    """Everything in files of this kind; raises Unreadable where a path cannot be read at all."""
    batch = Batch()
    for path in paths:
        for content in trail.contents(trail.sources(path)):
            if isinstance(content, Rejected):
                raise Unreadable(f"{content.source}: {content.reason}")
            if isinstance(content, Skipped):
                batch.files_skipped += 1
            else:
                _add_file(batch, content, kind)
    return batch


def _pieces(found: Iterable[Found], *, is_hashed: bool) -> Iterator[_Piece]:
    for content in trail.contents(found):
        if isinstance(content, Content):
            yield from _of_log(content, is_hashed=is_hashed)
        else:
            yield content


def _of_log(content: Content, *, is_hashed: bool) -> Iterator[_Piece]:
    source = content.source
    try:
        plain = packing.unpacked(content.stored)
        log = cloudtrail.parse(plain, account=source.account, region=source.region)
        yield from _of_records(source, log)  # all of them, or none
    except Unreadable as problem:
        yield Rejected(source.name, str(problem), source.account, location=source.location)
    else:
        yield _Whole(source, log, hashlib.sha256(plain).hexdigest() if is_hashed else "")


def _account(piece: _Piece) -> str:
    """The account that a record names; empty for what is no record, or names none."""
    match piece:
        case (Translation() as translation, _):
            return translation.account
    return ""


def _of_records(source: Source, log: cloudtrail.Log) -> list[tuple[Translation, Rejected | None]]:
    found = []
    rejected = 0
    for candidate in log.candidates:
        translation = translate.translate(candidate.record)
        if translation is not None:
            refused = _refused(translation, source, log, candidate)
            rejected += refused is not None
            if rejected > MOST_REJECTED:
                raise Unreadable(f"has more than {MOST_REJECTED} records that cannot be read")
            found.append((translation, refused))
    return found


def _refused(
    translation: Translation, source: Source, log: cloudtrail.Log, candidate: cloudtrail.Candidate
) -> Rejected | None:
    if not translation.reason:
        return None
    return Rejected(source.name, translation.reason, translation.account or source.account, log.raw(candidate))


def _add(batch: Batch, piece: _Piece) -> None:
    match piece:
        case Skipped():
            batch.files_skipped += 1
        case Rejected():
            batch.rejected.append(piece)
        case _Whole():
            _add_whole(batch, piece)
        case (translation, refused):
            batch.records_relevant += 1
            batch.instances += translation.instances
            batch.tags += translation.tags
            batch.rejected += [refused] if refused else []


def _add_whole(batch: Batch, whole: _Whole, *, only: str = "") -> None:
    source, log, sha256 = whole
    batch.read_sources.append(source.name)
    batch.records_read += log.records_read
    for place, second in log.newest.items():
        if only in {place[0], ""}:
            batch.newest[place] = max(second, batch.newest.get(place, 0))
            batch.accounts.add(place[0])
    if source.account:
        batch.accounts.add(source.account)
    if sha256 and source.account:
        batch.files.append(FileRead(source.account, source.region, source.name, sha256))


def _is_full(batch: Batch, batch_records: int) -> bool:
    return (
        len(batch.instances) + len(batch.tags) + len(batch.rejected) >= batch_records
        or batch.records_read >= _BATCH_RECORDS
        or len(batch.read_sources) >= _BATCH_FILES
    )


def _add_file(batch: Batch, content: Content, kind: Document) -> None:
    name = content.source.name
    before = len(batch.rejected)
    try:
        for document in descriptions.documents(packing.unpacked(content.stored)):
            _add_document(batch, document, kind, name)
    except Unreadable as problem:
        batch.rejected.append(Rejected(name, str(problem)))
    if not any(rejected.is_file for rejected in batch.rejected[before:]):  # parts at most, no document
        batch.read_sources.append(name)


def _add_document(batch: Batch, document: msgspec.Raw, kind: Document, name: str) -> None:
    try:
        for part in descriptions.parse(document, kind, source=name):
            _add_part(batch, part)
    except Unreadable as problem:
        batch.rejected.append(Rejected(name, str(problem)))


def _add_part(batch: Batch, part: descriptions.Part | Rejected) -> None:
    match part:
        case InstanceDescription():
            batch.described_instances.append(part)
            batch.accounts.add(part.account)
        case ImageDescription():
            batch.described_images.append(part)
        case TypeDefinition():
            batch.definitions.append(part)
        case Findings():
            batch.findings.append(part)
        case Rejected():
            batch.rejected.append(part)
