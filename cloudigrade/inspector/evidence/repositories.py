"""Enabled repositories of Red Hat's, found as dnf and yum find them, by id and address and never by display name."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from cloudigrade.inspector.evidence.sources import Sources
from cloudigrade.inspector.reading import Exhausted

CONFIGURATIONS: Final = ("/etc/dnf/dnf.conf", "/etc/yum.conf")
DEFAULT_DIRECTORIES: Final = ("/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d")
LONGEST_FILE: Final = 4 * 1024 * 1024
"""A redhat.repo with every repository of a large subscription has 1 MiB."""
_MOST_DIRECTORIES: Final = 16
_MOST_FILES: Final = 500
_MOST_SECTIONS: Final = 10_000
_MOST_BYTES: Final = 32 * 1024 * 1024
"""Of all files together."""
_LONGEST_VALUE: Final = 2000
_LONGEST_NAME: Final = 200
_MOST_FOUND: Final = 200

_NO: Final = frozenset({"0", "no", "false", "off"})
_TOKEN: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'|([^\s,]+)")
_SECTION: Final = re.compile(r"\[([^\]]*)\]")

# Labels of Red Hat's content, and what clouds call their copies of it. Sources: Red Hat's content labels
# (rhel-9-for-x86_64-baseos-rpms, rhel-7-server-rpms), and the repository files in RHEL's images of AWS
# (rhel-9-baseos-rhui-rpms, rhui-REGION-rhel-server-releases), Azure (rhui-rhel-8-for-x86_64-baseos-rhui-rpms,
# rhui-microsoft-azure-rhel8) and Google.
_LABEL: Final = re.compile(
    r"rhel-(?:[a-z0-9_.]+-)*rpms|rhui-(?:[a-z0-9_.]+-)*(?:azure-)?rhel\d*(?:-[a-z0-9_.]+)*"
    r"|rhui-client-config-server-\d+(?:-[a-z0-9_.]+)*",
    re.ASCII | re.IGNORECASE,
)
# Red Hat's own addresses, and those of its update infrastructure in AWS, Azure and Google.
_HOST: Final = re.compile(
    r"https?://(?:cdn\.redhat\.com|[a-z0-9.-]+\.aws\.ce\.redhat\.com|rhui[a-z0-9-]*\.microsoft\.com"
    r"|rhui\.googlecloud\.com|cds\.rhel\.updates\.googlecloud\.com)(?::\d+)?/.*rhel",
    re.ASCII | re.IGNORECASE,
)
# The same paths also stand behind a Satellite's own name.
_PATH: Final = re.compile(r"/content/(?:[a-z0-9]+)/(?:layered/)?rhel(?:\d+)?(?:/|$)", re.ASCII | re.IGNORECASE)


class Repository(NamedTuple):
    """An enabled repository of Red Hat's."""

    path: str
    id: str
    name: str
    """For people; proves nothing."""
    why: str
    """`id` or `address`."""


class Section(NamedTuple):
    """A part of a configuration file."""

    name: str
    options: Mapping[str, str]


def read(sources: Sources) -> tuple[Repository, ...]:
    """Red Hat's repositories that are enabled."""
    found: dict[tuple[str, str], Repository] = {}
    sections = 0
    for path, content in _files(sources):
        for section in parse(content):
            sections += 1
            repository = _judge(path, section)
            if repository is not None and len(found) < _MOST_FOUND:
                found.setdefault((path, section.name), repository)
            if sections >= _MOST_SECTIONS:
                sources.note(path, Exhausted(f"more than {_MOST_SECTIONS} sections in all repository files"))
                return tuple(found.values())
    return tuple(found.values())


def parse(content: bytes) -> Iterator[Section]:
    """The sections of a file, also of one that any stricter reader refuses; a section named twice comes twice."""
    name = ""
    options: dict[str, str] = {}
    key = ""
    for line in content.decode("utf-8", "surrogateescape").splitlines():
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        header = _SECTION.match(line)
        if header:
            if name:
                yield Section(name, options)
            name, options, key = header[1].strip(), {}, ""
        elif line[0] in " \t" and key:
            options[key] = f"{options[key]} {text}"[:_LONGEST_VALUE]
        else:
            key = _assign(options, text)
    if name:
        yield Section(name, options)


def _assign(options: dict[str, str], text: str) -> str:
    """The option that the line sets; empty if it sets none."""
    separator = min((place for place in (text.find("="), text.find(":")) if place > 0), default=0)
    if not separator:
        return ""
    key = text[:separator].strip().lower()
    options[key] = text[separator + 1 :].strip()[:_LONGEST_VALUE]
    return key


def directories(configurations: Mapping[str, bytes]) -> tuple[str, ...]:
    """Where repository files are, by the configurations that exist; each without `reposdir` means the usual places."""
    found: list[str] = []
    for content in configurations.values():
        named: list[str] = []
        for section in parse(content):
            if section.name == "main" and section.options.get("reposdir"):
                named = [
                    a or b or c or ""
                    for a, b, c in (token.groups() for token in _TOKEN.finditer(section.options["reposdir"]))
                ]
        found += [name for name in named if name.startswith("/")] or DEFAULT_DIRECTORIES
    return tuple(dict.fromkeys(found or DEFAULT_DIRECTORIES))


def _files(sources: Sources) -> Iterator[tuple[str, bytes]]:
    """Every file that may define repositories, with its content."""
    configurations = {
        path: content for path in CONFIGURATIONS if (content := sources.read(path, limit=LONGEST_FILE)) is not None
    }
    yield from configurations.items()
    left = _MOST_BYTES
    for path in _paths(sources, directories(configurations)):
        content = sources.read(path, limit=min(LONGEST_FILE, left))
        if content is not None:
            left -= len(content)
            yield path, content


def _paths(sources: Sources, found: tuple[str, ...]) -> Iterator[str]:
    """The files in the directories; where there are more than anybody has, it is noted that the rest was not read."""
    if len(found) > _MOST_DIRECTORIES:
        sources.note(found[_MOST_DIRECTORIES], Exhausted(f"more than {_MOST_DIRECTORIES} directories of repositories"))
    for directory in found[:_MOST_DIRECTORIES]:
        names = [name for name in sources.names(directory) if name.endswith(".repo")]
        if len(names) > _MOST_FILES:
            sources.note(directory, Exhausted(f"more than {_MOST_FILES} repository files"))
        yield from (f"{directory.rstrip('/')}/{name}" for name in names[:_MOST_FILES])


def _judge(path: str, section: Section) -> Repository | None:
    """The repository if it is enabled and Red Hat's."""
    if section.name == "main" or section.options.get("enabled", "1").strip().lower() in _NO:
        return None
    addresses = " ".join(section.options.get(key, "") for key in ("baseurl", "mirrorlist", "metalink")).split()
    name = section.options.get("name", "")[:_LONGEST_NAME]
    if any(_HOST.match(address) or _PATH.search(address) for address in addresses):
        return Repository(path, section.name[:_LONGEST_NAME], name, "address")
    if _LABEL.fullmatch(section.name[:_LONGEST_NAME]):
        return Repository(path, section.name[:_LONGEST_NAME], name, "id")
    return None
