"""The shapes of what version 3 answers, for its OpenAPI document; nothing is made by them."""

from typing import Any

from rest_framework import serializers

from cloudigrade.services.breakdown import DIMENSIONS, METRICS

Shape = serializers.Serializer[Any]

STATES = ("connecting", "deleting", "disabled", "enabled", "files", "paused", "problem")

_METRICS = {
    "instances_peak": "Most instances at one instant.",
    "vcpu_peak": "Most vCPUs at one instant.",
    "memory_mib_peak": "Most memory at one instant, in MiB.",
    "instance_seconds": "Seconds that instances were on, added up.",
    "vcpu_seconds": "The same, each second times the instance's vCPUs.",
    "memory_mib_seconds": "The same, each second times the instance's memory in MiB.",
    "unknown_size_instances": "Most instances at one instant that count 0 vCPUs and memory: their size is not known.",
}


def _text(about: str = "", *, is_null: bool = False, is_blank: bool = False) -> serializers.CharField:
    return serializers.CharField(help_text=about, allow_null=is_null, allow_blank=is_blank)


def _time(about: str = "", *, is_null: bool = False) -> serializers.DateTimeField:
    return serializers.DateTimeField(help_text=about, allow_null=is_null)


def _count(about: str = "", *, is_null: bool = False) -> serializers.IntegerField:
    return serializers.IntegerField(help_text=about, min_value=0, allow_null=is_null)


class ProblemDocument(Shape):
    """A problem as RFC 9457 has it."""

    type = _text("URN that tells kinds of problems apart.")
    title = _text("What it is, the same for each of its kind.")
    status = serializers.IntegerField(help_text="Of HTTP.", min_value=400, max_value=599)
    detail = serializers.CharField(help_text="What it is this time.", required=False)
    instance = serializers.CharField(help_text="URN with the id of the request.", required=False)
    errors = serializers.DictField(  # type: ignore[assignment]  # a field, which the framework takes out of the class
        child=serializers.ListField(child=serializers.CharField()),
        help_text="What is wrong, by parameter or field.",
        required=False,
    )


# one field for each dimension and metric, so that a new one cannot be forgotten here
UsageGroup: type[Shape] = type(
    "UsageGroup",
    (serializers.Serializer,),
    {
        "__doc__": "What a group used in an interval. It has those dimensions that were grouped by.",
        "__module__": __name__,
        **{
            name: serializers.CharField(required=False, allow_blank=True, help_text="Empty: not known, or nobody.")
            for name in DIMENSIONS
        },
        **{name: _count(_METRICS[name]) for name in METRICS},
    },
)


class UsageInterval(Shape):
    """An hour, day or month, or the part of it that was asked for: start included, end not."""

    start = _time()
    end = _time()
    complete = serializers.BooleanField(help_text="Whether all that happened in it has been read.")
    groups = serializers.ListField(
        child=UsageGroup(), help_text="Those of which an instance was on. Without group_by, always one."
    )


class UsageReport(Shape):
    """A customer's usage."""

    start = _time()
    end = _time()
    as_of = _time("What is still on counts until then.")
    granularity = serializers.ChoiceField(choices=("hour", "day", "month"))
    group_by = serializers.ListField(child=serializers.CharField())
    rhel = _text("As asked for: true, false or all.")
    intervals = UsageInterval(many=True)


class AccountProblem(Shape):
    """What only the customer can solve."""

    code = _text("The same for good for each kind.")
    detail = _text("What is to be done.")
    of = _text("`next role` or `refused role`, where several are known; else empty.", is_blank=True)


class AccountTrail(Shape):
    """What logs the account's activity."""

    name = _text()
    bucket = _text()
    is_ours = serializers.BooleanField(help_text="We made it, and it goes when the account is disconnected.")


class CloudAccountStatus(Shape):
    """How a cloud account stands."""

    id = _count()
    cloud = _text()
    native_id = _text("As its cloud has it.")
    credentials = _text("What opens it, no secret; AWS: ARN of the role.", is_blank=True)
    next_credentials = _text("What is to open it, once it has proven to.", is_blank=True)
    state = serializers.ChoiceField(choices=STATES)
    metered_from = _time("Nothing before it is reported.")
    enabled_at = _time(is_null=True)
    checked_at = _time("When the cloud was last asked to let us in.", is_null=True)
    swept_at = _time("When it was last looked at what runs.", is_null=True)
    complete_until = _time("Until when nothing is missing, as far as that is proven.", is_null=True)
    problem = AccountProblem(allow_null=True)
    trail = AccountTrail(allow_null=True)
    instances = _count("That are known, whatever their state.")
    gap_count = _count("Known gaps in what was read.")
    rejected = _count("Records, messages and files of it that could not be read.")


class AccountInstructions(Shape):
    """What lets us in."""

    principal = _text("Who we are in that cloud; AWS: our account id.")
    external_id = _text("The word that the trust policy must demand.")
    policy = serializers.DictField(help_text="What the role must allow.")
    trust_policy = serializers.DictField(help_text="Who may assume the role.")
    launch_link = _text("Opens the console with all of it filled in.", is_blank=True)


class ClaimedAccount(CloudAccountStatus):
    """An account that is being connected, and what its customer must do for that."""

    instructions = AccountInstructions(allow_null=True, help_text="Null while the cloud does not answer.")


