"""AWS answers to the protocol of clouds: each question goes to its module with the one way in."""

import inspect
from typing import Any
from unittest.mock import create_autospec

import pytest

from cloudigrade.clouds import registry
from cloudigrade.clouds.aws import cloud, feeds, log_listing, onboarding, policy, proof, queues, sweeping
from cloudigrade.clouds.aws.cloud import Aws
from cloudigrade.clouds.aws.config import Section
from cloudigrade.clouds.cloud import Account, Cloud, Route
from cloudigrade.clouds.inspecting import InspectsImages
from cloudigrade.clouds.protocol import CustomerProblem, Rejected
from cloudigrade.domain.problems import Problem

ACCOUNT = Account("000000000042", "arn:aws:iam::000000000042:role/x", "id-1")
ITEM = Rejected("x", "why")
READERS = (ACCOUNT,)
ROUTE = Route(7)
PROTOCOL = [name for name, value in vars(Cloud).items() if inspect.isfunction(value) and not name.startswith("_")]


@pytest.fixture
def aws(monkeypatch):
    monkeypatch.setenv("AWS_PARTITIONS", "aws-us-gov,aws")
    return cloud.build(Section(), environment="test")


def router(_places):
    return {}


def known(names):
    return names


def test_it_is_a_cloud_and_found_by_its_name(aws):
    found: Cloud = aws  # as mypy sees it

    assert registry.names() == ["aws"]
    assert isinstance(registry.build("aws", Section(), environment="test"), Aws)
    assert found.name == "aws"


@pytest.mark.parametrize("name", PROTOCOL)
def test_it_answers_everything_as_it_is_asked(name):
    def asked(kind):
        parameters = inspect.signature(getattr(kind, name)).parameters.values()
        return [(each.name, each.kind, each.default) for each in parameters]

    assert asked(Aws) == asked(Cloud)


def test_it_can_look_into_images_as_it_is_asked():
    for name in [name for name in vars(InspectsImages) if inspect.isfunction(vars(InspectsImages)[name])]:
        if not name.startswith("_"):
            asked, ours = (inspect.signature(getattr(kind, name)).parameters for kind in (InspectsImages, Aws))
            assert [(each.name, each.kind) for each in ours.values()] == [
                (each.name, each.kind) for each in asked.values()
            ]
    assert isinstance(cloud.build(Section(), environment="test"), InspectsImages)


QUESTIONS: list[tuple[Any, str, str, tuple[Any, ...], dict[str, Any]]] = [
    (policy, "instructions", "instructions", (), {"external_id": "id-1", "partition": "aws"}),
    (onboarding, "verify", "verify", (ACCOUNT,), {}),
    (onboarding, "connect", "connect", (ACCOUNT,), {"readers": READERS}),
    (onboarding, "disconnect", "disconnect", (ACCOUNT,), {}),
    (onboarding, "places", "places", (ACCOUNT,), {}),
    (onboarding, "trail", "trail", (ACCOUNT,), {}),
    (feeds, "deliveries", "deliveries", (router,), {"most": 3}),
    (feeds, "reread", "reread", (ITEM, router, ROUTE), {}),
    (queues, "lengths", "queues", (), {}),
    (queues, "redrive", "redrive", ("queue",), {}),
    (sweeping, "sweep", "sweep", (ACCOUNT,), {}),
    (sweeping, "describe", "describe", (ACCOUNT, {}), {}),
    (sweeping, "definitions", "definitions", (), {}),
    (log_listing, "log_files", "log_files", (ACCOUNT,), {"since": 1, "until": 2, "known": known}),
    (log_listing, "read_files", "read_files", (ACCOUNT, ["x"]), {}),
    (proof, "prove", "prove", (ACCOUNT, {}), {"since": 1, "now": 2}),
]
"""The module and function that answers, the question, and what is said with it."""


@pytest.mark.parametrize("asked", QUESTIONS, ids=[each[2] for each in QUESTIONS])
def test_each_question_goes_to_its_module(aws, monkeypatch, asked):
    module, function, question, arguments, named = asked
    answerer = create_autospec(getattr(module, function))
    monkeypatch.setattr(module, function, answerer)

    answer = getattr(aws, question)(*arguments, **named)

    answerer.assert_called_once_with(aws._access, *arguments, **named)
    assert answer is (None if question in {"verify", "disconnect"} else answerer.return_value)


def test_no_question_is_left_out():
    assert {each[2] for each in QUESTIONS} | {"parse_credentials"} == set(PROTOCOL)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arn:aws:iam::000000000042:role/x", ("000000000042", "arn:aws:iam::000000000042:role/x")),
        (" arn:aws-us-gov:iam::000000000042:role/a/x\n", ("000000000042", "arn:aws-us-gov:iam::000000000042:role/a/x")),
    ],
)
def test_c36_credentials_are_an_account_with_all_its_digits_and_an_exact_arn(aws, text, expected):
    assert aws.parse_credentials(text) == expected


@pytest.mark.parametrize("text", ["arn:aws:iam::42:role/x", "arn:aws-cn:iam::000000000042:role/x", ""])
def test_s12_other_text_and_partitions_that_we_are_not_in_are_refused(aws, text):
    with pytest.raises(CustomerProblem) as caught:
        aws.parse_credentials(text)

    assert caught.value.problem is Problem.INVALID_ARN
