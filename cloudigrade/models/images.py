"""What instances boot from, and what each customer's evidence says of it."""

from django.db import models
from django.db.models.functions import Now

from cloudigrade.models.customers import Customer


class Image(models.Model):
    """What is true of an image for everyone."""

    cloud = models.TextField()
    region = models.TextField(blank=True, default="", help_text="Empty until an instance or tag tells it.")
    native_id = models.TextField()
    owner = models.TextField(blank=True, default="")
    name = models.TextField(blank=True, default="")
    architecture = models.TextField(blank=True, default="")
    platform = models.TextField(blank=True, default="")
    billing_code = models.TextField(blank=True, default="")
    platform_details = models.TextField(blank=True, default="")
    product_codes = models.JSONField(default=list, help_text="Pairs of code and type.")
    source_image = models.TextField(blank=True, default="", help_text="Native id of the image it was copied from.")
    is_described = models.BooleanField(default=False)
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When its cloud was last asked to describe it, answered or not."
    )
    # text, because a customer's disk may hold what jsonb refuses: NUL, lone surrogates
    findings = models.TextField(
        blank=True, default="", help_text="What the inspection found, as ASCII JSON; empty: not inspected."
    )
    is_public = models.BooleanField(
        default=False, db_default=False, help_text="Anybody may boot from it, so what was found on it is no secret."
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now(), help_text="When anything that the API shows of it changed.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_image_per_native_id", fields=["cloud", "native_id", "region"]),
        ]

    def __str__(self) -> str:
        return f"{self.cloud}:{self.native_id}"


class TagEvent(models.Model):
    """One setting or removal of a tag that is a customer's word about an image."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.TextField()
    is_present = models.BooleanField()
    occurred_at = models.DateTimeField(help_text="1970 where only a description lists the tag, so any event beats it.")
    source_id = models.TextField()
    revision = models.TextField(blank=True, default="", db_collation="C")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_tag_event_per_source", fields=["image", "customer", "key", "source_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.key} {'set' if self.is_present else 'removed'}"


class ImageVerdict(models.Model):
    """What the evidence that one customer may see adds up to for one image."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="verdicts", db_index=False)
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="verdicts")
    evidence = models.JSONField(help_text="All that the rule is given; with a run's billing code it decides that run.")
    rhel = models.TextField()
    version = models.TextField(blank=True, default="")
    product = models.TextField(blank=True, default="")
    payer = models.TextField(blank=True, default="")
    reasons = models.JSONField(default=list)
    conflicts = models.JSONField(default=list)
    unknown_codes = models.JSONField(default=list)
    is_openshift = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_verdict_per_customer_and_image", fields=["customer", "image"]),
        ]
        indexes = [
            models.Index(name="verdict_undetermined", fields=["image"], condition=models.Q(rhel="undetermined")),
        ]

    def __str__(self) -> str:
        return f"{self.rhel} {self.version}".strip()
