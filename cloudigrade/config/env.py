"""The environment as one typed, frozen value; no other module reads our variables."""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, PlainSerializer, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cloudigrade.clouds import registry
from cloudigrade.config.inspections import Section as Inspections
from cloudigrade.redhat import psks
from cloudigrade.redhat.config import Section as Platform
from cloudigrade.redhat.psks import Psk


class Misconfigured(Exception):
    """Variables with wrong values; the message lists them all."""


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def _database_url(url: str) -> str:
    if not url:
        return url
    if urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise ValueError("must start with postgresql://")
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ValueError("is no PostgreSQL connection URL") from None
    if not given.get("dbname"):
        raise ValueError("names no database")
    return url


def _broker_url(url: str) -> str:
    if url and not re.match(r"[a-z][a-z0-9+]*://", url):
        raise ValueError("is no broker URL such as sqla+postgresql://user@host/name")
    return url


def _cache_url(url: str) -> str:
    if url and urlsplit(url).scheme not in {"redis", "rediss"}:
        raise ValueError("must start with redis:// or rediss://")
    return url


def _parts(text: object) -> object:
    if isinstance(text, str):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    if not hosts:
        raise ValueError("names no host")
    return hosts


def _json_object(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        value = None
    if not isinstance(value, dict):
        raise ValueError('must be a JSON object of names and keys, such as {"name": "key"}')  # noqa: TRY004 pydantic collects ValueError only
    return value


def _frozen(keys: Mapping[str, Psk]) -> Mapping[str, Psk]:
    return MappingProxyType(dict(psks.require_distinct(keys)))


def _full(path: Path) -> Path:
    return path.expanduser().absolute()


PSKs = Annotated[
    Mapping[str, Annotated[Psk, BeforeValidator(psks.parse)]],
    NoDecode,
    BeforeValidator(_json_object),
    AfterValidator(_frozen),
    PlainSerializer(dict),
]
Rate = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,8}/(s|min|h|day)|none)$")]
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts), AfterValidator(_hosts)]


