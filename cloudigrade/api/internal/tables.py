"""The rows of all clouds, as the internal API shows and finds them."""

from typing import Any, Final

import msgspec
from django.db.models import Exists, OuterRef, Q
from rest_framework import serializers

from cloudigrade.api.internal import filters, images
from cloudigrade.api.internal.filters import Filter, around, of_customer
from cloudigrade.api.internal.resources import (
    NO_TIMES,
    Column,
    Resource,
    Row,
    decimal,
    flag,
    generic,
    integer,
    json,
    moment,
    text,
    times,
)
from cloudigrade.domain.days import day_of, second_of
from cloudigrade.domain.events import WIRE_NAMES
from cloudigrade.models import (
    CloudAccount,
    ConcurrentUsage,
    Instance,
    InstanceDefinition,
    InstanceEvent,
    Run,
)

_TIMES: Final = {**around("created_at", "created_at"), **around("updated_at", "updated_at")}
_NO_TIMES: Final = filters.not_kept_times("created_at", "updated_at")
_EVENTS: Final = {word: kind.value for kind, word in WIRE_NAMES.items()}


def _is_running_since(value: Any) -> Q:
    open_runs = Run.objects.filter(instance=OuterRef("pk"), period__upper_inf=True, period__startswith__lte=value)
    return Q(Exists(open_runs))


def _named_event(row: Row) -> Row:
    return row | {"event_type": WIRE_NAMES[row["event_type"]]}


def _with_empty_as_null(*names: str) -> Any:
    def shape(row: Row) -> Row:
        return row | {name: row[name] or None for name in names}

    return shape


RUNNING_SINCE: Final = Filter(
    filters.moment("").parse, _is_running_since, filters.moment("").type, "On since then at the latest, and still on."
)

CLOUD_ACCOUNTS = Resource(
    "CloudAccount",
    "cloudaccounts",
    CloudAccount.objects.all,
    {
        "id": integer("pk"),
        **times(),
        **generic(),
        "is_enabled": flag("is_enabled"),
        "enabled_at": moment("enabled_at", null=True),
        "is_synthetic": flag("is_synthetic"),
        "platform_application_id": integer("platform_application_id", null=True),
        "platform_application_is_paused": flag("is_paused"),
        "platform_authentication_id": integer("platform_authentication_id", null=True),
        "platform_source_id": integer("platform_source_id", null=True),
        "user": integer("customer_id"),
    },
    {
        "is_enabled": filters.flag("is_enabled"),
        "is_synthetic": filters.flag("is_synthetic"),
        "object_id": filters.number("pk"),
        "platform_application_id": filters.number("platform_application_id"),
        "platform_application_is_paused": filters.flag("is_paused"),
        "platform_authentication_id": filters.number("platform_authentication_id"),
        "platform_source_id": filters.number("platform_source_id"),
        "user": filters.reference("customer"),
        **_TIMES,
        **of_customer("customer__"),
    },
)

INSTANCES = Resource(
    "Instance",
    "instances",
    Instance.objects.all,
    {
        "id": integer("pk"),
        **times(),
        **generic(),
        "cloud_account": integer("account_id"),
        "machine_image": integer("image_id", null=True),
    },
    {
        "cloud_account": filters.reference("account"),
        "machine_image": filters.reference("image"),
        "object_id": filters.number("pk"),
        **_TIMES,
        "running_since": RUNNING_SINCE,
        **of_customer("account__customer__"),
    },
)

INSTANCE_EVENTS = Resource(
    "InstanceEvent",
    "instanceevents",
    InstanceEvent.objects.all,
    {
        "id": integer("pk"),
        **NO_TIMES,
        **generic(),
        "event_type": Column("kind", serializers.ChoiceField(list(_EVENTS))),
        "occurred_at": moment("occurred_at"),
        "instance": integer("instance_id"),
    },
    {
        "event_type": filters.choice(_EVENTS, "kind"),
        "instance": filters.reference("instance"),
        "object_id": filters.number("pk"),
        "cloud_account": filters.reference("instance__account"),
        **_NO_TIMES,
        **of_customer("instance__account__customer__"),
    },
    shape=_named_event,
)

