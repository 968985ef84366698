"""What services rely on, of every cloud whose images can be looked into: the fake one, and the real one on moto.

Both give the same answers to whatever `cloudigrade/clouds/inspecting.py` promises; what only one of them knows (the
steps' names, the cloud's refusals, what is young) is in the tests of that one.
"""

from collections.abc import Iterator, Mapping

import pytest

from cloudigrade.clouds.aws import queues
from cloudigrade.clouds.inspecting import (
    MACHINE,
    Blocks,
    Decided,
    InspectsImages,
    Outcome,
    ResultDelivery,
    Snapshot,
    Step,
)
from cloudigrade.clouds.protocol import CustomerProblem, Unreadable
from cloudigrade.domain.problems import Problem
from tests import aws_server
from tests.aws_storage import BLOCK
from tests.clouds.aws.inspecting import DEADLINE, NOW, REGION
from tests.contracts.image_worlds import (
    DISK,
    ONE,
    OTHER,
    PAGE,
    AwsImages,
    AwsImageWorld,
    FakeImageWorld,
    ImageWorld,
    abandon,
    disks_of,
    stepped,
    steps,
    subject,
)

pytestmark = pytest.mark.enable_socket

FOUND = {"rhel_found": True, "errors": [], "drives": {}}


@pytest.fixture(scope="module")
def images() -> Iterator[AwsImages]:
    with aws_server.running() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.variables.items():
            patch.setenv(name, value)
        yield AwsImages(aws)


@pytest.fixture(params=["fake", "aws"])
def world(request, monkeypatch) -> ImageWorld:
    if request.param == "fake":
        return FakeImageWorld(monkeypatch)
    monkeypatch.setattr(queues, "WAIT", 0)
    return AwsImageWorld(request.getfixturevalue("images"), monkeypatch)


def outcome(world: ImageWorld, image: str) -> Outcome:
    found = world.cloud.look(world.account, REGION, image)
    assert isinstance(found, Decided)
    assert found.reason
    assert "\n" not in found.reason
    return found.outcome


def test_both_say_that_they_look_into_images(world):
    assert isinstance(world.cloud, InspectsImages)


# A look


def test_c35_a_look_gives_every_disk_the_roots_first(world):
    found = disks_of(world, world.put(DISK, DISK, DISK))

    assert [(each.is_root, each.owner) for each in found.snapshots] == [(True, ONE), (False, ONE), (False, ONE)]
    assert len({each.native_id for each in found.snapshots}) == len({each.device for each in found.snapshots}) == 3
    assert all(each.size >= BLOCK and not each.is_encrypted for each in found.snapshots)
    assert all(each.device.startswith("/dev/") for each in found.snapshots)


def test_an_image_is_public_only_if_it_is_everybodys(world):
    public, private = world.put(DISK, is_public=True), world.put(DISK)

    assert [disks_of(world, image).is_public for image in (public, private)] == [True, False]


def test_images_of_the_same_disks_have_the_same_content_and_others_another(world):
    image = world.put(DISK, DISK)

    same, other = world.register_again(image), world.put(DISK, DISK)

    assert disks_of(world, same).content == disks_of(world, image).content
    assert disks_of(world, other).content != disks_of(world, image).content


def test_what_needs_no_look_or_allows_none_is_decided(world):
    assert outcome(world, "ami-0123456789abcdef0") is Outcome.GONE
    assert outcome(world, world.put_windows()) is Outcome.SETTLED
    assert outcome(world, world.put_hidden()) is Outcome.IMPOSSIBLE


def look(world: ImageWorld, image: str, _: Snapshot) -> object:
    return world.cloud.look(world.account, REGION, image)


def read_first(world: ImageWorld, _: str, snapshot: Snapshot) -> bytes:
    blocks = world.cloud.blocks(world.account, REGION, snapshot)
    return blocks.get(0, blocks.page(0)[0][0])


@pytest.mark.parametrize("action", ["ec2:DescribeImages", "ebs:GetSnapshotBlock"])
def test_a_role_that_does_not_let_us_look_or_read_is_the_customers_problem(world, action):
    image = world.put(DISK)
    (snapshot,) = disks_of(world, image).snapshots
    world.deny(action)

    refused = read_first if action.startswith("ebs:") else look
    with pytest.raises(CustomerProblem, match=action.partition(":")[2]) as raised:
        refused(world, image, snapshot)

    assert raised.value.problem is Problem.POLICY_TOO_NARROW
    if refused is read_first:
        assert look(world, image, snapshot) is not None
    else:
        assert read_first(world, image, snapshot)[:1] == b"x"


