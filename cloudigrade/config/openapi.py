"""Writes the OpenAPI documents anew where they are committed: `make openapi`."""

from pathlib import Path

import django

from cloudigrade.config import env


def main() -> None:
    """Every document is that of this very code."""
    env.select_settings()
    django.setup()
    from cloudigrade.api import documents  # noqa: PLC0415 - it wants the settings that are selected above

    for name, document in documents.DOCUMENTS.items():
        file = Path(document.file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(documents.text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
