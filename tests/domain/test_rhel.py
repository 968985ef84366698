"""The verdict: who is believed about what, and what is said of those who disagree."""

import pytest

from cloudigrade.domain.rhel import Evidence, Findings, ImageFacts, Payer, Rhel, Verdict, judge, needs_subscription

OWNER = "309956199498"
ACCESS = "RHEL-9.6.0_HVM-20251030-x86_64-0-Access2-GP3"
HOURLY = "RHEL-9.4.0_HVM-20240605-x86_64-82-Hourly2-GP3"
LISTED = (("6cd5fxzrad0cu2j23p692xytz", "marketplace"),)
FOUND = Findings(is_rhel=True, version="9.2", reasons=("release files",))
NOT_FOUND = Findings(is_rhel=False)
FAILED = Findings(None, reasons=("mount failed",))

ACCESS_SAYS = f"name {ACCESS} of Red Hat's account {OWNER} means RHEL on the customer's own subscription"
HOURLY_SAYS = f"name {HOURLY} of Red Hat's account {OWNER} means RHEL paid through the cloud"
PLAIN_SAYS = "usage operation RunInstances means Linux/UNIX with no charge for RHEL"
SUSE_SAYS = "usage operation RunInstances:000g means SUSE Linux, not RHEL"
PAID_SAYS = "usage operation RunInstances:0010 means RHEL paid through the cloud"
BYOS_SAYS = "usage operation RunInstances:00g0 means RHEL on the customer's own subscription"
LISTED_SAYS = "product code 6cd5fxzrad0cu2j23p692xytz means RHEL paid through the cloud"
TAG_SAYS = "tag cloudigrade-rhel-present says RHEL"
FOUND_SAYS = "inspection found RHEL 9.2 (release files)"


def image(code: str = "", **facts) -> ImageFacts:
    return ImageFacts("ami-1", billing_code=code, **facts)


def red_hats(name: str, code: str = "", **facts) -> ImageFacts:
    return ImageFacts("ami-0", owner=OWNER, name=name, billing_code=code, **facts)


def answer(verdict: Verdict) -> tuple[str, str]:
    return verdict.rhel.value, verdict.payer.value


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        # certain
        (Evidence(image("RunInstances:0010")), ("rhel", "cloud")),
        (Evidence(image("RunInstances:00g0")), ("rhel", "customer")),
        (Evidence(image("RunInstances:000g")), ("not_rhel", "")),
        (Evidence(image(platform_details="Red Hat Enterprise Linux")), ("rhel", "cloud")),
        (Evidence(image("RunInstances", product_codes=LISTED)), ("rhel", "cloud")),
        (Evidence(image(product_codes=LISTED)), ("rhel", "cloud")),
        (Evidence(image("RunInstances:00g0", product_codes=LISTED)), ("rhel", "cloud")),
        (Evidence(image(platform="windows")), ("not_rhel", "")),
        (Evidence(image("RunInstances", platform="Windows")), ("not_rhel", "")),
        (Evidence(red_hats(ACCESS)), ("rhel", "customer")),
        (Evidence(red_hats(ACCESS, "RunInstances")), ("rhel", "customer")),
        (Evidence(red_hats(HOURLY)), ("rhel", "cloud")),
        (Evidence(red_hats(HOURLY, "RunInstances:9999")), ("rhel", "cloud")),
        # strong and declared: the payer is the customer where a known code has no RHEL, else unknown
        (Evidence(image("RunInstances"), (red_hats(HOURLY, "RunInstances:0010"),)), ("rhel", "customer")),
        (Evidence(image(), (red_hats(HOURLY, "RunInstances:0010"),)), ("rhel", "unknown")),
        (Evidence(image("RunInstances"), findings=FOUND), ("rhel", "customer")),
        (Evidence(image("RunInstances:0100"), findings=FOUND), ("rhel", "customer")),
        (Evidence(image(platform_details="Linux/UNIX"), findings=FOUND), ("rhel", "customer")),
        (Evidence(image(), findings=FOUND), ("rhel", "unknown")),
        (Evidence(image("RunInstances:9999"), findings=FOUND), ("rhel", "unknown")),
        (Evidence(image("RunInstances"), is_tagged_rhel=True), ("rhel", "customer")),
        (Evidence(image(), is_tagged_rhel=True), ("rhel", "unknown")),
        (Evidence(image(platform_details="Plan 9"), is_tagged_rhel=True), ("rhel", "unknown")),
        (Evidence(image("RunInstances", product_codes=(("x", "marketplace"),)), findings=FOUND), ("rhel", "customer")),
        (Evidence(image("RunInstances"), is_tagged_rhel=True, findings=FAILED), ("rhel", "customer")),
        # nothing positive
        (Evidence(image("RunInstances"), findings=NOT_FOUND), ("not_rhel", "")),
        (Evidence(image(), findings=NOT_FOUND), ("not_rhel", "")),
        (Evidence(image("RunInstances"), findings=FAILED), ("undetermined", "")),
        (Evidence(image("RunInstances")), ("undetermined", "")),
        (Evidence(image("RunInstances:9999")), ("undetermined", "")),
        (Evidence(image(product_codes=(("x", "marketplace"),))), ("undetermined", "")),
        (Evidence(image()), ("undetermined", "")),
        (Evidence(image("RunInstances"), is_tagged_openshift=True), ("undetermined", "")),
    ],
)
def test_verdict_and_payer_without_contradiction(evidence, expected):
    verdict = judge(evidence)

    assert answer(verdict) == expected
    assert verdict.conflicts == ()
    assert verdict.product == ("RHEL" if expected[0] == "rhel" else "")
    assert verdict.reasons