def test_an_account_that_shuts_us_out_lets_us_neither_look_nor_read(world):
    image = world.put(DISK)
    (snapshot,) = disks_of(world, image).snapshots
    world.shut_out()

    for call in (look, read_first):
        with pytest.raises(CustomerProblem):
            call(world, image, snapshot)


def test_s1_another_external_id_opens_no_image(world):
    image = world.put(DISK)
    (snapshot,) = disks_of(world, image).snapshots
    world.account = world.account._replace(external_id="theirs")

    for call in (look, read_first):
        with pytest.raises(CustomerProblem) as raised:
            call(world, image, snapshot)
        assert raised.value.problem is Problem.NO_ACCESS


# Blocks


def opened(world: ImageWorld, disk: Mapping[int, bytes]) -> Blocks:
    (snapshot,) = disks_of(world, world.put(disk)).snapshots
    blocks = world.cloud.blocks(world.account, REGION, snapshot)
    assert (blocks.size, blocks.block_size) == (snapshot.size, BLOCK)
    return blocks


def test_only_blocks_that_were_written_are_listed_and_each_is_what_was_written(world):
    blocks = opened(world, {0: b"first", 2: b"third"})

    tokens, following = blocks.page(0)

    assert (sorted(tokens), following) == ([0, 2], None)
    assert [blocks.get(number, tokens[number]) for number in (0, 2)] == [
        b"first".ljust(BLOCK, b"\0"),
        b"third".ljust(BLOCK, b"\0"),
    ]
    assert blocks.page(1)[0].keys() == {2}
    assert blocks.page(3) == ({}, None)


def test_lists_are_pages_by_number_that_lead_to_the_end(world):
    blocks = opened(world, dict.fromkeys(range(PAGE + 3), b"x"))

    tokens, following = blocks.page(1)
    assert following is not None
    rest, end = blocks.page(following)

    assert sorted(tokens) == list(range(1, PAGE + 1))
    assert (following, sorted(rest), end) == (PAGE + 1, [PAGE + 1, PAGE + 2], None)


def test_a_token_that_has_expired_is_none_of_the_readers_trouble(world):
    blocks = opened(world, DISK)

    assert blocks.get(0, "token-of-last-week")[:2] == b"x\0"
    with pytest.raises(Unreadable):
        blocks.get(1, "token-of-last-week")


def test_a_snapshot_that_is_gone_cannot_be_read(world):
    image = world.put(DISK)
    (snapshot,) = disks_of(world, image).snapshots
    blocks = world.cloud.blocks(world.account, REGION, snapshot)
    tokens, _ = blocks.page(0)
    world.lose(snapshot)

    with pytest.raises(Unreadable):
        blocks.get(0, tokens[0])
    with pytest.raises(Unreadable):
        read_first(world, image, snapshot)


# Copies


@pytest.mark.parametrize("owner", [ONE, OTHER], ids=["own", "shared"])
def test_c30_c31_steps_that_are_repeated_make_nothing_twice_and_an_end_leaves_nothing(world, owner):
    """C30, C31, C32: what was lost was made again, and stayed."""
    wanted, step = subject(world, owner=owner), Step({}, 0)
    while step.again_in is not None:
        stepped(world, wanted, step)  # whose progress is lost
        step = stepped(world, wanted, step)

    assert step.progress[MACHINE]
    assert stepped(world, wanted, step) == step
    assert world.left() == (2, 0)

    abandon(world, wanted, step.progress)

    assert world.left() == (0, 0)


@pytest.mark.parametrize(("owner", "each"), [(ONE, 1), (OTHER, 2)], ids=["own", "shared"])
def test_c31_from_whatever_step_a_copy_is_abandoned_nothing_is_left(world, owner, each):
    """C31, C32: with the progress that is known, or with that of before the step whose progress is lost."""
    wanted = subject(world, owner=owner)
    abandon(world, wanted, {})
    for attempt in range(each, 12, each):
        wanted, before = wanted._replace(attempt=attempt), Step({}, 0)
        for _, step in zip(range(attempt), steps(world, wanted), strict=False):
            before, last = (before if step.again_in is None else step), step
        stepped(world, wanted, before)
        abandon(world, wanted, before.progress)
        assert (attempt, world.left()) == (attempt, (0, 0))
        if last.again_in is None:
            return
    raise AssertionError("it takes no end")


