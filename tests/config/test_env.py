import ast
from pathlib import Path

import pytest
from pydantic import ValidationError

from cloudigrade.config import env, reference
from cloudigrade.redhat.psks import Psk

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch):
    for section in env.sections():
        for name, field in section.model_fields.items():
            for variable in env.names(name, field):
                monkeypatch.delenv(variable, raising=False)


def test_defaults_are_one_machine_that_trusts_nobody():
    environment = env.read()
    assert environment.environment == "local"
    assert environment.data == Path("~/.local/share/cloudigrade").expanduser()
    assert environment.database_url == environment.broker_url == ""
    assert environment.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")
    assert environment.identity_header_trusted is False
    assert environment.tasks_eager is False
    assert dict(environment.psks) == {}
    assert environment.secret_key is None


def test_values_are_typed(monkeypatch):
    keys = '{"swatch": "0123456789abcdef", "sources": {"key": "fedcba9876543210", "scopes": ["read", "availability"]}}'
    monkeypatch.setenv("CLOUDIGRADE_PSKS", keys)
    monkeypatch.setenv("CACHE_URL", "rediss://cache:6380/0")
    monkeypatch.setenv("RATE_LIMIT_CUSTOMER", "none")
    monkeypatch.setenv("DJANGO_ALLOWED_HOSTS", "a.example, b.example,")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h:1/n?sslmode=require")
    monkeypatch.setenv("IDENTITY_HEADER_TRUSTED", "true")
    monkeypatch.setenv("CLOUDIGRADE_PORT", "65535")
    monkeypatch.setenv("CLOUDIGRADE_LOG_LEVEL", "DEBUG")
    environment = env.read()
    assert dict(environment.psks) == {
        "swatch": Psk("0123456789abcdef", frozenset({"read"})),
        "sources": Psk("fedcba9876543210", frozenset({"read", "availability"})),
    }
    assert "0123456789abcdef" not in repr(environment)
    assert (environment.rate_limit_customer, environment.rate_limit_psk) == ("none", "6000/min")
    assert environment.allowed_hosts == ("a.example", "b.example")
    assert environment.identity_header_trusted is True
    assert environment.web_port == 65535
    assert environment.log_level is env.LogLevel.DEBUG


def test_image_tag_wins_over_version(monkeypatch):
    monkeypatch.setenv("CLOUDIGRADE_VERSION", "1")
    assert env.read().version == "1"
    monkeypatch.setenv("IMAGE_TAG", "2")
    assert env.read().version == "2"


def test_an_empty_variable_is_not_set(monkeypatch):
    for variable in ("CLOUDIGRADE_PORT", "DATABASE_URL", "CLOUDIGRADE_PSKS", "DJANGO_ALLOWED_HOSTS"):
        monkeypatch.setenv(variable, "")
    assert env.read().web_port == 8000


def test_all_mistakes_are_reported_at_once_and_without_secrets(monkeypatch):
    wrong = {
        "CLOUDIGRADE_ENVIRONMENT": "Not/OK",
        "DATABASE_URL": "mysql://root:topsecret@db/x",
        "DJANGO_DATABASE_CONN_MAX_AGE": "-1",
        "CELERY_BROKER_URL": "redis",
        "DJANGO_SECRET_KEY": "topsecret",
        "DJANGO_ALLOWED_HOSTS": " , ",
        "CLOUDIGRADE_PORT": "65536",
        "IDENTITY_HEADER_TRUSTED": "perhaps",
        "CLOUDIGRADE_PSKS": '["topsecret"]',
        "CLOUDIGRADE_LOG_LEVEL": "LOUD",
    }
    for variable, value in wrong.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(env.Misconfigured) as caught:
        env.read()
    first, *mistakes = str(caught.value).splitlines()
    assert first == "the configuration is wrong:"
    assert [mistake.split(":")[0].strip() for mistake in mistakes] == sorted(wrong)
    assert "  DATABASE_URL: must start with postgresql://" in mistakes
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "mistake"),
    [
        ("DATABASE_URL", "postgresql://host", "DATABASE_URL: names no database"),
        ("DATABASE_URL", "postgresql://host:port/x?nonsense=1", "DATABASE_URL: is no PostgreSQL connection URL"),
        ("CLOUDIGRADE_PSKS", '{"a": ""}', "CLOUDIGRADE_PSKS (a): a key must have 8 to 256 characters"),
        ("CLOUDIGRADE_PSKS", '{"a": 1}', "CLOUDIGRADE_PSKS (a): must be a key, or an object such as"),
        (
            "CLOUDIGRADE_PSKS",
            '{"a": {"key": "topsecret1", "scopes": ["all"]}}',
            "(a): the scopes must be a list of some",
        ),
        (
            "CLOUDIGRADE_PSKS",
            '{"a": "topsecret1", "b": "topsecret1"}',
            "CLOUDIGRADE_PSKS: b: the key is that of another name too",
        ),
        ("CACHE_URL", "http://cache", "CACHE_URL: must start with redis:// or rediss://"),
        ("RATE_LIMIT_PSK", "0/min", "RATE_LIMIT_PSK: "),
        ("RATE_LIMIT_CUSTOMER", "many", "RATE_LIMIT_CUSTOMER: "),
        ("CLOUDIGRADE_PSKS", "{", "CLOUDIGRADE_PSKS: must be a JSON object"),
        *(
            ("AWS_ENDPOINT_URL", url, "AWS_ENDPOINT_URL: is no URL such as http://127.0.0.1:5000")
            for url in ("nonsense", "127.0.0.1:5000", "http://", "http://a b", "http://a:b", "http://[x", "ftp://a")
        ),
        *(
            (name, "http://127.0.0.1:99999", f"{name}: is no URL such as http://127.0.0.1:5000")
            for name in (f"AWS_ENDPOINT_URL_{service}" for service in ("CLOUDTRAIL", "EBS", "EC2", "S3", "SQS", "STS"))
        ),
    ],
)
def test_a_mistake_says_what_is_wrong(monkeypatch, variable, value, mistake):
    monkeypatch.setenv(variable, value)
    with pytest.raises(env.Misconfigured) as caught:
        env.read()
    assert mistake in str(caught.value)
    assert "topsecret" not in str(caught.value)


