"""A simulated folder, read with nothing but the standard library."""

import gzip
import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def document(out: Path, name: str) -> Any:
    return json.loads((out / f"{name}.json").read_text())


def log_paths(out: Path) -> list[Path]:
    return sorted((out / "trail").rglob("*_CloudTrail_*.json.gz"))


def log_records(path: Path) -> list[Json]:
    """The records of a file; none if it is not a log file."""
    try:
        content = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError):
        return []
    return list(content.get("Records", []))


def all_records(out: Path) -> list[Json]:
    return [record for path in log_paths(out) for record in log_records(path)]


def described(out: Path) -> list[Json]:
    """Every described instance, with the account of its reservation."""
    return [
        instance | {"OwnerId": reservation["OwnerId"]}
        for reservation in document(out, "instances")["Reservations"]
        for instance in reservation["Instances"]
    ]


def content(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def without_complete(truth: Json) -> Json:
    """The truth without what faults may change."""
    text = json.loads(json.dumps(truth))
    for day in [*text["days"], *(day for customer in text["customers"] for day in customer["days"])]:
        del day["complete"]
    return dict(text)
