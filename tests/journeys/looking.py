"""An account with an instance of an image that nobody knows, and all that looking into it makes on both sides."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from cloudigrade.clouds.aws import policy
from cloudigrade.domain import days
from cloudigrade.inspector import result, sandbox
from cloudigrade.inspector.reading import Content
from cloudigrade.models import Image, Inspection
from cloudigrade.services import inspections_advancing, inspections_deciding, inspections_results, usage, verdicts
from cloudigrade.simulator.timestamps import HOUR, compact, zulu
from tests.aws_server import HOMES, Aws
from tests.clouds.aws import records
from tests.clouds.aws.inspecting import left
from tests.inspector import evidence_files, trees
from tests.journeys.service import Service

ACCOUNT, REGION = "000000000042", "us-east-1"
FIRST_DAY = date(2026, 3, 3)
START = days.opening(FIRST_DAY)
LAUNCHED = START + HOUR
NOW = START + 60 * HOUR
"""Noon of the third day."""
INSTANCE = "i-0a1"
DIGEST = f"sha256:{'ab' * 32}"

RHEL = trees.ext_image(
    {
        "etc/os-release": evidence_files.os_release("rhel", "9.4"),
        "etc/pki/product-default/479.pem": evidence_files.certificate(479),
        "etc/rhsm/syspurpose/syspurpose.json": b'{"role": "Red Hat Enterprise Linux Server"}',
        "usr/bin/": b"",
    }
)
DEBIAN = trees.ext_image({"etc/os-release": evidence_files.os_release("debian", "12"), "usr/bin/": b""})
BLANK = bytes(1 << 20)
"""What never says of itself that it is not RHEL."""


def settle_paths(monkeypatch: pytest.MonkeyPatch, *paths: str) -> None:
    """Images are looked into in these ways."""
    monkeypatch.setattr(settings, "INSPECTIONS", settings.INSPECTIONS.model_copy(update={"paths": paths}))


def variables(*paths: str) -> dict[str, str]:
    """The same for another process, and which inspector looks at copies."""
    inspector = {
        "HOUNDIGRADE_ECS_IMAGE_NAME": "registry.example/houndigrade",
        "HOUNDIGRADE_ECS_IMAGE_DIGEST": DIGEST,
    }
    return inspector | {"INSPECTION_PATHS": ",".join(paths)}


class Looking:
    """The service, with one customer whose one account runs an instance of an image with these disks."""

    def __init__(self, service: Service, way: policy.Inspection, *disks: bytes) -> None:
        self.service = service
        self.disks = disks
        service.second = START
        self.customer = service.customer("11")
        self.account = self._let_in(way)
        self.image = service.aws.put_image(ACCOUNT, REGION, *disks, name="own")
        self._launch()

    @property
    def aws(self) -> Aws:
        return self.service.aws

    def _let_in(self, way: policy.Inspection) -> int:
        word = self.service.external_id(self.customer)
        principal = self.service.cloud.instructions(external_id=word).principal
        allowed = policy.policy("aws", "test", inspection=way, principal=principal)
        arn = self.aws.add_role(ACCOUNT, partition="aws", external_id=word, policies=[allowed])
        account = self.service.claim(self.customer, arn)
        assert self.service.connect(account).account_id == account
        return account

    def _launch(self) -> None:
        """It runs from the first day on, and the service hears of it on the third."""
        told = records.run_instances(
            records.launched(INSTANCE, imageId=self.image, launchTime=LAUNCHED * 1000),
            eventTime=zulu(LAUNCHED),
            recipientAccountId=ACCOUNT,
        )
        file = f"{ACCOUNT}_CloudTrail_{REGION}_{compact(LAUNCHED)}_a.json.gz"
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/03/{file}"
        self.aws.client("s3", REGION).put_object(Bucket=self.aws.names.bucket, Key=key, Body=records.packed(told))
        self.service.second = NOW
        assert self.service.ingest() >= 1
        self.service.describe_unknown()
        self.service.recalculate()

    def days(self) -> list[tuple[str, int, int]]:
        """Each day with the most RHEL on the customer's own subscription, or of unknown payer, and the most of all."""
        end = date.fromordinal(FIRST_DAY.toordinal() + 2)
        told = self.service.report(self.customer, FIRST_DAY, end)["days"]
        return [(one["date"], one["rhel"]["all"]["instances_peak"], one["all"]["instances_peak"]) for one in told]

    def look(self) -> None:
        """What workers do again and again, until nothing is due for an hour."""
        for _ in range(60):
            live(self.service)
            self.run_machines()
            self.service.second += 60
        live(self.service)

    def row(self) -> Inspection:
        return Inspection.objects.select_related("image").get()

    def forget(self) -> None:
        """Nobody has looked into the image, and its days are answered so."""
        Inspection.objects.all().delete()
        Image.objects.update(findings="")
        verdicts.recalculate(image_ids=Image.objects.values_list("pk", flat=True), as_of=self.service.now)
        self.service.recalculate()
        assert {rhel for _, rhel, _ in self.days()} == {0}

    def remains(self) -> dict[str, list[str]]:
        """Whatever of ours is there in both accounts."""
        return left(self.aws, ACCOUNT)

    def run_machines(self) -> int:
        """Machines that have started do what their user data says, write the result and end; how many there were."""
        ec2, s3 = (self.aws.client(name, HOMES["aws"]) for name in ("ec2", "s3"))
        pages = ec2.get_paginator("describe_instances").paginate()  # ended ones stay: more than a page
        there = [one for page in pages for each in page["Reservations"] for one in each["Instances"]]
        running = [one["InstanceId"] for one in there if one["State"]["Name"] == "running"]
        for name in running:
            disks = {f"/dev/xvdb{chr(ord('b') + number)}": Content(disk) for number, disk in enumerate(self.disks)}
            found = sandbox.inspect(disks, image=self.image, cloud="aws")
            s3.put_object(
                Bucket=self.aws.names.results_bucket,
                Key=f"InspectionResults/2026-03/05/12.00.00-{name}.json",
                Body=json.dumps(result.document("aws", {self.image: found})),
            )
        if running:
            ec2.terminate_instances(InstanceIds=running)
        return len(running)


def live(service: Service) -> None:
    """Everything that is due is done once."""
    work(lambda: service.now)


def work(clock: Any) -> None:
    """The same by the clock: plan, step after step, results, and the answers that follow."""
    clouds = inspections_advancing.inspecting_clouds(["aws"])
    inspections_deciding.plan(clouds=clouds, now=clock())
    _advance(clock)
    if "copy" in settings.INSPECTIONS.paths:
        for _ in inspections_results.drained(cloud="aws", source=clouds["aws"], clock=clock):
            pass
        _advance(clock)
    usage.recalculate_all(as_of=clock())


def _advance(clock: Any) -> None:
    for _ in range(100):
        if not inspections_advancing.advance(clock=clock):
            return
    raise AssertionError("it takes no end")


def outcome() -> dict[str, list[Any]]:
    """What looking led to, whatever it took."""
    return {name: list(_rows(query)) for name, query in _QUERIES.items()}


def _rows(query: str) -> Iterator[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        yield from cursor.fetchall()


_QUERIES = {
    "inspection": "SELECT state, basis, has_leftovers FROM cloudigrade_inspection",
    "verdict": "SELECT rhel, version FROM cloudigrade_imageverdict",
    "usage": "SELECT day, maximum_counts FROM cloudigrade_concurrentusage ORDER BY day",
    "dirty": "SELECT day FROM cloudigrade_dirtyday",
}