@pytest.mark.parametrize(
    ("evidence", "expected", "conflicts"),
    [
        (
            Evidence(image("RunInstances:000g"), is_tagged_rhel=True, findings=FOUND),
            ("not_rhel", ""),
            (f"{FOUND_SAYS}; but {SUSE_SAYS}", f"{TAG_SAYS}; but {SUSE_SAYS}"),
        ),
        (
            Evidence(image("RunInstances:000g", product_codes=LISTED), (red_hats(ACCESS),)),
            ("not_rhel", ""),
            (f"{LISTED_SAYS}; but {SUSE_SAYS}", f"source image ami-0: {ACCESS_SAYS}; but {SUSE_SAYS}"),
        ),
        (
            Evidence(image(platform="windows"), is_tagged_rhel=True),
            ("not_rhel", ""),
            (f"{TAG_SAYS}; but platform windows is not RHEL",),
        ),
        (
            Evidence(image("RunInstances:0010", platform="windows"), findings=NOT_FOUND),
            ("rhel", "cloud"),
            (f"platform windows is not RHEL; but {PAID_SAYS}", f"inspection found no RHEL; but {PAID_SAYS}"),
        ),
        (
            Evidence(image("RunInstances"), is_tagged_rhel=True, findings=NOT_FOUND),
            ("rhel", "customer"),
            (f"inspection found no RHEL; but {TAG_SAYS}",),
        ),
        (
            Evidence(image("RunInstances"), (red_hats(ACCESS),), findings=NOT_FOUND),
            ("rhel", "customer"),
            (f"inspection found no RHEL; but source image ami-0: {ACCESS_SAYS}",),
        ),
        (
            Evidence(red_hats(ACCESS, "RunInstances:0010")),
            ("rhel", "cloud"),
            (f"{ACCESS_SAYS}; but {PAID_SAYS}",),
        ),
        (
            Evidence(red_hats(HOURLY, "RunInstances:00g0")),
            ("rhel", "customer"),
            (f"{HOURLY_SAYS}; but {BYOS_SAYS}",),
        ),
        (
            Evidence(red_hats(HOURLY, "RunInstances")),
            ("rhel", "cloud"),
            (f"{PLAIN_SAYS}; but {HOURLY_SAYS}",),
        ),
        (
            Evidence(red_hats(ACCESS, product_codes=LISTED)),
            ("rhel", "cloud"),
            (f"{ACCESS_SAYS}; but {LISTED_SAYS}",),
        ),
        (
            Evidence(image("RunInstances:0010", platform_details="SUSE Linux")),
            ("rhel", "cloud"),
            (f"platform details SUSE Linux mean SUSE Linux, not RHEL; but {PAID_SAYS}",),
        ),
        (
            Evidence(image("RunInstances:0010", platform_details="Red Hat BYOL Linux")),
            ("rhel", "cloud"),
            (f"platform details Red Hat BYOL Linux mean RHEL on the customer's own subscription; but {PAID_SAYS}",),
        ),
        (
            Evidence(image("RunInstances", platform_details="Red Hat Enterprise Linux")),
            ("undetermined", ""),
            (f"platform details Red Hat Enterprise Linux mean RHEL paid through the cloud; but {PLAIN_SAYS}",),
        ),
    ],
)
def test_the_stronger_witness_wins_and_the_conflict_is_reported(evidence, expected, conflicts):
    verdict = judge(evidence)

    assert answer(verdict) == expected
    assert verdict.conflicts == conflicts


