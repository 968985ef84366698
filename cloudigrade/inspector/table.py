"""A result as a table for a person; what a disk says of itself is shown without anything that could move a cursor."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cloudigrade.inspector.blocks import Cost

WORDS: Final = {
    "rhel": ("RHEL", "bold green"),
    "not_rhel": ("not RHEL", "bold"),
    "inconclusive": ("inconclusive", "bold yellow"),
}
LIST_PRICE: Final = 600
BLOCK_PRICE: Final = 3_000
"""Dollars for a thousand million requests: what EBS takes, 0.0006 and 0.003 for a thousand."""
_BILLION: Final = 1_000_000_000
_SHOWN: Final = 5
"""How many sentences without --explain."""


def show(console: Console, image: str, result: Mapping[str, Any], cost: Cost, *, is_explained: bool) -> None:
    """The image's verdict is on the console."""
    word, style = WORDS[result["verdict"]["verdict"]]
    table = Table(title=_text(image), title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(Text("verdict"), Text(word, style=style))
    for title, lines in _rows(result, cost, is_explained=is_explained):
        if lines:
            table.add_row(Text(title), _text("\n".join(lines)))
    console.print(table)


def dollars(cost: Cost) -> str:
    """What EBS takes for the requests."""
    billionths = cost.lists * LIST_PRICE + cost.blocks * BLOCK_PRICE
    return f"${billionths // _BILLION}.{billionths % _BILLION // 1000:06d}"


def _rows(result: Mapping[str, Any], cost: Cost, *, is_explained: bool) -> Iterator[tuple[str, list[str]]]:
    verdict = result["verdict"]
    yield "product", [verdict["product"]] if verdict["product"] else []
    yield "version", [verdict["version"]] if verdict["version"] else []
    yield "architecture", [verdict["architecture"]] if verdict["architecture"] else []
    yield "OpenShift", ["a node of it"] if verdict["openshift"] else []
    yield "because", _few(verdict["reasons"], is_all=is_explained)
    yield "but", _few(verdict["conflicts"], is_all=is_explained)
    yield "note", _few(verdict["notes"], is_all=is_explained)
    yield "looked into", [_system(system) for system in verdict["coverage"]["systems"]] or verdict["coverage"]["read"]
    uncovered = [f"{part['place']}: {part['reason']}" for part in verdict["coverage"]["uncovered"]]
    yield "not covered", _few(uncovered, is_all=is_explained) or ["nothing"]
    if is_explained:
        yield from _evidence(result["drives"])
    yield "cost", [_cost(verdict["bytes_read"], cost)]


def _few(lines: list[str], *, is_all: bool) -> list[str]:
    left = 0 if is_all else len(lines) - _SHOWN
    return lines if left <= 0 else [*lines[:_SHOWN], f"and {left} more; --explain shows them"]


def _system(system: Mapping[str, Any]) -> str:
    others = ", ".join(system["volumes"][1:])
    parts = [system["root"], f"with {others}" if others else "", f"deployment {system['deployment']}"]
    return ", ".join(part for part in parts[: 3 if system["deployment"] else 2] if part)


def _evidence(drives: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """What was found on each volume, as far as there is anything."""
    for volumes in drives.values():
        for name, found in volumes.items():
            facts = found["facts"]
            yield (
                f"{name}: releases",
                [
                    f"{file['rhel_release_file']}: {_first_line(file['rhel_release_file_contents'])}"
                    for file in facts["rhel_release_files"].get("release_files", ())
                ],
            )
            yield f"{name}: certificates", facts["rhel_product_certs"].get("rhel_pem_files", [])
            yield f"{name}: packages", _packages(facts["rhel_signed_packages"])
            yield (
                f"{name}: repositories",
                [repository["repo"] for repository in facts["rhel_enabled_repos"].get("rhel_enabled_repos", ())],
            )


def _first_line(content: str) -> str:
    lines = content.splitlines()
    return lines[0] if lines else ""


def _packages(facts: Mapping[str, Any]) -> list[str]:
    if "package_count" not in facts or facts.get("status"):
        return []
    return [f"{facts['rhel_signed_package_count']} of {facts['package_count']} signed by Red Hat"]


def _cost(bytes_read: int, cost: Cost) -> str:
    read = f"{bytes_read / 1024 / 1024:.1f} MiB read"
    if not cost.requests:
        return read
    return f"{read}; {cost.blocks} blocks, {cost.requests} requests, {dollars(cost)} at EBS's list price"


def _text(content: str) -> Text:
    """Without control characters, which could make a terminal show anything."""
    return Text("".join(each if each == "\n" or each.isprintable() else ascii(each)[1:-1] for each in content))
