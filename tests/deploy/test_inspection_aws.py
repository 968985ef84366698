"""Our own side of inspection by copy: the template is sound, and makes what the code looks for."""

from pathlib import Path
from typing import Any

import yaml
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped] # it brings no types

from cloudigrade.clouds.aws.config import PARTITIONS, Section
from cloudigrade.clouds.aws.session import Access

TEMPLATE = Path(__file__).parents[2] / "deploy/inspection/cloudformation.yaml"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, of which only the text is kept."""


def _text(loader: Any, _suffix: str, node: Any) -> Any:
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else loader.construct_sequence(node)


_Loader.add_multi_constructor("!", _text)


def properties(name):
    found = yaml.load(TEMPLATE.read_text(encoding="utf-8"), _Loader)["Resources"][name]  # noqa: S506 - a safe loader
    return found["Properties"]


def test_the_linter_finds_nothing():
    text = TEMPLATE.read_text(encoding="utf-8")

    assert lint(text, config=ManualArgs(regions=list(PARTITIONS.values()))) == []
    assert [line for line in text.splitlines() if "arn:aws:" in line] == []


def test_it_makes_what_the_code_looks_for():
    access = Access(Section(), "${Environment}")

    assert properties("Bucket")["BucketName"] == access.results_bucket
    assert properties("Results")["QueueName"] == access.results_queue
    assert properties("Template")["LaunchTemplateName"] == access.launch_template


def test_s7_nobody_gets_into_a_machine_and_its_role_writes_results_only():
    template = properties("Template")["LaunchTemplateData"]
    (policy,) = properties("MachineRole")["Policies"]

    assert "KeyName" not in template
    assert template["MetadataOptions"] == {
        "HttpTokens": "required",
        "HttpEndpoint": "enabled",
        "HttpPutResponseHopLimit": 2,
    }
    assert "SecurityGroupIngress" not in properties("Machines")
    assert [each["ToPort"] for each in properties("Machines")["SecurityGroupEgress"]] == [443]
    assert policy["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "${Bucket.Arn}/InspectionResults/*"}
    ]
