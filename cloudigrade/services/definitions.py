"""The sizes of instance types into the store; runs of a type whose size is news are made anew."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from cloudigrade.clouds.protocol import TypeDefinition
from cloudigrade.services.staging import execute, fetch


@transaction.atomic(savepoint=False)
def record(*, cloud: str, definitions: Iterable[TypeDefinition], as_of: datetime) -> int:
    """The definitions given last hold, also for runs that lacked them (C13); the number that was news."""
    newest = {definition.instance_type: definition for definition in definitions}
    if not newest:
        return 0
    changed = fetch(
        "INSERT INTO cloudigrade_instancedefinition AS d (cloud, instance_type, vcpu, memory_mib)"
        " SELECT %s, * FROM unnest(%s::text[], %s::integer[], %s::integer[]) AS n(type, vcpu, memory) ORDER BY type"
        " ON CONFLICT (cloud, instance_type) DO UPDATE SET vcpu = excluded.vcpu, memory_mib = excluded.memory_mib"
        " WHERE (d.vcpu, d.memory_mib) <> (excluded.vcpu, excluded.memory_mib) RETURNING instance_type",
        [cloud, *(list(column) for column in zip(*newest.values(), strict=True))],
    )
    if changed:
        execute(
            "UPDATE cloudigrade_instance SET runs_dirty_from = coalesce(runs_dirty_from, %s) WHERE id IN"
            " (SELECT r.instance_id FROM cloudigrade_run AS r JOIN cloudigrade_instance AS i ON i.id = r.instance_id"
            "  JOIN cloudigrade_cloudaccount AS a ON a.id = i.account_id"
            "  WHERE a.cloud = %s AND r.instance_type = ANY(%s))",
            [as_of, cloud, [instance_type for (instance_type,) in changed]],
        )
    return len(changed)


def are_missing() -> bool:
    """Whether a cloud in which an account is metered has no definitions at all: nobody has read them yet."""
    ((is_any,),) = fetch(
        "SELECT EXISTS (SELECT FROM cloudigrade_cloudaccount AS a WHERE a.is_enabled AND NOT EXISTS"
        " (SELECT FROM cloudigrade_instancedefinition AS d WHERE d.cloud = a.cloud))"
    )
    return bool(is_any)
