"""What the platform around us says and is told: messages in and out, and the tokens that customers ask with."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from cloudigrade.models.customers import Customer


class ApiToken(models.Model):
    """A customer's key to the API; only its hash is kept."""

    SCOPES = ("read", "accounts")

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="tokens")
    name = models.TextField(help_text="What it is for, by the one who made it.")
    sha256 = models.TextField(unique=True, help_text="Of the token, in hexadecimal.")
    scopes = ArrayField(models.TextField(), help_text="What it opens: read, accounts.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token {self.pk}"


class Inbox(models.Model):
    """A message that was taken from Kafka; it stays when it is done, so that its return is noticed."""

    topic = models.TextField()
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    lane = models.TextField(help_text="Org id, else account number: messages of one lane are acted on in order.")
    org_id = models.TextField(blank=True, default="")
    account_number = models.TextField(blank=True, default="")
    event_type = models.TextField()
    request_id = models.TextField(blank=True, default="", help_text="Id that the sender gave the request behind it.")
    value = models.TextField(help_text="JSON in ASCII, as far as it is used.")
    received_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True, help_text="When it is to be acted on; null: it is done.")
    attempts = models.IntegerField(default=0)
    problem = models.TextField(blank=True, default="", help_text="Why the last attempt failed.")
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_row_per_message", fields=["topic", "partition", "offset"]),
            models.CheckConstraint(
                name="message_is_due_or_done",
                condition=Q(due_at__isnull=True, done_at__isnull=False) | Q(due_at__isnull=False, done_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(name="message_by_lane", fields=["lane", "id"], condition=Q(due_at__isnull=False)),
            models.Index(name="message_by_end", fields=["done_at"], condition=Q(done_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Outbox(models.Model):
    """The availability of an application, to be told to the platform; the row goes when it has been."""

    # no reference to the customer: the last words about an account are said after it is gone
    lane = models.TextField(help_text="Org id, else account number: the rows of one lane are told in order.")
    org_id = models.TextField(blank=True, default="")
    account_number = models.TextField(blank=True, default="")
    application_id = models.BigIntegerField()
    status = models.TextField(choices=[(word, word) for word in ("available", "unavailable")])
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)

    class Meta:
        indexes = [models.Index(name="word_by_lane", fields=["lane", "id"])]

    def __str__(self) -> str:
        return f"application {self.application_id}: {self.status}"


class SyntheticDataRequest(models.Model):
    """A made-up customer, wanted for a while; the simulator makes what is asked for."""

    customer = models.ForeignKey(
        Customer, null=True, blank=True, on_delete=models.SET_NULL, related_name="synthetic_requests"
    )
    cloud_type = models.TextField()
    since_days_ago = models.IntegerField(default=7)
    account_count = models.IntegerField(default=1)
    image_count = models.IntegerField(default=10)
    image_ocp_chance = models.DecimalField(max_digits=7, decimal_places=6, default="0.5")
    image_rhel_chance = models.DecimalField(max_digits=7, decimal_places=6, default="0.5")
    image_other_owner_chance = models.DecimalField(max_digits=7, decimal_places=6, default="0.5")
    instance_count = models.IntegerField(default=100)
    run_count_per_instance_min = models.IntegerField(default=1)
    run_count_per_instance_mean = models.DecimalField(max_digits=9, decimal_places=4, default="1")
    hours_per_run_min = models.DecimalField(max_digits=9, decimal_places=4, default="1")
    hours_per_run_mean = models.DecimalField(max_digits=9, decimal_places=4, default="2")
    hours_between_runs_mean = models.DecimalField(max_digits=9, decimal_places=4, default="8")
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)
    made_at = models.DateTimeField(null=True, blank=True, help_text="When everything of it stood in the store.")
    problem = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"synthetic data {self.pk}"
