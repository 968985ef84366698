"""The settings of the platform as librdkafka takes them."""

from pydantic import SecretStr

from cloudigrade.redhat import brokers
from cloudigrade.redhat.config import Section


def test_brokers_without_secrets():
    section = Section(KAFKA_SERVER_HOST="a,b:9", KAFKA_SERVER_PORT=9093, KAFKA_SASL_USERNAME="unused")

    assert brokers.options(section) == {
        "bootstrap.servers": "a:9093,b:9",
        "security.protocol": "PLAINTEXT",
        "broker.address.family": "any",
        "log_level": 3,
    }


def test_brokers_behind_tls_and_sasl():
    section = Section(
        KAFKA_SERVER_HOST="a",
        KAFKA_LISTENER_ADDRESS_FAMILY="v4",
        KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        KAFKA_SSL_CA_LOCATION="/etc/ca.pem",
        KAFKA_SASL_MECHANISM="PLAIN",
        KAFKA_SASL_USERNAME="us",
        KAFKA_SASL_PASSWORD=SecretStr("made-up"),
    )

    assert brokers.options(section) == {
        "bootstrap.servers": "a:9092",
        "security.protocol": "SASL_SSL",
        "broker.address.family": "v4",
        "ssl.ca.location": "/etc/ca.pem",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "us",
        "sasl.password": "made-up",
        "log_level": 3,
    }