def test_every_key_that_is_wrong_is_named(monkeypatch):
    monkeypatch.setenv("CLOUDIGRADE_PSKS", '{"a": "short", "b": "long enough", "c": {"keys": "topsecret1"}}')
    with pytest.raises(env.Misconfigured) as caught:
        env.read()
    assert [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]] == [
        "CLOUDIGRADE_PSKS (a)",
        "CLOUDIGRADE_PSKS (c)",
    ]


def test_s11_nothing_is_weak_by_default():
    """S11: a signing key that everybody knew, every host, and keys in the template."""
    environment = env.read()
    assert environment.secret_key is None  # hence a new one for each process
    assert "*" not in environment.allowed_hosts
    assert dict(environment.psks) == {}
    assert environment.identity_header_trusted is False


@pytest.mark.parametrize("variable", ["CELERY_BROKER_URL", "CACHE_URL"])
def test_s11_redis_may_be_spoken_to_by_tls(monkeypatch, variable):
    """S11: Redis without TLS."""
    monkeypatch.setenv(variable, "rediss://user:password@redis.example:6380/0")
    assert env.read()


@pytest.mark.parametrize("url", ["http://127.0.0.1:5000", "https://Moto.example:1/", "http://[::1]:5000", ""])
def test_an_endpoint_is_any_that_the_sdk_takes(monkeypatch, url):
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)

    assert env.read()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"S3_DEFAULT_REGION": "Mars"}, "S3_DEFAULT_REGION"),
        ({"S3_DEFAULT_REGION": "Mars", "SQS_DEFAULT_REGION": ""}, "S3_DEFAULT_REGION"),
        ({"S3_DEFAULT_REGION": "us-east-1", "SQS_DEFAULT_REGION": "Mars"}, "SQS_DEFAULT_REGION"),
        ({"CLOUDIGRADE_VERSION": "9" * 129}, "CLOUDIGRADE_VERSION"),
    ],
)
def test_the_variable_that_is_set_is_the_one_that_is_named(monkeypatch, given, named):
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)

    with pytest.raises(env.Misconfigured, match=rf"^the configuration is wrong: {named}: [^\n]+$"):
        env.read()


def test_the_environment_is_frozen():
    with pytest.raises(ValidationError):
        env.read().web_port = 1  # type: ignore[misc] # that is the point


def test_every_field_is_described_and_named():
    for name, field in [pair for section in env.sections() for pair in section.model_fields.items()]:
        assert field.description
        assert field.description.endswith((".", ")."))
        assert all(variable.isupper() for variable in env.names(name, field))


def test_the_clouds_have_sections_of_their_own_whose_mistakes_are_reported_with_all_others(monkeypatch):
    assert env.read_clouds()["aws"].model_dump()["partitions"] == ("aws",)

    monkeypatch.setenv("AWS_PARTITIONS", "aws,aws-mars")
    monkeypatch.setenv("CLOUDIGRADE_PORT", "0")
    with pytest.raises(env.Misconfigured) as caught:
        env.read()
    assert "AWS_PARTITIONS: must be some of aws, aws-cn, aws-us-gov" in str(caught.value)
    assert "CLOUDIGRADE_PORT" in str(caught.value)


def test_the_configuration_page_is_up_to_date():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference.document(), "run: make docs"


def _reads_environment(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = (
            {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) and node.module == "os" else set()
        )
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            names = {node.attr}
        if names & {"environ", "environb", "getenv", "putenv", "unsetenv"}:
            return True
    return False


def test_only_env_reads_the_environment():
    """And the inspector's command, which stands alone."""
    readers = {path.relative_to(ROOT) for path in (ROOT / "cloudigrade").rglob("*.py") if _reads_environment(path)}
    assert readers == {Path("cloudigrade/config/env.py"), Path("cloudigrade/inspector/__main__.py")}
