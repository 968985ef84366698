"""Made-up customers on request, from the wish to the last row gone."""

from datetime import UTC, datetime, timedelta

import pytest

from cloudigrade.api.internal import bodies
from cloudigrade.models import CloudAccount, Customer, Image, Instance, Run, SyntheticDataRequest
from cloudigrade.services import runs, synthetic, usage
from cloudigrade.simulator import requested
from tests.builders import AS_OF

pytestmark = pytest.mark.django_db

PATH = "syntheticdatarequests/"
DEFAULTS = {
    "since_days_ago": 7, "account_count": 1, "image_count": 10, "image_ocp_chance": 0.5, "image_rhel_chance": 0.5,
    "image_other_owner_chance": 0.5, "instance_count": 100, "run_count_per_instance_min": 1,
    "run_count_per_instance_mean": 1.0, "hours_per_run_min": 1.0, "hours_per_run_mean": 2.0,
    "hours_between_runs_mean": 8.0,
}  # fmt: skip
SMALL = {"cloud_type": "aws", "instance_count": 6, "image_count": 3, "account_count": 2, "since_days_ago": 2}


@pytest.fixture
def request_id(ask, db):
    return ask(PATH, "post", SMALL).json()["id"]


def _calculate(now=AS_OF):
    runs.recalculate_all(as_of=now)
    usage.recalculate_all(as_of=now)


def test_a_wish_with_its_defaults(ask, db):
    answer = ask(PATH, "post", {"cloud_type": "aws"})

    made = SyntheticDataRequest.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": made.pk, "is_ready": False, "user": None, "machine_images": [], "cloud_type": "aws", **DEFAULTS,
        "created_at": "2026-03-12T00:00:00Z", "updated_at": answer.json()["updated_at"],
        "expires_at": "2026-03-13T00:00:00Z",
    }  # fmt: skip
    assert ask(f"{PATH}{made.pk}/").json() == answer.json()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"cloud_type": None}, {"cloud_type": ["This field may not be null."]}),
        ({"cloud_type": "azure"}, {"cloud_type": ['"azure" is not a valid choice.']}),
        ({"image_rhel_chance": 1.1}, {"image_rhel_chance": ["Ensure this value is less than or equal to 1."]}),
        ({"image_ocp_chance": -0.1}, {"image_ocp_chance": ["Ensure this value is greater than or equal to 0."]}),
        ({"instance_count": "x"}, {"instance_count": ["A valid integer is required."]}),
        (
            {"instance_count": 100_000, "run_count_per_instance_mean": 11},
            {"instance_count": ["All instances together have more than 1000000 runs."]},
        ),
        ({"expires_at": "x"}, None),
    ],
)
def test_a_wish_that_cannot_be(ask, db, change, fault):
    answer = ask(PATH, "post", {"cloud_type": "aws"} | change)

    assert answer.status_code == 400
    assert list(answer.json()) == list(change)[:1]
    assert fault in (None, answer.json())
    assert not SyntheticDataRequest.objects.exists()


def test_it_is_ready_when_every_day_is_calculated(ask, request_id):
    assert synthetic.make_next(now=AS_OF) == request_id
    made = ask(f"{PATH}{request_id}/").json()
    assert (made["is_ready"], len(made["machine_images"])) == (False, 3)

    runs.recalculate_all(as_of=AS_OF)
    assert ask(f"{PATH}{request_id}/").json()["is_ready"] is False
    usage.recalculate_all(as_of=AS_OF)

    assert ask(f"{PATH}{request_id}/").json() == made | {"is_ready": True}
    days = ask("concurrentusages/", org_id=Customer.objects.get().org_id).json()["data"]
    assert [day["date"] for day in days] == ["2026-03-09", "2026-03-10", "2026-03-11"]
    assert synthetic.make_next(now=AS_OF) is None


def test_what_is_made(ask, request_id):
    synthetic.make_next(now=AS_OF)
    _calculate()

    customer = Customer.objects.get()
    rows = ask("cloudaccounts/", is_synthetic="true").json()["data"]
    assert customer.org_id == customer.account_number
    assert (customer.org_id or "").startswith("SYNTHETIC-")
    assert customer.joined_at() == AS_OF - timedelta(3)
    assert [(row["user"], row["is_enabled"], row["platform_application_is_paused"]) for row in rows] == [
        (customer.pk, False, True)
    ] * 2
    assert all(-999_999 <= row["platform_application_id"] <= -2 for row in rows)
    assert all(account.native_id.startswith("000000") for account in CloudAccount.objects.all())
    assert (Instance.objects.count(), Image.objects.count()) == (6, 3)
    assert Run.objects.filter(vcpu__isnull=False).count() == Run.objects.count() >= 6
    starts = Run.objects.values_list("period__startswith", flat=True)
    assert all(AS_OF - timedelta(2) <= start < AS_OF for start in starts)


@pytest.mark.parametrize(("chance", "counted"), [(1, True), (0, False)])
def test_a_chance_that_is_certain(ask, db, chance, counted):
    wish = SMALL | {"image_rhel_chance": chance, "image_ocp_chance": chance, "hours_per_run_mean": 30}
    ask(PATH, "post", wish)
    synthetic.make_next(now=AS_OF)
    _calculate()

    images = ask("machineimages/").json()["data"]
    assert {image["openshift_detected"] for image in images} == {counted}
    days = ask("concurrentusages/").json()["data"]
    assert any(day["maximum_counts"] for day in days) is counted


