"""Gives every test run a PostgreSQL of its own, unless DATABASE_URL names one."""

import os
import socket
from collections.abc import Generator

import pytest
from psycopg.conninfo import conninfo_to_dict

from cloudigrade.config import embedded, env

_server = pytest.StashKey[embedded.Server]()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Before Django reads its settings: DATABASE_URL names a server that runs, and no other variable is set."""
    for section in env.sections():
        for name, field in section.model_fields.items():
            for variable in env.names(name, field):
                if variable != "DATABASE_URL":
                    os.environ.pop(variable, None)
    if not os.environ.get("DATABASE_URL") and not early_config.known_args_namespace.collectonly:
        server = embedded.temporary()
        early_config.stash[_server] = server
        os.environ["DATABASE_URL"] = server.url
    elif url := os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = _resolved(url)
    return (yield)


def _resolved(url: str) -> str:
    """The URL with its host's address: names are not resolved while sockets are closed."""
    host = str(conninfo_to_dict(url).get("host", ""))
    if not host or host.startswith("/") or "hostaddr=" in url:
        return url
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    address = min(found, key=lambda each: each[0] is not socket.AF_INET)[4][0]
    return f"{url}{'&' if '?' in url else '?'}hostaddr={address}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """The server is gone, however the run ended."""
    if server := config.stash.get(_server, None):
        os.environ.pop("DATABASE_URL", None)
        server.stop()
