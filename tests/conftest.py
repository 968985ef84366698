"""What holds in every test: no network, no broker, and in CI the same examples each time."""

import os
import sys

import hypothesis
import pytest

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

_LONGEST = (
    "tests/journeys/",
    "tests/management/",
    "tests/test_listener.py",
    "tests/test_main.py",
    "tests/contracts/",
    "tests/clouds/",
    "tests/inspector/",
)


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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: whatever starts processes or brokers mostly waits for them."""
    cores = len(os.sched_getaffinity(0))
    return cores + cores // 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no process is left with it when the others have ended."""
    items.sort(
        key=lambda item: next((n for n, place in enumerate(_LONGEST) if item.nodeid.startswith(place)), len(_LONGEST))
    )
