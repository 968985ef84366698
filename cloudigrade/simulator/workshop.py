"""What the scripts draw from: places, images, types, ids and times, all decided by the seed."""

from random import Random

from cloudigrade.simulator import images, sizes
from cloudigrade.simulator.images import Image
from cloudigrade.simulator.places import Customer, Place
from cloudigrade.simulator.server import Server
from cloudigrade.simulator.timestamps import DAY, HOUR, Window, moment

_SATURDAY = 5


class Workshop:
    """Everything that one customer's fleet is made of."""

    def __init__(self, customer: Customer, *, seed: int, window: Window) -> None:
        self.window = window
        self.rng = Random(f"{seed}/fleet/{customer.org_id}")
        self.catalogues = {place: images.catalogue(place, seed=seed) for place in customer.places}
        self._places_used = 0
        self._images_used = 0

    def place(self) -> Place:
        """The next place in turn."""
        places = list(self.catalogues)
        self._places_used += 1
        return places[(self._places_used - 1) % len(places)]

    def image(self, place: Place) -> Image:
        """The place's image of the next archetype in turn, so that none is forgotten."""
        catalogue = self.catalogues[place]
        self._images_used += 1
        return catalogue[(self._images_used - 1) % len(catalogue)]

    def server(self, place: Place, image: Image | None = None, *, instance_type: str = "") -> Server:
        """A server that does not run yet."""
        image = image or self.image(place)
        return Server(
            place=place,
            native_id=f"i-0{self.rng.getrandbits(64):016x}",
            image=image,
            instance_type=instance_type or sizes.pick(self.rng, image.architecture),
            horizon=self.window.end,
        )

    def veteran(self, place: Place) -> Server:
        """A server that runs since some time before the first day."""
        server = self.server(place)
        server.exist_since(self.window.start - self.rng.randint(2 * DAY, 400 * DAY))
        return server

    def name(self, kind: str) -> str:
        """A name for a group or batch."""
        return f"{kind}-{self.rng.getrandbits(32):08x}"

    def between(self, start: int, end: int) -> int:
        """A second from the start on, the end not included; the start where nothing is between."""
        return self.rng.randrange(start, max(end, start + 1))

    def hours(self, day: int, first: int, last: int) -> int:
        """A second of the day between two full hours."""
        return self.between(day + first * HOUR, day + last * HOUR)

    def chance(self, probability: float) -> bool:
        """Whether something happens that happens so often."""
        return self.rng.random() < probability


def is_weekend(day: int) -> bool:
    """Whether fewer people work on the day that begins so."""
    return moment(day).weekday() >= _SATURDAY
