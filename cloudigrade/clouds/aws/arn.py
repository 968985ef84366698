"""ARN of an IAM role: text in, its parts out, and nothing that only resembles one."""

import re
from typing import Final, NamedTuple

from cloudigrade.clouds.aws.config import PARTITIONS
from cloudigrade.clouds.protocol import CustomerProblem
from cloudigrade.domain.problems import Problem

# IAM's own rules: a path begins and ends with a slash and is 512 printable characters at most, a name 64 of its own.
_ROLE: Final = re.compile(
    rf"arn:({'|'.join(PARTITIONS)}):iam::([0-9]{{12}}):role/((?:[!-~]{{1,510}}/)?)([A-Za-z0-9_+=,.@-]{{1,64}})"
)


class Role(NamedTuple):
    """An IAM role."""

    partition: str
    account: str
    """Twelve digits, as text with its leading zeros."""
    path: str
    """Begins and ends with a slash."""
    name: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.path}{self.name}"


def parse(text: str) -> Role:
    """The role that the ARN names, white space around it aside; raises CustomerProblem for anything else."""
    found = _ROLE.fullmatch(text.strip())
    if found is None:
        raise CustomerProblem("the text is no ARN of an IAM role", Problem.INVALID_ARN)
    partition, account, path, name = found.groups()
    return Role(partition, account, f"/{path}", name)
