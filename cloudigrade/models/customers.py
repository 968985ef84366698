"""Who is metered, and in which cloud accounts."""

from datetime import datetime

from django.db import models
from django.db.models import Q


class Customer(models.Model):
    """A Red Hat organisation whose clouds we meter (`User` on the wire)."""

    org_id = models.TextField(null=True, blank=True, unique=True)
    account_number = models.TextField(null=True, blank=True, unique=True)
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


class CloudAccount(models.Model):
    """An AWS account, Azure subscription or the like that belongs to one customer."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="accounts")
    cloud = models.TextField()
    native_id = models.TextField(help_text="The cloud's own id, text with its leading zeros.")
    metered_from = models.DateTimeField(help_text="Nothing before it is reported; it only ever moves back.")
    is_verified = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_customer_per_verified_account",
                fields=["cloud", "native_id"],
                condition=Q(is_verified=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cloud}:{self.native_id}"