def test_platform_details_that_name_a_system_speak_beside_an_unknown_code():
    verdict = judge(Evidence(image("RunInstances:9999", platform_details="Red Hat Enterprise Linux")))

    assert answer(verdict) == ("rhel", "cloud")
    assert verdict.unknown_codes == ("usage operation RunInstances:9999",)


def test_platform_details_without_rhel_do_not_tell_what_an_unknown_code_charges():
    verdict = judge(Evidence(image("RunInstances:9999", platform_details="Linux/UNIX"), is_tagged_rhel=True))

    assert answer(verdict) == ("rhel", "unknown")


@pytest.mark.parametrize(
    ("own", "images", "expected"),
    [
        ("RunInstances:0010", "RunInstances:00g0", ("rhel", "cloud")),
        ("RunInstances:00g0", "RunInstances:0010", ("rhel", "customer")),
        ("RunInstances:000g", "RunInstances:0010", ("not_rhel", "")),
        ("RunInstances", "RunInstances:0010", ("undetermined", "")),
        ("RunInstances:9999", "RunInstances:0010", ("undetermined", "")),
        ("", "RunInstances:0010", ("rhel", "cloud")),
        ("  ", "RunInstances:0010", ("rhel", "cloud")),
        ("RunInstances:0010:SV006", "", ("rhel", "cloud")),
    ],
)
def test_the_code_of_the_instance_counts_before_that_of_the_image(own, images, expected):
    assert answer(judge(Evidence(image(images)), billing_code=own)) == expected


def test_one_image_can_have_two_payers_by_the_codes_of_its_instances():
    evidence = Evidence(image("RunInstances"), findings=FOUND)

    assert answer(judge(evidence)) == ("rhel", "customer")
    assert answer(judge(evidence, billing_code="RunInstances:0010")) == ("rhel", "cloud")
    assert answer(judge(evidence, billing_code="RunInstances:9999")) == ("rhel", "unknown")


@pytest.mark.parametrize("owner", ["309956199498", "219670896067", "841258680906"])
@pytest.mark.parametrize(("plan", "payer"), [("Access2", "customer"), ("HOURLY2", "cloud"), ("aCCESS2", "customer")])
def test_names_of_red_hats_own_images_tell_the_payer_in_every_partition(owner, plan, payer):
    facts = ImageFacts("ami-1", owner=owner, name=f"RHEL-8.4.0_HVM-20210504-x86_64-2-{plan}-GP2")

    verdict = judge(Evidence(facts))

    assert (verdict.rhel, verdict.payer, verdict.version) == (Rhel.RHEL, payer, "8.4.0")


@pytest.mark.parametrize("owner", ["", "123456789012", "309956199499", "679593333241"])
@pytest.mark.parametrize("name", [ACCESS, HOURLY])
def test_c49_a_name_is_evidence_only_with_the_owner(owner, name):
    """C49: Cloud Access is a fact about owner and name together, not an id and not a name alone."""
    verdict = judge(Evidence(ImageFacts("ami-1", owner=owner, name=name)))

    assert answer(verdict) == ("undetermined", "")
    assert verdict.version == ""


