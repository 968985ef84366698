"""The tables, row by row, against the published ones."""

import pytest

from cloudigrade.domain.rhel import Evidence, ImageFacts, Payer, Rhel, judge
from cloudigrade.domain.rhel_codes import (
    BILLING,
    BY_PLATFORM_DETAILS,
    BY_PRODUCT_CODE,
    BY_USAGE_OPERATION,
    PRODUCTS,
    RED_HAT_OWNERS,
    plain_usage_operation,
)

RHEL, NOT, OPEN = Rhel.RHEL, Rhel.NOT_RHEL, Rhel.UNDETERMINED
CUSTOMER, CLOUD, NONE = Payer.CUSTOMER, Payer.CLOUD, Payer.NONE

# Written down apart from the package's table: platform details, usage operation, verdict, payer, product.
PUBLISHED = [
    ("Linux/UNIX", "RunInstances", OPEN, NONE, ""),
    ("Red Hat BYOL Linux", "RunInstances:00g0", RHEL, CUSTOMER, "RHEL"),
    ("Red Hat Enterprise Linux", "RunInstances:0010", RHEL, CLOUD, "RHEL"),
    ("RHEL with HA", "RunInstances:1010", RHEL, CLOUD, "RHEL with HA"),
    ("RHEL with SQL Server Standard and HA", "RunInstances:1014", RHEL, CLOUD, "RHEL with SQL Server Standard and HA"),
    (
        "RHEL with SQL Server Enterprise and HA",
        "RunInstances:1110",
        RHEL,
        CLOUD,
        "RHEL with SQL Server Enterprise and HA",
    ),
    ("RHEL with SQL Server Standard", "RunInstances:0014", RHEL, CLOUD, "RHEL with SQL Server Standard"),
    ("RHEL with SQL Server Web", "RunInstances:0210", RHEL, CLOUD, "RHEL with SQL Server Web"),
    ("RHEL with SQL Server Enterprise", "RunInstances:0110", RHEL, CLOUD, "RHEL with SQL Server Enterprise"),
    ("SQL Server Enterprise", "RunInstances:0100", OPEN, NONE, ""),
    ("SQL Server Standard", "RunInstances:0004", OPEN, NONE, ""),
    ("SQL Server Web", "RunInstances:0200", OPEN, NONE, ""),
    ("SUSE Linux", "RunInstances:000g", NOT, NONE, ""),
    ("Ubuntu Pro", "RunInstances:0g00", NOT, NONE, ""),
    ("Windows", "RunInstances:0002", NOT, NONE, ""),
    ("Windows BYOL", "RunInstances:0800", NOT, NONE, ""),
    ("Windows with SQL Server Enterprise", "RunInstances:0102", NOT, NONE, ""),
    ("Windows with SQL Server Standard", "RunInstances:0006", NOT, NONE, ""),
    ("Windows with SQL Server Web", "RunInstances:0202", NOT, NONE, ""),
]


@pytest.mark.parametrize(("details", "operation", "rhel", "payer", "product"), PUBLISHED)
@pytest.mark.parametrize("given", ["operation", "instance", "spot", "details", "both"])
def test_every_published_row_decides_alike_however_it_is_told(given, details, operation, rhel, payer, product):
    image = ImageFacts(
        "ami-1",
        billing_code={"operation": operation, "spot": f"{operation}:SV006", "both": operation}.get(given, ""),
        platform_details=details if given in ("details", "both") else "",
    )

    verdict = judge(Evidence(image), billing_code=operation if given == "instance" else "")

    assert (verdict.rhel, verdict.payer, verdict.product) == (rhel, payer, product)
    assert verdict.conflicts == ()
    assert verdict.unknown_codes == ()


def test_the_table_holds_the_published_rows_and_no_other():
    assert {row.usage_operation for row in BILLING} == {operation for _, operation, *_ in PUBLISHED}
    assert len(BILLING) == len(PUBLISHED) == len(BY_USAGE_OPERATION)


def test_no_platform_details_stand_for_two_rows():
    assert len(BY_PLATFORM_DETAILS) == sum(len(row.platform_details) for row in BILLING)


def test_the_long_spelling_of_rhel_means_the_same():
    for details, operation, *_ in PUBLISHED:
        long = details.replace("RHEL with", "Red Hat Enterprise Linux with")
        assert BY_PLATFORM_DETAILS[long].usage_operation == operation


@pytest.mark.parametrize("code_type", ["marketplace", "devpay", ""])
@pytest.mark.parametrize(
    ("code", "product"),
    [
        ("6cd5fxzrad0cu2j23p692xytz", "RHEL"),
        ("6t1yup6mik9ng3ge36n33xqhw", "RHEL"),
        ("du6111oq9lwrc996awt04qyql", "RHEL for SAP"),
        ("952qwcsxkm430zxhpy32i7w8g", "RHEL for SAP"),
    ],
)
def test_every_listed_product_code_is_rhel_paid_through_the_cloud(code, product, code_type):
    verdict = judge(Evidence(ImageFacts("ami-1", billing_code="RunInstances", product_codes=((code, code_type),))))

    assert (verdict.rhel, verdict.payer, verdict.product) == (RHEL, CLOUD, product)
    assert verdict.unknown_codes == ()
    assert verdict.reasons == (f"certain: product code {code} means {product} paid through the cloud",)


def test_product_codes_are_distinct_and_name_their_listing():
    assert len(BY_PRODUCT_CODE) == len(PRODUCTS) == 4
    assert all(row.listing for row in PRODUCTS)


def test_owners_are_one_per_partition():
    assert RED_HAT_OWNERS == {"309956199498": "aws", "219670896067": "aws-us-gov", "841258680906": "aws-cn"}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("", ""),
        ("  ", ""),
        ("RunInstances", "RunInstances"),
        (" RunInstances:0010 ", "RunInstances:0010"),
        ("RunInstances:0010:SV006", "RunInstances:0010"),
        ("RunInstances:0010:anything:more", "RunInstances:0010"),
        ("RunInstances:SV006", "RunInstances"),
        ("RunInstances:SV006:x", "RunInstances"),
        ("RunInstances:SVEN", "RunInstances:SVEN"),
        ("RunInstances:SV٣", "RunInstances:SV٣"),
        ("RunInstances:", "RunInstances:"),
    ],
)
def test_only_the_zone_of_a_spot_instance_is_cut_off(text, plain):
    assert plain_usage_operation(text) == plain
