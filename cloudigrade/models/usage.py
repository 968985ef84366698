"""The daily answer, and which days must be answered anew."""

from django.db import models

from cloudigrade.models.customers import Customer


class ConcurrentUsage(models.Model):
    """What a customer used on one UTC day."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="usage", db_index=False)
    day = models.DateField()
    # text, not jsonb: the answer is served as it is stored, and reading it so is five times faster
    maximum_counts = models.TextField(
        help_text="As served: compact JSON, a list of {arch, role, sla, usage, service_type, instances_count}, sorted."
    )
    totals = models.JSONField(help_text="Peaks and seconds: `rhel` by payer and in all, and `all` instances.")
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_usage_per_customer_and_day", fields=["customer", "day"]),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} on {self.day}"


class DirtyDay(models.Model):
    """A day whose answer may differ from what is stored."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    marks = models.IntegerField(default=1, help_text="Updated by every mark, so that a mark waits for a claim.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_mark_per_customer_and_day", fields=["customer", "day"]),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} on {self.day}"
