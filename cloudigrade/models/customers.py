"""Who is metered, and in which cloud accounts."""

from datetime import datetime

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import Q


class Customer(models.Model):
    """A Red Hat organisation whose clouds we meter (`User` on the wire)."""

    org_id = models.TextField(null=True, blank=True, unique=True)
    account_number = models.TextField(null=True, blank=True, unique=True)
    uuid = models.UUIDField(unique=True, db_default=RandomUUID())
    is_permanent = models.BooleanField(
        default=False, db_default=False, help_text="Stays, though it has had no account for long."
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="customer_has_a_name",
                condition=Q(org_id__isnull=False) | Q(account_number__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"customer {self.pk}"

    def joined_at(self) -> datetime:
        """`date_joined` on the wire: the earliest `metered_from` of the accounts, else the creation."""
        earliest: datetime | None = self.accounts.aggregate(earliest=models.Min("metered_from"))["earliest"]
        return earliest or self.created_at


class ExternalId(models.Model):
    """A word that a customer's cloud demands of us; whoever used it first owns it for good."""

    value = models.TextField(unique=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="external_ids")
    is_generated = models.BooleanField(help_text="Made here, not brought along by the platform.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_generated_external_id", fields=["customer"], condition=Q(is_generated=True)
            ),
        ]

    def __str__(self) -> str:
        return f"external id {self.pk}"


class CloudAccount(models.Model):
    """An AWS account, Azure subscription or the like that a customer says is theirs, proven or not."""

    WANTED = ("enabled", "disabled", "deleted")

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="accounts")
    cloud = models.TextField()
    native_id = models.TextField(help_text="The cloud's own id, text with its leading zeros.")
    metered_from = models.DateTimeField(help_text="Nothing before it is reported; it only ever moves back.")
    is_verified = models.BooleanField(default=True, help_text="The cloud has let us in with the customer's own word.")
    created_at = models.DateTimeField()

    credentials = models.TextField(blank=True, default="", help_text="What opens it, no secret; AWS: ARN of the role.")
    next_credentials = models.TextField(
        blank=True, default="", help_text="What is to open it, once it is proven that it does."
    )
    external_id = models.TextField(blank=True, default="")
    details = models.JSONField(default=dict, blank=True, help_text="Facts that its cloud alone reads.")

    wanted = models.TextField(default="enabled", choices=[(state, state) for state in WANTED])
    is_paused = models.BooleanField(default=False, help_text="The platform paused the application.")
    is_enabled = models.BooleanField(default=False, help_text="Verified and connected, as far as we know.")
    enabled_at = models.DateTimeField(null=True, blank=True, help_text="When it was enabled last.")
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When the cloud was last asked to let us in.")
    connected_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was last looked whether it is connected, and its trail there."
    )
    problem_code = models.TextField(blank=True, default="", help_text="CG code of what the customer must solve.")
    problem = models.TextField(blank=True, default="", help_text="The same as a sentence.")
    updated_at = models.DateTimeField(auto_now=True)
    revision = models.BigIntegerField(
        default=0, db_default=0, help_text="Grows with each wish and each disconnection; tells what came and went."
    )
    is_successor = models.BooleanField(
        default=False, db_default=False, help_text="Made to take another's place, which it has not yet; no own claim."
    )

    is_synthetic = models.BooleanField(
        default=False, db_default=False, help_text="Made up on request: no cloud knows it, and the platform neither."
    )
    asked_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when the platform waits to hear whether it is available; null: it knows.",
    )

    platform_authentication_id = models.BigIntegerField(null=True, blank=True)
    platform_application_id = models.BigIntegerField(null=True, blank=True)
    platform_source_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_customer_per_verified_account",
                fields=["cloud", "native_id"],
                condition=Q(is_verified=True),
            ),
            models.UniqueConstraint(name="one_account_per_claim", fields=["customer", "cloud", "native_id"]),
            models.UniqueConstraint(
                name="one_account_per_application",
                fields=["platform_authentication_id", "platform_application_id"],
                condition=Q(platform_authentication_id__isnull=False, platform_application_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="account_of_application", fields=["platform_application_id"]),
            models.Index(name="account_of_source", fields=["platform_source_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.cloud}:{self.native_id}"


class UnmeteredPeriod(models.Model):
    """A period in which an account was disabled or paused: whatever ran in it does not count."""

    account = models.ForeignKey(CloudAccount, on_delete=models.CASCADE, related_name="unmetered")
    period = DateTimeRangeField(help_text="[start, end); no end: it goes on.")

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="unmetered_periods_do_not_overlap",
                expressions=[("account", RangeOperators.EQUAL), ("period", RangeOperators.OVERLAPS)],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period}"


class DueWork(models.Model):
    """When a recurring piece of work on an account is due: whoever claims it moves the time on."""

    account = models.ForeignKey(CloudAccount, on_delete=models.CASCADE, related_name="due")
    work = models.TextField(help_text="connect, check, sweep, poll, prove")
    due_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_due_time_per_work", fields=["account", "work"]),
        ]
        indexes = [models.Index(name="work_by_time", fields=["work", "due_at"])]

    def __str__(self) -> str:
        return f"{self.work} at {self.due_at}"
