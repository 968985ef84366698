"""What is to be simulated, checked before anything is written."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cloudigrade.simulator import timestamps
from cloudigrade.simulator.timestamps import Window

EARLIEST = date(1980, 1, 1)
LATEST = date(9999, 12, 1)
MOST_DAYS = 3_660
MOST_CUSTOMERS = 1_000
MOST_INSTANCES = 1_000_000


class Refused(ValueError):
    """The simulation was not begun; the message says why, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The size of the fleet, its days, and what goes wrong on the way of its records."""

    until: date
    """The end of the last day: not simulated itself."""
    seed: int = 1
    days: int = 30
    customers: int = 2
    instances: int = 50
    """For each customer, at one time at most."""
    faults: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """No plan exists that cannot be carried out."""
        for name, value, most in (
            ("days", self.days, MOST_DAYS),
            ("customers", self.customers, MOST_CUSTOMERS),
            ("instances", self.instances, MOST_INSTANCES),
        ):
            if not 1 <= value <= most:
                raise Refused(f"{name} must be from 1 to {most}, not {value}")
        if not EARLIEST.toordinal() + self.days <= self.until.toordinal() <= LATEST.toordinal():
            raise Refused(f"the days must lie between {EARLIEST} and {LATEST}; {self.days} before {self.until} do not")

    @property
    def window(self) -> Window:
        """The simulated days."""
        return timestamps.window(until=self.until, days=self.days)


def check_folder(out: Path) -> None:
    """The folder is empty or not there; anything else is refused."""
    if out.is_dir():
        if any(out.iterdir()):
            raise Refused(f"{out} is not empty")
    elif out.exists() or out.is_symlink():
        raise Refused(f"{out} is not a folder")
