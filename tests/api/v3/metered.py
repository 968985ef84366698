"""What there is to tell about usage: a customer with an instance of RHEL and one of something else."""

from cloudigrade.models import FeedPosition, Instance
from tests.builders import LARGE, XLARGE, custom_image, launch, moment, red_hat_image, stop
from tests.services.stored import Stored

MONDAY, TUESDAY = "2026-03-02", "2026-03-03"
ASKED = {"start": MONDAY, "end": "2026-03-04", "rhel": "all", "group_by": "payer,instance_type"}
METRICS = {
    "instances_peak": 0,
    "vcpu_peak": 0,
    "memory_mib_peak": 0,
    "instance_seconds": 0,
    "vcpu_seconds": 0,
    "memory_mib_seconds": 0,
    "unknown_size_instances": 0,
}


def meter(stored: Stored) -> Stored:
    """RHEL of the customer's own on Monday from 6:00 to 18:00, something else from 12:00 on."""
    stored.meter(
        LARGE,
        XLARGE,
        red_hat_image("ami-rhel"),
        custom_image("ami-other"),
        launch("i-1", 6, image="ami-rhel"),
        stop("i-1", 18),
        launch("i-2", 12, image="ami-other", instance_type="m5.xlarge"),
        stop("i-2", 36),
    )
    return stored


def read(hours: float) -> None:
    """The account's log was read so far."""
    account = Instance.objects.all()[0].account
    FeedPosition.objects.create(account=account, region="eu-west-1", feed="cloudtrail", newest_at=moment(hours))
