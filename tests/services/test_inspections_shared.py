"""Images are looked into once for each content, and what is found is told to those who see them."""

from datetime import timedelta

from cloudigrade.models import CloudAccount, ImageVerdict, Inspection, Sight
from tests.builders import ACCOUNT, IMAGE, REGION, custom_image, found, launch
from tests.services.inspected import OTHER


def test_whoever_sees_no_image_cannot_use_up_the_attempts_of_whoever_does(bench, customer, neighbour):
    """Each time that an account is enabled it is asked anew, and that may be as often as its owner likes."""
    CloudAccount.objects.filter(native_id=ACCOUNT).update(is_paused=True)
    neighbour.record(launch("i-forged", 1, account=OTHER))
    for _ in range(8):
        bench.settle()
        bench.now += timedelta(hours=1)
        CloudAccount.objects.filter(native_id=OTHER).update(enabled_at=bench.now)
    assert (bench.told()[0], bench.row().attempts) == ("unavailable", 0)

    bench.now += timedelta(hours=1)
    CloudAccount.objects.filter(native_id=ACCOUNT).update(is_paused=False, enabled_at=bench.now)
    bench.settle()

    assert (bench.told()[0], bench.verdict(customer)) == ("inspected", "rhel")


def test_images_with_the_same_disks_are_looked_into_once(bench, customer):
    bench.boot(customer, "ami-2", snapshots=[f"snap-{IMAGE}"])

    bench.settle()

    assert len(bench.looked) == 1
    states = dict(Inspection.objects.values_list("image__native_id", "basis"))
    assert sorted(states.values()) == ["content", "disk"]
    assert (bench.verdict(customer), bench.verdict(customer, "ami-2")) == ("rhel", "rhel")


def test_what_was_found_for_another_customer_is_not_used_unless_both_see_the_image(bench, customer, neighbour):
    """The same snapshot behind two images, each seen by its own customer only: each is looked into."""
    bench.boot(neighbour, "ami-2", account=OTHER, snapshots=[f"snap-{IMAGE}"])
    bench.settle()
    assert len(bench.looked) == 2

    bench.describe(neighbour, IMAGE)
    bench.boot(neighbour, "ami-3", account=OTHER, snapshots=[f"snap-{IMAGE}"])
    bench.settle()
    assert len(bench.looked) == 2
    assert bench.row("ami-3").basis == "content"


def test_what_was_found_on_a_public_image_is_used_for_everybody(bench, customer, neighbour):
    bench.cloud.show(ACCOUNT, REGION, IMAGE, is_public=True)
    bench.settle()
    bench.boot(neighbour, "ami-2", account=OTHER, snapshots=[f"snap-{IMAGE}"])

    bench.settle()

    assert len(bench.looked) == 1
    assert bench.verdict(neighbour, "ami-2") == "rhel"


def test_whoever_only_claims_an_instance_of_an_image_learns_nothing_of_its_disks(bench, customer, neighbour):
    """A log file can be forged; an account cannot."""
    neighbour.record(launch("i-forged", 1, account=OTHER))

    bench.settle()

    assert (bench.verdict(customer), bench.verdict(neighbour)) == ("rhel", "undetermined")
    evidence = ImageVerdict.objects.get(customer=neighbour.customer_id).evidence
    assert evidence["findings"] is None
    assert list(Sight.objects.values_list("customer", flat=True)) == [customer.customer_id]


def test_whoever_comes_to_see_an_image_has_the_verdict_of_its_disks(bench, customer, neighbour):
    neighbour.record(launch("i-2", 1, account=OTHER))
    bench.settle()
    assert bench.verdict(neighbour) == "undetermined"

    bench.describe(neighbour)

    assert bench.verdict(neighbour) == "rhel"


def test_an_image_that_is_public_tells_everybody_who_boots_from_it(bench, customer, neighbour):
    bench.cloud.show(ACCOUNT, REGION, IMAGE, is_public=True)
    neighbour.record(launch("i-2", 1, account=OTHER))

    bench.settle()

    assert (bench.verdict(customer), bench.verdict(neighbour)) == ("rhel", "rhel")


def test_a_description_that_came_in_a_file_makes_its_customer_see_the_image(bench, customer, neighbour):
    """Only operators hand descriptions in; without them a customer who is metered by files would see no image."""
    bench.settle()
    neighbour.record(launch("i-2", 1, account=OTHER))
    assert not Sight.objects.filter(customer=neighbour.customer_id).exists()

    neighbour.record(custom_image())

    assert Sight.objects.filter(customer=neighbour.customer_id).count() == 1
    assert bench.verdict(neighbour) == "rhel"


def test_findings_that_a_customer_brought_are_that_customers_to_know(bench, customer, neighbour):
    neighbour.record(launch("i-2", 1, image="ami-2", account=OTHER), found("ami-2"))
    customer.record(launch("i-3", 1, image="ami-2"))

    assert (bench.verdict(neighbour, "ami-2"), bench.verdict(customer, "ami-2")) == ("rhel", "undetermined")


def test_another_customers_account_is_asked_where_the_first_does_not_see_the_image(bench, customer, neighbour):
    neighbour.record(launch("i-2", 1, account=OTHER))
    Sight.objects.all().delete()
    bench.cloud.disks.seen[OTHER, REGION, IMAGE] = bench.cloud.disks.seen.pop((ACCOUNT, REGION, IMAGE))

    bench.settle()

    assert bench.told()[0] == "inspected"
    assert bench.row().account_id == CloudAccount.objects.get(native_id=OTHER).pk


def test_an_image_that_came_to_nothing_is_looked_at_again_through_an_account_that_comes_to_see_it(
    bench, customer, neighbour
):
    bench.cloud.disks.seen.clear()
    bench.settle()
    assert bench.told()[0] == "unavailable"
    bench.settle()
    assert len(bench.cloud.called("look")) == 1

    bench.boot(neighbour, account=OTHER)
    bench.settle()

    assert bench.told()[0] == "inspected"
