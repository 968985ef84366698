"""An image that somebody wants looked at once more."""

from datetime import datetime

from django.db import transaction

from cloudigrade.services import verdicts
from cloudigrade.services.staging import execute


@transaction.atomic
def ask_again(*, image_id: int, now: datetime) -> bool:
    """The image will be asked for as if it were new, and its verdicts are those of today's rule; false without it.

    What is known of it holds until something else is.
    """
    found = execute(
        "UPDATE cloudigrade_image SET is_described = false, asked_at = NULL, updated_at = %s WHERE id = %s",
        [now, image_id],
    )
    if found:
        verdicts.recalculate(image_ids=[image_id], as_of=now)
    return bool(found)
