"""The one Django app of the package."""

import importlib

from django.apps import AppConfig


class Cloudigrade(AppConfig):
    """Models in `cloudigrade.models`, commands in `cloudigrade.management`."""

    name = "cloudigrade"
    label = "cloudigrade"

    def ready(self) -> None:
        """Tasks queued from any process go to our Celery app."""
        importlib.import_module("cloudigrade.config.celery")
