"""Chains of digests in a bucket: what they prove, and every way of tampering with them.

On moto's S3; ListPublicKeys is answered by `tests.clouds.aws.digested`.
"""

import hashlib
from gzip import decompress

import pytest

from cloudigrade.clouds.cloud import MissingFile, Proof
from cloudigrade.simulator.digests import Trail
from cloudigrade.simulator.timestamps import zulu
from tests.builders import MIDNIGHT, REGION, clock
from tests.clouds.aws.digested import BUCKET, HOME, made_up, positions_after, somebodys_key, tampered


@pytest.fixture
def make(monkeypatch):
    """Makes trails of the account that log to one bucket."""
    with made_up(monkeypatch) as made:
        yield made


@pytest.fixture
def trail(make):
    return make()


def proven(*proofs: Proof) -> list[tuple[float, float, int]]:
    """From when to when, in hours after Monday's beginning, and by how many files each was told."""
    return [((one.begins_at - MIDNIGHT) / 3600, (one.proven_until - MIDNIGHT) / 3600, len(one.files)) for one in proofs]


def broken(*proofs: Proof) -> list[tuple[float, float, str]]:
    return [
        ((one.break_at[0] - MIDNIGHT) / 3600, (one.break_at[1] - MIDNIGHT) / 3600, one.reason)
        for one in proofs
        if one.break_at
    ]


def test_every_file_that_digests_name_is_told_with_its_hash_and_times(trail):
    first, second = trail.log(0.1, "i-1"), trail.log(2.5, "i-2", "i-3")
    trail.write(hours=4)

    (proof,) = trail.prove()

    assert proof.region == REGION
    assert proven(proof) == [(0, 4, 2)]
    assert (proof.break_at, proof.reason, proof.mended) == (None, "", [])
    assert proof.files == [
        MissingFile(
            region=REGION,
            source=file.key,
            location=f"s3://{BUCKET}/{file.key}",
            sha256=hashlib.sha256(decompress(file.content)).hexdigest(),
            oldest_at=file.written_at - 300,
            newest_at=file.written_at - 300,
        )
        for file in (first, second)
    ]


def test_an_hour_without_files_is_proven_too(trail):
    trail.write(hours=3)

    assert proven(*trail.prove()) == [(0, 3, 0)]


def test_the_next_proof_goes_on_where_the_last_one_ended(trail):
    trail.log(0.1, "i-1")
    trail.log(2.5, "i-2")
    trail.write(hours=2)
    first = trail.prove()
    trail.write(hours=4)

    second = trail.prove(positions_after(first))

    assert (proven(*first), proven(*second)) == ([(0, 2, 1)], [(2, 4, 1)])
    assert trail.prove(positions_after(second)) == []


def test_a_proof_begins_at_the_first_digest_that_reaches_past_since(trail):
    trail.log(0.5, "i-1")
    trail.log(1.2, "i-2")
    trail.write(hours=4)

    assert proven(*trail.prove(since=clock(1.5))) == [(1, 4, 1)]


def test_nothing_is_proven_past_now(trail):
    trail.write(hours=5)

    assert proven(*trail.prove(now=clock(2.5))) == [(0, 2, 0)]


def test_digests_of_the_future_prove_nothing(trail):
    trail.write(hours=2, first=1000)

    assert trail.prove() == []


def test_long_chains_come_in_pieces(trail, monkeypatch):
    monkeypatch.setattr("cloudigrade.clouds.aws.proof.MOST_DIGESTS", 3)
    trail.write(hours=8)

    pieces = trail.prove()

    assert proven(*pieces) == [(0, 3, 0), (3, 6, 0), (6, 8, 0)]
    assert proven(*trail.prove(positions_after(pieces[:1]))) == [(3, 6, 0), (6, 8, 0)]


def test_many_files_come_in_pieces(trail, monkeypatch):
    monkeypatch.setattr("cloudigrade.clouds.aws.proof.MOST_FILES", 2)
    for hour in range(4):
        trail.log(hour + 0.1, f"i-{hour}")
    trail.write(hours=4)

    assert proven(*trail.prove()) == [(0, 2, 2), (2, 4, 2)]