IMAGES = Resource(
    "MachineImage",
    "machineimages",
    images.rows,
    {
        "id": integer("pk"),
        **times(),
        **generic(),
        "inspection_json": text("findings", null=True),
        "is_encrypted": flag(images.IS_ENCRYPTED),
        "status": Column("wire_status", serializers.ChoiceField(images.STATUSES)),
        "rhel_detected_by_tag": flag("is_tagged_rhel"),
        "openshift_detected": flag("is_openshift"),
        "name": text("name", null=True),
        "architecture": text("architecture", null=True),
    },
    {
        "architecture": filters.text("architecture"),
        "object_id": filters.number("pk"),
        "name": filters.text("name"),
        "status": filters.choice({word: word for word in images.STATUSES}, "wire_status"),
        **_TIMES,
    },
    shape=_with_empty_as_null("inspection_json", "name", "architecture"),
)


def _sized(row: Row) -> Row:
    memory = row["memory"]
    return row | {"memory": memory if memory is None else float(memory), "instance_type": row["instance_type"] or None}


RUNS = Resource(
    "Run",
    "runs",
    Run.objects.all,
    {
        "id": integer("pk"),
        **NO_TIMES,
        "start_time": moment("period__startswith"),
        "end_time": moment("period__endswith", null=True),
        "machineimage": integer("instance__image_id", null=True),
        "instance": integer("instance_id"),
        "instance_type": text("instance_type", null=True),
        "memory": decimal("memory_mib", null=True),
        "vcpu": integer("vcpu", null=True),
    },
    {
        "instance": filters.reference("instance"),
        "instance_type": filters.text("instance_type"),
        "machineimage": filters.reference("instance__image"),
        "memory": filters.number("memory_mib"),
        "vcpu": filters.number("vcpu"),
        "cloud_account": filters.reference("instance__account"),
        **around("start_time", "period__startswith"),
        **around("end_time", "period__endswith"),
        **_NO_TIMES,
        **of_customer("instance__account__customer__"),
    },
    shape=_sized,
)


def _of_run(run_id: int) -> Q:
    """The days of the run's customer on which it was on."""
    found = Run.objects.filter(pk=run_id).values_list("instance__account__customer", "period").first()
    if found is None:
        return filters.NOTHING
    customer, period = found
    days = Q(customer=customer, day__gte=day_of(second_of(period.lower)))
    return days if period.upper is None else days & Q(day__lte=day_of(second_of(period.upper) - 1))


def _with_counts(row: Row) -> Row:
    return row | {"maximum_counts": msgspec.json.decode(row["maximum_counts"])}


CONCURRENT_USAGES = Resource(
    "ConcurrentUsage",
    "concurrentusages",
    ConcurrentUsage.objects.all,
    {
        "id": integer("pk"),
        **times("computed_at", "computed_at"),
        "date": Column("day", serializers.DateField()),
        "user": integer("customer_id"),
        "maximum_counts": json("maximum_counts"),
    },
    {
        **around("date", "day", filters.day),
        "run": filters.reference("pk")._replace(condition=_of_run),
        **around("created_at", "computed_at"),
        **around("updated_at", "computed_at"),
        **of_customer("customer__"),
    },
    shape=_with_counts,
    extra={"potentially_related_runs": serializers.ListField(child=serializers.IntegerField(), required=False)},
)


def _with_decimals(row: Row) -> Row:
    return row | {"vcpu": f"{row['vcpu']}.00"}


INSTANCE_DEFINITIONS = Resource(
    "InstanceDefinition",
    "instancedefinitions",
    InstanceDefinition.objects.all,
    {
        "id": integer("pk"),
        **NO_TIMES,
        "instance_type": text("instance_type"),
        "cloud_type": text("cloud"),
        "memory_mib": integer("memory_mib"),
        "vcpu": Column("vcpu", serializers.DecimalField(max_digits=32, decimal_places=2)),
        "json_definition": json(None),
    },
    {
        "cloud_type": filters.choice({name: name for name in ("aws", "azure")}, "cloud"),
        "instance_type": filters.text("instance_type"),
        "memory_mib": filters.number("memory_mib"),
        "vcpu": filters.number("vcpu"),
        **_NO_TIMES,
    },
    shape=_with_decimals,
)
