"""Instances, what happened to them, and the sizes of their types."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from cloudigrade.domain.events import Feed, Kind, Previous
from cloudigrade.models.customers import CloudAccount
from cloudigrade.models.images import Image


class Instance(models.Model):
    """A virtual machine of a cloud account."""

    account = models.ForeignKey(CloudAccount, on_delete=models.CASCADE, related_name="instances")
    native_id = models.TextField()
    region = models.TextField()
    image = models.ForeignKey(Image, null=True, blank=True, on_delete=models.PROTECT, related_name="instances")
    described_type = models.TextField(blank=True, default="")
    described_billing_code = models.TextField(blank=True, default="")
    described_until = models.BigIntegerField(
        default=0, help_text="Seconds since 1970 of the latest thing its newest description speaks of; 0: undescribed."
    )
    undated_stop_launch = models.BigIntegerField(
        null=True, blank=True, help_text="Launch after which a description found it off without saying since when."
    )
    seen_on_at = models.BigIntegerField(
        null=True, blank=True, help_text="Seconds since 1970 of the last sweep that found it on."
    )
    runs_dirty_from = models.DateTimeField(
        null=True, blank=True, help_text="Earliest new fact that its runs do not show yet; null: they show all."
    )
    drift = models.JSONField(default=list, help_text="Contradictions that no fact resolves.")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now(), help_text="When anything that the API shows of it changed.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_instance_per_native_id", fields=["account", "native_id"]),
        ]
        indexes = [
            models.Index(name="instance_by_account", fields=["account", "id"]),
            models.Index(name="instance_with_dirty_runs", fields=["id"], condition=Q(runs_dirty_from__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.native_id


class InstanceEvent(models.Model):
    """One stored change of an instance; `source_id` makes recording it twice harmless."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="events", db_index=False)
    source_id = models.TextField()
    revision = models.TextField(blank=True, default="", db_collation="C")
    occurred_at = models.DateTimeField()
    kind = models.SmallIntegerField(choices=[(kind.value, kind.name.lower()) for kind in Kind])
    feed = models.SmallIntegerField(choices=[(feed.value, feed.name.lower()) for feed in Feed])
    previous = models.SmallIntegerField(
        choices=[(state.value, state.name.lower()) for state in Previous], default=Previous.UNKNOWN
    )
    is_launch = models.BooleanField(default=False)
    is_termination = models.BooleanField(default=False)
    instance_type = models.TextField(blank=True, default="")
    billing_code = models.TextField(blank=True, default="")
    earliest = models.BigIntegerField(default=0, help_text="Of an estimate: it happened after this second; else 0.")
    latest = models.BigIntegerField(default=0, help_text="Of an estimate: it happened by this second; else 0.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_event_per_source", fields=["instance", "source_id"]),
        ]

    def __str__(self) -> str:
        return f"{Kind(self.kind).name.lower()} at {self.occurred_at}"


class InstanceDefinition(models.Model):
    """The size of an instance type, as the cloud last gave it."""

    cloud = models.TextField()
    instance_type = models.TextField()
    vcpu = models.IntegerField()
    memory_mib = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_definition_per_type", fields=["cloud", "instance_type"]),
            models.CheckConstraint(name="definition_has_a_size", condition=Q(vcpu__gt=0, memory_mib__gt=0)),
        ]

    def __str__(self) -> str:
        return self.instance_type
