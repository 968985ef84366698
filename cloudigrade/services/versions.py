"""What stored rows are made of in a few statements, so that whether an answer changed is known without making it."""

from collections.abc import Collection
from datetime import datetime

from cloudigrade.domain import days
from cloudigrade.services.staging import fetch


def usage(*, customer_id: int, start: datetime, end: datetime, as_of: datetime) -> str:
    """What the customer's usage of the period rests on; it changes whenever any of that does."""
    today = days.instant(days.opening(days.day_of(days.second_of(as_of))))
    ((version,),) = fetch(
        _USAGE, {"customer": customer_id, "start": start, "end": end, "today": max(today, start), "lately": end > today}
    )
    return str(version)


def completeness(account_ids: Collection[int]) -> str:
    """What is known of how far these accounts were read, and of what is missing of them."""
    ((version,),) = fetch(_COMPLETENESS, {"accounts": list(account_ids)})
    return str(version)


# A row's place and the transaction that wrote it change with every update. What changes a run or a verdict marks, in
# the same transaction, every day up to yesterday whose answer can differ, and the mark stays until the day's row is
# replaced. So these rows stand for the runs of past days, which are many more; today's are looked at themselves.
_USAGE = """
    SELECT md5(concat_ws('|',
        (SELECT string_agg(concat_ws(' ', id, cloud, native_id), ';' ORDER BY id)
         FROM cloudigrade_cloudaccount WHERE customer_id = %(customer)s),
        (SELECT string_agg(concat_ws(' ', id, xmin, ctid), ';' ORDER BY id) FROM cloudigrade_concurrentusage
         WHERE customer_id = %(customer)s AND day BETWEEN (%(start)s AT TIME ZONE 'UTC')::date
          AND (%(end)s AT TIME ZONE 'UTC')::date),
        '/',
        (SELECT string_agg(concat_ws(' ', id, xmin, ctid), ';' ORDER BY id) FROM cloudigrade_dirtyday
         WHERE customer_id = %(customer)s AND day BETWEEN (%(start)s AT TIME ZONE 'UTC')::date
          AND (%(end)s AT TIME ZONE 'UTC')::date),
        '/',
        (SELECT string_agg(concat_ws(' ', image_id, xmin, ctid), ';' ORDER BY image_id) FROM cloudigrade_imageverdict
         WHERE customer_id = %(customer)s),
        '/',
        (SELECT concat_ws(' ', count(*), sum(hashtextextended(concat_ws(' ', r.id, r.xmin, i.image_id, i.region), 0)))
         FROM cloudigrade_cloudaccount AS a JOIN cloudigrade_instance AS i ON i.account_id = a.id
         JOIN cloudigrade_run AS r ON r.instance_id = i.id
         WHERE %(lately)s AND a.customer_id = %(customer)s
          AND r.period && tstzrange(%(today)s, greatest(%(today)s, %(end)s)))
    ))
"""

_COMPLETENESS = """
    SELECT md5(concat_ws('|',
        (SELECT string_agg(concat_ws(' ', id, xmin, ctid), ';' ORDER BY id)
         FROM cloudigrade_cloudaccount WHERE id = ANY(%(accounts)s)),
        '/',
        (SELECT string_agg(concat_ws(' ', id, xmin, ctid), ';' ORDER BY id)
         FROM cloudigrade_feedposition WHERE account_id = ANY(%(accounts)s)),
        '/',
        (SELECT concat_ws(' ', count(*), sum(hashtextextended(concat_ws(' ', id, xmin, ctid), 0)))
         FROM cloudigrade_gap WHERE account_id = ANY(%(accounts)s))
    ))
"""
