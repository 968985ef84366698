"""What services rely on, of every cloud: the fake one that their tests use, and the real one against a made-up AWS.

Where moto is more forgiving than AWS, `tests/aws_patches.py` makes it strict.
"""

from collections.abc import Iterator

import pytest

from cloudigrade.clouds.aws import queues
from cloudigrade.clouds.cloud import Route, Unknown
from cloudigrade.clouds.protocol import CustomerProblem, Rejected, Unreadable
from cloudigrade.domain.problems import Problem
from tests import aws_server
from tests.contracts.worlds import OTHER_REGION, OUR_BUCKET, REGION, TIME, AwsWorld, FakeWorld, Routes, World, told

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]

ONE, OTHER = "000000000042", "210987654321"


@pytest.fixture(scope="module")
def aws() -> Iterator[aws_server.Aws]:
    with aws_server.running() as aws:
        yield aws


@pytest.fixture(params=["fake", "aws"])
def world(request, monkeypatch) -> World:
    if request.param == "fake":
        return FakeWorld()
    monkeypatch.setattr(queues, "WAIT", 0)
    aws = request.getfixturevalue("aws")
    aws.begin_anew(["aws"])
    for name, value in aws.variables.items():
        monkeypatch.setenv(name, value)
    return AwsWorld(aws)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arn:aws:iam::000000000042:role/metering", ("000000000042", "arn:aws:iam::000000000042:role/metering")),
        (" arn:aws:iam::000000000042:role/m\n", ("000000000042", "arn:aws:iam::000000000042:role/m")),
    ],
)
def test_credentials_give_the_account_with_its_leading_zeros(world, text, expected):
    assert world.cloud.parse_credentials(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "metering", "arn:aws:iam::42:role/m", "arn:aws:iam::000000000042:user/m", "arn:gcp:iam::000000000042:role/m"],
)
def test_other_credentials_are_the_customers_problem(world, text):
    with pytest.raises(CustomerProblem) as raised:
        world.cloud.parse_credentials(text)

    assert raised.value.problem is Problem.INVALID_ARN


def test_instructions_say_who_we_are_and_repeat_the_external_id(world):
    told = world.cloud.instructions(external_id="xyz-42")

    assert told.external_id == "xyz-42"
    assert len(told.principal) == 12
    assert told.policy["Version"] == "2012-10-17"
    assert told.launch_link.startswith("https://")


def test_an_account_that_lets_us_in_is_verified_and_not_changed(world):
    account = world.add(ONE, "mine-42")

    world.cloud.verify(account)

    assert not world.has_our_trail(ONE)


def test_s1_another_external_id_does_not_open_the_account(world):
    account = world.add(ONE, "mine-42")

    for method in (world.cloud.verify, world.cloud.connect):
        with pytest.raises(CustomerProblem) as raised:
            method(account._replace(external_id="theirs"))
        assert raised.value.problem is Problem.NO_ACCESS


def test_s1_a_role_that_demands_no_external_id_is_refused(world):
    account = world.add(ONE, "")

    with pytest.raises(CustomerProblem) as raised:
        world.cloud.verify(account)

    assert raised.value.problem is Problem.EXTERNAL_ID_NOT_DEMANDED


def test_s1_nothing_is_opened_without_an_external_id(world):
    account = world.add(ONE, "mine-42")

    with pytest.raises(ValueError, match="external id"):
        world.cloud.verify(account._replace(external_id=""))


def test_an_account_without_the_role_is_the_customers_problem(world):
    account = world.add(ONE, "mine-42")
    world.remove_role(ONE)

    with pytest.raises(CustomerProblem) as raised:
        world.cloud.verify(account)

    assert raised.value.problem is Problem.NO_ACCESS


def test_a_denied_action_is_named(world):
    account = world.add(ONE, "mine-42")
    world.deny(ONE, "ec2:DescribeImages")

    with pytest.raises(CustomerProblem, match="ec2:DescribeImages") as raised:
        world.cloud.verify(account)

    assert raised.value.problem is Problem.POLICY_TOO_NARROW


def test_c24_connecting_twice_comes_to_the_same(world):
    account = world.add(ONE, "mine-42")

    details = world.cloud.connect(account)
    again = world.cloud.connect(account._replace(details=details))

    assert again == details
    assert (details["bucket"], details["is_ours"], details["is_notified"]) == (OUR_BUCKET, True, True)
    assert world.has_our_trail(ONE)


def test_a_connected_account_logs_somewhere(world):
    account = world.add(ONE, "mine-42")

    connected = account._replace(details=world.cloud.connect(account))

    assert world.cloud.places(account) == set()
    assert world.cloud.places(connected) == {(OUR_BUCKET, ONE)}


def test_a_connected_account_has_a_trail_that_is_named(world):
    account = world.add(ONE, "mine-42")

    connected = account._replace(details=world.cloud.connect(account))

    assert world.cloud.trail(account) is None
    trail = world.cloud.trail(connected)
    assert trail is not None
    assert trail.name.startswith(f"arn:aws:cloudtrail:us-east-1:{ONE}:trail/")
    assert (trail.bucket, trail.is_ours) == (OUR_BUCKET, True)


def test_disconnecting_twice_or_without_the_role_is_no_error(world):
    account = world.add(ONE, "mine-42")
    account = account._replace(details=world.cloud.connect(account))

    world.cloud.disconnect(account)
    assert not world.has_our_trail(ONE)
    world.cloud.disconnect(account)
    world.remove_role(ONE)
    world.cloud.disconnect(account)


