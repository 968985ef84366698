"""What holds in every test: no network, no broker, and in CI the same examples each time."""

import os
import sys

import hypothesis
import pytest

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Network sockets are closed; the mark `enable_socket` opens them for one test. Tasks run where they are queued."""
    config.option.disable_socket = True
    config.option.allow_unix_socket = True
    if config.pluginmanager.hasplugin("django"):
        from cloudigrade.config.celery import app  # noqa: PLC0415 needs Django's settings, which pure tests do without

        app.conf.update(broker_url="memory://", task_always_eager=True)


@pytest.fixture(autouse=True)
def _nobody_is_known() -> None:
    """Tests use the same names for customers of their own."""
    if requesters := sys.modules.get("cloudigrade.api.requesters"):
        requesters.known.forget()
