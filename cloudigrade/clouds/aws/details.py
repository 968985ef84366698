"""What connecting an AWS account found out and every later reading needs: kept as JSON, read as typed values."""

from collections.abc import Mapping
from typing import Any

import msgspec

from cloudigrade.clouds.protocol import Unreadable


class Details(msgspec.Struct, frozen=True):
    """Where an account's log files lie, whose trail writes them, and who may read them."""

    bucket: str = ""
    """Empty: the account is not connected."""
    prefix: str = ""
    """What stands before AWSLogs/ in keys, without the slash between."""
    organization: str = ""
    """The folder `o-…` below AWSLogs/ that an organization's trail writes to."""
    trail_arn: str = ""
    home_region: str = ""
    """The trail's own; changes to it must be asked for there."""
    is_ours: bool = False
    """We created the trail."""
    is_notified: bool = False
    """Our queue hears of its files; others are polled."""
    has_digests: bool = False
    reader: str = ""
    """Native id of the account through whose role the bucket is read; empty: our own identity."""

    def folder(self, account: str) -> str:
        """The folder of the account's files, with its slash."""
        parts = (self.prefix, "AWSLogs", self.organization, account)
        return "".join(f"{part}/" for part in parts if part)

    def logs(self, account: str) -> str:
        """The folder of the account's log files, regions below it."""
        return f"{self.folder(account)}CloudTrail/"

    def digests(self, account: str) -> str:
        """The folder of the account's digest files, regions below it."""
        return f"{self.folder(account)}CloudTrail-Digest/"

    def stored(self) -> dict[str, Any]:
        """As they are kept."""
        kept: dict[str, Any] = msgspec.to_builtins(self)
        return kept


def parse(details: Mapping[str, Any]) -> Details:
    """The typed details; those of an account that is not connected are empty. Raises Unreadable for malformed ones."""
    try:
        return msgspec.convert(dict(details), Details)
    except msgspec.ValidationError as error:
        raise Unreadable(f"its details are malformed: {error}") from error


def known(details: Mapping[str, Any]) -> Details:
    """The same for whoever finds the details out anew: malformed ones are empty."""
    try:
        return parse(details)
    except Unreadable:
        return Details()
