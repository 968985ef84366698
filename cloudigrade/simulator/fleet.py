"""A customer's whole fleet: the scripts in turn, and the calls that change nothing."""

from itertools import cycle, pairwise

from cloudigrade.simulator import scripts
from cloudigrade.simulator.images import Image
from cloudigrade.simulator.places import Customer
from cloudigrade.simulator.server import RUNNING, STOPPED, Call, Server
from cloudigrade.simulator.timestamps import Window
from cloudigrade.simulator.workshop import Workshop

_TURNS: tuple[tuple[scripts.Script, int], ...] = (
    (scripts.group, 6),
    (scripts.quiet, 1),
    (scripts.night, 3),
    (scripts.spot, 2),
    (scripts.retyped, 1),
    (scripts.steady, 1),
    (scripts.stopped, 1),
    (scripts.jobs, 2),
    (scripts.retired, 1),
    (scripts.asleep, 1),
    (scripts.steady, 2),
)
"""How many servers at one time each script is given, one round after the other."""

_SPACE = 10
_FAILURES = {
    "StartInstances": "Server.InsufficientInstanceCapacity",
    "StopInstances": "Client.UnauthorizedOperation",
    "TerminateInstances": "Client.OperationNotPermitted",
    "ModifyInstanceAttribute": "Client.IncorrectInstanceState",
}
_DRY_RUN = "Client.DryRunOperation"


def made_up(customer: Customer, *, seed: int, window: Window, count: int) -> tuple[list[Server], list[Image]]:
    """The customer's servers, so many at one time at most, and every image of its places."""
    shop = Workshop(customer, seed=seed, window=window)
    servers: list[Server] = []
    left = count
    for script, size in cycle(_TURNS):
        if not left:
            break
        taken = min(size, left)
        servers += [server for server in script(shop, taken) if server.first_launched_at]
        left -= taken
    for server in servers:
        _add_idle_calls(shop, server)
    return servers, [image for catalogue in shop.catalogues.values() for image in catalogue]


def _add_idle_calls(shop: Workshop, server: Server) -> None:
    """Some start what runs, some stop what is off, some fail, some only try."""
    if shop.chance(0.2):
        _add_repeated_start(shop, server)
    if shop.chance(0.3):
        _add_repeated_stop(shop, server)
    if shop.chance(0.2):
        name = shop.rng.choice(list(_FAILURES))
        error = _DRY_RUN if shop.chance(0.5) else _FAILURES[name]
        at = shop.between(max(server.first_launched_at, shop.window.start), shop.window.end)
        server.calls.append(Call(at, name, value=server.instance_type, error=error))


def _add_repeated_start(shop: Workshop, server: Server) -> None:
    start, end, _ = shop.rng.choice(server.runs or [(0, 0, "")])
    start = max(start, shop.window.start)
    if end - start > 2 * _SPACE:
        server.calls.append(Call(shop.between(start + _SPACE, end - _SPACE), "StartInstances", RUNNING))


def _add_repeated_stop(shop: Workshop, server: Server) -> None:
    runs = server.runs
    gaps = [(one.end, after.start) for one, after in pairwise(runs)]
    if server.state == STOPPED:
        gaps.append((server.changed_at, shop.window.end))
    wide = [gap for gap in gaps if gap[1] - max(gap[0], shop.window.start) > 2 * _SPACE]
    if wide:
        off, on = shop.rng.choice(wide)
        at = shop.between(max(off, shop.window.start) + _SPACE, on - _SPACE)
        server.calls.append(Call(at, "StopInstances", STOPPED))
