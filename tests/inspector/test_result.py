"""The result as JSON, and what its two kinds of reader make of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudigrade.domain.rhel import parse_findings
from cloudigrade.inspector import result
from cloudigrade.inspector.evidence.gather import gather
from cloudigrade.inspector.reading import Content, Damaged
from cloudigrade.inspector.system import System
from cloudigrade.inspector.verdict import Examined, Seen, judge
from cloudigrade.inspector.volume import Kind, Uncovered, Volume
from tests.inspector import rpm_databases as made
from tests.inspector.evidence_files import (
    CENTOS_STREAM_9,
    RELEASE_KEY,
    DictFiles,
    certificate,
    os_release,
    packages,
    repository,
)

RHEL = {
    "/etc/os-release": os_release("rhel", "9.4"),
    "/etc/pki/product-default/479.pem": certificate(),
    "/etc/yum.repos.d/redhat.repo": repository(name="RHEL 9"),
    "/etc/rhsm/syspurpose/syspurpose.json": b'{"role": "Server", "usage": "Production"}',
    "/var/lib/rpm/rpmdb.sqlite": made.sqlite(packages(3, RELEASE_KEY)),
}
FLAGS = (
    "rhel_signed_packages_found",
    "rhel_product_certs_found",
    "rhel_release_files_found",
    "rhel_enabled_repos_found",
)


def seen_of(files, uncovered=()):
    files = DictFiles(files)
    volume = Volume("/dev/sdf", "/dev/sdf1", Kind.XFS, Content(b""))
    swap = Volume("/dev/sdf", "/dev/sdf2", Kind.SWAP, Content(b""))
    system = Examined(System("/dev/sdf1", files, ("/dev/sdf1",)), gather(files))
    return Seen(("/dev/sdf",), (volume, swap), (system,), ("/dev/sdf1",), uncovered)


def image_of(files, uncovered=()):
    seen = seen_of(files, uncovered)
    return result.image(seen, judge(seen), work=result.Work(4096, 1))


def texts_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *texts_of(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


def by_flags(image):
    """As a reader sees it who knows nothing of the verdict."""
    return parse_findings({key: value for key, value in image.items() if key != "verdict"})


WRITTEN_FILE = {
    "rhel_release_file": "/etc/os-release",
    "rhel_release_file_contents": RHEL["/etc/os-release"].decode(),
    "rhel_found": True,
}


WRITTEN_FACTS = {
    "rhel_release_files": {
        "rhel_found": True,
        "release_files": [WRITTEN_FILE],
    },
    "rhel_product_certs": {
        "rhel_found": True,
        "rhel_pem_files": ["/etc/pki/product-default/479.pem"],
    },
    "rhel_signed_packages": {
        "rhel_found": True,
        "rhel_signed_package_count": 3,
        "package_count": 3,
    },
    "rhel_enabled_repos": {
        "rhel_found": True,
        "rhel_enabled_repos": [{"repo": "rhel-9-for-x86_64-baseos-rpms", "name": "RHEL 9"}],
    },
    "os_version": "9.4",
    "syspurpose_contents": '{"role": "Server", "usage": "Production"}',
}


def test_an_image_of_rhel_is_written_whole():
    image = image_of(RHEL)

    assert image == {
        "rhel_found": True,
        **dict.fromkeys(FLAGS, True),
        "rhel_version": "9.4",
        "syspurpose": {"role": "Server", "usage": "Production"},
        "errors": [],
        "drives": {
            "/dev/sdf": {
                "/dev/sdf1": {
                    "facts": WRITTEN_FACTS,
                }
            }
        },
        "verdict": {
            "schema": 1,
            "verdict": "rhel",
            "product": "RHEL",
            "version": "9.4",
            "architecture": "x86_64",
            "openshift": False,
            "reasons": image["verdict"]["reasons"],
            "conflicts": [],
            "notes": [],
            "coverage": {
                "systems": [{"root": "/dev/sdf1", "volumes": ["/dev/sdf1"], "deployment": ""}],
                "read": ["/dev/sdf1"],
                "uncovered": [],
            },
            "bytes_read": 4096,
            "blocks_fetched": 1,
        },
    }
    assert len(image["verdict"]["reasons"]) == 4


@pytest.mark.parametrize(
    ("files", "uncovered", "is_rhel"),
    [
        (RHEL, (), True),
        (RHEL, (Uncovered("/dev/sdf3", "encrypted (LUKS)"),), True),
        ({"/etc/os-release": CENTOS_STREAM_9}, (), False),
        ({**RHEL, "/etc/os-release": CENTOS_STREAM_9, "/var/lib/rpm/rpmdb.sqlite": b""}, (), False),
        ({"/etc/os-release": os_release("debian")}, (Uncovered("/dev/sdf3", "encrypted (LUKS)"),), None),
        ({"/etc/os-release": os_release("debian"), "/etc/yum.conf": Damaged("bad block")}, (), None),
        ({"/etc/passwd": b""}, (), None),
        (
            {
                "/etc/os-release": os_release("rocky"),
                "/var/lib/rpm/Packages": made.berkeley(packages(9, RELEASE_KEY)),
            },
            (),
            None,
        ),
    ],
)
def test_c28_readers_of_the_flags_and_of_the_verdict_come_to_the_same_end(files, uncovered, is_rhel):
    """C28: also to a reader of the flags alone, what could not be read is not "not RHEL"."""
    image = image_of(files, uncovered)

    assert parse_findings(image).is_rhel is is_rhel
    assert by_flags(image).is_rhel is is_rhel
    assert parse_findings(image).version == by_flags(image).version
    assert parse_findings(image).system_purpose == by_flags(image).system_purpose


def test_what_was_found_on_another_system_stays_in_the_facts():
    image = image_of({**RHEL, "/etc/os-release": CENTOS_STREAM_9, "/var/lib/rpm/rpmdb.sqlite": b""})

    facts = image["drives"]["/dev/sdf"]["/dev/sdf1"]["facts"]
    assert [image[flag] for flag in FLAGS] == [False] * 4
    assert image["syspurpose"] is None
    assert facts["rhel_product_certs"]["rhel_found"] is True
    assert facts["rhel_signed_packages"]["rhel_found"] is False


def test_a_volume_that_could_not_be_read_has_its_error():
    seen = Seen(
        ("/dev/sdf",),
        (Volume("/dev/sdf", "/dev/sdf1", Kind.LUKS, Content(b"")),),
        uncovered=(Uncovered("/dev/sdf1", "encrypted (LUKS)"),),
    )

    image = result.image(seen, judge(seen))

    assert image["errors"] == ["/dev/sdf1: encrypted (LUKS)"]
    assert image["drives"] == {
        "/dev/sdf": {
            "/dev/sdf1": {
                "facts": {
                    "rhel_release_files": {},
                    "rhel_product_certs": {},
                    "rhel_signed_packages": {},
                    "rhel_enabled_repos": {},
                },
                "error": "encrypted (LUKS)",
            }
        }
    }
    assert by_flags(image).is_rhel is None


def test_c28_a_crash_is_an_inconclusive_result():
    """C28: whatever stops an inspection, its result says so."""
    image = result.failure("the inspection ran out of time", disks=["/dev/sdf"])

    assert image["errors"] == ["the inspection ran out of time"]
    assert image["verdict"]["verdict"] == "inconclusive"
    assert image["verdict"]["reasons"] == ["unknown: the inspection ran out of time"]
    assert image["drives"] == {"/dev/sdf": {}}
    assert parse_findings(image).is_rhel is None
    assert by_flags(image).is_rhel is None


def test_a_document_repeats_the_errors_of_its_images():
    image = result.failure("no such disk")

    assert result.document("aws", {"ami-1": image}, ["general"]) == {
        "cloud": "aws",
        "errors": ["general", "no such disk"],
        "images": {"ami-1": image},
    }


@pytest.mark.parametrize("value", [{"role": None}, ["a"], "Premium", {"role": "a\x00b\ud800"}, {"a": 1e999}])
def test_c16_system_purpose_of_any_shape_is_plain_in_the_result(value):
    """C16: a value that no database takes does not stop a result."""
    text = json.dumps(value).replace("Infinity", "1e999").encode()
    image = image_of({**RHEL, "/etc/rhsm/syspurpose/syspurpose.json": text})

    written = json.dumps(image, allow_nan=False, ensure_ascii=False).encode()
    assert not any("\0" in text for text in texts_of(image))
    assert parse_findings(json.loads(written)).is_rhel is True


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *RHEL,
                "/etc/a-release",
                "/etc/yum.repos.d/\udcff.repo",
                "/etc/\udcfe-release",
                "/etc/pki/product/\udcff.pem",
            ]
        ),
        st.binary(max_size=100)
        | st.sampled_from([repository(name="\x00" * 9), os_release("rhel", "\x00", NAME="\ud7ff\x00"), certificate()]),
    )
)
def test_any_result_is_plain_json_and_short(files):
    image = image_of(files)

    text = json.dumps(image, allow_nan=False, ensure_ascii=False).encode()
    assert json.loads(text) == image
    assert not any("\0" in part for part in texts_of(image))
    assert len(text) < 100_000


def test_a_result_of_a_very_full_system_is_bounded():
    files = {f"/etc/{number}-release": b"x" * 5000 for number in range(200)}
    files |= {f"/etc/yum.repos.d/{number}.repo": repository(name="n" * 9000) for number in range(400)}
    uncovered = tuple(Uncovered(f"/dev/sd{number}", "x" * 5000) for number in range(500))

    assert len(json.dumps(image_of(files, uncovered))) < 500_000
