"""A queue of 2,000 log files drained by one worker, against the ingest of the same files from disk.

`python -m benchmarks.queue`; the made-up AWS is a process of its own. What it costs itself is measured by the same
requests without our work, and shown apart.
"""

import gzip
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import boto3
from botocore.config import Config
from django.db import connection

from benchmarks import ingest as from_disk
from benchmarks import measuring
from benchmarks.decode import ACCOUNT, log_file
from cloudigrade.clouds import registry
from cloudigrade.clouds.aws import queues
from cloudigrade.clouds.aws.config import Section
from cloudigrade.models import CloudAccount
from cloudigrade.services import accounts, ingest

OBJECTS = 2_000
RECORDS = 250
SHARE = 0.01
DIFFERENT = 50
"""Files that are made up; the others have their own ids, and else the same content."""
ROUNDS = 3
BAR = 0.6
VISIBILITY = 301
"""Seconds after which the made-up AWS gives a message again, and one more."""
REGION = "us-east-1"
BUCKET, QUEUE = "bench-cloudigrade-trails", "bench-cloudigrade-cloudtrail-s3"
FOLDER = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/01/02"
NOW = datetime(2026, 1, 3, tzinfo=UTC)


def main() -> None:
    """Print both rates and their ratio."""
    queues.WAIT = 0  # nothing comes while we wait
    with measuring.database(), tempfile.TemporaryDirectory() as folder, made_up_aws():
        trail = Path(folder)
        write_files(trail / FOLDER)
        fill(trail)
        rounds = []
        for number in range(ROUNDS):  # by turns, so that a busy moment of the machine does not hit one of them alone
            moto = measure_moto(trail, is_first=number == 0)
            disk = measure_disk(trail)
            stored = events()
            measuring.forget_peak()
            rounds.append((disk, moto, measure_queue(trail, stored)))
            assert events() == stored
        report(*(Spent(*map(min, zip(*kind, strict=True))) for kind in zip(*rounds, strict=True)))


class Spent(NamedTuple):
    """What a piece of work took."""

    seconds: float
    processor: float
    """Seconds of our own process: neither the database's nor the made-up AWS's."""


def report(disk: Spent, moto: Spent, drained: Spent) -> None:
    """Print the figures."""
    records = OBJECTS * RECORDS
    own = Spent(drained.seconds - moto.seconds, drained.processor - moto.processor)
    print(
        f"{OBJECTS} files of {RECORDS} records, {SHARE:.0%} relevant: from disk {disk.seconds:.1f} s"
        f" ({records / disk.seconds:,.0f} records/s); from the queue {drained.seconds:.1f} s"
        f" ({OBJECTS / drained.seconds:,.0f} objects/s), of which the same requests alone take {moto.seconds:.1f} s;"
        f" the rest {own.seconds:.1f} s = {disk.seconds / own.seconds:.2f}x of the rate from disk (bar {BAR}x),"
        f" {disk.seconds / drained.seconds:.2f}x with them. Processor time of ours: disk {disk.processor:.1f} s, queue"
        f" {drained.processor:.1f} s, requests {moto.processor:.1f} s: {disk.processor / own.processor:.2f}x."
        f" {events()} events; peak {measuring.peak_mib()} MiB"
    )


def timed(work: Callable[[], object]) -> Spent:
    """What it took."""
    processor, begun = time.process_time(), time.perf_counter()
    work()
    return Spent(time.perf_counter() - begun, time.process_time() - processor)


def measure_disk(trail: Path) -> Spent:
    """What recording the files from disk takes."""
    forget()
    return timed(lambda: from_disk.store(trail))


def measure_queue(trail: Path, expected: int) -> Spent:
    """What recording all that waits, so many events, takes."""
    send(trail)
    forget()
    customer = accounts.ensure_customer(org_id="bench", now=NOW)
    accounts.ensure_accounts(customer_id=customer, cloud="aws", native_ids=[ACCOUNT], metered_from=NOW, now=NOW)
    CloudAccount.objects.update(details={"bucket": BUCKET, "is_notified": True})
    cloud = registry.build("aws", Section(), environment="bench")
    read: list[int] = []

    def drain() -> None:
        read.extend(each.messages for each in ingest.drained(cloud=cloud, clock=lambda: NOW))

    spent = timed(drain)
    assert sum(read) > 0.99 * OBJECTS, f"{sum(read)} messages were read"
    if events() != expected:  # moto fails now and then, and forgets whom it has given messages to: they come again
        time.sleep(VISIBILITY)
        drain()
    return spent


