"""Which of the trees that ostree keeps side by side is the one that boots."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from cloudigrade.inspector.reading import Damaged
from cloudigrade.inspector.tree import Path, Tree

MOST_ENTRIES: Final = 16
LONGEST_ENTRY: Final = 16 * 1024
_ARGUMENT: Final = re.compile(r"(?:^|\s)ostree=(/ostree/boot\.[01](?:\.[01])?/[^/\s]+/[^/\s]+/\d+)(?=\s|$)")
_VERSION: Final = re.compile(r"\d{1,9}")
_BOOTS: Final = ("/ostree/boot.0", "/ostree/boot.1")


def present(tree: Tree) -> bool:
    """Whether ostree keeps trees there."""
    return bool(tree.names("/ostree/deploy")) and bool(tree.names("/ostree/repo"))


def deployment(tree: Tree, boots: Iterable[Tree]) -> Path:
    """Path of the tree that boots: what a boot loader's entry names, else the only one; raises Damaged for neither.

    The boot loader's files may be on a volume of their own.
    """
    for boot in boots:
        for argument in _arguments(boot):
            if (path := _deployed(tree, argument)) is not None:
                return path
    found = set(_linked(tree)) or set(_kept(tree))
    if len(found) != 1:
        raise Damaged(f"which of {len(found)} ostree deployments boots cannot be told")
    return found.pop()


def _arguments(boot: Tree) -> Iterator[str]:
    """What the entries tell the kernel, that of the latest version first."""
    entries = []
    for name in boot.names("/loader/entries")[:MOST_ENTRIES]:
        if name.endswith(".conf"):
            content = boot.read(f"/loader/entries/{name}", limit=LONGEST_ENTRY) or b""
            keys = _keys(content.decode("utf-8", "replace"))
            if argument := _ARGUMENT.search(keys.get("options", "")):
                entries.append((_version(keys.get("version", "")), name, argument[1]))
    yield from (argument for _, _, argument in sorted(entries, reverse=True))


def _keys(entry: str) -> dict[str, str]:
    lines = (line.strip().partition(" ") for line in entry.replace("\t", " ").splitlines())
    return {key: value.strip() for key, _, value in lines}


def _version(text: str) -> int:
    return int(text) if _VERSION.fullmatch(text) else 0


def _deployed(tree: Tree, link: str) -> Path | None:
    """Where the link of a boot leads, if that is a tree among those that ostree keeps."""
    found = tree.find(link)
    if found is None or not tree.names(
        "/".join(("", *(name.decode("utf-8", "surrogateescape") for name in found.path)))
    ):
        return None
    match found.path:
        case (b"ostree", b"deploy", _, b"deploy", _):
            return found.path
        case _:
            return None


def _linked(tree: Tree) -> Iterator[Path]:
    """What the links of the current boot lead to."""
    for boot in _BOOTS:
        for system in tree.names(boot)[:MOST_ENTRIES]:
            for checksum in tree.names(f"{boot}/{system}")[:MOST_ENTRIES]:
                for serial in tree.names(f"{boot}/{system}/{checksum}")[:MOST_ENTRIES]:
                    if (path := _deployed(tree, f"{boot}/{system}/{checksum}/{serial}")) is not None:
                        yield path


def _kept(tree: Tree) -> Iterator[Path]:
    for system in tree.names("/ostree/deploy")[:MOST_ENTRIES]:
        for name in tree.names(f"/ostree/deploy/{system}/deploy")[:MOST_ENTRIES]:
            path = f"/ostree/deploy/{system}/deploy/{name}"
            if (found := tree.find(path)) is not None and tree.names(path):
                yield found.path
