"""The machine that looks at copies: one for an attempt, pinned, without privileges, and gone by itself (S7)."""

import shlex
import subprocess
from email import message_from_string

import pytest

from cloudigrade.clouds.aws import copies, machines, user_data
from cloudigrade.clouds.aws.policy import Inspection
from cloudigrade.clouds.inspecting import Decided, Outcome, Step
from cloudigrade.clouds.protocol import NotSetUp, Unavailable, Unreadable
from cloudigrade.inspector import __main__ as inspector
from tests.aws_patches import OWN_ACCOUNT
from tests.clouds.aws.inspecting import (
    DEADLINE,
    DIGEST,
    HOME,
    NOTHING,
    NOW,
    REGION,
    add_customer,
    answering,
    copying,
    forget,
    impatient,
    left,
    looked_at,
    one_step,
    steps,
    subject,
    until,
)

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def access(aws):
    return copying()


@pytest.fixture(scope="module")
def account(aws):
    return add_customer(aws, "000000000079", Inspection.COPY)


@pytest.fixture(autouse=True)
def tidy(aws, account):
    forget((OWN_ACCOUNT, HOME), (account.native_id, REGION))


@pytest.fixture
def wanted(aws, access, account):
    """An image of the customer's own, of two disks."""
    return looked_at(access, account, aws.put_image(account.native_id, REGION, b"root", b"data"))


def launched(access, wanted):
    with answering(access.own("ec2", HOME), "RunInstances", []) as seen:
        progress = list(steps(access, wanted))[-1].progress
    (request,) = seen
    return progress, request["body"]


def test_s7_the_machine_has_no_key_gives_its_role_by_imdsv2_only_and_ends_itself(aws, access, wanted):
    progress, body = launched(access, wanted)

    assert "KeyName" not in body
    assert {name: value for name, value in body.items() if name.startswith(("Metadata", "InstanceInit", "Client"))} == {
        "MetadataOptions.HttpTokens": "required",
        "MetadataOptions.HttpEndpoint": "enabled",
        "MetadataOptions.HttpPutResponseHopLimit": 2,
        "InstanceInitiatedShutdownBehavior": "terminate",
        "ClientToken": "test-7-1",
    }
    assert body["LaunchTemplate.LaunchTemplateName"] == "cloudigrade-lt-test"
    (machine,) = aws.client("ec2", HOME).describe_instances(InstanceIds=[progress["machine"]])["Reservations"]
    tags = {each["Key"]: each["Value"] for each in machine["Instances"][0]["Tags"]}
    assert tags["cloudigrade-owner"] == "test"
    assert tags["cloudigrade-deadline"] == str(DEADLINE)


def test_c35_every_copy_is_a_disk_of_the_machine_and_goes_with_it(access, wanted):
    progress, body = launched(access, wanted)

    disks = [
        tuple(body[f"BlockDeviceMapping.{place}.{name}"] for name in ("DeviceName", "Ebs.SnapshotId"))
        for place in (1, 2)
    ]
    assert disks == list(zip(("/dev/xvdbb", "/dev/xvdbc"), progress["copies"], strict=True))
    assert [body[f"BlockDeviceMapping.{place}.Ebs.DeleteOnTermination"] for place in (1, 2)] == ["true", "true"]