@pytest.mark.parametrize(
    "name", ["", "RHEL-9.0.0_HVM_BETA-20220401-x86_64-0-GP2", "Access2", "RHEL-Access2", "Hourly2-"]
)
def test_red_hats_images_without_a_plan_in_their_name_prove_nothing(name):
    assert answer(judge(Evidence(red_hats(name)))) == ("undetermined", "")


@pytest.mark.parametrize(
    ("name", "version"),
    [
        (ACCESS, "9.6.0"),
        ("RHEL-7.4_HVM_GA-20170808-x86_64-2-Hourly2-GP2", "7.4"),
        ("RHEL-6.10_HVM-20180829-x86_64-0-Access2-GP2", "6.10"),
        ("rhel-10.0.0_hvm-20250423-arm64-0-access2-gp3", "10.0.0"),
        ("RHEL_HA-8.5.0_HVM-20220127-x86_64-3-Hourly2-GP2", "8.5.0"),
        ("RHEL-SAP-8.1.0_HVM-20211007-x86_64-0-Access2-GP2", "8.1.0"),
        ("RHEL-SAP-HA-8.4_HVM-20211007-x86_64-0-Access2-GP2", "8.4"),
        ("RHEL-8_HVM-20211007-x86_64-0-Access2-GP2", ""),
        ("RHEL-8.1.2.3_HVM-20211007-x86_64-0-Access2-GP2", ""),
        ("my-RHEL-8.1-Access2-GP2", ""),
        ("RHEL-٩.٤_HVM-Access2-GP2", ""),
        ("RHEL" + "-A" * 50_000 + "-Access2-", ""),
    ],
)
def test_the_version_is_parsed_from_the_name(name, version):
    verdict = judge(Evidence(red_hats(name)))

    assert (verdict.rhel, verdict.version) == (Rhel.RHEL, version)


@pytest.mark.parametrize(
    ("evidence", "version"),
    [
        (Evidence(red_hats(ACCESS), findings=FOUND), "9.2"),
        (Evidence(red_hats(ACCESS), findings=Findings(is_rhel=True)), "9.6.0"),
        (Evidence(red_hats(ACCESS), findings=Findings(is_rhel=False, version="12")), "9.6.0"),
        (Evidence(red_hats(ACCESS), findings=Findings(None, version="12")), "9.6.0"),
        (Evidence(image(), (image(), red_hats(HOURLY), red_hats(ACCESS))), "9.4.0"),
        (Evidence(image(), is_tagged_rhel=True), ""),
        (Evidence(image("RunInstances:000g"), findings=FOUND), ""),
        (Evidence(image("RunInstances"), findings=Findings(is_rhel=False, version="12")), ""),
    ],
)
def test_the_version_comes_from_the_best_witness_that_has_one(evidence, version):
    assert judge(evidence).version == version


def test_the_product_code_of_sap_names_the_product_beside_a_code_of_plain_rhel():
    sap = (("du6111oq9lwrc996awt04qyql", "marketplace"),)

    verdict = judge(Evidence(image("RunInstances:0010", product_codes=sap)))

    assert (verdict.product, verdict.payer) == ("RHEL for SAP", Payer.CLOUD)


def test_the_nearest_source_image_that_is_certain_speaks():
    lineage = (
        ImageFacts("ami-2", billing_code="RunInstances", product_codes=(("x", "marketplace"),)),
        ImageFacts("ami-3", billing_code="RunInstances:00g0"),
        ImageFacts("ami-4", billing_code="RunInstances:0010"),
    )

    verdict = judge(Evidence(image("RunInstances"), lineage))

    assert answer(verdict) == ("rhel", "customer")
    assert verdict.reasons == (
        f"strong: source image ami-3: {BYOS_SAYS}",
        f"payer: {PLAIN_SAYS}, so the customer's own subscription pays",
    )