def test_p14_each_attempt_is_made_anew_and_what_is_abandoned_costs_no_other_inspection(world):
    """P14: one machine was every inspection's."""
    wanted = subject(world)
    others = wanted._replace(inspection=8)
    made = [list(steps(world, each))[-1].progress for each in (wanted, wanted._replace(attempt=2), others)]

    assert len({each[MACHINE] for each in made}) == 3
    assert world.left() == (6, 0)
    abandon(world, wanted, made[1])
    assert world.left() == (2, 0)
    abandon(world, others, made[2])
    assert world.left() == (0, 0)


def test_a_copy_that_cannot_be_made_or_not_in_time_is_unreadable(world):
    wanted = subject(world)
    first = next(steps(world, wanted))

    with pytest.raises(Unreadable):
        world.cloud.copy(wanted, first.progress, now=DEADLINE)
    abandon(world, wanted, first.progress)
    world.lose(wanted.snapshots[0])
    with pytest.raises(Unreadable):
        list(steps(world, wanted))


def test_who_lets_us_share_nothing_has_a_problem_and_who_shuts_us_out_later_keeps_nothing_of_ours_here(world):
    wanted = subject(world)
    *_, last = steps(world, wanted)
    begun = wanted._replace(inspection=8)
    shared = next(step for step in steps(world, begun) if world.left()[1])
    world.deny("ec2:ModifySnapshotAttribute")

    with pytest.raises(CustomerProblem) as raised:
        list(steps(world, wanted._replace(inspection=9)))
    assert raised.value.problem is Problem.POLICY_TOO_NARROW
    abandon(world, wanted, last.progress)
    with pytest.raises(CustomerProblem):
        abandon(world, begun, shared.progress)
    assert world.left() == (0, 1)


# Results


def taken(world: ImageWorld) -> ResultDelivery:
    """Everything that waits, acknowledged."""
    whole = ResultDelivery()
    for block in world.cloud.results():
        with block as delivery:
            whole.results += delivery.results
            whole.rejected += delivery.rejected
    return whole


def test_c29_each_image_has_a_result_and_a_bad_file_costs_no_other(world):
    """C29: it cost every file that came with it."""
    world.write("1", **{"ami-1": FOUND, "ami-2": {"rhel_found": False}})
    world.write_garbage("2")
    world.write("3", **{"ami-3": FOUND})

    found = taken(world)

    assert {each.image: each.content for each in found.results} == {
        "ami-1": FOUND,
        "ami-2": {"rhel_found": False},
        "ami-3": FOUND,
    }
    assert sorted(each.source.rpartition("/")[2][-6:] for each in found.results) == ["1.json", "1.json", "3.json"]
    assert [(each.location[-6:], bool(each.reason), each.is_file) for each in found.rejected] == [
        ("2.json", True, True)
    ]
    assert world.unread() == 0
    assert taken(world) == ResultDelivery()


def test_c29_what_was_not_recorded_is_not_acknowledged(world):
    """C29: a message was gone before it was recorded."""
    world.write("1", **{"ami-1": FOUND})
    assert world.unread() == 1

    with pytest.raises(ZeroDivisionError):
        fail_at_results(world)

    assert world.unread() == 1


def fail_at_results(world: ImageWorld) -> None:
    """The first delivery is not recorded."""
    for block in world.cloud.results():
        with block as delivery:
            assert [each.image for each in delivery.results] == ["ami-1"]
            raise ZeroDivisionError


# The reaper


def reap(world: ImageWorld, *, now: int = NOW) -> list[str]:
    """Kinds of what is gone, with inspection 7 alive."""
    found = list(world.cloud.reap([world.account], alive={7}, now=now))
    assert all(each.native_id and each.account and each.region for each in found)
    return sorted(each.kind for each in found)


def test_c32_what_nobody_waits_for_is_reaped_and_all_else_stays(world):
    """C32: what a lost worker had made stayed for ever."""
    begun = subject(world)
    *_, last = steps(world, begun)
    list(steps(world, begun._replace(inspection=8)))
    next(step for step in steps(world, begun._replace(inspection=9)) if world.left()[1])
    before = disks_of(world, begun.image)

    assert reap(world) == ["instance", "share", "snapshot"]
    assert world.left() == (2, 0)
    assert stepped(world, begun, last) == last
    assert disks_of(world, begun.image) == before
    assert reap(world) == []
    assert reap(world, now=DEADLINE) == ["instance", "snapshot"]
    assert world.left() == (0, 0)


def test_what_is_reaped_while_a_copy_begins_does_not_keep_it_from_its_end(world):
    begun = subject(world)
    step = Step({}, 0)
    while not world.left()[1]:
        step = stepped(world, begun, step)

    reap(world)

    for _ in range(20):
        if step.again_in is None:
            break
        step = stepped(world, begun, step)
    assert (step.again_in, world.left()) == (None, (2, 0))
