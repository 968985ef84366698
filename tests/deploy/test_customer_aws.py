"""What customers deploy: template and module are sound, and grant exactly what policy.py says, in every partition."""

import ast
import json
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import hcl2
import pytest
import yaml
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped] # it brings no types
from moto import mock_aws

from cloudigrade.clouds.aws import policy
from cloudigrade.clouds.aws.config import PARTITIONS
from cloudigrade.clouds.aws.policy import Inspection

FOLDER = Path(__file__).parents[2] / "deploy/customer/aws"
TEMPLATE = FOLDER / "cloudformation.yaml"
MODULE = FOLDER / "terraform"
ACCOUNT = "000000000042"
OURS = "000000000001"
LOGS = "000000000009"
BUS = f"arn:aws:events:us-east-1:{OURS}:event-bus/cloudigrade"
GIVEN = {"ExternalId": "ext-1", "TrustedAccountId": OURS, "Environment": "prod"}
TERRAFORM = shutil.which("terraform")
with_terraform = pytest.mark.skipif(TERRAFORM is None, reason="the terraform binary is not installed")

Json = dict[str, Any]


# CloudFormation: a reader of as much of its language as the template uses; moto takes every partition for `aws`


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _short_form(loader, suffix, node):
    kinds = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
    value = kinds[type(node)](node) if type(node) is yaml.ScalarNode else kinds[type(node)](node, deep=True)
    return {suffix: value}


_Loader.add_multi_constructor("!", _short_form)


