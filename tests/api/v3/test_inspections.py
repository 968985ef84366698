"""How far looking into an image is, beside its verdict, and to whom it is told."""

import pytest

from cloudigrade.models import Image, Inspection, Sight
from tests.builders import ACCOUNT, IMAGE, custom_image, found, launch, moment
from tests.services.stored import Stored

COVERAGE = {"systems": [], "read": ["/dev/sda1"], "uncovered": [{"place": "/dev/sda2", "reason": "LUKS"}]}
VERDICT = {"schema": 1, "verdict": "inconclusive", "reasons": ["LUKS"], "coverage": COVERAGE}


@pytest.fixture
def image(stored):
    """An image that came to nothing, which the customer sees."""
    stored.record(custom_image(), launch("i-1", 1), found(rhel_product_certs_found=False, verdict=VERDICT))
    row = Image.objects.get()
    Inspection.objects.create(
        image=row,
        state="error",
        path="direct",
        basis="disk",
        reason="inconclusive: LUKS",
        attempts=1,
        requests=40,
        bytes_read=20_000_000,
        created_at=moment(1),
        updated_at=moment(3),
        started_at=moment(2),
        finished_at=moment(3),
    )
    return row


def test_an_inspection_tells_reason_coverage_and_cost(asking, image):
    assert asking.get(f"images/{image.pk}/verdict").json()["inspection"] == {
        "status": "error",
        "path": "direct",
        "basis": "disk",
        "reason": "inconclusive: LUKS",
        "attempts": 1,
        "requests": 40,
        "bytes_read": 20_000_000,
        "cost": 120,
        "started_at": "2026-03-02T02:00:00Z",
        "finished_at": "2026-03-02T03:00:00Z",
        "next_at": None,
        "coverage": COVERAGE,
    }


def test_nothing_is_told_to_those_whose_accounts_do_not_see_the_image(asking, other, image):
    Stored("22", ["000000000099"]).record(launch("i-9", 1, account="000000000099"))

    answer = other.get(f"images/{image.pk}/verdict")

    assert (answer.json()["inspection"], answer.json()["evidence"]["findings"]) == (None, None)
    assert b"LUKS" not in answer.content


def test_what_another_customers_account_was_told_is_left_out(asking, other, image):
    """A denial names the account that it was told to."""
    Inspection.objects.update(basis="", reason=f"account {ACCOUNT}: denied", state="error")
    neighbour = Stored("22", ["000000000099"])
    neighbour.record(launch("i-9", 1, account="000000000099"))
    Sight.objects.create(customer_id=neighbour.customer_id, image=image)

    answer = other.get(f"images/{image.pk}/verdict")

    assert answer.json()["inspection"]["reason"] == ""
    assert ACCOUNT.encode() not in answer.content


def test_the_only_customer_is_told_why(asking, image):
    Inspection.objects.update(basis="", reason=f"account {ACCOUNT}: denied")

    assert asking.get(f"images/{image.pk}/verdict").json()["inspection"]["reason"] == f"account {ACCOUNT}: denied"
    assert image.native_id == IMAGE
