"""Every sub-package here with a module `cloud` is a cloud: its name in, its settings and its implementation out."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from functools import cache

from pydantic_settings import BaseSettings

import cloudigrade.clouds
from cloudigrade.clouds.cloud import Cloud


def names() -> list[str]:
    """The clouds there are; a folder that only translates what a cloud says is not one yet."""
    packages = (module.name for module in pkgutil.iter_modules(cloudigrade.clouds.__path__) if module.ispkg)
    return sorted(name for name in packages if importlib.util.find_spec(f"cloudigrade.clouds.{name}.cloud"))


@cache
def sections() -> Mapping[str, type[BaseSettings]]:
    """The settings that each cloud declares in its `config`."""
    return {name: importlib.import_module(f"cloudigrade.clouds.{name}.config").Section for name in names()}


def build(name: str, section: BaseSettings, *, environment: str) -> Cloud:
    """The cloud, ready for use; `environment` is the name of this installation. Raises LookupError for no cloud."""
    if name not in names():
        raise LookupError(f"no cloud {name!r}")
    made: Cloud = importlib.import_module(f"cloudigrade.clouds.{name}.cloud").build(section, environment=environment)
    return made
