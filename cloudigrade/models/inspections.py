"""How far looking into images is, and which customers' own accounts have been able to see an image."""

from django.db import models

from cloudigrade.domain.inspection import Basis, Path, State
from cloudigrade.models.customers import Customer
from cloudigrade.models.images import Image


class Inspection(models.Model):
    """Looking into one image: what is done, what is left to do, when, and what it has cost."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="inspection")
    customer_id = models.BigIntegerField(
        null=True, blank=True, help_text="For whom it is looked into first; customers take turns. No reference either."
    )
    state = models.TextField(choices=[(state.value, state.value) for state in State])
    path = models.TextField(blank=True, default="", choices=[(path.value, path.value) for path in Path])
    basis = models.TextField(
        blank=True, default="", choices=[(basis.value, basis.value) for basis in Basis], help_text="What decided it."
    )
    reason = models.TextField(blank=True, default="", help_text="Why it is in this state, in one line.")
    content = models.TextField(blank=True, default="", help_text="The same for images with the same disks.")
    account_id = models.BigIntegerField(
        null=True, blank=True, help_text="Through which account; no reference, for it may be removed meanwhile."
    )
    subject = models.JSONField(
        default=dict, blank=True, help_text="Of a copy: the disks, what opens the account, the deadline."
    )
    progress = models.JSONField(default=dict, blank=True, help_text="Of a copy; its cloud alone reads it.")
    has_leftovers = models.BooleanField(
        default=False, help_text="Something of ours may be in a cloud that has to go once nobody waits for it."
    )
    attempts = models.IntegerField(default=0, help_text="That were spent; pausing for a cloud spends none.")
    waits = models.IntegerField(default=0, help_text="Pauses one after the other, for their length.")
    number = models.IntegerField(default=0, help_text="Of attempts ever begun, so that no two have the same number.")
    due_at = models.DateTimeField(null=True, blank=True, help_text="When the next step is due; null: nothing is.")
    resume_at = models.DateTimeField(null=True, blank=True, help_text="When it goes on, once the leftovers are gone.")
    tried = models.JSONField(default=list, blank=True, help_text="Ids of accounts through which it came to nothing.")
    claim = models.IntegerField(default=0, help_text="Grows with each claim: whoever lost it stores nothing.")
    claimed_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text="Of the newest attempt.")
    finished_at = models.DateTimeField(null=True, blank=True)
    requests = models.BigIntegerField(default=0, help_text="Requests for blocks, of all attempts.")
    bytes_read = models.BigIntegerField(default=0, help_text="Of blocks, of all attempts.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                name="inspection_due",
                fields=["due_at"],
                condition=models.Q(due_at__isnull=False),
                include=["customer_id"],
            ),
            models.Index(name="inspection_served", fields=["customer_id", "claimed_at"]),
            models.Index(name="inspection_content", fields=["content"], condition=models.Q(basis="disk")),
            models.Index(name="inspection_copies", fields=["id"], condition=models.Q(has_leftovers=True)),
        ]
        constraints = [
            models.CheckConstraint(name="attempts_are_counted_up", condition=models.Q(attempts__gte=0, waits__gte=0)),
            models.CheckConstraint(
                name="leftovers_are_due", condition=models.Q(has_leftovers=False) | models.Q(due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.reason}".strip()


class Sight(models.Model):
    """The customer was told of the image: what it is, and what was found on it, are the customer's to know."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_sight_per_customer_and_image", fields=["customer", "image"]),
        ]

    def __str__(self) -> str:
        return f"customer {self.customer_id} sees image {self.image_id}"
