"""The `houndigrade` command: says whether disks hold Red Hat Enterprise Linux, and why."""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from cloudigrade.inspector import disks, result, sandbox, table
from cloudigrade.inspector.blocks import Blocks, Cost, TokenExpired

if TYPE_CHECKING:
    from cloudigrade.inspector import aws

BUCKET: Final = "RESULTS_BUCKET_NAME"
IGNORED: Final = "HOUNDIGRADE_SENTRY_DSN"
DONE, TROUBLE, USAGE, UNREADABLE, UNDELIVERED, INTERRUPTED = 0, 1, 2, 3, 4, 130
_SIGNALLED: Final = 128

_AFTER: Final = f"""\
exit status:
  {DONE}    there is a result for every image, whatever its verdict
  {TROUBLE}    trouble of this machine: an inspection could not be started
  {USAGE}    bad usage
  {UNREADABLE}    no disk of any image could be opened, or it was empty; the result says why
  {UNDELIVERED}    the result could not be delivered to the bucket or the file; it is on standard output,
       unless the bucket was found missing before the work began
  {INTERRUPTED}  interrupted
  {_SIGNALLED + signal.SIGTERM}  terminated

environment:
  {BUCKET}  S3 bucket to put the result into; without it, none is looked for
  AWS_*                credentials and region, as for every AWS tool
  HOUNDIGRADE_SENTRY_* ignored

Nothing is mounted or written, and no root is needed but to open devices that others may not. Files may be raw disks,
qcow2, VHD, VHDX or VMDK.
"""


_ARGUMENTS: Final[tuple[tuple[tuple[str, ...], dict[str, Any]], ...]] = (
    (("disk",), {"nargs": "*", "help": "file or block device; several are the disks of one image"}),
    (
        ("-t", "--target"),
        {
            "nargs": 2,
            "action": "append",
            "default": [],
            "metavar": ("IMAGE", "DEVICE"),
            "help": "an image's id and a disk of it, path or ebs:snap-...; repeat it for more of either; prints JSON",
        },
    ),
    (
        ("-c", "--cloud"),
        {"choices": ("aws", "gcp", "azure"), "default": "aws", "help": "is repeated in the result (default: aws)"},
    ),
    (
        ("--snapshot",),
        {
            "action": "append",
            "default": [],
            "metavar": "SNAP",
            "help": "EBS snapshot, read where it is; repeat it for more disks of one image",
        },
    ),
    (("--region",), {"help": "of the snapshots (default: that of the AWS environment)"}),
    (("--json",), {"action": "store_true", "help": "print the result as JSON, not as a table"}),
    (("--explain",), {"action": "store_true", "help": "print a table with everything that was found"}),
    (("--output",), {"type": Path, "metavar": "FILE", "help": "write the result as JSON to the file as well"}),
    (("--version",), {"action": "version", "version": f"houndigrade of cloudigrade {version('cloudigrade')}"}),
)


