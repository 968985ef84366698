"""Reading the inspector's JSON, whatever it holds."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain.rhel import Findings, SystemPurpose, parse_findings

FLAGS = {
    "rhel_product_certs_found": "product certificates",
    "rhel_release_files_found": "release files",
    "rhel_enabled_repos_found": "enabled repositories",
    "rhel_signed_packages_found": "signed packages",
}
NOTHING_FOUND = dict.fromkeys(FLAGS, False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
IMAGE = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys([*FLAGS, "rhel_found"], st.booleans() | JSON),
        "rhel_version": JSON,
        "errors": JSON,
        "drives": JSON | st.dictionaries(st.text(), st.dictionaries(st.text(), st.fixed_dictionaries({"error": JSON}))),
        "syspurpose": JSON
        | st.fixed_dictionaries(
            {}, optional=dict.fromkeys(["role", "service_level_agreement", "usage", "service_type"], JSON)
        ),
    },
)


@pytest.mark.parametrize("values", list(itertools.product([True, False], repeat=4)))
def test_any_of_the_four_findings_makes_it_rhel(values):
    content = {**dict(zip(FLAGS, values, strict=True)), "rhel_found": not any(values)}

    findings = parse_findings(content)

    assert findings.is_rhel is any(values)
    assert findings.reasons == tuple(words for words, is_found in zip(FLAGS.values(), values, strict=True) if is_found)


@pytest.mark.parametrize("value", ["true", 1, [True], {"a": True}, None])
def test_only_true_itself_is_a_finding(value):
    assert parse_findings({**NOTHING_FOUND, "rhel_release_files_found": value}).is_rhel is False


@pytest.mark.parametrize("content", [None, "rhel", 3, 2.5, True, [], [{"rhel_release_files_found": True}]])
def test_what_is_not_an_object_says_nothing(content):
    assert parse_findings(content) == Findings(None, reasons=("result is not an object",))


@pytest.mark.parametrize("content", [{}, {"rhel_found": False}, {"rhel_found": True}, {"rhel_release_files_found": 0}])
def test_an_object_without_any_finding_says_nothing(content):
    assert parse_findings(content) == Findings(None, reasons=("result says nothing of RHEL",))


@pytest.mark.parametrize(
    ("trouble", "reasons"),
    [
        ({"errors": ["mount failed"]}, ("mount failed",)),
        ({"errors": "mount failed"}, ("mount failed",)),
        ({"errors": [{"code": 32}]}, ("error without text",)),
        ({"errors": ["one", "one", "two", "three", "four"]}, ("one", "two", "three")),
        ({"drives": {"/dev/xvdf": {"/dev/xvdf1": {"error": {"py/b64": "AAEC"}}}}}, ("/dev/xvdf1 could not be read",)),
        ({"drives": {"/dev/xvdf": {"error": "gone"}}}, ("/dev/xvdf could not be read",)),
        (
            {"drives": {"a": {"b": {"facts": {"rhel_signed_packages": {"error": "rpm failed"}}}}}},
            ("rhel_signed_packages could not be read",),
        ),
    ],
)
def test_c28_an_image_that_could_not_be_read_is_not_called_without_rhel(trouble, reasons):
    """C28: an inspection that failed says nothing; it does not say "not RHEL"."""
    assert parse_findings({**NOTHING_FOUND, **trouble}) == Findings(None, reasons=reasons)


@pytest.mark.parametrize(
    "no_trouble", [{"errors": []}, {"errors": None}, {"errors": ""}, {"drives": {"a": {"b": {"facts": {}}}}}]
)
def test_an_inspection_without_errors_and_findings_says_not_rhel(no_trouble):
    assert parse_findings({**NOTHING_FOUND, **no_trouble}) == Findings(is_rhel=False)


def test_a_finding_counts_beside_errors():
    findings = parse_findings({"rhel_release_files_found": True, "errors": ["another partition failed"]})

    assert findings == Findings(is_rhel=True, reasons=("release files",))


def test_version_and_system_purpose_are_read():
    findings = parse_findings(
        {
            **NOTHING_FOUND,
            "rhel_product_certs_found": True,
            "rhel_version": "9.4",
            "syspurpose": {
                "role": "Red Hat Enterprise Linux Server",
                "service_level_agreement": "Premium",
                "usage": "Production",
                "service_type": "L1-L3",
                "addons": ["ignored"],
            },
        }
    )

    assert findings.version == "9.4"
    assert findings.system_purpose == SystemPurpose("Red Hat Enterprise Linux Server", "Premium", "Production", "L1-L3")


@pytest.mark.parametrize("bad", [None, 7, 1.5, True, ["Server"], {"name": "Server"}])
@pytest.mark.parametrize(
    ("key", "field"),
    [("role", "role"), ("service_level_agreement", "sla"), ("usage", "usage"), ("service_type", "service_type")],
)
def test_c16_a_malformed_system_purpose_value_is_empty_and_harms_no_other(bad, key, field):
    """C16: nonsense in one value of system purpose costs that value only."""
    good = {"role": "a", "service_level_agreement": "b", "usage": "c", "service_type": "d"}
    expected = {"role": "a", "sla": "b", "usage": "c", "service_type": "d"}

    purpose = parse_findings({"syspurpose": {**good, key: bad}}).system_purpose

    assert purpose == SystemPurpose(**{**expected, field: ""})


@pytest.mark.parametrize("bad", [None, "Premium", 7, [], ["role"], True])
def test_c16_a_system_purpose_that_is_no_object_is_empty(bad):
    """C16: system purpose itself may be a string, a list, a number or null."""
    assert parse_findings({"syspurpose": bad}).system_purpose == SystemPurpose()


def test_texts_are_cut_at_64_characters_after_nul_is_taken_out():
    findings = parse_findings(
        {"rhel_version": "9\x00.4", "syspurpose": {"role": "\x00" + "r" * 70, "usage": "\ud800x"}}
    )

    assert findings.version == "9.4"
    assert findings.system_purpose == SystemPurpose(role="r" * 64, usage="?x")


def test_very_deep_content_is_read():
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"error": "", "inner": deep}

    assert parse_findings({**NOTHING_FOUND, "drives": deep}).is_rhel is False


@given(JSON | IMAGE)
def test_any_json_gives_clean_findings(content):
    findings = parse_findings(content)

    purpose = findings.system_purpose
    texts = [purpose.role, purpose.sla, purpose.usage, purpose.service_type, findings.version]
    assert all(len(text) <= 64 for text in texts)
    for text in (*texts, *findings.reasons):
        assert "\x00" not in text
        assert text.encode().decode() == text
    assert findings.is_rhel in (True, False, None)
    assert findings == parse_findings(content)


@given(IMAGE)
def test_false_is_said_only_of_a_readable_disk_without_findings(content):
    findings = parse_findings(content)

    found = any(content.get(flag) is True for flag in FLAGS)
    assert (findings.is_rhel is True) == found
    if content.get("errors") and not found:
        assert findings.is_rhel is None


VERDICT = {"schema": 1, "verdict": "rhel", "version": "9.4", "reasons": ["certain: os-release says so"]}


@pytest.mark.parametrize(("word", "is_rhel"), [("rhel", True), ("not_rhel", False), ("inconclusive", None)])
@pytest.mark.parametrize("flag", [True, False])
def test_a_verdict_counts_before_the_flags_beside_it(word, is_rhel, flag):
    content = {
        **dict.fromkeys(FLAGS, flag),
        "errors": ["x"],
        "rhel_version": "1",
        "verdict": {**VERDICT, "verdict": word},
    }

    version = "9.4" if is_rhel else ""
    assert parse_findings(content) == Findings(is_rhel, version, reasons=("certain: os-release says so",))


@pytest.mark.parametrize(
    "verdict",
    [
        None,
        "rhel",
        [VERDICT],
        {},
        {**VERDICT, "schema": 2},
        {**VERDICT, "schema": "1"},
        {**VERDICT, "verdict": "RHEL"},
        {**VERDICT, "verdict": None},
        {**VERDICT, "verdict": ["rhel"]},
    ],
)
def test_a_verdict_of_another_make_leaves_the_flags(verdict):
    assert parse_findings({**NOTHING_FOUND, "verdict": verdict}) == Findings(is_rhel=False)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (None, ("inconclusive",)),
        ("text", ("inconclusive",)),
        ([None, 3, ""], ("inconclusive",)),
        (["a", "a", "\x00b", "c", "d", "e", "f"], ("a", "b", "c", "d", "e")),
        (["x" * 900], ("x" * 200,)),
    ],
)
def test_c28_an_inconclusive_verdict_says_nothing_and_why(reasons, expected):
    """C28: what could not be looked into stays open, with its reasons."""
    content = {**NOTHING_FOUND, "verdict": {"schema": 1, "verdict": "inconclusive", "reasons": reasons}}

    assert parse_findings(content) == Findings(None, reasons=expected)


@pytest.mark.parametrize("bad", [None, "Premium", 7, ["role"]])
def test_c16_a_malformed_system_purpose_beside_a_verdict_is_empty(bad):
    """C16: system purpose of any shape harms no verdict."""
    findings = parse_findings({"syspurpose": bad, "verdict": {**VERDICT, "version": ["9"]}})

    assert (findings.is_rhel, findings.version, findings.system_purpose) == (True, "", SystemPurpose())


MOUNT_FAILED = "Mount of '/dev/xvdbb1' on '/mnt/inspect' failed: b'wrong fs type'"
OF_HOUNDIGRADE = {
    "rhel_found": False,
    **NOTHING_FOUND,
    "rhel_version": None,
    "syspurpose": None,
    "errors": [MOUNT_FAILED],
    "drives": {
        "/dev/xvdbb": {
            "/dev/xvdbb1": {
                "facts": {
                    "rhel_release_files": {},
                    "rhel_product_certs": {},
                    "rhel_signed_packages": {},
                    "rhel_enabled_repos": {},
                },
                "error": {"py/b64": "d3JvbmcgZnMgdHlwZQ=="},
            }
        }
    },
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Findings(None, reasons=(MOUNT_FAILED, "/dev/xvdbb1 could not be read"))),
        ({"errors": []}, Findings(None, reasons=("/dev/xvdbb1 could not be read",))),
        ({"errors": [], "drives": {"/dev/xvdbb": {}}}, Findings(is_rhel=False)),
        ({"errors": [{"py/b64": "eA=="}], "drives": {}}, Findings(None, reasons=("error without text",))),
        (
            {"rhel_release_files_found": True, "rhel_version": "8.8"},
            Findings(is_rhel=True, version="8.8", reasons=("release files",)),
        ),
        (
            {"rhel_product_certs_found": True, "syspurpose": "Premium"},
            Findings(is_rhel=True, reasons=("product certificates",)),
        ),
    ],
)
def test_c28_a_result_of_houndigrade_1_0_0_is_still_read(change, expected):
    """C28: with encoded bytes, empty facts and errors that quote bytes, as that program wrote them."""
    assert parse_findings({**OF_HOUNDIGRADE, **change}) == expected


@given(st.dictionaries(st.sampled_from(["schema", "verdict", "version", "reasons"]), JSON), IMAGE)
def test_any_verdict_gives_clean_findings(verdict, content):
    findings = parse_findings({**content, "verdict": {"schema": 1, **verdict}})

    assert len(findings.version) <= 64
    for text in (findings.version, *findings.reasons):
        assert "\x00" not in text
        assert text.encode().decode() == text
