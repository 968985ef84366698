"""The verdict for any evidence, against rules written down a second time in another form."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain.rhel import Evidence, Findings, ImageFacts, Payer, Rhel, Verdict, judge, needs_subscription

CLOUD_CODES = ["0010", "1010", "1014", "1110", "0014", "0210", "0110"]
FOREIGN_CODES = ["000g", "0g00", "0002", "0800", "0102", "0006", "0202"]
SILENT_CODES = ["", "0100", "0004", "0200"]
CODE_DETAILS = {
    "Linux/UNIX": "RunInstances",
    "Red Hat BYOL Linux": "RunInstances:00g0",
    "Red Hat Enterprise Linux": "RunInstances:0010",
    "SUSE Linux": "RunInstances:000g",
    "Windows": "RunInstances:0002",
}
RED_HAT = ["309956199498", "219670896067", "841258680906"]
LISTED = ["6cd5fxzrad0cu2j23p692xytz", "952qwcsxkm430zxhpy32i7w8g"]

operations = st.one_of(
    st.just(""),
    st.sampled_from([*CLOUD_CODES, *FOREIGN_CODES, *SILENT_CODES, "00g0", "9999"]).map(
        lambda code: f"RunInstances:{code}" if code else "RunInstances"
    ),
)
images = st.builds(
    ImageFacts,
    native_id=st.sampled_from(["ami-1", "ami-2"]),
    owner=st.sampled_from(["", "123456789012", *RED_HAT]),
    name=st.sampled_from(["", "mine", "RHEL-9.6.0_HVM-1-x86_64-0-Access2-GP3", "RHEL-8.4_HVM-1-arm64-0-hourly2-GP2"]),
    platform=st.sampled_from(["", "", "", "windows"]),
    billing_code=operations,
    platform_details=st.sampled_from(["", "", "Plan 9", *CODE_DETAILS]),
    product_codes=st.lists(st.tuples(st.sampled_from(["unlisted", *LISTED]), st.just("marketplace")), max_size=2).map(
        tuple
    ),
)
findings = st.builds(
    Findings,
    is_rhel=st.sampled_from([None, True, False]),
    version=st.sampled_from(["", "9.2"]),
    reasons=st.sampled_from([(), ("release files",)]),
)
evidences = st.builds(
    Evidence,
    image=images,
    lineage=st.lists(images, max_size=3).map(tuple),
    is_tagged_rhel=st.booleans(),
    is_tagged_openshift=st.booleans(),
    findings=st.none() | findings,
)
anything = st.text(max_size=20)
odd_images = st.builds(
    ImageFacts,
    native_id=anything,
    owner=anything | st.sampled_from(RED_HAT),
    name=anything,
    architecture=anything,
    platform=anything,
    billing_code=anything | st.text("RunInstances:SV0019g ", max_size=30),
    platform_details=anything,
    product_codes=st.lists(st.tuples(anything, anything), max_size=3).map(tuple),
)
odd_evidences = st.builds(Evidence, image=odd_images, lineage=st.lists(odd_images, max_size=2).map(tuple))


def charged(image: ImageFacts, code: str) -> str:
    """What the cloud charges for, decoded instead of looked up: cloud, byos, other, none or unknown."""
    code = code or image.billing_code
    if not code:
        code = CODE_DETAILS.get(image.platform_details, "")
    elif code == "RunInstances:9999":
        named = CODE_DETAILS.get(image.platform_details, "RunInstances")
        code = code if named == "RunInstances" else named
    letters = code.removeprefix("RunInstances").removeprefix(":")
    if not code or letters == "9999":
        return "unknown"
    if letters == "00g0":
        return "byos"
    if letters[2:3] == "1":
        return "cloud"
    return "other" if letters in FOREIGN_CODES else "none"


def is_listed(image: ImageFacts) -> bool:
    return any(code in LISTED for code, _ in image.product_codes)


def plan(image: ImageFacts) -> str:
    if image.owner not in RED_HAT or image.name in ("", "mine"):
        return ""
    return "access" if image.name.endswith("Access2-GP3") else "hourly"


def certainty(image: ImageFacts, code: str = "") -> bool | None:
    """Whether the image's own facts prove RHEL, disprove it, or neither."""
    charge = charged(image, code)
    if charge in ("cloud", "byos"):
        return True
    if charge == "other":
        return False
    if is_listed(image):
        return True
    if image.platform == "windows":
        return False
    return True if plan(image) else None


