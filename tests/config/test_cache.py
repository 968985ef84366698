"""What processes share for a while, with a real Redis and without."""

import logging

import pytest
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from redis import Redis

from cloudigrade.config import cache
from tests import redis_server

REDIS = "redis://127.0.0.1:6379/0"


@pytest.mark.parametrize(
    ("url", "broker", "place"),
    [
        ("", "", None),
        ("", "amqp://rabbit", None),
        ("", REDIS, REDIS),
        ("", "rediss://redis:6380/1", "rediss://redis:6380/1"),
        ("rediss://cache:6380/1", REDIS, "rediss://cache:6380/1"),
    ],
)
def test_s11_the_cache_is_where_it_is_said_else_the_brokers_else_memory(url, broker, place):
    """S11: Redis was spoken to without TLS."""
    entry = cache.entry(url, broker_url=broker)

    assert entry.get("LOCATION") == place
    assert entry["BACKEND"].endswith("DispensableRedis" if place else "Memory")


@pytest.fixture
def port():
    return redis_server.free_port()


@pytest.fixture
def shared(port, settings, monkeypatch):
    monkeypatch.setattr(cache, "_silence", cache._Silence())
    settings.CACHES = {"default": cache.entry(f"redis://127.0.0.1:{port}/0", broker_url="")}
    yield caches["default"]
    caches["default"]._cache.get_client().connection_pool.disconnect()  # type: ignore[attr-defined]  # Django's own


def test_a_process_counts_in_its_own_memory():
    memory = cache.Memory("test", {})

    assert [memory.count("requests", 6, timeout=60), memory.count("requests", 7, timeout=60)] == [6, 13]
    assert memory.count("others", 1, timeout=60) == 1


@pytest.mark.enable_socket
def test_values_go_in_and_out_as_json(shared, port, tmp_path):
    with redis_server.running(port, tmp_path):
        shared.set("value", {"a": [1, "x", None]}, timeout=60)
        assert shared.get("value") == {"a": [1, "x", None]}
        assert [shared.add("count", 5, timeout=60), shared.add("count", 6), shared.incr("count", 2)] == [True, False, 7]
        assert shared.get("count") == 7
        with pytest.raises(ValueError, match="not found"):
            shared.incr("absent")
        assert [shared.count("requests", 6, timeout=60), shared.count("requests", 7, timeout=60)] == [6, 13]
        with Redis(port=port) as client:
            assert 0 < client.ttl("cloudigrade:1:requests") <= 60
            assert client.get("cloudigrade:1:value") == b'{"a":[1,"x",null]}'
            assert client.get("cloudigrade:1:count") == b"7"
        assert [shared.delete("value"), shared.get("value", "gone")] == [True, "gone"]


@pytest.mark.enable_socket
def test_s3_what_others_write_into_redis_is_never_run(shared, port, tmp_path):
    """S3: a pickle in Redis was code for whoever read it."""
    with redis_server.running(port, tmp_path), Redis(port=port) as client:
        client.set("cloudigrade:1:value", b"cbuiltins\nprint\n(S'run'\ntR.")

        assert shared.get("value") is None


@pytest.mark.enable_socket
def test_without_redis_everything_goes_on_and_the_log_says_so_once(shared, port, tmp_path, caplog, monkeypatch):
    assert shared.get("value", "nothing") == "nothing"
    assert shared.add("value", 1) is False
    assert shared.set("value", 1) is None
    assert shared.delete("value") is False
    with pytest.raises(ValueError, match="no such number"):
        shared.incr("value")
    assert shared.count("requests", 1, timeout=60) is None
    monkeypatch.setattr(cache._silence, "_until", 0.001)  # long ago
    assert shared.get("value") is None

    assert [record.getMessage() for record in caplog.records] == [
        "The cache does not answer (ConnectionError); we go on without"
    ]
    assert caplog.records[0].levelno == logging.WARNING
    with redis_server.running(port, tmp_path):
        monkeypatch.setattr(cache._silence, "_until", 0.001)
        shared.set("value", 1)
        assert shared.get("value") == 1
    assert caplog.records[-1].getMessage() == "The cache answers again"


@pytest.mark.enable_socket
def test_a_redis_that_does_not_answer_is_not_asked_by_every_request(shared, monkeypatch):
    asked = []

    def hang(*_):
        asked.append(1)
        raise OSError

    monkeypatch.setattr(RedisCache, "get", hang)

    assert [shared.get("value", 7) for _ in range(100)] == [7] * 100
    assert len(asked) == 1
