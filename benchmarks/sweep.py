"""A sweep of 10,000 instances in 20 regions: requests to AWS, statements to the database, time and memory.

`python -m benchmarks.sweep [INSTANCES]` sweeps three times: everything new, nothing new, and much changed. The made-up
AWS is a process of its own; how much processor time it takes is shown apart.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks import measuring
from cloudigrade.clouds import registry
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.cloud import Account, Cloud, RegionSweep
from cloudigrade.models import CloudAccount
from cloudigrade.services import accounts, runs, sweeps
from tests import aws_patches, aws_server

ACCOUNT = "012345678901"
HOME = "us-east-1"
REGIONS = (HOME, *[name for name in boto3.session.Session().get_available_regions("ec2") if name != HOME][:19])
LARGEST = 4
"""Of so many parts one is in one region, so that its answer has pages; the other regions share the rest."""
IMAGES = 12
"""Instances for each image."""
PAGE, NAMES, BAR = 1000, 200, 20
LAUNCHED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Json = dict[str, Any]


def main() -> None:
    """Print what each sweep costs; status 1 if it took one request or statement too many."""
    if sys.argv[1:] == ["--serve"]:
        serve()
        return
    instances = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with measuring.database(), MadeUpAws.running() as aws:
        arn = aws.tell("fill", instances)
        account_id = connected(arn)
        cloud = registry.build("aws", Section(), environment="bench")
        account = Account(ACCOUNT, arn, "bench")
        fitting = [measure("everything new", aws, cloud, account, account_id)]
        fitting.append(measure("nothing new", aws, cloud, account, account_id))
        aws.tell("change", instances)
        fitting.append(measure("much changed", aws, cloud, account, account_id))
    if not all(fitting):
        raise SystemExit(1)


def connected(arn: str) -> int:
    """The id of the account, ready to be swept."""
    customer = accounts.ensure_customer(org_id="bench", now=LAUNCHED)
    accounts.ensure_accounts(
        customer_id=customer, cloud="aws", native_ids=[ACCOUNT], metered_from=LAUNCHED, now=LAUNCHED
    )
    row = CloudAccount.objects.get()
    row.credentials, row.external_id = arn, "bench"
    row.save()
    return row.pk


def measure(what: str, aws: "MadeUpAws", cloud: Cloud, account: Account, account_id: int) -> bool:
    """Whether the sweep took no request and no statement too many."""
    aws.tell("forget")
    measuring.forget_peak()
    begun, own = time.perf_counter(), time.process_time()
    found = list(cloud.sweep(account))
    asking, own = time.perf_counter() - begun, time.process_time() - own
    calls, moto = aws.tell("calls")
    with CaptureQueriesContext(connection) as captured:
        begun = time.perf_counter()
        swept = sweeps.record(account_id=account_id, sweep=found, now=datetime.now(UTC))
        storing = time.perf_counter() - begun
    statements = [str(query["sql"]) for query in captured.captured_queries]
    count = sum(not sql.startswith(("BEGIN", "COMMIT")) for sql in statements)
    peak = measuring.peak_mib()
    runs.recalculate_all(as_of=datetime.now(UTC))
    print(
        f"{what}: {swept.instances} instances in {swept.regions} regions, {swept.new} news, {swept.estimates} estimates:"
        f" {sum(calls.values())} requests ({', '.join(f'{number} {name}' for name, number in sorted(calls.items()))})"
        f" in {asking:.1f} s, of which processor time ours {own:.1f} s, moto's {moto:.1f} s;"
        f" {count} statements (bar {BAR}) in {storing:.1f} s; peak {peak} MiB"
    )
    return count <= BAR and calls == fewest(found, is_first=what == "everything new")


def fewest(found: list[RegionSweep], *, is_first: bool) -> Json:
    """The requests that nobody could do without."""
    images = [{instance.image for instance in region.instances} for region in found]
    calls = Counter({"DescribeRegions": 1})
    calls["DescribeInstances"] = sum(max(1, -(-len(region.instances) // PAGE)) for region in found)
    calls["DescribeImages"] = sum(-(-len(names) // NAMES) for names in images)
    return {**calls, **({"AssumeRole": 1} if is_first else {})}


class MadeUpAws:
    """The made-up AWS in its process, which does what it is told to by lines of JSON."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["MadeUpAws"]:
        """It runs, and the environment leads to it."""
        command = [sys.executable, "-m", "benchmarks.sweep", "--serve"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            aws = cls(process)
            os.environ.update(aws.answer())
            try:
                yield aws
            finally:
                assert process.stdin
                process.stdin.close()

    def tell(self, *command: object) -> Any:
        """What it answers."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> Any:
        """Its next line."""
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())


def serve() -> None:
    """Be the made-up AWS until the input ends."""
    with patch.dict(aws_patches.REGIONS, {"aws": REGIONS}), aws_server.running() as aws:
        print(json.dumps(aws.variables), flush=True)
        begun = 0.0
        for line in sys.stdin:
            match json.loads(line):
                case ["fill", instances]:
                    policy = {
                        "Version": "2012-10-17",
                        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
                    }
                    answer: object = aws.add_role(ACCOUNT, partition="aws", external_id="bench", policies=[policy])
                    fill(aws, instances)
                case ["change", instances]:
                    answer = None
                    fill(aws, instances, changed=True)
                case ["forget"]:
                    answer, begun = None, time.process_time()
                    aws_patches.calls.clear()
                case _:
                    calls = {action: number for (_, _, action), number in aws_patches.calls.items()}
                    answer = [calls, time.process_time() - begun]
            print(json.dumps(answer), flush=True)


def fill(aws: aws_server.Aws, instances: int, *, changed: bool = False) -> None:
    """So many instances run; changed: one in a hundred each is gone, off or converted, and images have other names."""
    rest = (instances - instances // LARGEST) // (len(REGIONS) - 1)
    for region in REGIONS:
        number = rest if region != HOME else instances - rest * (len(REGIONS) - 1)
        listed = [instance(region, each, changed=changed) for each in range(number) if not changed or each % 100 != 1]
        images = [image(region, each, changed=changed) for each in range(-(-number // IMAGES))]
        reservations = [
            {"ReservationId": f"r-{region}-{place}", "OwnerId": ACCOUNT, "Instances": [each]}
            for place, each in enumerate(listed)
        ]
        aws.describe(ACCOUNT, region, instances={"Reservations": reservations}, images={"Images": images})


def instance(region: str, number: int, *, changed: bool) -> Json:
    """As the AWS CLI prints it."""
    is_off = changed and number % 100 == 2
    is_converted = changed and number % 100 == 3
    return {
        "InstanceId": f"i-{region}-{number:x}",
        "ImageId": f"ami-{region}-{number // IMAGES:x}",
        "InstanceType": "m6i.large",
        "LaunchTime": LAUNCHED.isoformat(),
        "Placement": {"AvailabilityZone": f"{region}a"},
        "State": {"Code": 80, "Name": "stopped"} if is_off else {"Code": 16, "Name": "running"},
        "StateTransitionReason": "",
        "UsageOperation": "RunInstances:0010" if is_converted else "RunInstances:00g0",
        "UsageOperationUpdateTime": (LAUNCHED + timedelta(1 if is_converted else 0)).isoformat(),
        "Tags": [{"Key": "Name", "Value": f"server {number}"}],
    }


def image(region: str, number: int, *, changed: bool) -> Json:
    """As the AWS CLI prints it."""
    tagged = not changed and number % 2 == 0
    return {
        "ImageId": f"ami-{region}-{number:x}",
        "OwnerId": ACCOUNT,
        "Name": f"golden-{number}{'-renamed' if changed else ''}",
        "Architecture": "x86_64",
        "State": "available",
        "CreationDate": LAUNCHED.isoformat(),
        "PlatformDetails": "Linux/UNIX",
        "UsageOperation": "RunInstances",
        "Tags": [{"Key": "cloudigrade-rhel-present", "Value": ""}] if tagged else [],
    }


if __name__ == "__main__":
    main()