def test_only_its_end_can_be_changed(ask, request_id):
    path = f"{PATH}{request_id}/"
    row = ask(path).json()

    for method in ("put", "patch"):
        answer = ask(path, method, row | {"instance_count": 7, "expires_at": "2026-03-20T00:00:00Z"})
        told = {"instance_count": ["You cannot update field instance_count."]}
        assert (answer.status_code, answer.json()) == (400, told)
    assert ask(path).json() == row
    for method, end in (("put", "2026-03-20T00:00:00Z"), ("patch", "2026-03-21T00:00:00Z")):
        assert ask(path, method, {"expires_at": end}).json()["expires_at"] == end


def test_what_is_found(ask, request_id):
    synthetic.make_next(now=AS_OF)
    customer = Customer.objects.get().pk

    found = [
        ask(PATH, **query).json()["meta"]["count"]
        for query in (
            {"user_id": customer}, {"user_id": customer + 1}, {"expires_at__gt": "2026-03-12"},
            {"expires_at__lt": "2026-03-12"}, {"expires_at": "2026-03-13"}, {"created_at": "2026-03-12"},
            {"created_at__gt": "2026-03-12"}, {"created_at__lt": "2026-03-13"}, {"updated_at__lt": "2026-03-01"},
        )
    ]  # fmt: skip
    assert found == [1, 0, 1, 0, 1, 1, 0, 1, 0]


def _left():
    kinds = (SyntheticDataRequest, Customer, CloudAccount, Instance, Image, Run)
    return [kind._default_manager.count() for kind in kinds]


@pytest.mark.parametrize("way", ["expired", "deleted"])
def test_all_of_it_goes(ask, request_id, way, django_capture_on_commit_callbacks):
    synthetic.make_next(now=AS_OF)
    _calculate()
    with django_capture_on_commit_callbacks():  # nobody makes it yet
        other = ask(PATH, "post", SMALL).json()["id"]

    if way == "deleted":
        assert ask(f"{PATH}{request_id}/", "delete").status_code == 204
        assert ask(f"{PATH}{request_id}/", "delete").status_code == 404
        synthetic.remove_expired(now=AS_OF)
    else:
        ask(f"{PATH}{other}/", "patch", {"expires_at": "2026-04-01T00:00:00Z"})
        synthetic.remove_expired(now=AS_OF + timedelta(1))

    assert _left() == [1, 0, 0, 0, 0, 0]
    assert SyntheticDataRequest.objects.get().pk == other


def test_c46_of_several_accounts_none_is_forgotten(ask, db):
    """C46: of several accounts only the last was deleted, as often as there were accounts."""
    ask(PATH, "post", SMALL | {"account_count": 5})
    synthetic.make_next(now=AS_OF)
    assert CloudAccount.objects.count() == 5

    assert synthetic.remove_expired(now=AS_OF + timedelta(1)) == 1

    assert _left() == [0] * 6


def test_a_customer_who_is_not_made_up_stays(ask, world):
    Customer.objects.filter(pk=world.customer).update(
        org_id="SYNTHETIC-00000000-0000-4000-8000-000000000000",
        account_number="SYNTHETIC-00000000-0000-4000-8000-000000000000",
    )

    assert synthetic.remove_expired(now=AS_OF) == 0
    assert Customer.objects.filter(pk=world.customer).exists()


def test_a_wish_that_cannot_be_made_keeps_no_other_waiting(ask, request_id, monkeypatch):
    second = ask(PATH, "post", SMALL).json()["id"]
    write = requested.write
    monkeypatch.setattr(requested, "write", lambda *_: 1 / 0)
    assert synthetic.make_next(now=AS_OF) == request_id
    monkeypatch.setattr(requested, "write", write)

    assert synthetic.make_next(now=AS_OF) == second

    failed = SyntheticDataRequest.objects.get(pk=request_id)
    assert (failed.made_at, failed.problem) == (None, "division by zero")
    assert Customer.objects.count() == 1


def test_a_wish_whose_time_is_over_is_not_made(ask, request_id):
    assert synthetic.make_next(now=AS_OF + timedelta(1)) is None


@pytest.mark.parametrize("path", [PATH, f"{PATH}1/"])
def test_without_the_switch_there_is_none(ask, settings, path, db):
    settings.ENABLE_SYNTHETIC_DATA_REQUEST_HTTP_API = False

    for method in ("get", "post", "put", "patch", "delete"):
        answer = ask(path, method, SMALL)
        assert answer.status_code in (404, 405)
    assert not SyntheticDataRequest.objects.exists()


def test_making_is_queued(ask, db, django_capture_on_commit_callbacks, monkeypatch):
    monkeypatch.setattr(bodies, "now", lambda: datetime.now(UTC))  # noqa: TID251 - as the task does
    with django_capture_on_commit_callbacks(execute=True):
        made = ask(PATH, "post", SMALL).json()["id"]

    assert ask(f"{PATH}{made}/").json()["is_ready"] is True
