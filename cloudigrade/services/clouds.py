"""The clouds of this installation by name, each made once in a process."""

from functools import cache

from django.conf import settings

from cloudigrade.clouds import registry
from cloudigrade.clouds.cloud import Cloud


@cache
def get(name: str) -> Cloud:
    """The cloud of this name; raises LookupError where there is none."""
    return registry.build(name, settings.CLOUDS[name], environment=settings.CLOUDIGRADE_ENVIRONMENT)
