"""How far the feeds have been read, and what could not be read."""

from django.db import models

from cloudigrade.models.customers import CloudAccount, Customer


class FeedPosition(models.Model):
    """How far one feed of an account and region has been read."""

    account = models.ForeignKey(CloudAccount, on_delete=models.CASCADE, related_name="positions")
    region = models.TextField()
    feed = models.TextField()
    newest_at = models.DateTimeField(help_text="Time of the newest record read, of whatever kind.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_position_per_feed", fields=["account", "region", "feed"]),
        ]

    def __str__(self) -> str:
        return f"{self.feed} {self.region} to {self.newest_at}"


class Quarantine(models.Model):
    """A record or file that could not be read, kept with the reason."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="quarantine")
    feed = models.TextField()
    source = models.TextField(help_text="The file or object it came from.")
    hash = models.TextField(help_text="SHA-256 of the content, or of the reason where there is no content.")
    account = models.TextField(blank=True, default="", help_text="Native id; empty where it cannot be told.")
    reason = models.TextField()
    content = models.BinaryField(blank=True, default=b"")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_quarantine_per_content", fields=["customer", "feed", "source", "hash"]),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"
