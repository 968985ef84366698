"""A made-up fleet into a running service, by the path that a real one takes; the folder it may be kept in is marked."""

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from urllib.parse import urlencode

import msgspec
from django.core.management import call_command
from django.core.management.base import CommandError

from cloudigrade.clouds.aws import reading, trail
from cloudigrade.clouds.aws.descriptions import Document
from cloudigrade.clouds.protocol import Batch
from cloudigrade.management import claims, service
from cloudigrade.models import Customer, DirtyDay, Instance
from cloudigrade.services import accounts, activity, report
from cloudigrade.simulator import places
from cloudigrade.tasks.metering import answer_ended_days, rebuild_runs

CLOUD = "aws"
MOST_DAYS = 100
"""More do not fit on a page of the API."""
_MARK = "demo.json"
_DOCUMENTS = {
    "instance-types": Document.INSTANCE_TYPES,
    "images": Document.IMAGES,
    "inspections": Document.INSPECTIONS,
    "instances": Document.INSTANCES,
}


class Demo(msgspec.Struct, frozen=True):
    """What a data folder shows; kept in it, so that nobody's real data is taken for a demonstration's."""

    seed: int = 0
    days: int = 0
    instances: int = 0
    until: date = date.min
    customers: tuple[str, ...] = ()
    """Organisation ids."""


def claim_mark(folder: Path) -> None:
    """The folder is a demonstration's; CommandError if there is something else in it."""
    try:
        if folder.exists() and any(folder.iterdir()):
            _read_mark(folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            _write_mark(folder, Demo())
    except OSError as error:
        raise CommandError(f"cannot use {folder} as data folder: {error.strerror}") from error


def prepare(folder: Path, wanted: Demo) -> None:
    """The store holds this demonstration, or nothing yet; an earlier one is gone."""
    shown = _read_mark(folder)
    if Customer.objects.exclude(org_id__in=shown.customers).exists():
        raise CommandError("the database has customers that are no demonstration's; nothing was changed")
    if shown != wanted:
        call_command("flush", interactive=False, verbosity=0)
        _write_mark(folder, wanted)


def record(fleet: Path, customer: places.Customer, *, since: datetime, now: datetime) -> Iterator[int]:
    """The customer's part of the fleet is in the store, and the worker knows; yields the files of each batch."""
    customer_id = accounts.ensure_customer(org_id=customer.org_id, now=now)
    accounts.ensure_accounts(
        customer_id=customer_id, cloud=CLOUD, native_ids=customer.accounts, metered_from=since, now=now
    )
    for batch in _batches(fleet, log_files(fleet, customer.accounts)):
        activity.record(customer_id=customer_id, cloud=CLOUD, feed=report.LOGS, batch=batch, as_of=now)
        rebuild_runs.delay_on_commit()
        yield len(batch.read_sources)
    answer_ended_days.delay_on_commit()


def log_files(fleet: Path, of_accounts: Iterable[str]) -> list[trail.Source]:
    """The log files of these accounts."""
    wanted = set(of_accounts)
    found = (source for source in trail.sources(str(fleet / "trail")) if isinstance(source, trail.Source))
    return [source for source in found if source.account in wanted]


def _batches(fleet: Path, files: list[trail.Source]) -> Iterator[Batch]:
    for name, kind in _DOCUMENTS.items():
        documents = reading.read_documents([str(fleet / f"{name}.json")], kind)
        documents.read_sources = []  # counted are log files
        yield documents
    yield from reading.read_trail(files, batch_records=1_000)


def is_calculated(org_ids: Iterable[str], today: date) -> bool:
    """No instance and no ended day of the customers waits."""
    instances = Instance.objects.filter(account__customer__org_id__in=org_ids, runs_dirty_from__isnull=False)
    days = DirtyDay.objects.filter(customer__org_id__in=org_ids, day__lt=today)
    return not (instances.exists() or days.exists())


class Question(msgspec.Struct, frozen=True):
    """What a customer asks the API: their usage of the days [first, end)."""

    port: int
    org_id: str
    first: date
    end: date

    def path(self) -> str:
        """Path and query."""
        dates = {"start_date": self.first.isoformat(), "end_date": self.end.isoformat()}
        return f"/api/cloudigrade/v2/concurrent/?{urlencode({'limit': MOST_DAYS, **dates})}"

    def headers(self) -> dict[str, str]:
        """As the platform's gateway would set them."""
        identity = json.dumps({"identity": {"org_id": self.org_id}})
        return {"X-RH-IDENTITY": base64.b64encode(identity.encode()).decode()}

    def ask(self) -> service.Answer:
        """The API's answer."""
        return service.ask(self.port, self.path(), self.headers())

    def curl(self) -> str:
        """The line by which anybody on this machine asks the same."""
        headers = " ".join(f"-H '{name}: {value}'" for name, value in self.headers().items())
        return f"curl {headers} 'http://{claims.HOST}:{self.port}{self.path()}'"


def table(body: bytes) -> str:
    """The answer's days as lines of text: the RHEL instances in all, and of each architecture."""
    counted = [(day["date"], _by_arch(day["maximum_counts"])) for day in json.loads(body)["data"]]
    names = sorted({arch for _, counts in counted for arch in counts} - {"_ANY"})
    lines = [["date", "RHEL instances", *(name or "unknown" for name in names)]]
    lines += [[day, *(str(counts.get(name, 0)) for name in ("_ANY", *names))] for day, counts in counted]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _by_arch(counts: list[dict[str, str]]) -> dict[str, str]:
    others = ("role", "sla", "usage", "service_type")
    return {
        count["arch"]: count["instances_count"] for count in counts if all(count[name] == "_ANY" for name in others)
    }


def _read_mark(folder: Path) -> Demo:
    try:
        return msgspec.json.decode((folder / _MARK).read_bytes(), type=Demo)
    except (FileNotFoundError, msgspec.MsgspecError):
        raise CommandError(
            f"{folder} is not empty and holds no demonstration; choose another with --data", returncode=2
        ) from None


def _write_mark(folder: Path, demo: Demo) -> None:
    draft = folder / f"{_MARK}.new"
    draft.write_bytes(msgspec.json.encode(demo))
    draft.rename(folder / _MARK)