def test_a_removed_digest_is_a_break_of_its_hour_and_the_rest_goes_on(trail):
    for hour in range(4):
        trail.log(hour + 0.1, f"i-{hour}")
    written = trail.write(hours=4)
    trail.remove(written[1].key)

    pieces = trail.prove()

    assert proven(*pieces) == [(0, 1, 1), (2, 4, 2)]
    assert broken(*pieces) == [(1, 2, "the digest until 2026-03-02T02:00:00Z is missing")]


def test_several_removed_digests_in_a_row_are_one_break(trail):
    """A validator that only follows links back stops here."""
    written = trail.write(hours=6)
    for digest in written[2:5]:
        trail.remove(digest.key)

    pieces = trail.prove()

    assert broken(*pieces) == [(2, 5, "the digest until 2026-03-02T05:00:00Z is missing")]
    assert proven(*pieces) == [(0, 2, 0), (5, 6, 0)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"logFiles": []}, "has a signature that does not fit"),
        ({"awsAccountId": "000000000043"}, "speaks of another account"),
        ({"digestS3Object": "elsewhere"}, "was moved here from elsewhere"),
        ({"logFiles": "none"}, "is no digest"),
    ],
)
def test_an_altered_digest_is_a_break_with_its_reason(trail, change, reason):
    trail.log(1.1, "i-1")
    written = trail.write(hours=3)
    trail.put(written[1].key, tampered(written[1], **change), written[1].metadata)

    pieces = trail.prove()

    assert broken(*pieces) == [(1, 2, f"the digest until 2026-03-02T02:00:00Z {reason}")]
    assert [file for piece in pieces for file in piece.files] == []


@pytest.mark.parametrize(
    ("content", "metadata", "reason"),
    [
        (None, {}, "is not signed"),
        (None, {"signature": "00", "signature-algorithm": "SHA256withRSA"}, "has a signature that does not fit"),
        (b"\x1f\x8bbroken", None, "is a truncated gzip file"),
        (b"", None, "is no digest"),
    ],
)
def test_an_unsigned_or_unreadable_digest_is_a_break_with_its_reason(trail, content, metadata, reason):
    written = trail.write(hours=3)
    digest = written[1]
    trail.put(digest.key, digest.content if content is None else content, digest.metadata if metadata is None else metadata)  # fmt: skip  # noqa: E501 - one call

    assert broken(*trail.prove()) == [(1, 2, f"the digest until 2026-03-02T02:00:00Z {reason}")]


def test_a_digest_replaced_by_one_of_another_hour_is_a_break(trail):
    """It has a valid signature, but not for this place."""
    written = trail.write(hours=3)
    trail.put(written[1].key, written[0].content, written[0].metadata)

    assert broken(*trail.prove()) == [(1, 2, "the digest until 2026-03-02T02:00:00Z was moved here from elsewhere")]


def test_a_digest_with_the_right_hash_and_a_wrong_signature_is_a_break(trail):
    written = trail.write(hours=3)
    trail.put(written[1].key, written[1].content, written[1].metadata | {"signature": written[0].metadata["signature"]})

    (piece,) = broken(*trail.prove())

    assert piece == (1, 2, "the digest until 2026-03-02T02:00:00Z has a signature that does not fit")


def test_a_chain_that_somebody_else_signed_proves_nothing(trail):
    trail.write(hours=3, key=somebodys_key())

    (proof,) = trail.prove()

    assert (proof.proven_until, proof.files, proof.break_at) == (MIDNIGHT, [], None)
    assert proof.reason == "the digest until 2026-03-02T01:00:00Z is signed with a key that is not CloudTrail's"


def test_the_newest_digest_that_does_not_hold_is_no_break_yet_but_says_why_nothing_is_proven(trail):
    written = trail.write(hours=3)
    trail.put(written[2].key, tampered(written[2], digestStartTime=zulu(MIDNIGHT)), written[2].metadata)

    (proof,) = trail.prove()

    assert (proven(proof), proof.break_at) == ([(0, 2, 0)], None)
    assert proof.reason == "the digest until 2026-03-02T03:00:00Z has a signature that does not fit"
    (again,) = trail.prove(positions_after([proof]))
    assert (again.proven_until, again.reason) == (clock(2), proof.reason)
    trail.put_back(written[2])
    (healed,) = trail.prove(positions_after([again]))
    assert (healed.proven_until, healed.reason) == (clock(3), "")


