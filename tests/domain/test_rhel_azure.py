"""The same verdict for Azure's images: license types, offers, plans and what the guest agent reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain.rhel import Evidence, Findings, ImageFacts, Payer, Rhel, judge
from cloudigrade.domain.rhel_azure import BY_LICENSE, OFFERS

RHEL = "redhat:rhel:9_4:9.4.2024053113"
BYOS = "redhat:rhel-byos:rhel-lvm94:9.4.2024053113"
UBUNTU = "canonical:0001-com-ubuntu-server-jammy:22_04-lts:22.04.202405140"
OWN = "/subscriptions/s/resourcegroups/g/providers/microsoft.compute/images/golden"
BYOS_PLAN = (("redhat:rhel-byos:rhel-lvm94", "plan"),)
HARDENED = (("center-for-internet-security-inc:cis-rhel-9-l1:cis-rhel9-l1", "plan"),)

# Written down apart from the package's table: license type, verdict, payer, product.
LICENSES = [
    ("RHEL_BYOS", "rhel", "customer", "RHEL"),
    ("RHEL_BASE", "rhel", "cloud", "RHEL"),
    ("RHEL_EUS", "rhel", "cloud", "RHEL with Extended Update Support"),
    ("RHEL_SAPAPPS", "rhel", "cloud", "RHEL for SAP"),
    ("RHEL_SAPHA", "rhel", "cloud", "RHEL for SAP"),
    ("RHEL_BASESAPAPPS", "rhel", "cloud", "RHEL for SAP"),
    ("RHEL_BASESAPHA", "rhel", "cloud", "RHEL for SAP"),
    ("RHEL_ELS_6", "rhel", "cloud", "RHEL with Extended Life Cycle Support"),
    ("SLES", "not_rhel", "", ""),
    ("SLES_BYOS", "not_rhel", "", ""),
    ("SLES_SAP", "not_rhel", "", ""),
    ("SLES_HPC", "not_rhel", "", ""),
    ("SLES_STANDARD", "not_rhel", "", ""),
    ("UBUNTU", "not_rhel", "", ""),
    ("UBUNTU_PRO", "not_rhel", "", ""),
    ("Windows_Server", "not_rhel", "", ""),
    ("Windows_Client", "not_rhel", "", ""),
]


def image(native_id: str = OWN, **facts) -> ImageFacts:
    return ImageFacts(native_id, **facts)


def answer(facts: ImageFacts, code: str = "", **evidence) -> tuple[str, str]:
    verdict = judge(Evidence(facts, **evidence), billing_code=code)
    return verdict.rhel.value, verdict.payer.value


@pytest.mark.parametrize(("code", "rhel", "payer", "product"), LICENSES)
@pytest.mark.parametrize("native_id", [OWN, ""])
def test_every_license_type_decides_alike_for_a_known_and_an_unknown_image(native_id, code, rhel, payer, product):
    verdict = judge(Evidence(image(native_id)), billing_code=code)

    assert (verdict.rhel, verdict.payer, verdict.product) == (rhel, payer, product)
    assert verdict.unknown_codes == ()


def test_every_license_type_is_tried():
    assert {code.upper() for code, *_ in LICENSES} == set(BY_LICENSE)


@pytest.mark.parametrize("row", OFFERS, ids=lambda row: row.offer)
def test_every_offer_of_rhel_says_who_pays(row):
    verdict = judge(Evidence(image(f"{row.publisher}:{row.offer}:9:9.4.2024053113")))

    expected = Payer.CUSTOMER if "byos" in row.offer else Payer.CLOUD
    assert (verdict.rhel, verdict.payer, verdict.product) == (Rhel.RHEL, expected, row.product)
    assert verdict.unknown_codes == ()


@pytest.mark.parametrize(
    ("facts", "code", "expected"),
    [
        # without a license type the image's own model holds
        (image(RHEL), "", ("rhel", "cloud")),
        (image(RHEL), "None", ("rhel", "cloud")),
        (image("RedHat:RHEL:9_4:9.4.2024053113"), "", ("rhel", "cloud")),
        (image(BYOS), "", ("rhel", "customer")),
        (image("redhat:rhel:rhel-lvm94-byos:latest"), "", ("rhel", "customer")),
        (image(OWN, product_codes=BYOS_PLAN), "", ("rhel", "customer")),
        # the license type changes it, both ways
        (image(RHEL), "RHEL_BYOS", ("rhel", "customer")),
        (image(BYOS), "RHEL_BASE", ("rhel", "cloud")),
        (image(OWN, product_codes=BYOS_PLAN), "rhel_eus", ("rhel", "cloud")),
        # other systems
        (image(UBUNTU), "", ("not_rhel", "")),
        (image("suse:sles-15-sp5:gen2:2024.05.01"), "", ("not_rhel", "")),
        (image("suse:sles-15-sp5-byos:gen2:2024.05.01"), "", ("not_rhel", "")),
        (image("openlogic:centos:7_9:7.9.2022020700"), "", ("not_rhel", "")),
        (image("oracle:oracle-linux:ol94-lvm-gen2:9.4.3"), "", ("not_rhel", "")),
        (image("microsoftwindowsserver:windowsserver:2022-datacenter:20348.1"), "", ("not_rhel", "")),
        (image("microsoftsqlserver:sql2019-ws2019:standard:15.0.1"), "", ("not_rhel", "")),
        (image("microsoftsqlserver:sql2019-rhel8:standard:15.0.1"), "", ("rhel", "cloud")),
        (image(OWN, platform="windows"), "", ("not_rhel", "")),
        # an own image: what the agent reports, and only the license type tells who pays
        (image(OWN, platform_details="redhat 8.10"), "", ("rhel", "unknown")),
        (image(OWN, platform_details="Red Hat Enterprise Linux 9.2"), "", ("rhel", "unknown")),
        (image(OWN, platform_details="redhat 8.10"), "RHEL_BYOS", ("rhel", "customer")),
        (image(OWN, platform_details="redhat 8.10"), "RHEL_SAPHA", ("rhel", "cloud")),
        (image(OWN, platform_details="ubuntu 22.04"), "", ("not_rhel", "")),
        (image(OWN, platform_details="Windows Server 2022 Datacenter 10.0.20348"), "", ("not_rhel", "")),
        (image(OWN, platform_details="Red Hat Enterprise Linux CoreOS 415"), "", ("undetermined", "")),
        (image(OWN, product_codes=HARDENED, platform_details="redhat 9.4"), "", ("rhel", "unknown")),
        (image(OWN), "", ("undetermined", "")),
        # nothing is guessed
        (image(OWN), "RHEL_NEXT", ("undetermined", "")),
        (image("redhat:ansible-automation:aap:1.0.0"), "", ("undetermined", "")),
        (image("nobody:rhel:9:9.4.2024053113"), "", ("undetermined", "")),
        (image("redhat:rhel-newest:11:11.0.2027010100"), "", ("rhel", "cloud")),
    ],
)
def test_license_type_then_offer_then_agent_decide(facts, code, expected):
    assert answer(facts, code) == expected


def test_c39_the_same_sku_of_two_publishers_is_two_images():
    assert answer(image("redhat:rhel:9-lvm:9.4.2024053113")) == ("rhel", "cloud")
    assert answer(image("resf:rockylinux-x86_64:9-lvm:9.3.20231113")) == ("not_rhel", "")


def test_c40_an_image_without_sku_or_publisher_has_a_verdict():
    own = image("/subscriptions/s/resourcegroups/g/providers/microsoft.compute/disks/os")

    assert answer(own) == ("undetermined", "")
    assert answer(own, is_tagged_rhel=True) == ("rhel", "unknown")


def test_c41_a_change_of_license_type_changes_the_answer_without_any_tag():
    codes = ["", "RHEL_BYOS", "", "RHEL_EUS"]

    payers = [answer(image(RHEL), code)[1] for code in codes]

    assert payers == ["cloud", "customer", "cloud", "cloud"]


def test_reasons_speak_azures_words():
    verdict = judge(Evidence(image(RHEL)), billing_code="RHEL_BYOS")

    assert verdict.reasons == ("certain: license type RHEL_BYOS means RHEL on the customer's own subscription",)
    assert verdict.conflicts == ()
    assert verdict.version == "9.4"


def test_an_offer_is_a_reason_with_its_plan():
    verdict = judge(Evidence(image(BYOS, product_codes=BYOS_PLAN)))

    assert verdict.reasons == (
        "certain: offer redhat:rhel-byos:rhel-lvm94 means RHEL on the customer's own subscription",
    )


def test_what_nobody_says_is_told():
    assert judge(Evidence(image(OWN))).reasons == ("unknown: no license type given, and nothing else tells",)
    assert judge(Evidence(image(OWN, platform_details="redhat 8.10"))).reasons == (
        "strong: operating system redhat 8.10 is RHEL",
        "payer: no license type given, so who pays is open",
    )


def test_what_the_tables_lack_is_reported():
    facts = image("redhat:rhel-newest:11:11.0.2027010100", product_codes=HARDENED, platform_details="plan9 4")

    verdict = judge(Evidence(facts), billing_code="RHEL_NEXT")

    assert verdict.unknown_codes == (
        "license type RHEL_NEXT",
        "offer center-for-internet-security-inc:cis-rhel-9-l1",
        "offer redhat:rhel-newest",
        "operating system plan9 4",
    )


def test_witnesses_that_disagree_are_conflicts():
    verdict = judge(Evidence(image(UBUNTU, platform_details="redhat 9.4")))

    assert verdict.rhel is Rhel.NOT_RHEL
    offered = "offer canonical:0001-com-ubuntu-server-jammy:22_04-lts means Ubuntu, not RHEL"
    assert verdict.conflicts == (f"operating system redhat 9.4 is RHEL; but {offered}",)


def test_an_image_made_from_red_hats_is_rhel_and_only_its_own_license_type_tells_who_pays():
    lineage = (image(RHEL),)

    assert answer(image(OWN), lineage=lineage) == ("rhel", "unknown")
    assert answer(image(OWN), "RHEL_BYOS", lineage=lineage) == ("rhel", "customer")


@pytest.mark.parametrize(
    ("facts", "version"),
    [
        (image(RHEL), "9.4"),
        (image("redhat:rhel:8-lvm:8.10.2024053113"), "8.10"),
        (image("redhat:rhel:8-lvm:latest"), ""),
        (image(OWN, platform_details="redhat 8.10"), "8.10"),
        (image("microsoftsqlserver:sql2019-rhel8:standard:15.0.21101200"), ""),
    ],
)
def test_the_version_is_red_hats_or_the_agents(facts, version):
    assert judge(Evidence(facts)).version == version


def test_words_of_one_cloud_mean_nothing_in_the_other():
    assert answer(image(OWN, platform_details="Red Hat BYOL Linux")) == ("undetermined", "")
    assert answer(image("ami-1"), "RunInstances:0010") == ("rhel", "cloud")
    assert answer(image("ami-1", platform_details="redhat 9.4")) == ("undetermined", "")


odd = st.text(max_size=30)
identities = st.one_of(
    st.sampled_from([OWN, RHEL, BYOS, UBUNTU, ""]),
    st.lists(odd, min_size=4, max_size=4).map(":".join),
    odd.map("/".__add__),
)
codes = st.one_of(st.sampled_from([code for code, *_ in LICENSES]), odd, st.just("None"))
plans = st.lists(
    st.sampled_from([BYOS_PLAN[0], HARDENED[0], ("canonical:ubuntu:pro", "plan"), ("redhat:rhel-x:y", "plan")])
    | st.tuples(odd, st.sampled_from(["plan", "marketplace"])),
    max_size=4,
)
systems = odd | st.sampled_from(["redhat 8.10", "ubuntu 22.04", "sles", "rhel"])


@given(identities, codes, plans, systems, st.data())
def test_the_order_in_which_evidence_lies_never_matters(native_id, code, codes_of_products, system, data):
    shuffled = data.draw(st.permutations(codes_of_products))

    first, second = (
        judge(
            Evidence(image(native_id, platform_details=system, product_codes=tuple(products))),
            billing_code=code,
        )
        for products in (codes_of_products, shuffled)
    )

    assert first == second


@given(identities, codes, plans, systems, st.booleans(), st.sampled_from([None, True, False]))
def test_any_evidence_has_a_verdict_that_holds_together(native_id, code, products, system, is_tagged, found):
    facts = image(native_id, platform_details=system, product_codes=tuple(products))

    verdict = judge(
        Evidence(facts, is_tagged_rhel=is_tagged, findings=Findings(found)),
        billing_code=code,
    )

    assert (verdict.payer is not Payer.NONE) is (verdict.rhel is Rhel.RHEL)
    assert verdict.reasons
    assert (verdict.rhel is Rhel.RHEL) >= bool(verdict.product or verdict.version)


@given(st.sampled_from(LICENSES), identities, plans, systems)
def test_a_known_license_type_always_decides(row, native_id, products, system):
    code, rhel, payer, _ = row

    assert answer(image(native_id, platform_details=system, product_codes=tuple(products)), code) == (rhel, payer)
