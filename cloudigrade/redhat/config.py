"""What of the platform around us is set from outside."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_TOPIC = r"^[A-Za-z0-9._-]{1,249}$"


def _url(url: str) -> str:
    if not url:
        return url
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or re.search(r"\s", url):
        raise ValueError("is no URL such as http://host:port")
    return url.rstrip("/")


class Section(BaseSettings):
    """The platform's part of the environment; with the defaults there is no platform."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True, env_ignore_empty=True, extra="ignore")

    kafka_host: str = Field(
        "",
        validation_alias="KAFKA_SERVER_HOST",
        max_length=1024,
        description="Kafka's first broker, or several as `host:port,host:port`; empty: there is no Kafka.",
    )
    kafka_port: int = Field(
        9092,
        validation_alias="KAFKA_SERVER_PORT",
        ge=1,
        le=65_535,
        description="Port of Kafka's brokers that are named without one.",
    )
    kafka_address_family: str = Field(
        "any",
        validation_alias="KAFKA_LISTENER_ADDRESS_FAMILY",
        pattern=r"^(any|v4|v6)$",
        description="IP addresses of the brokers: `any`, `v4` or `v6`.",
    )
    kafka_security_protocol: str = Field(
        "PLAINTEXT",
        validation_alias="KAFKA_SECURITY_PROTOCOL",
        pattern=r"^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$",
        description="How the brokers are spoken to: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.",
    )
    kafka_ca: str = Field(
        "",
        validation_alias="KAFKA_SSL_CA_LOCATION",
        max_length=1024,
        description="File with the certificates that the brokers' are signed with; empty: the system's.",
    )
    kafka_sasl_mechanism: str = Field(
        "SCRAM-SHA-512",
        validation_alias="KAFKA_SASL_MECHANISM",
        pattern=r"^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$",
        description="SASL mechanism: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.",
    )
    kafka_user: str = Field(
        "", validation_alias="KAFKA_SASL_USERNAME", max_length=256, description="Our name for the brokers."
    )
    kafka_password: SecretStr = Field(
        SecretStr(""), validation_alias="KAFKA_SASL_PASSWORD", max_length=1024, description="Its password."
    )
    listener_topic: str = Field(
        "platform.sources.event-stream",
        validation_alias="LISTENER_TOPIC",
        pattern=_TOPIC,
        description="Topic of the events of Sources.",
    )
    listener_group: str = Field(
        "cloudmeter_ci",
        validation_alias="LISTENER_GROUP_ID",
        min_length=1,
        max_length=256,
        description="Consumer group of our listeners.",
    )
    status_topic: str = Field(
        "platform.sources.status",
        validation_alias="SOURCES_STATUS_TOPIC",
        pattern=_TOPIC,
        description="Topic in which Sources hears whether an application is available.",
    )
    status_event_type: str = Field(
        "availability_status",
        validation_alias="SOURCES_AVAILABILITY_EVENT_TYPE",
        pattern=r"^[A-Za-z0-9._-]{1,128}$",
        description="Event type of what Sources hears.",
    )
    is_managed: bool = Field(
        default=True,
        validation_alias="SOURCES_ENABLE_DATA_MANAGEMENT",
        description="Sources says which accounts there are, and hears how they are.",
    )
    is_managed_from_kafka: bool = Field(
        default=True,
        validation_alias="SOURCES_ENABLE_DATA_MANAGEMENT_FROM_KAFKA",
        description="Its events are acted on; else they are only kept.",
    )
    sources_url: Annotated[str, AfterValidator(_url)] = Field(
        "",
        validation_alias="SOURCES_API_BASE_URL",
        max_length=1024,
        description="Where the Sources API is, as `http://host:port`; empty: there is none.",
    )
    sources_psk: SecretStr = Field(
        SecretStr(""), validation_alias="SOURCES_PSK", max_length=1024, description="Our key for the Sources API."
    )
    sources_timeout: float = Field(
        10.0,
        validation_alias="SOURCES_TIMEOUT",
        ge=0.1,
        le=120,
        description="Seconds for an answer of Sources or of the tenant translator.",
    )
    application_type_ttl: int = Field(
        60,
        validation_alias="CACHE_TTL_SOURCES_APPLICATION_TYPE_ID",
        ge=0,
        le=86_400,
        description="Seconds for which the id of our application type in Sources is remembered.",
    )
    translator_scheme: str = Field(
        "http",
        validation_alias="TENANT_TRANSLATOR_SCHEME",
        pattern=r"^https?$",
        description="How the tenant translator is spoken to: `http` or `https`.",
    )
    translator_host: str = Field(
        "",
        validation_alias="TENANT_TRANSLATOR_HOST",
        max_length=256,
        description="Host of the tenant translator, which knows the org id of an account number; empty: there is none.",
    )
    translator_port: int = Field(
        8892, validation_alias="TENANT_TRANSLATOR_PORT", ge=1, le=65_535, description="Its port."
    )
    not_in_sources_age: int = Field(
        300,
        validation_alias="DELETE_CLOUD_ACCOUNTS_NOT_IN_SOURCES_UPDATED_MORE_THAN_SECONDS_AGO",
        ge=0,
        le=2_592_000,
        description="Seconds since its last change after which an account that Sources does not know is deleted.",
    )
    not_in_sources_share: float = Field(
        0.1,
        validation_alias="DELETE_CLOUD_ACCOUNTS_NOT_IN_SOURCES_SHARE",
        ge=0,
        le=1,
        description="Share of all accounts beyond which they are not deleted at once, unless an operator says so.",
    )
    inactive_age: int = Field(
        86_400,
        validation_alias="DELETE_INACTIVE_USERS_MIN_AGE",
        ge=0,
        le=31_536_000,
        description="Seconds after which a customer without any account is deleted.",
    )

    @property
    def bootstrap_servers(self) -> str:
        """The brokers, each with its port; empty where there is no Kafka."""
        brokers = [broker.strip() for broker in self.kafka_host.split(",") if broker.strip()]
        return ",".join(broker if _has_port(broker) else f"{broker}:{self.kafka_port}" for broker in brokers)


def _has_port(broker: str) -> bool:
    return bool(re.search(r"(^[^:]+|\]):\d+$", broker))
