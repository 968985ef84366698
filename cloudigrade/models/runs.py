"""The periods in which instances were on: derived from events, replaceable at any time."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import Q

from cloudigrade.models.instances import Instance


class Run(models.Model):
    """A half-open period in which an instance was on with one type and one billing code."""

    # an index of its own beside the constraint's: looking up many instances in a GiST index is far slower
    # without a constraint in the database: runs are only ever written under their instance's lock, and checking each
    # costs as much as half the COPY
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="runs", db_constraint=False)
    period = DateTimeRangeField(help_text="[start, end); no end: still on.")
    instance_type = models.TextField(blank=True, default="")
    vcpu = models.IntegerField(null=True, blank=True, help_text="Null: the type's size is not known.")
    memory_mib = models.IntegerField(null=True, blank=True, help_text="Null: the type's size is not known.")
    billing_code = models.TextField(blank=True, default="", help_text="The instance's own code; empty: the image's.")

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="runs_of_an_instance_do_not_overlap",
                expressions=[("instance", RangeOperators.EQUAL), ("period", RangeOperators.OVERLAPS)],
            ),
            models.CheckConstraint(
                name="run_is_not_empty", condition=Q(period__isempty=False, period__startswith__isnull=False)
            ),
        ]
        indexes = [
            models.Index(name="run_of_unknown_size", fields=["instance_type"], condition=Q(vcpu__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.period}"
