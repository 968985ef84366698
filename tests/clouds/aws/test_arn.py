"""ARNs of roles: what is one, and all that only resembles one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.clouds.aws import arn
from cloudigrade.clouds.aws.arn import Role
from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain.problems import Problem

NAMES = st.text("ABCabc019_+=,.@-", min_size=1, max_size=64)
PATHS = st.lists(st.text("ABCabc019!~:.*", min_size=1, max_size=20), max_size=4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arn:aws:iam::123456789012:role/name", Role("aws", "123456789012", "/", "name")),
        ("arn:aws-cn:iam::123456789012:role/name", Role("aws-cn", "123456789012", "/", "name")),
        ("arn:aws-us-gov:iam::123456789012:role/name", Role("aws-us-gov", "123456789012", "/", "name")),
        ("arn:aws:iam::123456789012:role/a/b:c/n", Role("aws", "123456789012", "/a/b:c/", "n")),
        ("arn:aws:iam::123456789012:role/+=,.@-_Aa0", Role("aws", "123456789012", "/", "+=,.@-_Aa0")),
        (f"arn:aws:iam::123456789012:role/{'n' * 64}", Role("aws", "123456789012", "/", "n" * 64)),
        (f"arn:aws:iam::123456789012:role/{'p' * 510}/n", Role("aws", "123456789012", f"/{'p' * 510}/", "n")),
        (" \tarn:aws:iam::123456789012:role/name\r\n", Role("aws", "123456789012", "/", "name")),
    ],
)
def test_a_role_has_its_parts(text, expected):
    assert arn.parse(text) == expected


def test_c36_leading_zeros_of_an_account_are_kept():
    role = arn.parse("arn:aws:iam::000000000042:role/name")

    assert role.account == "000000000042"
    assert str(role) == "arn:aws:iam::000000000042:role/name"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "123456789012",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role",
        "arn:aws:iam::123456789012:role:name",
        "arn:aws:iam::123456789012:role//name/",
        "arn:aws:iam::123456789012:user/name",
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:instance-profile/name",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:sts::123456789012:assumed-role/name/session",
        "arn:aws:s3::123456789012:role/name",
        "arn:aws:iam:us-east-1:123456789012:role/name",
        "arn:aws:iam::12345678901:role/name",
        "arn:aws:iam::1234567890123:role/name",
        "arn:aws:iam::1:role/name",
        "arn:aws:iam::12345678901x:role/name",
        "arn:aws:iam:::role/name",
        "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/name",
        "arn:aws-iso:iam::123456789012:role/name",
        "arn:aws-cn-x:iam::123456789012:role/name",
        "arn::iam::123456789012:role/name",
        "ARN:aws:iam::123456789012:role/name",
        "Arn:AWS:iam::123456789012:role/name",
        "arn:aws:iam::123456789012:role/na me",
        "arn:aws:iam::123456789012:role/näme",
        "arn:aws:iam::123456789012:role/name\nmore",
        "arn:aws:iam::123456789012:role/name\0",
        "arn:aws:iam::123456789012:role/a b/name",
        "x arn:aws:iam::123456789012:role/name",
        "arn:aws:iam::123456789012:role/name arn:aws:iam::123456789012:role/name",
        f"arn:aws:iam::123456789012:role/{'n' * 65}",
        f"arn:aws:iam::123456789012:role/{'p' * 511}/n",
    ],
)
def test_s12_anything_else_is_refused(text):
    with pytest.raises(CustomerProblem) as raised:
        arn.parse(text)

    assert raised.value.problem is Problem.INVALID_ARN


@given(st.sampled_from(["aws", "aws-cn", "aws-us-gov"]), st.from_regex("[0-9]{12}", fullmatch=True), PATHS, NAMES)
def test_every_role_is_read_as_it_was_written(partition, account, path, name):
    text = f"arn:{partition}:iam::{account}:role/{''.join(f'{each}/' for each in path)}{name}"

    role = arn.parse(text)

    assert str(role) == text
    assert (role.partition, role.account, role.name) == (partition, account, name)