def test_a_source_image_of_another_system_hides_those_behind_it():
    lineage = (image("RunInstances:000g"), image("RunInstances:00g0"))

    assert answer(judge(Evidence(image("RunInstances"), lineage))) == ("undetermined", "")


def test_reasons_name_witness_and_value_strongest_first():
    evidence = Evidence(
        red_hats(ACCESS, "RunInstances:00g0"),
        (red_hats(ACCESS),),
        is_tagged_rhel=True,
        findings=FOUND,
    )

    assert judge(evidence).reasons == (
        f"certain: {BYOS_SAYS}",
        f"certain: {ACCESS_SAYS}",
        f"strong: source image ami-0: {ACCESS_SAYS}",
        f"strong: {FOUND_SAYS}",
        f"declared: {TAG_SAYS}",
    )


def test_a_witness_that_lost_about_the_payer_is_no_reason():
    verdict = judge(Evidence(red_hats(ACCESS, "RunInstances:0010")))

    assert verdict.reasons == (f"certain: {PAID_SAYS}",)


def test_the_code_that_goes_with_marketplace_rhel_does_not_call_the_customer_the_payer():
    verdict = judge(Evidence(image("RunInstances:00g0", product_codes=LISTED)))

    assert verdict.reasons == (f"certain: {LISTED_SAYS}",)


@pytest.mark.parametrize(
    ("evidence", "reasons"),
    [
        (
            Evidence(image("RunInstances"), findings=FAILED),
            (
                f"unknown: {PLAIN_SAYS}, but the disk may hold it and nothing else tells",
                "unknown: inspection tells nothing (mount failed)",
            ),
        ),
        (
            Evidence(image("A:9", platform_details="B")),
            ("unknown: nothing is known of usage operation A:9 and platform details B, and nothing else tells",),
        ),
        (Evidence(image()), ("unknown: no usage operation or platform details given, and nothing else tells",)),
    ],
)
def test_an_undetermined_image_says_what_is_missing(evidence, reasons):
    assert judge(evidence).reasons == reasons


def test_an_open_payer_says_why():
    assert judge(Evidence(image("RunInstances:9999"), is_tagged_rhel=True)).reasons == (
        f"declared: {TAG_SAYS}",
        "payer: nothing is known of usage operation RunInstances:9999, so who pays is open",
    )


def test_unknown_codes_are_reported_sorted_and_once_with_those_of_source_images():
    odd = image(
        "RunInstances:9999:SV001",
        platform_details="Plan 9",
        product_codes=(("zz", "marketplace"), ("aa", "devpay"), ("aa", "marketplace"), *LISTED, ("", "")),
    )
    source = image("RunInstances:8888", product_codes=(("aa", "marketplace"), ("bb", "marketplace")))

    verdict = judge(Evidence(odd, (source,)))

    assert verdict.unknown_codes == (
        "platform details Plan 9",
        "product code aa",
        "product code bb",
        "product code zz",
        "usage operation RunInstances:8888",
        "usage operation RunInstances:9999",
    )


@pytest.mark.parametrize("is_tagged", [True, False])
@pytest.mark.parametrize("code", ["", "RunInstances:0010", "RunInstances:000g"])
def test_openshift_is_what_the_tag_says_and_nothing_more(is_tagged, code):
    plain = judge(Evidence(image(code)))

    tagged = judge(Evidence(image(code), is_tagged_openshift=is_tagged))

    assert tagged.is_openshift is is_tagged
    assert answer(tagged) == answer(plain)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (Evidence(image("RunInstances:00g0")), True),
        (Evidence(image(), is_tagged_rhel=True), True),
        (Evidence(image("RunInstances:0010")), False),
        (Evidence(image("RunInstances:000g")), False),
        (Evidence(image()), False),
    ],
)
def test_a_subscription_is_needed_for_rhel_that_the_cloud_does_not_charge_for(evidence, expected):
    assert needs_subscription(judge(evidence)) is expected
