from datetime import date
from itertools import pairwise

import pytest

from cloudigrade.simulator import fleet, places, timestamps
from cloudigrade.simulator.images import Image
from cloudigrade.simulator.places import Customer
from cloudigrade.simulator.server import Run, Server
from cloudigrade.simulator.workshop import Workshop

_WINDOW = timestamps.window(until=date(2026, 2, 3), days=20)


def _servers(seed: int = 1) -> list[Server]:
    return _made_up(seed)[0]


def _made_up(seed: int) -> tuple[list[Server], list[Image]]:
    return fleet.made_up(_customer(seed), seed=seed, window=_WINDOW, count=60)


def _customer(seed: int) -> Customer:
    return places.customers(seed=seed, count=1)[0]


@pytest.mark.parametrize("seed", range(1, 6))
def test_runs_neither_overlap_nor_abut(seed: int) -> None:
    for server in _servers(seed):
        assert all(run.start + 10 <= run.end for run in server.runs if run.end != _WINDOW.end)
        assert all(one.end + 10 <= after.start for one, after in pairwise(server.runs))
        assert all(run.end <= _WINDOW.end for run in server.runs)


@pytest.mark.parametrize("seed", range(1, 6))
def test_no_call_is_made_outside_the_days(seed: int) -> None:
    times = [call.at for server in _servers(seed) for call in server.calls]

    assert min(times) >= _WINDOW.start
    assert max(times) < _WINDOW.end


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_server_that_nobody_describes_was_launched_within_the_days(seed: int) -> None:
    for server in _servers(seed):
        if server.state == "terminated":
            assert server.first_launched_at >= _WINDOW.start


def test_calls_that_change_nothing_come_while_nothing_can_change() -> None:
    idle = 0
    for server in _servers():
        for call in server.calls:
            if (call.name, call.previous) in (("StartInstances", "running"), ("StopInstances", "stopped")):
                idle += 1
                is_on = any(run.start + 10 <= call.at <= run.end - 10 for run in server.runs)
                is_near = any(run.start - 10 < call.at < run.end + 10 for run in server.runs)
                assert is_on if call.previous == "running" else not is_near

    assert idle > 10


def test_the_fleet_has_every_kind_of_life() -> None:
    servers = _servers()
    names = {call.name for server in servers for call in server.calls if not call.error}
    errors = {call.error for server in servers for call in server.calls}

    assert names == {
        "RunInstances",
        "StartInstances",
        "StopInstances",
        "TerminateInstances",
        "TerminateInstanceInAutoScalingGroup",
        "BidEvictedEvent",
        "ModifyInstanceAttribute",
    }
    assert "Client.DryRunOperation" in errors
    assert len(errors) > 3
    assert any(not server.calls and server.state == "running" for server in servers)
    assert any(not server.calls and server.state == "stopped" for server in servers)
    assert any(call.name == "TerminateInstances" and call.previous == "stopped" for s in servers for call in s.calls)
    assert any(len({run.instance_type for run in server.runs}) > 1 for server in servers)
    assert any(run.end % timestamps.DAY == 0 for server in servers for run in server.past_runs)
    assert any(_replaced(server, servers) for server in servers)


def _replaced(server: Server, servers: list[Server]) -> bool:
    """Whether another one of its group starts in the second in which it ends."""
    return server.group != "" and any(
        other.group == server.group and other.runs[0].start == server.runs[-1].end for other in servers
    )


def test_no_more_than_asked_run_at_one_time() -> None:
    servers = _servers()
    edges = sorted((at, step) for s in servers for run in s.runs for at, step in ((run.start, 1), (run.end, -1)))
    alive = peak = 0
    for _, step in edges:
        alive += step
        peak = max(peak, alive)

    assert 30 <= peak <= 60


def _server() -> Server:
    shop = Workshop(_customer(1), seed=1, window=_WINDOW)
    return shop.server(shop.place(), instance_type="m5.large")


def test_a_life_becomes_runs() -> None:
    start = _WINDOW.start
    server = _server()

    server.launch(start + 10)
    server.stop(start + 100)
    server.retype(start + 150, "m5.2xlarge")
    server.start(start + 200)
    server.terminate(start + 300, notice=2)

    assert server.runs == [Run(start + 10, start + 100, "m5.large"), Run(start + 200, start + 300, "m5.2xlarge")]
    assert [call.at - start for call in server.calls] == [10, 100, 150, 200, 300, 302]
    assert (server.state, server.first_launched_at, server.started_at) == ("terminated", start + 10, start + 200)


def test_nothing_happens_at_the_horizon() -> None:
    server = _server()
    server.launch(_WINDOW.end - 60)

    server.stop(_WINDOW.end)

    assert server.runs == [Run(_WINDOW.end - 60, _WINDOW.end, "m5.large")]
    assert len(server.calls) == 1
    assert server.state == "running"


def test_only_a_life_without_restart_is_explained_by_its_description() -> None:
    start = _WINDOW.start
    plain, restarted = _server(), _server()
    for server in (plain, restarted):
        server.launch(start + 10)
        server.stop(start + 100)
    restarted.start(start + 200)

    assert plain.is_explained
    assert not restarted.is_explained