def test_deliveries_are_acknowledged_when_the_block_ends_well(world):
    world.deliver(ONE, "i-0a1")
    routes = Routes(OUR_BUCKET, {ONE: 7})

    found = []
    for opened in world.cloud.deliveries(routes):
        with opened as delivery:
            found.append(delivery)

    assert told(found) == {7: ["i-0a1"]}
    assert (OUR_BUCKET, ONE) in routes.asked
    assert sum(delivery.messages for delivery in found) >= 1
    assert world.unread() == 0


def test_deliveries_are_kept_when_the_block_fails(world):
    world.deliver(ONE, "i-0a1")
    before = world.unread()

    with pytest.raises(ZeroDivisionError):
        fail(world)

    assert world.unread() == before


def fail(world: World) -> None:
    """The first delivery with anything in it is not recorded."""
    for opened in world.cloud.deliveries(Routes(OUR_BUCKET, {ONE: 7})):
        with opened as delivery:
            if told([delivery]) == {7: ["i-0a1"]}:
                raise ZeroDivisionError


def test_what_nobody_connected_is_foreign_and_goes(world):
    for native_id, instance in ((ONE, "i-0a1"), (OTHER, "i-0b2")):
        world.deliver(native_id, instance)

    found = []
    for opened in world.cloud.deliveries(Routes(OUR_BUCKET, {ONE: 7})):
        with opened as delivery:
            found.append(delivery)

    assert told(found) == {7: ["i-0a1"]}
    assert sum(delivery.foreign for delivery in found) == 1
    assert world.unread() == 0


def test_each_owner_gets_its_own(world):
    for native_id, instance in ((ONE, "i-0a1"), (OTHER, "i-0b2")):
        world.deliver(native_id, instance)
    world.deliver(ONE, "i-0a3")

    found = []
    for opened in world.cloud.deliveries(Routes(OUR_BUCKET, {ONE: 7, OTHER: 8})):
        with opened as delivery:
            found.append(delivery)

    assert told(found) == {7: ["i-0a1", "i-0a3"], 8: ["i-0b2"]}


def test_where_nothing_waits_nothing_comes(world):
    found = []
    for opened in world.cloud.deliveries(Routes(OUR_BUCKET, {ONE: 7})):
        with opened as delivery:
            found.append(delivery)

    assert told(found) == {}


def test_o8_dead_letters_wait_again_after_a_redrive(world):
    world.bury(ONE)
    assert {queue.name: (queue.waiting, queue.dead) for queue in world.cloud.queues()}[world.queue][1] == 1

    assert world.cloud.redrive(world.queue) == 1

    after = {queue.name: queue for queue in world.cloud.queues()}[world.queue]
    assert (after.waiting >= 1, after.dead) == (True, 0)


def test_no_queue_of_ours_is_redriven(world):
    with pytest.raises(Unreadable):
        world.cloud.redrive("somebody-elses")


def test_what_is_not_there_is_still_unreadable(world):
    lost = Rejected("AWSLogs/x", "is not there", ONE, location=f"s3://{OUR_BUCKET}/AWSLogs/x")

    with pytest.raises(Unreadable):
        world.cloud.reread(lost, Routes(OUR_BUCKET, {ONE: 7}), Route(7))


def test_log_files_of_a_period_are_read_but_for_the_known_ones(world):
    account = world.add(ONE, "mine-42")
    account = account._replace(details=world.cloud.connect(account))
    world.deliver(ONE, "i-0a1")

    def read(since: int, until: int, *, is_known: bool = False) -> list[str]:
        files = world.cloud.log_files(account, since=since, until=until, known=lambda names: names if is_known else ())
        return [each.instance for batch in files for each in batch.instances]

    assert read(TIME - 3600, TIME + 3600) == ["i-0a1"]
    assert read(TIME - 3600, TIME + 3600, is_known=True) == []
    assert read(TIME - 7200, TIME - 3600) == []
    assert read(TIME + 3600, TIME + 7200) == []


def test_a_sweep_lists_what_is_there_region_by_region(world):
    account = world.add(ONE, "mine-42")
    instances = {REGION: {world.run(ONE, REGION), world.run(ONE, REGION)}, OTHER_REGION: {world.run(ONE, OTHER_REGION)}}

    swept = {one.region: one for one in world.cloud.sweep(account)}

    for region, names in instances.items():
        assert {each.instance for each in swept[region].instances} == names
        assert {(each.account, each.region) for each in swept[region].instances} == {(ONE, region)}
        assert swept[region].problem == ""
    assert all(not one.instances for region, one in swept.items() if region not in instances)


def test_an_account_that_does_not_let_us_in_is_not_swept(world):
    account = world.add(ONE, "mine-42")
    world.remove_role(ONE)

    with pytest.raises(CustomerProblem):
        list(world.cloud.sweep(account))


def test_c7_descriptions_leave_out_what_vanished(world):
    account = world.add(ONE, "mine-42")
    kept, gone = world.run(ONE, REGION), world.run(ONE, REGION)
    world.vanish(ONE, REGION, gone)

    found = world.cloud.describe(account, {REGION: Unknown(instances=[kept, gone], images=["ami-00000000"])})

    assert [each.instance for each in found.described_instances] == [kept]
    assert "ami-00000000" not in {each.image for each in found.described_images}


def test_definitions_are_sizes(world):
    assert all(size.vcpu > 0 and size.memory_mib > 0 for size in world.cloud.definitions())