def script(text):
    """The script of the user data, and what makes cloud-init run it."""
    parts = [part for part in message_from_string(text).walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == ["text/cloud-config", "text/x-shellscript"]
    assert "[scripts-user, always]" in parts[0].get_payload()
    return parts[1].get_payload()


LOOK = user_data.Look("ami-1", ["/dev/xvdbb", "/dev/xvdbc"], f"registry.example/h@{DIGEST}", "a-bucket", "us-east-1")


def test_s7_the_container_is_pinned_and_may_do_nothing_but_read_its_disks():
    text = script(user_data.written(LOOK))

    command = text[text.index("docker run") :].split("\nsleep")[0]
    assert f"registry.example/h@{DIGEST} -c aws -t ami-1 /dev/xvdbb -t ami-1 /dev/xvdbc" in command
    for word in ("--cap-drop ALL", "--read-only", "--security-opt no-new-privileges", "--user", "--pids-limit"):
        assert word in command
    assert '"$(readlink -f "$disk"):$disk:r"' in text
    for word in ("--privileged", "/dev:/dev", ":latest", "--network host", "AWS_SECRET", "password"):
        assert word not in text
    assert "RESULTS_BUCKET_NAME=a-bucket" in command
    assert "AWS_DEFAULT_REGION=us-east-1" in command


def test_c35_the_inspector_understands_its_command_as_one_image_with_every_disk():
    text = script(user_data.written(LOOK))
    (command,) = [line for line in text.splitlines() if line.strip().startswith("registry.example/")]
    _, *arguments = shlex.split(command)

    given = inspector._parsed(arguments)

    assert inspector._targets(given) == {"ami-1": ["/dev/xvdbb", "/dev/xvdbc"]}


def test_s7_the_machine_ends_whatever_happens_to_the_container():
    lines = script(user_data.written(LOOK)).splitlines()

    assert lines[0] == "#!/bin/bash"
    assert lines[1:3] == ["trap 'shutdown -h now' EXIT", "shutdown -h +60"]
    assert [line.split()[:2] for line in lines if "docker" in line] == [["timeout", "600"], ["timeout", "2400"]]


def test_the_script_is_one_that_bash_understands_however_odd_its_values(tmp_path):
    odd = LOOK._replace(bucket="a'b;c", container="x y$(z)")
    path = tmp_path / "script"
    path.write_text(script(user_data.written(odd)))

    done = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert """'x y$(z)'""" in path.read_text()


@pytest.mark.parametrize("missing", ["HOUNDIGRADE_ECS_IMAGE_NAME", "HOUNDIGRADE_ECS_IMAGE_DIGEST"])
def test_s7_without_a_digest_nothing_is_copied(aws, account, wanted, missing):
    with pytest.raises(NotSetUp, match="HOUNDIGRADE_ECS_IMAGE_DIGEST"):
        copies.copy(copying(**{missing: ""}), wanted, {}, now=NOW)

    assert left(aws, account.native_id) == NOTHING


def test_s7_a_tag_is_no_digest(monkeypatch):
    with pytest.raises(ValueError, match="HOUNDIGRADE_ECS_IMAGE_DIGEST"):
        copying(HOUNDIGRADE_ECS_IMAGE_DIGEST="latest")


def test_p14_no_more_machines_at_one_time_than_are_allowed(access, account, wanted):
    few = copying(AWS_INSPECTION_MACHINES="1")
    first = list(steps(few, wanted))[-1].progress
    other = wanted._replace(inspection=8)
    progress = until(few, other, "launch")

    assert copies.copy(few, other, progress, now=NOW) == Step(progress, 120)
    few.own("ec2", HOME).terminate_instances(InstanceIds=[first["machine"]])
    assert one_step(few, other, progress).again_in is None


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("InsufficientInstanceCapacity", Unavailable),
        ("VcpuLimitExceeded", Unavailable),
        ("UnauthorizedOperation", Unavailable),
        ("InvalidLaunchTemplateName.NotFoundException", NotSetUp),
        ("IdempotentInstanceTerminated", Unreadable),
        ("InvalidSnapshot.NotFound", Unreadable),
    ],
)
def test_a_machine_that_is_not_to_be_had_says_why(aws, account, monkeypatch, answer, failure):
    access = impatient(monkeypatch)
    wanted = subject(account, "ami-1", ())
    order = machines.Order(copies.Way(access, wanted).mark(), wanted.image, ["snap-1"])
    client = access.own("ec2", HOME)
    with answering(client, "RunInstances", [answer]), pytest.raises(failure):
        machines.launch(client, access, order, HOME)


def test_an_image_that_may_not_be_launched_without_a_subscription_is_of_the_marketplace(access, wanted):
    order = machines.Order(copies.Way(access, wanted).mark(), wanted.image, ["snap-1"])
    client = access.own("ec2", HOME)
    refused = ("OptInRequired", "In order to use this AWS Marketplace product you need to accept terms and subscribe.")
    with answering(client, "RunInstances", [refused]):
        found = machines.launch(client, access, order, HOME)

    assert isinstance(found, Decided)
    assert found.outcome is Outcome.SETTLED
