"""Looking into images as services do it, on the fake cloud, with an inspector that says what a test wants."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db.models import Min

from cloudigrade.clouds.inspecting import Blocks, Result, Snapshot
from cloudigrade.inspector.blocks import BlockDisk, Cost
from cloudigrade.inspector.reading import Exhausted
from cloudigrade.models import CloudAccount, Image, ImageVerdict, Inspection
from cloudigrade.services import (
    activity,
    inspections,
    inspections_advancing,
    inspections_deciding,
    inspections_looking,
    inspections_results,
)
from cloudigrade.services.inspections import Claimed
from tests import fake_cloud
from tests.builders import ACCOUNT, IMAGE, REGION, batch, custom_image, launch, moment
from tests.fake_cloud import FakeCloud
from tests.fake_images import LAUNCH
from tests.services.stored import Stored

OTHER = "210987654321"
RHEL = {"verdict": {"verdict": "rhel", "version": "9.4", "reasons": ["os-release says ID=rhel"]}}
NOT_RHEL = {"verdict": {"verdict": "not_rhel", "reasons": ["os-release says ID=debian"]}}
INCONCLUSIVE = {"verdict": {"verdict": "inconclusive", "reasons": ["/dev/sda1 is encrypted (LUKS)"]}}
MOUNT_FAILED = {
    "rhel_found": False,
    "rhel_product_certs_found": False,
    "rhel_release_files_found": False,
    "rhel_enabled_repos_found": False,
    "rhel_signed_packages_found": False,
    "rhel_version": None,
    "syspurpose": None,
    "errors": ["Mount of /dev/xvdbb1 failed: b'mount: wrong fs type'"],
    "drives": {"/dev/xvdbb": {"/dev/xvdbb1": {"facts": {}, "error": {"py/b64": "bW91bnQ6IHdyb25nIGZzIHR5cGU="}}}},
}
"""Of houndigrade 1.0.0, quirks included."""


class Bench:
    """The fake cloud, a clock that only the test moves, and the inspector."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
        self.cloud: FakeCloud = fake_cloud.installed(monkeypatch)
        self.now: datetime = moment(12)
        self.settings = settings
        self.answers: dict[str, Mapping[str, Any] | BaseException] = {}
        self.looked: list[tuple[str, tuple[str, ...]]] = []
        monkeypatch.setattr(inspections_looking, "look_into", self._look_into)

    def configure(self, **changes: Any) -> None:
        self.settings.INSPECTIONS = self.settings.INSPECTIONS.model_copy(update=changes)

    def connect(self, native_id: str = ACCOUNT) -> CloudAccount:
        """The account lets us in, and is read."""
        owner = self.cloud.accounts.get(native_id) or self.cloud.add(native_id, "word")
        row = CloudAccount.objects.get(native_id=native_id, is_verified=True)
        row.is_enabled, row.credentials, row.external_id = True, owner.arn, "word"
        row.enabled_at = row.enabled_at or moment(0)
        row.save()
        return row

    def describe(self, stored: Stored, image: str = IMAGE, **facts: Any) -> None:
        """A sweep of the customer's account has told of the image, which it sees."""
        given = batch(custom_image(image, **facts)._replace(region=REGION))
        activity.record(customer_id=stored.customer_id, cloud="aws", feed="sweep", batch=given, as_of=self.now)

    def boot(self, stored: Stored, *images: str, account: str = ACCOUNT, snapshots: Sequence[str] = ()) -> None:
        """An instance of each image runs in the account, which sees the images and can read their disks."""
        for image in images or (IMAGE,):
            stored.record(launch(f"i-{account}-{image}", 1, image=image, account=account))
            self.describe(stored, image)
            self.cloud.show(account, REGION, image, *snapshots)

    def clock(self) -> datetime:
        return self.now

    def claim(self) -> Claimed:
        """Of the inspection that is due next."""
        claimed = inspections.claim(now=self.now)
        assert claimed is not None
        return claimed

    def plan(self) -> int:
        return inspections_deciding.plan(clouds=["aws"], now=self.now)

    def advance(self, inspection_id: int | None = None) -> bool:
        return inspections_advancing.advance(clock=self.clock, inspection_id=inspection_id)

    def drain(self) -> list[inspections_results.Recorded]:
        return list(inspections_results.drained(cloud="aws", source=self.cloud, clock=self.clock))

    def settle(self, *, most: int = 200) -> None:
        """Everything that is due by now is done, and whatever is planned by it."""
        self.plan()
        for _ in range(most):
            if not self.advance():
                return
        raise AssertionError("goes on for ever")

    def settle_until_idle(self, *, hours: float = 100, most: int = 300) -> None:
        """Time passes from one thing that is due to the next, inspectors answer, until nothing is due for so long."""
        end = self.now + timedelta(hours=hours)
        for _ in range(most):
            self.settle()
            self.finish_copies()
            due = Inspection.objects.aggregate(at=Min("due_at"))["at"]
            if due is None or due > end:
                return
            self.now = max(self.now, due)
        raise AssertionError("goes on for ever")

    def finish_copies(self, content: Mapping[str, Any] = RHEL) -> None:
        """Every inspector beside a copy writes what it found, once, and it is read."""
        for made in list(self.cloud.disks.made.values()):
            row = Inspection.objects.select_related("image").get(pk=made.inspection)
            if made.kind == LAUNCH and row.state == "inspecting":
                self.cloud.write(Result(row.image.native_id, content, f"s3://results/{made.native_id}.json"))
        self.drain()

    def row(self, image: str = IMAGE) -> Inspection:
        return Inspection.objects.get(image__native_id=image)

    def told(self, image: str = IMAGE) -> tuple[str, str]:
        """State and reason."""
        row = self.row(image)
        return row.state, row.reason

    def verdict(self, stored: Stored, image: str = IMAGE) -> str:
        return ImageVerdict.objects.get(customer=stored.customer_id, image__native_id=image).rhel

    def findings(self, image: str = IMAGE) -> str:
        return Image.objects.get(native_id=image).findings

    def _look_into(
        self, disks: Sequence[tuple[Snapshot, Blocks]], *, image: str, cloud: str, cost: Cost, seconds: int
    ) -> Mapping[str, Any]:
        assert (cloud, seconds) == ("aws", self.settings.INSPECTIONS.seconds)
        for _, blocks in disks:
            disk = BlockDisk(blocks, cost)
            with suppress(Exhausted):
                for offset in range(0, disk.size, blocks.block_size):
                    disk.read(offset, 1)
        self.looked.append((image, tuple(snapshot.native_id for snapshot, _ in disks)))
        answer = self.answers.get(image, RHEL)
        if isinstance(answer, BaseException):
            raise answer
        return answer
