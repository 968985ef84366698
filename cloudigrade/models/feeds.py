"""How far the feeds have been read, what is missing of them, and what could not be read."""

from django.db import models

from cloudigrade.models.customers import CloudAccount, Customer


class FeedPosition(models.Model):
    """How far one feed of an account and region has been read."""

    account = models.ForeignKey(CloudAccount, on_delete=models.CASCADE, related_name="positions")
    region = models.TextField()
    feed = models.TextField(help_text="cloudtrail, eventbridge, sweep, backfill")
    newest_at = models.DateTimeField(
        null=True, blank=True, help_text="Time of the newest record read, of whatever kind; of a sweep: when it looked."
    )
    proven_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then signed digests vouch for what was read, or say what is missing."
    )
    problem = models.TextField(blank=True, default="", help_text="Why it is not read: denied, not enabled, ...")
    details = models.JSONField(default=dict, blank=True, help_text="Where the cloud's own reading goes on.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_position_per_feed", fields=["account", "region", "feed"]),
        ]

    def __str__(self) -> str:
        return f"{self.feed} {self.region} to {self.newest_at}"


class LogFile(models.Model):
    """A log file that was read and recorded, until a digest has vouched for it and some time has passed."""

    account = models.ForeignKey(CloudAccount, on_delete=models.CASCADE, related_name="log_files", db_index=False)
    region = models.TextField()
    source = models.TextField(help_text="Its name, from AWSLogs/ on.")
    sha256 = models.TextField(help_text="Of its content as it is before compression, in hexadecimal.")
    read_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_row_per_log_file", fields=["account", "source"]),
        ]

    def __str__(self) -> str:
        return self.source


class Gap(models.Model):
    """A part of a feed that is known to be missing or altered; it goes when that is read after all."""

    account = models.ForeignKey(CloudAccount, on_delete=models.CASCADE, related_name="gaps", db_index=False)
    region = models.TextField()
    feed = models.TextField()
    source = models.TextField(help_text="The file that is missing, from AWSLogs/ on.")
    sha256 = models.TextField(blank=True, default="", help_text="Of the file that would fill it; empty: not known.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.TextField()
    found_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_gap_per_source", fields=["account", "feed", "source"]),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


class QueueState(models.Model):
    """What waits in a queue of ours, as last seen."""

    name = models.TextField(unique=True)
    waiting = models.IntegerField()
    dead = models.IntegerField(help_text="Messages in its dead-letter queue.")
    oldest_at = models.DateTimeField(
        null=True, blank=True, help_text="When the oldest message seen and not yet recorded was sent; null: none."
    )
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Quarantine(models.Model):
    """A record, message or file that could not be read, kept with the reason."""

    customer = models.ForeignKey(
        Customer, null=True, blank=True, on_delete=models.CASCADE, related_name="quarantine",
        help_text="Null: it cannot be told whose it is.",
    )  # fmt: skip
    feed = models.TextField()
    source = models.TextField(help_text="The file, object or message it came from.")
    location = models.TextField(blank=True, default="", help_text="Where a whole file lies: a path, s3://bucket/key.")
    hash = models.TextField(help_text="SHA-256 of the content, or of the reason where there is no content.")
    account = models.TextField(blank=True, default="", help_text="Native id; empty where it cannot be told.")
    reason = models.TextField()
    content = models.BinaryField(blank=True, default=b"")
    kept_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_quarantine_per_content",
                fields=["customer", "feed", "source", "hash"],
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"