@dataclass(slots=True)
class Inspected:
    """All images' results, and how they came about."""

    images: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)
    is_anything_read: bool = False
    is_machine_in_trouble: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Inspect what the arguments name; the exit status."""
    signal.signal(signal.SIGTERM, lambda given, _: sys.exit(_SIGNALLED + given))
    try:
        return _answer(_parsed(arguments), os.environ)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return TROUBLE


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="houndigrade",
        description="Say whether disks hold Red Hat Enterprise Linux, which version, and why.",
        epilog=_AFTER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for names, settings in _ARGUMENTS:
        parser.add_argument(*names, **settings)
    given = parser.parse_args(arguments)
    mistake = _mistake(given)
    if mistake:
        parser.error(mistake)
    return given


def _mistake(given: argparse.Namespace) -> str:
    if given.target and (given.disk or given.snapshot):
        return "give disks either with -t or without, not both"
    if not (given.target or given.disk or given.snapshot):
        return "name a disk: houndigrade disk.img"
    if given.json and given.explain:
        return "--json holds everything already: leave out --explain"
    if any(not name or not device for name, device in given.target) or not all(given.disk):
        return "the name of an image or disk is empty"
    if given.output is not None and (given.output.is_dir() or not given.output.parent.is_dir()):
        return f"--output {given.output}: is a directory, or is in none"
    return ""


def _answer(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    if environment.get(IGNORED):
        _complain(f"{IGNORED} is ignored: errors are in the result and on standard error")
    try:
        bucket = _bucket(environment.get(BUCKET, ""))
    except Exception as error:
        if not _is_of_aws(error):
            raise
        _complain(f"nothing was inspected, as its result could not be delivered: {error}")
        return UNDELIVERED
    inspected = Inspected()
    for image, names in _targets(given).items():
        _inspect(inspected, image, names, given)
    document = result.document(given.cloud, inspected.images)
    is_delivered = _delivered(document, bucket, given.output)
    _print(document, inspected, given, is_whole=not is_delivered)
    if not is_delivered:
        return UNDELIVERED
    if inspected.is_machine_in_trouble:
        return TROUBLE
    return DONE if inspected.is_anything_read else UNREADABLE


def _targets(given: argparse.Namespace) -> dict[str, list[str]]:
    """Names of disks by image."""
    names = [*given.disk, *(f"{disks.SNAPSHOT}{snapshot.removeprefix(disks.SNAPSHOT)}" for snapshot in given.snapshot)]
    pairs = given.target or [(Path(names[0]).name or names[0], name) for name in names]
    targets: dict[str, list[str]] = {}
    for image, name in pairs:
        targets.setdefault(image, []).append(name)
    return targets


def _inspect(inspected: Inspected, image: str, names: Sequence[str], given: argparse.Namespace) -> None:
    """The image's result is there, whatever happens."""
    inspected.costs[image] = Cost()
    try:
        with ExitStack() as closing:
            opened = disks.opened(names, partial(_snapshot, region=given.region), closing)
            inspected.costs[image] = opened.cost
            inspected.images[image] = sandbox.inspect(opened.disks, image=image, cloud=given.cloud, cost=opened.cost)
            inspected.is_anything_read |= opened.is_there
            return
    except sandbox.Failed as error:
        reason = f"the inspection could not be started: {error}"
        inspected.is_machine_in_trouble = True
    except Exception as error:
        if not _is_of_aws(error):
            raise
        reason = str(error)
    inspected.images[image] = result.failure(reason, disks=names)


def _snapshot(name: str, *, region: str | None) -> Blocks:
    from cloudigrade.inspector import aws  # noqa: PLC0415 the SDK takes longer to import than most inspections do

    return aws.snapshot_blocks(name, region)


def _bucket(name: str) -> "aws.Bucket | None":
    """Where the result goes, once it is known to be there; none without a name."""
    if not name:
        return None
    from cloudigrade.inspector import aws  # noqa: PLC0415 likewise

    bucket = aws.bucket(name)
    bucket.check()
    return bucket


def _is_of_aws(error: Exception) -> bool:
    """Whether AWS refused, which its module alone can tell, if it was needed at all."""
    module = sys.modules.get("cloudigrade.inspector.aws")
    return isinstance(error, TokenExpired) or (module is not None and isinstance(error, module.Failure))


def _delivered(document: Mapping[str, object], bucket: "aws.Bucket | None", output: Path | None) -> bool:
    """Whether it is everywhere that it should be; where it is not, that is said."""
    content = json.dumps(document).encode()
    ways: list[Callable[[], None]] = []
    if output is not None:
        ways.append(partial(_write, output, content))
    if bucket is not None:
        from cloudigrade.inspector import aws  # noqa: PLC0415 likewise

        ways.append(partial(bucket.put, aws.key(datetime.now(UTC)), content))  # noqa: TID251 a command's time begins here
    went = [_went(way) for way in ways]  # each, whatever became of the others
    return all(went)


def _went(way: Callable[[], None]) -> bool:
    try:
        way()
    except OSError as error:
        _complain(f"the result could not be written: {error}")
        return False
    except Exception as error:
        if not _is_of_aws(error):
            raise
        _complain(f"the result could not be delivered: {error}")
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    """The file holds the content, and at no time a part of it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content + b"\n")
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _print(document: Mapping[str, object], inspected: Inspected, given: argparse.Namespace, *, is_whole: bool) -> None:
    """The result is on standard output: as JSON for programs, and where it is nowhere else."""
    if is_whole or given.json or (given.target and not given.explain):
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        console = Console(highlight=False, markup=False)
        for image, one in inspected.images.items():
            table.show(console, image, one, inspected.costs[image], is_explained=given.explain)
    sys.stdout.flush()


def _complain(message: str) -> None:
    sys.stderr.write(f"houndigrade: {message}\n")


if __name__ == "__main__":
    sys.exit(main())