class Environment(BaseSettings):
    """Everything that is set from outside; the defaults suit one machine with nothing else installed."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True, env_ignore_empty=True, extra="ignore")

    environment: str = Field(
        "local",
        validation_alias="CLOUDIGRADE_ENVIRONMENT",
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}$",
        description="Name of this installation; part of the names of its cloud resources.",
    )
    version: str | None = Field(
        None,
        validation_alias=AliasChoices("IMAGE_TAG", "CLOUDIGRADE_VERSION"),
        max_length=128,
        description="Version that the API reports, where it is not the package's own.",
    )
    data: Annotated[Path, AfterValidator(_full)] = Field(
        Path("~/.local/share/cloudigrade"),
        validation_alias="CLOUDIGRADE_DATA",
        validate_default=True,
        description="Folder of the embedded database and the embedded broker.",
    )
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        "",
        validation_alias="DATABASE_URL",
        max_length=2048,
        description="PostgreSQL to use, as `postgresql://user:password@host:port/name`; empty: the embedded one.",
    )
    connection_age: int = Field(
        60,
        validation_alias="DJANGO_DATABASE_CONN_MAX_AGE",
        ge=0,
        le=86_400,
        description="Seconds for which the API keeps a database connection open.",
    )
    prepared_statements: bool = Field(
        default=False,
        validation_alias="DJANGO_DATABASE_PREPARED_STATEMENTS",
        description="Let PostgreSQL keep what the API asks most, which is quicker; not behind a PgBouncer that gives"
        " each transaction another connection. The embedded database always does.",
    )
    broker_url: Annotated[str, AfterValidator(_broker_url)] = Field(
        "",
        validation_alias="CELERY_BROKER_URL",
        max_length=2048,
        description="Celery's broker; empty: files in the data folder.",
    )
    visibility_timeout: int = Field(
        3720,
        validation_alias="CELERY_VISIBILITY_TIMEOUT",
        ge=1,
        le=86_400,
        description="Seconds after which Redis, as broker, gives the message of a worker that died to another; under"
        " an hour, a long task's too while it is at work, which does no harm but takes time.",
    )
    tasks_eager: bool = Field(
        default=False,
        validation_alias="CELERY_TASK_ALWAYS_EAGER",
        description="Run a task where it is queued, without broker and worker.",
    )
    secret_key: SecretStr | None = Field(
        None,
        validation_alias="DJANGO_SECRET_KEY",
        min_length=16,
        max_length=1024,
        description="Django's signing key, one for all processes; empty: new at each start (nothing is signed yet).",
    )
    allowed_hosts: Hosts = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        validation_alias="DJANGO_ALLOWED_HOSTS",
        description="Host names under which the API answers, separated by commas.",
    )
    web_port: int = Field(
        8000,
        validation_alias="CLOUDIGRADE_PORT",
        ge=1,
        le=65_535,
        description="TCP port of the API.",
    )
    internal_port: int = Field(
        9000,
        validation_alias="CLOUDIGRADE_INTERNAL_PORT",
        ge=1,
        le=65_535,
        description="TCP port of the internal API, for operators and neighbours.",
    )
    identity_header_trusted: bool = Field(
        default=False,
        validation_alias="IDENTITY_HEADER_TRUSTED",
        description="Believe `X-RH-IDENTITY`: only behind a gateway that sets it and removes the client's own.",
    )
    psks: PSKs = Field(
        default_factory=dict,
        validate_default=True,
        validation_alias="CLOUDIGRADE_PSKS",
        description='Pre-shared keys of services, as a JSON object `{"name": "key"}`, which opens reading, or'
        ' `{"name": {"key": "...", "scopes": ["read", "accounts", "write", "availability"]}}`.',
    )
    rate_limit_customer: Rate = Field(
        "600/min",
        validation_alias="RATE_LIMIT_CUSTOMER",
        description="Most requests of a customer to the API, as `N/s`, `N/min`, `N/h` or `N/day`; `none`: no limit.",
    )
    rate_limit_psk: Rate = Field(
        "6000/min",
        validation_alias="RATE_LIMIT_PSK",
        description="Most requests with the same pre-shared key, likewise.",
    )
    cache_url: Annotated[str, AfterValidator(_cache_url)] = Field(
        "",
        validation_alias="CACHE_URL",
        max_length=2048,
        description="Redis for what all processes share for a while, as `rediss://host:port/0` or `redis://...`;"
        " empty: the broker's where that is Redis, else each process has its own memory.",
    )
    synthetic_data: bool = Field(
        default=False,
        validation_alias="ENABLE_SYNTHETIC_DATA_REQUEST_HTTP_API",
        description="Operators may ask for made-up customers, for demonstrations and load tests.",
    )
    log_interval: int = Field(
        30,
        validation_alias="ANALYZE_LOG_SCHEDULE",
        ge=5,
        le=3600,
        description="Seconds between two looks at the queues of the clouds.",
    )
    poll_interval: int = Field(
        300,
        validation_alias="POLL_INTERVAL",
        ge=60,
        le=86_400,
        description="Seconds between two looks at the log files of an account that no queue tells of.",
    )
    sweep_interval: int = Field(
        1800,
        validation_alias="SWEEP_INTERVAL",
        ge=60,
        le=86_400,
        description="Seconds between two sweeps of an account: what runs there, whatever the feeds say.",
    )
    proof_interval: int = Field(
        1800,
        validation_alias="PROOF_INTERVAL",
        ge=60,
        le=86_400,
        description="Seconds between two proofs of an account's feeds; digests come each hour.",
    )
    check_interval: int = Field(
        21_600,
        validation_alias="CHECK_INTERVAL",
        ge=300,
        le=604_800,
        description="Seconds between two checks that an account still lets us in.",
    )
    definitions_interval: int = Field(
        86_400,
        validation_alias="AWS_REPOPULATE_EC2_INSTANCE_MAPPING_SCHEDULE",
        ge=3600,
        le=2_592_000,
        description="Seconds between two readings of the sizes of instance types.",
    )
    log_level: LogLevel = Field(
        LogLevel.INFO,
        validation_alias="CLOUDIGRADE_LOG_LEVEL",
        description="Least severity of our own log lines.",
    )
    library_log_level: LogLevel = Field(
        LogLevel.WARNING,
        validation_alias="DJANGO_ALL_LOG_LEVEL",
        description="Least severity of all other log lines.",
    )


def read() -> Environment:
    """The environment of this process, or `Misconfigured` with every mistake in it, whatever section it is in."""
    mistakes = [mistake for section in sections() for mistake in _mistakes(section)]
    if mistakes:
        if len(mistakes) == 1:
            raise Misconfigured(f"the configuration is wrong: {mistakes[0].strip()}")
        raise Misconfigured("\n".join(["the configuration is wrong:", *sorted(mistakes)]))
    return Environment()


def read_platform() -> Platform:
    """What is set of the platform around us; after `read`, which reports its mistakes too."""
    return Platform()


def read_inspections() -> Inspections:
    """What is set of looking into images; after `read`, likewise."""
    return Inspections()


def read_clouds() -> dict[str, BaseSettings]:
    """The section of each cloud, by its name; after `read`, which reports their mistakes too."""
    return {name: section() for name, section in registry.sections().items()}


def sections() -> list[type[BaseSettings]]:
    """Our own settings, then those of the platform and of each cloud."""
    return [Environment, Inspections, Platform, *registry.sections().values()]


def _mistakes(section: type[BaseSettings]) -> list[str]:
    try:
        section()
    except ValidationError as error:
        return [_mistake(section, detail["loc"], detail["msg"]) for detail in error.errors(include_input=False)]
    return []


def _mistake(section: type[BaseSettings], location: tuple[int | str, ...], message: str) -> str:
    named, *within = (str(part) for part in location)
    variable = _set(section, named)
    place = f"{variable} ({', '.join(within)})" if within else variable
    return f"  {place}: {message.removeprefix('Value error, ')}"


def _set(section: type[BaseSettings], variable: str) -> str:
    """Of the variables that set the same field as this one, the one that does."""
    fields = (names(name, field) for name, field in section.model_fields.items())
    same = next((given for given in fields if variable in given), [variable])
    return next((each for each in same if os.environ.get(each)), variable)


def select_settings() -> None:
    """Django finds our settings, unless others were chosen from outside."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudigrade.config.settings")


def hand_down(**variables: str) -> None:
    """Processes started from now on inherit the variables."""
    os.environ.update(variables)


def names(name: str, field: FieldInfo) -> list[str]:
    """The variables that set the field, the winning one first."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [alias if isinstance(alias, str) else name]
