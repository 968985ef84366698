"""Workers killed at random steps while they drain a queue, again and again, and what is stored at the end."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import IO, Any

from django.db import connection
from moto.sqs.models import sqs_backends

from cloudigrade.domain import days
from cloudigrade.services import accounts, clouds, connecting, external_ids, ingest, onboarding, runs, usage
from tests.aws_patches import OWN_ACCOUNT
from tests.aws_server import HOMES, Aws
from tests.journeys import mortal, story
from tests.journeys.story import FIRST, START, Arrival
from tests.running import database_url

MOST_STEPS = 120
"""Of a life; a delivery of ten messages takes some fifty."""


@dataclass(slots=True)
class Tally:
    """How the killing went."""

    deaths: int = 0
    lives: int = 0
    rounds: int = 0
    """How often all files were put into the bucket."""


class Mortals:
    """Workers, one after the other, as the process `mortal` brings them forth."""

    def __init__(self, aws: Aws, variables: Mapping[str, str]) -> None:
        environment = {
            **os.environ,
            **aws.variables,
            **variables,
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "cloudigrade.config.settings",
            "CLOUDIGRADE_ENVIRONMENT": aws.names.environment,
            "CLOUDIGRADE_LOG_LEVEL": "ERROR",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.mortal"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def live(self, steps: int, work: str = "drain", *more: int) -> str:
        """How the life ended: `died` or `done`."""
        given, answers = _pipes(self._process)
        given.write(" ".join(map(str, (work, steps, *more))) + "\n")
        given.flush()
        return answers.readline().strip()

    def end(self) -> None:
        """No more are to come."""
        for pipe in _pipes(self._process):
            pipe.close()
        self._process.wait()


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin
    assert process.stdout
    return process.stdin, process.stdout


@contextmanager
def mortals(aws: Aws, variables: Mapping[str, str] = MappingProxyType({})) -> Iterator[Mortals]:
    """Workers for as long as the block lasts, with these in their environment besides."""
    made = Mortals(aws, variables)
    try:
        yield made
    finally:
        made.end()


def files() -> list[Arrival]:
    """The log files of one account and day."""
    told = story.told()
    found = [one for one in told.arrivals if one.place.account == FIRST and "_CloudTrail_" in one.key]
    return list({one.key: one for one in found}.values())


def connect(aws: Aws) -> int:
    """A customer whose account logs to our bucket; the account's id."""
    now = days.instant(START)
    customer = accounts.ensure_customer(org_id="11", now=now)
    word = external_ids.for_customer(customer_id=customer, now=now)
    policy = clouds.get("aws").instructions(external_id=word).policy
    arn = aws.add_role(FIRST, partition="aws", external_id=word, policies=[policy])
    account = onboarding.claim(customer_id=customer, cloud="aws", credentials=arn, now=now)
    assert connecting.connect(account_id=account, now=now).result is connecting.Result.DONE
    usage.mark_unanswered(as_of=mortal.AS_OF)
    return account


def undisturbed(aws: Aws, given: list[Arrival]) -> Mapping[str, Any]:
    """What is stored after the files were read by a worker whom nobody kills."""
    put(aws, given)
    for _ in ingest.drained(cloud=clouds.get("aws"), clock=lambda: mortal.AS_OF):
        runs.recalculate_all(as_of=mortal.AS_OF)
    usage.recalculate_all(as_of=mortal.AS_OF)
    return everything()


def disturbed(
    aws: Aws, given: list[Arrival], *, kills: int, seed: int, said: Callable[[Tally], None] = lambda _: None
) -> Tally:
    """The files are read by workers of whom so many are killed; the last one is let be."""
    luck, tally = Random(seed), Tally()
    with mortals(aws) as workers:
        while tally.deaths < kills:
            if not waiting(aws):
                put(aws, given)
                tally.rounds += 1
            answer = workers.live(luck.randint(1, MOST_STEPS))
            assert answer in ("died", "done")
            tally.lives += 1
            tally.deaths += answer == "died"
            time_out(aws)
            said(tally)
        while waiting(aws):
            assert workers.live(0) == "done"
            time_out(aws)
        assert workers.live(0) == "done"
    return tally


def waiting(aws: Aws) -> int:
    """Messages in the queue of log files; dead letters are put back first, as an operator would.

    Those that are hidden just now count too, dead ones included: what moto fails to hand out, it hides all the same.
    """
    clouds.get("aws").redrive(aws.names.log_queue)
    return sum(
        length.waiting + length.dead for length in clouds.get("aws").queues() if length.name == aws.names.log_queue
    )


def put(aws: Aws, given: list[Arrival]) -> None:
    """The files lie in the bucket, and the queue hears of each."""
    s3 = aws.client("s3", HOMES["aws"])
    for one in given:
        s3.put_object(Bucket=aws.names.bucket, Key=one.key, Body=one.content)


def time_out(aws: Aws) -> None:
    """Whatever a dead worker had received waits again, as after the visibility timeout; nobody has to wait for that."""
    for queue in sqs_backends[OWN_ACCOUNT][HOMES["aws"]].queues.values():
        for message in queue._messages:
            message.visible_at = 0


def everything() -> dict[str, list[Any]]:
    """All that is stored of what was read and derived, under the names that clouds give, without ids of ours."""
    with connection.cursor() as cursor:
        answers = {}
        for name, query in _QUERIES.items():
            cursor.execute(query)
            answers[name] = sorted(cursor.fetchall(), key=str)
    return answers


_QUERIES = {
    "instances": "SELECT x.native_id, x.region, m.native_id, x.runs_dirty_from, x.drift::text"
    " FROM cloudigrade_instance AS x LEFT JOIN cloudigrade_image AS m ON m.id = x.image_id",
    "events": "SELECT i.native_id, x.source_id, x.revision, x.occurred_at, x.kind, x.feed, x.previous, x.is_launch,"
    " x.is_termination, x.instance_type, x.billing_code FROM cloudigrade_instanceevent AS x"
    " JOIN cloudigrade_instance AS i ON i.id = x.instance_id",
    "tags": "SELECT m.native_id, x.key, x.is_present, x.occurred_at, x.source_id FROM cloudigrade_tagevent AS x"
    " JOIN cloudigrade_image AS m ON m.id = x.image_id",
    "positions": "SELECT region, feed, newest_at, problem FROM cloudigrade_feedposition",
    "files": "SELECT region, source, sha256 FROM cloudigrade_logfile",
    "quarantine": "SELECT feed, source, hash, reason FROM cloudigrade_quarantine",
    "runs": "SELECT i.native_id, x.period, x.instance_type, x.vcpu, x.billing_code FROM cloudigrade_run AS x"
    " JOIN cloudigrade_instance AS i ON i.id = x.instance_id",
    "usage": "SELECT day, maximum_counts, totals::text FROM cloudigrade_concurrentusage",
    "dirty": "SELECT day FROM cloudigrade_dirtyday",
}


def forget() -> None:
    """Nothing is stored of what was read; the account is as it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE cloudigrade_instance, cloudigrade_image, cloudigrade_feedposition, cloudigrade_logfile,"
            " cloudigrade_quarantine, cloudigrade_run, cloudigrade_concurrentusage, cloudigrade_dirtyday,"
            " cloudigrade_gap, cloudigrade_queuestate CASCADE"
        )
    usage.mark_unanswered(as_of=mortal.AS_OF)