class Stack:
    """The template with its parameters filled in."""

    def __init__(self, partition="aws", **parameters):
        self.template = yaml.load(TEMPLATE.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader
        defaults = {name: each["Default"] for name, each in self.template["Parameters"].items() if "Default" in each}
        self.values = {
            **defaults,
            **GIVEN,
            **parameters,
            "AWS::Partition": partition,
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": PARTITIONS[partition],
        }

    def resource(self, name):
        """Its properties; None where it is not made."""
        found = self.template["Resources"][name]
        return self.resolved(found["Properties"]) if self.holds(found["Condition"]) else None

    def holds(self, name):
        return self.resolved(self.template["Conditions"][name])

    def resolved(self, value):
        if isinstance(value, list):
            return [each for each in map(self.resolved, value) if each is not None]
        if not isinstance(value, dict):
            return value
        (name, *others), (argument, *_) = list(value), list(value.values())
        if not others and hasattr(self, f"fn_{name}"):
            return getattr(self, f"fn_{name}")(argument)
        return {key: self.resolved(each) for key, each in value.items()}

    def fn_Ref(self, name):  # noqa: N802 - as CloudFormation spells it
        return None if name == "AWS::NoValue" else self.values[name]

    def fn_Sub(self, text):  # noqa: N802 - as CloudFormation spells it
        for name, value in self.values.items():
            text = text.replace(f"${{{name}}}", value)
        return text

    def fn_If(self, parts):  # noqa: N802 - as CloudFormation spells it
        condition, then, otherwise = parts
        return self.resolved(then if self.holds(condition) else otherwise)

    def fn_Equals(self, parts):  # noqa: N802 - as CloudFormation spells it
        first, second = self.resolved(parts)
        return first == second

    def fn_Not(self, parts):  # noqa: N802 - as CloudFormation spells it
        return not self.resolved(parts[0])

    def fn_Or(self, parts):  # noqa: N802 - as CloudFormation spells it
        return any(self.resolved(parts))

    def fn_And(self, parts):  # noqa: N802 - as CloudFormation spells it
        return all(self.resolved(parts))

    def fn_Condition(self, name):  # noqa: N802 - as CloudFormation spells it
        return self.holds(name)

    def fn_GetAtt(self, path):  # noqa: N802 - as CloudFormation spells it
        return f"<{path}>"


def granted(role):
    """All that the role's policies say, as one."""
    documents = [each["PolicyDocument"] for each in role["Policies"]]
    assert {each["Version"] for each in documents} == {policy.VERSION}
    return {"Version": policy.VERSION, "Statement": [each for part in documents for each in part["Statement"]]}


def linted(text):
    return lint(text, config=ManualArgs(regions=list(PARTITIONS.values()), include_checks=["I"]))


def test_the_linter_finds_nothing():
    assert linted(TEMPLATE.read_text(encoding="utf-8")) == []


def test_the_linter_can_find_something():
    broken = TEMPLATE.read_text(encoding="utf-8").replace("!GetAtt Role.Arn", "!GetAtt Role.Name")

    assert [each.rule.id for each in linted(broken)] == ["E6101"]


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("inspection", Inspection)
def test_s9_the_template_grants_what_the_policy_says(partition, inspection):
    stack = Stack(partition, Inspection=inspection.value)

    role = stack.resource("Role")

    assert granted(role) == policy.policy(partition, "prod", account=ACCOUNT, inspection=inspection, principal=OURS)
    assert stack.template["Parameters"]["Inspection"]["AllowedValues"] == list(Inspection)
    assert stack.template["Parameters"]["Inspection"]["Default"] == Inspection.NONE
    assert role["AssumeRolePolicyDocument"] == policy.trust_policy(OURS, "ext-1", partition=partition)
    assert role["RoleName"] == "cloudigrade"


def test_the_template_grants_another_accounts_buckets_where_that_is_asked_for():
    role = Stack(LogAccountId=LOGS).resource("Role")

    assert granted(role) == policy.policy("aws", "prod", account=ACCOUNT, log_accounts=(policy.OWN, LOGS))


def test_the_template_names_no_account_and_no_partition_and_takes_what_the_link_fills_in():
    stack = Stack()
    text = TEMPLATE.read_text(encoding="utf-8")

    assert {"ExternalId", "TrustedAccountId", "Environment", "EventBusArn"} <= set(stack.template["Parameters"])
    # a link cannot fill in what is not to be echoed
    assert [name for name, each in stack.template["Parameters"].items() if each.get("NoEcho")] == []
    assert [line for line in text.splitlines() if "arn:aws:" in line] == []


@pytest.mark.parametrize(
    ("bus", "role_region", "made"),
    [
        ("", "", {"Role"}),
        ("", "eu-west-1", set()),
        (BUS, "", {"Role", "EventRole", "InstanceStates"}),
        (BUS, "us-east-1", {"Role", "EventRole", "InstanceStates"}),
        (BUS, "eu-west-1", {"InstanceStates"}),
    ],
)
def test_a_stack_set_makes_the_role_once_and_the_rule_everywhere(bus, role_region, made):
    stack = Stack(EventBusArn=bus, RoleRegion=role_region)

    assert {name for name in stack.template["Resources"] if stack.resource(name)} == made
    rule = stack.resource("InstanceStates")
    if rule:
        assert rule["EventPattern"] == {
            "source": ["aws.ec2"],
            "detail-type": ["EC2 Instance State-change Notification"],
        }
        (target,) = rule["Targets"]
        assert target["Arn"] == BUS
        by_name = f"arn:aws:iam::{ACCOUNT}:role/cloudigrade-events"
        assert target["RoleArn"] == ("<EventRole.Arn>" if "EventRole" in made else by_name)


def test_eventbridge_may_only_tell_our_bus():
    role = Stack(EventBusArn=BUS).resource("EventRole")

    assert role["RoleName"] == "cloudigrade-events"
    assert granted(role)["Statement"] == [{"Effect": "Allow", "Action": "events:PutEvents", "Resource": BUS}]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


@mock_aws
def test_a_stack_is_made_of_it_and_gives_the_arn(monkeypatch):
    """Here moto knows the partition `aws` only, no AWS::NoValue in lists, and keeps policies as Python writes them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    values = {**GIVEN, "EventBusArn": BUS, "Inspection": "copy", "LogAccountId": LOGS}
    stacks = boto3.client("cloudformation", region_name="us-east-1")
    stacks.create_stack(
        StackName="cloudigrade",
        TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )

    (stack,) = stacks.describe_stacks(StackName="cloudigrade")["Stacks"]
    iam = boto3.client("iam", region_name="us-east-1")
    document: Any = iam.get_role_policy(RoleName="cloudigrade", PolicyName="metering")["PolicyDocument"]
    rules = boto3.client("events", region_name="us-east-1").list_rules()["Rules"]

    assert [(each["OutputKey"], each["OutputValue"]) for each in stack["Outputs"]] == [
        ("RoleArn", "arn:aws:iam::123456789012:role/cloudigrade")
    ]
    assert ast.literal_eval(document) == policy.policy(
        "aws", "prod", account="123456789012", log_accounts=(policy.OWN, LOGS)
    )
    assert len(rules) == 1


# Terraform: read by python-hcl2 everywhere, and by Terraform itself where it is installed


def blocks(kind):
    """All blocks of a kind, by their labels."""
    found: Json = {}
    for path in sorted(MODULE.glob("*.tf")):
        for block in _unquoted(hcl2.loads(path.read_text(encoding="utf-8"))).get(kind, []):
            for name, each in block.items():
                if name == "__is_block__":
                    continue
                found.setdefault(name, {}).update(each) if isinstance(each, dict) else found.update({name: each})
    return found


def _unquoted(value):
    if isinstance(value, list):
        return [_unquoted(each) for each in value]
    if isinstance(value, dict):
        return {_unquoted(key): _unquoted(each) for key, each in value.items() if key != "__is_block__"}
    return value.removeprefix('"').removesuffix('"') if isinstance(value, str) else value


def filled(value, partition, *, log_accounts):
    """A value of policy.tf with everything in it that it refers to."""
    if isinstance(value, list):
        return [filled(each, partition, log_accounts=log_accounts) for each in value]
    if isinstance(value, dict):
        return {key: filled(each, partition, log_accounts=log_accounts) for key, each in value.items()}
    if value == "${local.log_accounts}":
        return list(log_accounts)
    names = {
        "local.partition": partition,
        "local.account_id": ACCOUNT,
        "var.environment": "prod",
        "var.external_id": "ext-1",
        "var.trusted_account_id": OURS,
    }
    for name, each in names.items():
        value = value.replace(f"${{{name}}}", each)
    return value


@pytest.mark.parametrize("partition", PARTITIONS)
def test_s9_the_module_grants_what_the_policy_says(partition):
    found = filled(blocks("locals"), partition, log_accounts=(policy.OWN,))

    assert found["trust_policy"] == policy.trust_policy(OURS, "ext-1", partition=partition)
    assert found["metering_policy"] == policy.policy(partition, "prod", account=ACCOUNT)
    for inspection, name in ((Inspection.DIRECT, "inspection_policy"), (Inspection.COPY, "copying_policy")):
        whole = policy.policy(partition, "prod", account=ACCOUNT, inspection=inspection, principal=OURS)
        assert found["metering_policy"]["Statement"] + found[name]["Statement"] == whole["Statement"]


def test_the_module_attaches_each_policy_to_the_role_and_inspection_only_if_asked_for():
    found = blocks("resource")

    role = found["aws_iam_role"]["cloudigrade"]
    policies = found["aws_iam_role_policy"]
    assert role["assume_role_policy"] == "${jsonencode(local.trust_policy)}"
    del policies["tell"]
    assert {name: (each["policy"], each["count"], each["role"]) for name, each in policies.items()} == {
        "metering": (
            "${jsonencode(local.metering_policy)}",
            "${var.makes_role ? 1 : 0}",
            "${aws_iam_role.cloudigrade[0].name}",
        ),
        "inspection": (
            "${jsonencode(local.inspection_policy)}",
            '${var.makes_role && var.inspection == "direct" ? 1 : 0}',
            "${aws_iam_role.cloudigrade[0].name}",
        ),
        "copying": (
            "${jsonencode(local.copying_policy)}",
            '${var.makes_role && var.inspection == "copy" ? 1 : 0}',
            "${aws_iam_role.cloudigrade[0].name}",
        ),
    }
    assert blocks("variable")["inspection"]["default"] == "none"


def test_template_and_module_take_the_same_values():
    named = {"RoleRegion": "makes_role"}
    parameters = {named.get(name, _snake(name)) for name in Stack().template["Parameters"]}

    assert set(blocks("variable")) == parameters
    assert set(blocks("output")) == {"role_arn"}


def _snake(name):
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")


def terraform(*arguments, folder, **more):
    """Terraform's answer; it looks for no settings of whoever runs the tests."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    command = [str(TERRAFORM), *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120, **more
    )


