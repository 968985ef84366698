"""An image that somebody wants looked at once more."""

from datetime import datetime

from django.db import transaction

from cloudigrade.domain.inspection import Happening, State
from cloudigrade.models import Image, Inspection
from cloudigrade.services import inspections, verdicts
from cloudigrade.services.staging import execute


@transaction.atomic
def ask_again(*, image_id: int, now: datetime) -> bool:
    """The image will be asked for and looked into as if it were new; false without it.

    Its verdicts are those of today's rule, and what is known of it holds until something else is. What an attempt that
    goes on finds out is not waited for, and what it has made goes first.
    """
    if not Image.objects.filter(pk=image_id).exists():
        return False
    _ask(image_id, now)
    execute(
        "UPDATE cloudigrade_image SET is_described = false, asked_at = NULL, updated_at = %s WHERE id = %s",
        [now, image_id],
    )
    verdicts.recalculate(image_ids=[image_id], as_of=now)
    return True


def _ask(image_id: int, now: datetime) -> None:
    new = Inspection(image_id=image_id, state=State.PENDING, due_at=now, created_at=now, updated_at=now)
    Inspection.objects.bulk_create([new], ignore_conflicts=True)
    row = Inspection.objects.select_for_update().get(image_id=image_id)
    row.claim, row.tried = row.claim + 1, []
    inspections.end(row, Happening.ASKED, now=now)