def measure_moto(trail: Path, *, is_first: bool) -> Spent:
    """What the same requests take, a hundred messages at a time, if nothing is done with the answers."""
    if not is_first:
        send(trail)
    s3, sqs, url = client("s3"), client("sqs"), queue_url()

    def receive(_: int) -> list[Any]:
        return list(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ()))

    def read(message: Any) -> bytes:
        records = json.loads(message["Body"]).get("Records", ())
        keys = [unquote_plus(record["s3"]["object"]["key"]) for record in records]
        return b"".join(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys)

    def delete(messages: list[Any]) -> None:
        entries = [{"Id": str(place), "ReceiptHandle": one["ReceiptHandle"]} for place, one in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)

    def drain() -> None:
        with ThreadPoolExecutor(16) as many, ThreadPoolExecutor(10) as ten:
            while batches := [batch for batch in ten.map(receive, range(10)) if batch]:
                list(many.map(read, [message for batch in batches for message in batch]))
                list(ten.map(delete, batches))

    return timed(drain)


def write_files(folder: Path) -> None:
    """The log files, no record twice."""
    folder.mkdir(parents=True)
    dice = random.Random(OBJECTS)
    for base in range(DIFFERENT):
        text = gzip.decompress(log_file(dice, RECORDS, SHARE)).decode()
        for copy in range(OBJECTS // DIFFERENT):
            own = re.sub(r'("eventID":"|"instanceId":"i-)..', rf"\g<1>{copy:02x}", text)
            name = f"{ACCOUNT}_CloudTrail_{REGION}_20260102T0305Z_{base:08d}{copy:08d}.json.gz"
            (folder / name).write_bytes(gzip.compress(own.encode(), 6))


def fill(trail: Path) -> None:
    """The files lie in the bucket, and the queue has heard of each."""
    s3 = client("s3")
    with ThreadPoolExecutor(8) as pool:
        paths = sorted((trail / FOLDER).iterdir())
        list(pool.map(lambda path: s3.put_object(Bucket=BUCKET, Key=key(path), Body=path.read_bytes()), paths))


def send(trail: Path) -> None:
    """The queue hears of each file again."""
    sqs, url = client("sqs"), queue_url()
    paths = sorted((trail / FOLDER).iterdir())
    for start in range(0, len(paths), 10):
        entries = [
            {"Id": str(place), "MessageBody": notification(path)} for place, path in enumerate(paths[start:][:10])
        ]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)


def notification(path: Path) -> str:
    """As S3 notifies of it."""
    stored = {"key": key(path), "size": path.stat().st_size}
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "awsRegion": REGION}
    return json.dumps({"Records": [{**record, "s3": {"bucket": {"name": BUCKET}, "object": stored}}]})


def key(path: Path) -> str:
    """The object that the file becomes."""
    return f"{FOLDER}/{path.name}"


def client(service: str) -> Any:
    """Of our own identity."""
    return boto3.session.Session().client(service, region_name=REGION, config=Config(max_pool_connections=16))  # type: ignore[call-overload] # any service


def queue_url() -> str:
    """Of the queue of log files."""
    url: str = client("sqs").get_queue_url(QueueName=QUEUE)["QueueUrl"]
    return url


@contextmanager
def made_up_aws() -> Iterator[None]:
    """A made-up AWS in a process of its own, to which the environment leads."""
    command = [sys.executable, "-m", "tests.aws_server", "--port", "0", "--environment", "bench"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("#"):
                break
            name, _, value = line.removeprefix("export ").strip().partition("=")
            os.environ[name] = value
        try:
            yield
        finally:
            process.terminate()


def forget() -> None:
    """Nothing is stored."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE cloudigrade_customer CASCADE")


def events() -> int:
    """How many are stored."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cloudigrade_instanceevent")
        ((count,),) = cursor.fetchall()
    return int(count)


if __name__ == "__main__":
    main()