class AccountClaim(Shape):
    """An account that is to be metered."""

    cloud = _text("aws")
    credentials = serializers.CharField(help_text="AWS: ARN of the role that lets us in.", max_length=2048)


class RemovalPreview(Shape):
    """What would go with an account."""

    instances = _count()
    events = _count()
    runs = _count()
    days = _count("Days that would be answered anew.")
    gaps = _count()
    rejected = _count()


class AccountRemoval(Shape):
    """An account, and what would go with it."""

    account = CloudAccountStatus()
    would_remove = RemovalPreview()


class InstanceRun(Shape):
    """A period in which an instance was on: start included, end not."""

    start = _time()
    end = _time("Null: it still is.", is_null=True)
    instance_type = _text(is_blank=True)
    vcpu = _count("Null: not known.", is_null=True)
    memory_mib = _count("Null: not known.", is_null=True)
    billing_code = _text("The instance's own; empty: the image's holds.", is_blank=True)
    rhel = serializers.ChoiceField(choices=("rhel", "not_rhel", "undetermined"))
    payer = serializers.ChoiceField(
        choices=("customer", "cloud", "unknown"), allow_blank=True, help_text="Who pays Red Hat; empty: nobody has to."
    )


class ImageName(Shape):
    """Which image it is."""

    id = _count()
    cloud = _text()
    region = _text(is_blank=True)
    native_id = _text()


class ImageFactsShape(Shape):
    """What its cloud says of an image."""

    native_id = _text()
    owner = _text(is_blank=True)
    name = _text(is_blank=True)
    architecture = _text(is_blank=True)
    platform = _text(is_blank=True)
    billing_code = _text(is_blank=True)
    platform_details = _text(is_blank=True)
    product_codes = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField()), help_text="Pairs of code and type."
    )


class VerdictEvidence(Shape):
    """All that the verdict rests on."""

    image = ImageFactsShape()
    lineage = serializers.ListField(
        child=ImageFactsShape(), help_text="Images it was copied from, nearest first; those of others are left out."
    )
    is_tagged_rhel = serializers.BooleanField()
    is_tagged_openshift = serializers.BooleanField()
    findings = serializers.DictField(allow_null=True, help_text="What was found on its disk; null: not inspected.")


class InspectionShape(Shape):
    """How far looking into the image's disks is, and what it took."""

    status = serializers.ChoiceField(
        choices=("pending", "preparing", "inspecting", "inspected", "error", "unavailable")
    )
    path = serializers.ChoiceField(
        choices=("direct", "copy"), allow_blank=True, help_text="Block by block where they are, or a copy of them."
    )
    basis = serializers.ChoiceField(
        choices=("facts", "cloud", "disk", "content"), allow_blank=True, help_text="What the end of it rests on."
    )
    reason = _text("Why that is its status.", is_blank=True)
    attempts = _count()
    requests = _count()
    bytes_read = _count()
    cost = _count("Of the requests, in millionths of a dollar.")
    started_at = _time("Of the newest attempt.", is_null=True)
    finished_at = _time("", is_null=True)
    next_at = _time("Of the next step; null: none is due.", is_null=True)
    coverage = serializers.DictField(allow_null=True, help_text="What of the disks was seen, and what not and why.")


class ImageVerdictShape(Shape):
    """Whether an image is RHEL, which one, who pays, and why."""

    image = ImageName()
    rhel = serializers.ChoiceField(choices=("rhel", "not_rhel", "undetermined"))
    version = _text(is_blank=True)
    product = _text(is_blank=True)
    payer = serializers.ChoiceField(choices=("customer", "cloud", "unknown"), allow_blank=True)
    reasons = serializers.ListField(child=serializers.CharField(), help_text="Strongest first.")
    conflicts = serializers.ListField(child=serializers.CharField())
    unknown_codes = serializers.ListField(child=serializers.CharField())
    is_openshift = serializers.BooleanField()
    evidence = VerdictEvidence()
    inspection = InspectionShape(
        allow_null=True,
        help_text="Null where nobody looks, and of images that no account of yours sees.",
    )


class CoveredAccount(Shape):
    """Which account it is."""

    id = _count()
    cloud = _text()
    native_id = _text()


class CoveredFeed(Shape):
    """How far one feed of one region was read."""

    feed = _text("cloudtrail, eventbridge, sweep or backfill.")
    region = _text(is_blank=True)
    read_until = _time("Of the newest record; of a sweep, when it looked.", is_null=True)
    complete_until = _time("Until when signed digests prove it; null: nothing does.", is_null=True)
    problem = _text(is_blank=True)


class CoverageGap(Shape):
    """What is known to be missing."""

    region = _text()
    start = _time()
    end = _time()
    reason = _text()


class AccountCoverage(Shape):
    """How complete an account is."""

    account = CoveredAccount()
    complete_until = _time("Of all its feeds that are proven.", is_null=True)
    feeds = CoveredFeed(many=True)
    gaps = serializers.ListField(child=CoverageGap(), help_text="The first 200.")
    gap_count = _count()


def page_of(shape: type[Shape], name: str) -> type[Shape]:
    """A page with such items."""
    fields = {
        "data": serializers.ListField(child=shape()),
        "next": _text("Path and query of the next page; null on the last one.", is_null=True),
    }
    return type(name, (serializers.Serializer,), {"__doc__": "A page of a list.", "__module__": __name__, **fields})
