"""The next step of whichever inspection is due."""

from cloudigrade.clouds.inspecting import InspectsImages
from cloudigrade.domain.inspection import Happening
from cloudigrade.services import clouds, inspections, inspections_copying, inspections_direct
from cloudigrade.services.inspections import Claimed, Clock, Lost, Task


def advance(*, clock: Clock, inspection_id: int | None = None) -> bool:
    """One step of the inspection that is due next, or of that one, is done and stored; false where none is due."""
    claimed = inspections.claim(now=clock(), inspection_id=inspection_id)
    if claimed is None:
        return False
    act(claimed, clock=clock)
    return True


def act(claimed: Claimed, *, clock: Clock) -> None:
    """The step is done, and what it led to stored, unless the claim is another's by then."""
    cloud = clouds.get(claimed.cloud)
    try:
        if not isinstance(cloud, InspectsImages):
            inspections.move(claimed, Happening.UNUSED, now=clock(), reason="its cloud lets nobody look into images")
            return
        match claimed.task:
            case Task.ATTEMPT:
                inspections_direct.attempt(claimed, cloud, clock=clock)
            case Task.COPY:
                inspections_copying.advance(claimed, cloud, clock=clock)
            case Task.WAIT_IS_OVER:
                inspections_copying.fail_late(claimed, now=clock())
            case Task.CLEAN:
                inspections_copying.clean(claimed, cloud, clock=clock)
            case Task.NOTHING:
                pass
    except Lost:
        return


def inspecting_clouds(names: list[str]) -> dict[str, InspectsImages]:
    """Those of the clouds whose images can be looked into."""
    found = {name: clouds.get(name) for name in names}
    return {name: cloud for name, cloud in found.items() if isinstance(cloud, InspectsImages)}
