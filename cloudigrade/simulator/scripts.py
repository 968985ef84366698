"""The lives that servers lead: each script takes a number of servers through the simulated days.

Two opposite transitions of a server are always at least ten seconds apart.
"""

from collections.abc import Callable

from cloudigrade.simulator import sizes
from cloudigrade.simulator.server import AUTOSCALING, SPOT, Server
from cloudigrade.simulator.timestamps import DAY, HOUR, MINUTE
from cloudigrade.simulator.workshop import Workshop, is_weekend

Script = Callable[[Workshop, int], list[Server]]


def group(shop: Workshop, size: int) -> list[Server]:
    """An Auto Scaling group: a floor whose members are replaced now and then, and a wave on top every day."""
    place = shop.place()
    image = shop.image(place)
    instance_type = sizes.pick(shop.rng, image.architecture)
    name = shop.name("asg")

    def member() -> Server:
        server = shop.server(place, image, instance_type=instance_type)
        server.group = name
        return server

    floor = max(1, size // 3)
    made = [server for _ in range(floor) for server in _relay(shop, member)]
    for day in shop.window.days:
        made += _wave(shop, day, [member() for _ in range(size - floor)])
    return made


def _relay(shop: Workshop, member: Callable[[], Server]) -> list[Server]:
    """One seat of the floor: the next one starts in the very second in which the last one ends."""
    made: list[Server] = []
    at = shop.between(shop.window.start + MINUTE, shop.window.start + HOUR)
    while at < shop.window.end:
        server = member()
        server.launch(at, actor=AUTOSCALING)
        at += shop.between(2 * DAY, 9 * DAY)
        server.terminate(at, actor=AUTOSCALING)
        made.append(server)
    return made


def _wave(shop: Workshop, day: int, members: list[Server]) -> list[Server]:
    """The morning brings some members in one or two calls; the evening, or midnight itself, takes them."""
    few = len(members) // 2
    count = shop.rng.randint(0, few) if is_weekend(day) else shop.rng.randint(few, len(members))
    mornings = [shop.hours(day, 6, 8), shop.hours(day, 8, 11)]
    for server in members[:count]:
        at = shop.rng.choice(mornings)
        server.launch(at, actor=AUTOSCALING, batch=f"{server.group}/{at}")
        evening = day + DAY if shop.chance(0.1) else shop.hours(day, 15, 24)
        notice = shop.rng.randint(0, 2) if shop.chance(0.3) else None
        server.terminate(evening, actor=AUTOSCALING, notice=notice)
    return members[:count]


def night(shop: Workshop, size: int) -> list[Server]:
    """Servers that one call stops every evening and one call starts every working morning."""
    place = shop.place()
    team = shop.name("night")
    is_strict = shop.chance(0.5)
    made = [shop.veteran(place) if index % 2 else shop.server(place) for index in range(size)]
    for server in made[::2]:
        server.launch(shop.hours(shop.window.start, 2, 5))
    for day in shop.window.days:
        morning = shop.hours(day, 5, 8)
        evening = day + DAY if is_strict else shop.hours(day, 18, 22)
        for server in made:
            if not is_weekend(day):
                server.start(morning, batch=team)
            server.stop(evening, batch=team)
    return made


def spot(shop: Workshop, size: int) -> list[Server]:
    """Spot servers: several are evicted at once; some come back, the others are replaced."""
    place = shop.place()
    fleet = shop.name("spot")
    made: list[Server] = []
    alive: list[Server] = []
    at = shop.hours(shop.window.start, 1, 12)
    while at < shop.window.end:
        fresh = [shop.server(place) for _ in range(size - len(alive))]
        for server in fresh:
            server.is_spot = True
            server.launch(at, actor=SPOT)
        made += fresh
        alive += fresh
        at = shop.between(at + 3 * HOUR, at + 60 * HOUR)
        stay = [server for server in alive if shop.chance(0.5)]
        for server in alive:
            server.evict(at, batch=fleet, is_final=server not in stay)
        for server in stay:
            server.start(shop.between(at + 10 * MINUTE, at + 8 * HOUR))
        alive = stay
        at += 9 * HOUR
    return made


def retyped(shop: Workshop, size: int) -> list[Server]:
    """Servers that are stopped for another instance type, and started again."""
    made = [shop.server(shop.place()) for _ in range(size)]
    for server in made:
        at = shop.hours(shop.window.start, 0, 20)
        server.launch(at)
        while at < shop.window.end:
            at = shop.between(at + 8 * HOUR, at + 6 * DAY)
            server.stop(at)
            server.retype(
                at + shop.rng.randint(30, 600),
                sizes.pick(shop.rng, server.image.architecture, other_than=server.instance_type),
            )
            at += shop.rng.randint(700, 7_200)
            server.start(at)
    return made


def steady(shop: Workshop, size: int) -> list[Server]:
    """Servers launched by one call that stay, or are stopped once for good."""
    place = shop.place()
    image = shop.image(place)
    instance_type = sizes.pick(shop.rng, image.architecture)
    start, end = shop.window
    at = shop.between(start, start + (end - start) * 2 // 3)
    made = [shop.server(place, image, instance_type=instance_type) for _ in range(size)]
    batch = shop.name("steady")
    for server in made:
        server.launch(at, batch=batch)
        if shop.chance(0.4):
            server.stop(shop.between(at + MINUTE, end))
    return made


def quiet(shop: Workshop, size: int) -> list[Server]:
    """Servers of which no record ever speaks."""
    return [shop.veteran(shop.place()) for _ in range(size)]


def stopped(shop: Workshop, size: int) -> list[Server]:
    """Old servers whose first known event is a stop."""
    made = [shop.veteran(shop.place()) for _ in range(size)]
    for server in made:
        at = shop.between(*shop.window)
        server.stop(at)
        if shop.chance(0.5):
            server.start(shop.between(at + 10, at + 3 * DAY))
    return made


def asleep(shop: Workshop, size: int) -> list[Server]:
    """Old servers that are off on the first day; some wake up, some of them for a while only."""
    made = [shop.veteran(shop.place()) for _ in range(size)]
    for server in made:
        server.sleep_since(shop.window.start - shop.rng.randint(HOUR, DAY))
        at = shop.between(*shop.window)
        if shop.chance(0.6):
            server.start(at)
        if shop.chance(0.5):
            server.stop(shop.between(at + 10, at + 2 * DAY))
    return made


def retired(shop: Workshop, size: int) -> list[Server]:
    """Servers that are stopped first and terminated later, some of them within the last hour."""
    made = [shop.server(shop.place()) for _ in range(size)]
    start, end = shop.window
    for server in made:
        at = shop.between(start, end - 6 * HOUR)
        server.launch(at)
        off = shop.between(at + 10, end - 4 * HOUR)
        server.stop(off)
        is_last = shop.chance(0.4)
        server.terminate(end - shop.rng.randint(MINUTE, HOUR - 1) if is_last else shop.between(off + 10, off + 5 * DAY))
    return made


def jobs(shop: Workshop, size: int) -> list[Server]:
    """A batch every day: launched by one call, ended by one call, after ten seconds or some hours."""
    place = shop.place()
    image = shop.image(place)
    instance_type = sizes.pick(shop.rng, image.architecture)
    batch = shop.name("job")
    made: list[Server] = []
    for day in shop.window.days:
        at = shop.hours(day, 0, 20)
        end = at + shop.rng.choice([10, 59, 601, 3_600, 4 * HOUR - 1])
        today = [shop.server(place, image, instance_type=instance_type) for _ in range(size)]
        for server in today:
            server.launch(at, batch=batch)
            server.terminate(end, batch=batch)
        made += today
    return made
