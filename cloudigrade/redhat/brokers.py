"""How the platform's Kafka brokers are reached, as librdkafka has it."""

from cloudigrade.redhat.config import Section


def options(platform: Section) -> dict[str, str | int | bool]:
    """What every client of the brokers sets."""
    is_sasl = platform.kafka_security_protocol.startswith("SASL")
    secured = {
        "ssl.ca.location": platform.kafka_ca,
        "sasl.mechanism": platform.kafka_sasl_mechanism if is_sasl else "",
        "sasl.username": platform.kafka_user if is_sasl else "",
        "sasl.password": platform.kafka_password.get_secret_value() if is_sasl else "",
    }
    return {
        "bootstrap.servers": platform.bootstrap_servers,
        "security.protocol": platform.kafka_security_protocol,
        "broker.address.family": platform.kafka_address_family,
        "log_level": 3,  # errors; ours say the rest
        **{name: value for name, value in secured.items() if value},
    }