def test_a_chain_that_begins_anew_is_a_break_between(trail):
    trail.write(hours=2)
    first = trail.prove()
    trail.write(hours=2, first=5)

    second = trail.prove(positions_after(first))

    assert broken(*second) == [(2, 5, "the chain of digests begins anew: logging or validation was off")]
    assert proven(*second) == [(5, 7, 0)]


def test_a_chain_that_begins_anew_without_a_pause_is_no_break(trail):
    trail.write(hours=2)
    first = trail.prove()
    trail.write(hours=2, first=2)

    second = trail.prove(positions_after(first))

    assert (broken(*second), proven(*second)) == ([], [(2, 4, 0)])


def test_another_trails_chain_takes_over_without_a_break_if_no_time_is_left_out(make, trail):
    """As where the account was disconnected, and adopted by way of another trail."""
    trail.write(hours=3)
    first = trail.prove()
    other = make(trail=Trail("other", HOME))
    other.write(hours=4, first=1)

    (second,) = other.prove(positions_after(first))

    assert (second.break_at, proven(second)) == (None, [(3, 5, 0)])


def test_time_that_neither_trail_covers_is_a_break(make, trail):
    trail.write(hours=3)
    first = trail.prove()
    other = make(trail=Trail("other", HOME))
    other.write(hours=4, first=5)

    (second,) = other.prove(positions_after(first))

    assert broken(second) == [(3, 5, "the chain of digests begins anew: logging or validation was off")]


def test_a_first_digest_that_follows_one_that_is_not_there_is_a_break_since_the_beginning(trail):
    written = trail.write(hours=4)
    trail.remove(written[1].key)

    pieces = trail.prove(since=clock(1.25))

    assert broken(*pieces) == [(1.25, 2, "the digest until 2026-03-02T02:00:00Z is missing")]


def test_a_first_digest_that_does_not_hold_is_a_break_since_the_beginning(trail):
    written = trail.write(hours=3)
    trail.put(written[0].key, tampered(written[0], digestStartTime=zulu(MIDNIGHT - 1)), written[0].metadata)

    assert broken(*trail.prove()) == [(0, 1, "the digest until 2026-03-02T01:00:00Z has a signature that does not fit")]


def test_a_digest_that_is_put_back_mends_its_break_and_tells_its_files(trail):
    lost = trail.log(1.1, "i-1")
    written = trail.write(hours=4)
    for digest in written[1:3]:
        trail.remove(digest.key)
    first = trail.prove()

    trail.put_back(written[2])
    half = trail.prove(positions_after(first))
    trail.put_back(written[1])
    (proof,) = trail.prove(positions_after(first))

    assert half == []
    assert proof.mended == [(clock(1), clock(3))]
    assert [file.source for file in proof.files] == [lost.key]
    assert proof.proven_until == clock(4)
    assert trail.prove(positions_after([proof])) == []


def test_something_else_put_in_its_place_mends_nothing(trail):
    written = trail.write(hours=4)
    trail.remove(written[1].key)
    first = trail.prove()

    trail.put(written[1].key, tampered(written[1], digestStartTime=zulu(MIDNIGHT)), written[1].metadata)

    assert trail.prove(positions_after(first)) == []


def test_a_late_digest_tells_its_files_once(trail):
    trail.write(hours=4)
    first = trail.prove()
    late = trail.log(1.9, "i-late", delay=7200)
    trail.put(late.key, late.content)
    trail.write_late([late], hour=1)

    (proof,) = trail.prove(positions_after(first))

    assert [file.source for file in proof.files] == [late.key]
    assert (proof.proven_until, proof.break_at, proof.reason) == (clock(4), None, "")
    assert trail.prove(positions_after([proof])) == []


def test_a_late_digest_that_does_not_hold_says_nothing(trail, caplog):
    trail.write(hours=4)
    first = trail.prove()
    digest = trail.write_late([], hour=1)
    trail.put(digest.key, tampered(digest, awsAccountId="000000000043"), digest.metadata)

    assert trail.prove(positions_after(first)) == []
    assert "2026-03-02T02:00:00Z speaks of another account" in caplog.text
