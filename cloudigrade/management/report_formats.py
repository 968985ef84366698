"""A report as text: JSON for programs, CSV for spreadsheets, a table for people."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from cloudigrade.clouds.aws import keys
from cloudigrade.domain.usage import Measures

Report = Mapping[str, Any]

WIDTH = 120
"""Columns of the table, so that it looks the same in a terminal, a file and a mail."""

SCOPES = ("rhel_customer", "rhel_cloud", "rhel_unknown", "rhel_all", "all")


def as_json(report: Report) -> str:
    """The report, two spaces deep; docs/report.schema.json describes it."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def as_csv(report: Report) -> str:
    """One line per day and scope: RHEL by payer, RHEL in all, all instances."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["date", "complete", "scope", *Measures._fields])
    for day in report["days"]:
        for scope in SCOPES:
            measures = _measures(day, scope)
            writer.writerow(
                [day["date"], str(day["complete"]).lower(), scope, *(measures[f] for f in Measures._fields)]
            )
    return text.getvalue()


def as_table(report: Report) -> str:
    """A line per day, then what a reader must know to trust it."""
    console = Console(file=io.StringIO(), width=WIDTH, no_color=True, highlight=False)
    console.print(_days(report))
    for line in chain(_remarks(report), *map(_image, report.get("images", ()))):
        # codes and findings are others' text, and must not steer a reader's terminal
        console.print(keys.printable(line), markup=False, soft_wrap=True)
    assert isinstance(console.file, io.StringIO)  # noqa: S101 - as made above; tells the type checker
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


FORMATS: Mapping[str, Callable[[Report], str]] = {"table": as_table, "json": as_json, "csv": as_csv}


def _measures(day: Mapping[str, Any], scope: str) -> Mapping[str, int]:
    measures: Mapping[str, int] = day["all"] if scope == "all" else day["rhel"][scope.removeprefix("rhel_")]
    return measures


def _days(report: Report) -> Table:
    table = Table(
        title=f"RHEL in {len(report['accounts'])} account(s), {report['from']} to {report['to']} (not included), UTC",
        title_justify="left",
        caption="Most at one time: instances that need your subscription, that the cloud charges for, payer unknown.",
        caption_justify="left",
    )
    table.add_column("day")
    for heading in ("yours", "cloud's", "unknown", "RHEL", "vCPU", "RHEL hours", "vCPU hours", "all instances"):
        table.add_column(heading, justify="right")
    table.add_column("complete")
    for day in report["days"]:
        rhel = day["rhel"]
        table.add_row(
            day["date"],
            *(str(rhel[payer]["instances_peak"]) for payer in ("customer", "cloud", "unknown", "all")),
            str(rhel["all"]["vcpu_peak"]),
            _hours(rhel["all"]["instance_seconds"]),
            _hours(rhel["all"]["vcpu_seconds"]),
            str(day["all"]["instances_peak"]),
            "yes" if day["complete"] else "no",
        )
    return table


def _hours(seconds: int) -> str:
    """Hours to two places, rounded half up, in whole numbers all the way."""
    hundredths = (seconds * 100 + 1800) // 3600
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _remarks(report: Report) -> Iterator[str]:
    counts, records, files = report["instances"], report["records"], report["files"]
    yield f"Accounts: {', '.join(report['accounts']) or 'none'}"
    yield f"Instances: {counts['rhel']} RHEL, {counts['not_rhel']} not RHEL, {counts['undetermined']} undetermined"
    yield (
        f"Records: {records['read']} read, {records['relevant']} relevant, {records['duplicate']} known already,"
        f" {records['rejected']} rejected. Files: {files['read']} read, {files['rejected']} rejected"
    )
    if counts["undetermined"]:
        yield 'Undetermined instances count in "all instances" only, but may be RHEL: --explain tells what is missing.'
    if not all(day["complete"] for day in report["days"]):
        yield 'Complete is "no" where logs end before 00:15 of the next day, or a file or record was rejected.'
    if report["unknown_codes"]:
        yield f"Codes we do not know: {', '.join(report['unknown_codes'])}"
    if report["unknown_types"]:
        yield f"Types of unknown size (0 vCPU; give --instance-types): {', '.join(report['unknown_types'])}"
    for item in report["drift"]:
        yield f"Drift: {item['account']} {item['instance']}: {'; '.join(item['reasons'])}"


def _by_interest(image: Mapping[str, Any]) -> tuple[bool, int, str]:
    """What is undetermined comes first, then what most instances ran."""
    return image["rhel"] != "undetermined", -image["instances"], image["image"]


def _image(image: Mapping[str, Any]) -> Iterator[str]:
    payer = {"": "", "unknown": ", payer unknown"}.get(image["payer"], f", paid by {image['payer']}")
    version = f" {image['version']}" if image["version"] else ""
    name = f"{image['image']} {image['name']}".rstrip() or "(image not known)"
    code = f" under {image['billing_code']}" if image["billing_code"] else ""
    verdict = image["product"] or image["rhel"].replace("not_rhel", "not RHEL")
    yield f"Image {name}{code}, {image['instances']} instance(s): {verdict}{version}{payer}"
    for reason in image["reasons"]:
        yield f"    {reason}"
    for conflict in image["conflicts"]:
        yield f"    conflict: {conflict}"