@with_terraform
def test_the_module_is_formatted():
    done = terraform("fmt", "-check", "-diff", str(MODULE), folder=MODULE)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def evaluated(expression, folder, **variables):
    """What Terraform makes of the expression, in the module without what needs a provider."""
    for name in ("policy.tf", "variables.tf"):
        shutil.copy(MODULE / name, folder / name)
    (folder / "given.tf").write_text(f'locals {{\n  account_id = "{ACCOUNT}"\n  partition  = "aws-cn"\n}}\n')
    values = {"external_id": "ext-1", "trusted_account_id": OURS, "environment": "prod", **variables}
    given = [f"-var={name}={value}" for name, value in values.items()]
    return terraform("console", "-no-color", *given, folder=folder, input=f"jsonencode({expression})\n")


@with_terraform
def test_s9_terraform_itself_makes_the_same_of_the_module(tmp_path):
    parts = "[local.trust_policy, local.metering_policy, local.inspection_policy, local.copying_policy]"

    done = evaluated(parts, tmp_path, log_account_id=LOGS)

    assert done.stderr == ""
    trust, metering, *others = json.loads(json.loads(done.stdout))
    assert trust == policy.trust_policy(OURS, "ext-1", partition="aws-cn")
    given = partial(policy.policy, "aws-cn", "prod", account=ACCOUNT, log_accounts=(policy.OWN, LOGS), principal=OURS)
    for inspection, other in zip((Inspection.DIRECT, Inspection.COPY), others, strict=True):
        whole = given(inspection=inspection)
        assert metering["Statement"] + other["Statement"] == whole["Statement"]


@with_terraform
@pytest.mark.parametrize(
    "wrong",
    [
        {"external_id": "x"},
        {"external_id": "a b"},
        {"external_id": "x" * 1225},
        {"trusted_account_id": "1"},
        {"environment": "Prod"},
        {"log_account_id": "1"},
        {"inspection": "true"},
    ],
    ids=str,
)
def test_terraform_refuses_wrong_values(wrong, tmp_path):
    assert "Invalid value for variable" in evaluated("1", tmp_path, **wrong).stderr


@with_terraform
def test_the_module_is_valid(tmp_path):
    for path in MODULE.glob("*.tf"):
        shutil.copy(path, tmp_path / path.name)
    begun = terraform("init", "-backend=false", "-input=false", "-no-color", folder=tmp_path)
    if begun.returncode:
        pytest.skip("Terraform's AWS provider cannot be fetched: its registry is out of reach")

    done = terraform("validate", "-no-color", folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
