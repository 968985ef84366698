"""Two customers whose rows the internal API shows, and the keys that it is asked with."""

from datetime import UTC, datetime
from typing import Any, Final

from cloudigrade.models import CloudAccount, ConcurrentUsage, Customer, Image, Instance, InstanceEvent, Run
from tests.builders import LARGE, custom_image, found, launch, red_hat_image, retype, stop, tag
from tests.services.stored import Stored

BASE: Final = "/internal/api/cloudigrade/v1/"
SCOPES: Final = {
    "reader": {"read"},
    "writer": {"write"},
    "operator": {"read", "write", "availability"},
    "sources": {"availability"},
}
MINE, THEIRS = "000000000042", "000000000043"
CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHANGED = datetime(2026, 3, 1, 13, tzinfo=UTC)


def key(name: str = "operator", **names: str) -> dict[str, str]:
    """The headers of a key, and of the customer whom it speaks for."""
    companions = {"org_id": "X-RH-CLOUDIGRADE-ORG-ID", "account_number": "X-RH-CLOUDIGRADE-ACCOUNT-NUMBER"}
    return {"X-RH-CLOUDIGRADE-PSK": f"key-of-{name}"} | {companions[part]: text for part, text in names.items()}


class World:
    """Customer 11 ran an instance of Red Hat's image for three hours, and changes it; customer 22 runs one still."""

    def __init__(self) -> None:
        mine, theirs = Stored("11", [MINE]), Stored("22", [THEIRS])
        mine.record(
            launch("i-mine", 1, image="ami-mine"),
            retype("i-mine", 2, "m5.large"),
            stop("i-mine", 4),
            red_hat_image("ami-mine"),
            LARGE,
        )
        theirs.record(
            launch("i-theirs", 30, image="ami-theirs", instance_type="x9.unknown", account=THEIRS),
            custom_image("ami-theirs"),
            found("ami-theirs", rhel_version="9.4"),
            tag(31, image="ami-theirs", account=THEIRS),
        )
        Customer.objects.filter(pk=mine.customer_id).update(account_number="0011")
        mine.recalculate()
        theirs.recalculate()
        for each in (CloudAccount, Instance, Image):
            each._default_manager.update(created_at=CREATED, updated_at=CHANGED)
        Image.objects.filter(native_id="ami-theirs").update(platform="windows", product_codes=[["abc", "marketplace"]])
        CloudAccount.objects.filter(native_id=MINE).update(
            credentials=f"arn:aws:iam::{MINE}:role/metering",
            platform_authentication_id=7,
            platform_application_id=8,
            platform_source_id=9,
            is_enabled=True,
            enabled_at=CREATED,
        )
        CloudAccount.objects.filter(native_id=THEIRS).update(is_paused=True, is_synthetic=True)
        self.customer, self.neighbour = mine.customer_id, theirs.customer_id
        self.account, self.other_account = _ids(CloudAccount, "native_id", MINE, THEIRS)
        self.instance, self.other_instance = _ids(Instance, "native_id", "i-mine", "i-theirs")
        self.image, self.other_image = _ids(Image, "native_id", "ami-mine", "ami-theirs")
        self.runs = _rows(Run, instance=self.instance)
        self.other_runs = _rows(Run, instance=self.other_instance)
        self.events = _rows(InstanceEvent, instance=self.instance)
        self.other_events = _rows(InstanceEvent, instance=self.other_instance)
        self.usage = _rows(ConcurrentUsage, customer=self.customer)

    def __getitem__(self, name: str) -> Any:
        """One of the ids by the name of its attribute, for tables of tests."""
        return getattr(self, name)


def _ids(model: Any, name: str, *values: str) -> list[int]:
    return [model._default_manager.get(**{name: value}).pk for value in values]


def _rows(model: Any, **which: int) -> list[int]:
    return list(model._default_manager.filter(**which).order_by("pk").values_list("pk", flat=True))
