"""The reference page of all variables: what the environment's sections declare in, Markdown out."""

import sys
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from cloudigrade.config.env import names, sections


def document() -> str:
    """The reference page of all variables, in Markdown."""
    lines = [
        "# Configuration",
        "",
        "Generated from `cloudigrade/config/env.py` by `make docs`; change it there.",
        "",
        "Everything is set by environment variables. An empty variable counts as not set. With none set, all runs",
        "on one machine, with its own database and no other server. AWS credentials and endpoints are read by the AWS",
        "SDK itself.",
        "",
        "| variable | default | values | meaning |",
        "|---|---|---|---|",
        *(_row(section, name, field) for section in sections() for name, field in section.model_fields.items()),
    ]
    return "\n".join(lines) + "\n"


def _row(section: type[BaseSettings], name: str, field: FieldInfo) -> str:
    variables = " or ".join(f"`{variable}`" for variable in names(name, field))
    default = _default(field.get_default(call_default_factory=True))
    return f"| {variables} | {default} | {_values(section, name)} | {field.description} |"


def _default(value: object) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    if isinstance(value, Mapping):
        return "`{}`"
    return f"`{value}`"


def _values(section: type[BaseSettings], name: str) -> str:
    schema: dict[str, Any] = section.model_json_schema(by_alias=False, mode="serialization")
    given = schema["properties"][name]
    plain = next((choice for choice in given.get("anyOf", []) if choice.get("type") != "null"), given)
    if "$ref" in plain:
        return ", ".join(f"`{level}`" for level in schema["$defs"][plain["$ref"].rsplit("/", 1)[1]]["enum"])
    if "minimum" in plain:
        return f"{plain['minimum']} to {plain['maximum']}"
    kinds = {"boolean": "`true`, `false`", "array": "list", "object": "JSON object"}
    return kinds.get(plain.get("type", ""), "path" if plain.get("format") == "path" else "text")


if __name__ == "__main__":
    sys.stdout.write(document())