def expected_rhel(evidence: Evidence, code: str) -> Rhel:
    certain = certainty(evidence.image, code)
    if certain is not None:
        return Rhel.RHEL if certain else Rhel.NOT_RHEL
    sources = [answer for answer in map(certainty, evidence.lineage) if answer is not None]
    found = evidence.findings.is_rhel if evidence.findings else None
    if sources[:1] == [True] or found or evidence.is_tagged_rhel:
        return Rhel.RHEL
    return Rhel.UNDETERMINED if found is None else Rhel.NOT_RHEL


def expected_payer(evidence: Evidence, code: str) -> Payer:
    charge = charged(evidence.image, code)
    if charge == "cloud" or is_listed(evidence.image):
        return Payer.CLOUD
    if charge == "byos" or plan(evidence.image) == "access":
        return Payer.CUSTOMER
    if plan(evidence.image) == "hourly":
        return Payer.CLOUD
    return Payer.UNKNOWN if charge == "unknown" else Payer.CUSTOMER


def check_form(verdict: Verdict) -> None:
    assert verdict.reasons
    grades = [reason.split(":")[0] for reason in verdict.reasons]
    order = ["certain", "strong", "declared", "payer", "unknown"]
    assert grades == sorted(grades, key=order.index)
    assert list(verdict.unknown_codes) == sorted(set(verdict.unknown_codes))
    assert (verdict.payer is Payer.NONE) == (verdict.rhel is not Rhel.RHEL)
    assert (verdict.product == "") == (verdict.rhel is not Rhel.RHEL)
    if verdict.rhel is not Rhel.RHEL:
        assert verdict.version == ""


@given(evidences, operations)
def test_verdict_and_payer_agree_with_the_rules_written_a_second_time(evidence, code):
    verdict = judge(evidence, billing_code=code)

    rhel = expected_rhel(evidence, code)
    assert verdict.rhel is rhel
    assert verdict.payer is (expected_payer(evidence, code) if rhel is Rhel.RHEL else Payer.NONE)
    assert needs_subscription(verdict) == (rhel is Rhel.RHEL and verdict.payer is not Payer.CLOUD)
    check_form(verdict)


@given(odd_evidences, anything)
def test_any_text_gets_a_verdict(evidence, code):
    check_form(judge(evidence, billing_code=code))


@given(evidences, operations)
def test_the_same_evidence_gets_the_same_verdict(evidence, code):
    assert judge(evidence, billing_code=code) == judge(replace(evidence), billing_code=code)


@given(evidences, operations.filter(bool))
def test_a_code_counts_the_same_from_the_instance_as_from_the_image(evidence, code):
    as_image = replace(evidence, image=replace(evidence.image, billing_code=code))

    assert judge(evidence, billing_code=code) == judge(as_image)


@given(evidences, st.none() | findings, st.booleans())
def test_nothing_said_or_found_moves_what_is_certain(evidence, others, is_tagged):
    """Certain beats strong and declared: neither the answer nor the payer changes."""
    before = judge(evidence)
    changed = judge(replace(evidence, findings=others, is_tagged_rhel=is_tagged, lineage=()))

    if certainty(evidence.image) is not None:
        assert (changed.rhel, changed.payer) == (before.rhel, before.payer)
    else:
        assert not any(reason.startswith("certain") for reason in changed.reasons)


@given(evidences)
def test_a_tag_never_takes_rhel_away_and_its_removal_never_adds_it(evidence):
    tagged = judge(replace(evidence, is_tagged_rhel=True))
    untagged = judge(replace(evidence, is_tagged_rhel=False))

    if untagged.rhel is Rhel.RHEL:
        assert (tagged.rhel, tagged.payer) == (untagged.rhel, untagged.payer)
    assert tagged.rhel is not Rhel.UNDETERMINED


@given(evidences)
def test_whoever_is_overruled_about_rhel_is_named(evidence):
    verdict = judge(evidence)
    said = " ".join(verdict.conflicts)

    if verdict.rhel is Rhel.NOT_RHEL and evidence.is_tagged_rhel:
        assert "tag cloudigrade-rhel-present says RHEL; but" in said
    if verdict.rhel is Rhel.RHEL and evidence.findings is not None and evidence.findings.is_rhel is False:
        assert "inspection found no RHEL; but" in said
