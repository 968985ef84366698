"""`cloudigrade demo`: what it shows and serves is what the simulator knows to be true."""

import json
import re
import shlex
import signal
from datetime import UTC, date, datetime

import pytest
from django.core.management.base import CommandError

from cloudigrade.management import demonstration
from cloudigrade.management.demonstration import Demo, Question
from cloudigrade.models import Customer
from cloudigrade.simulator import write
from cloudigrade.simulator.plan import Plan
from tests.management.running import Running, are_gone, await_that

SIZE = ("--days", 3, "--instances", 8, "--seed", 5)
KEYS = ("arch", "role", "sla", "usage", "service_type")


@pytest.fixture
def demo(tmp_path):
    """Starts it; whatever still runs at the end of the test is killed."""
    started: list[Running] = []

    def start(*arguments):
        output = tmp_path / f"{len(started)}.out"
        started.append(Running("demo", "--data", tmp_path / "demo", "--port", 0, *arguments, output=output))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def truth(tmp_path):
    """Of the same fleet, made up once more."""

    def tell(until: date):
        write.fleet(tmp_path / "fleet", Plan(until=until, seed=5, days=3, customers=2, instances=8))
        return json.loads((tmp_path / "fleet" / "truth.json").read_text())

    return tell


def _shown(text):
    """The table's rows by date."""
    rows = [line.split() for line in text.splitlines() if re.match(r" *\d{4}-\d\d-\d\d ", line)]
    return {day: [int(count) for count in counts] for day, *counts in rows}


def _curl(text):
    """The printed line's header and path."""
    (line,) = [line for line in text.splitlines() if line.startswith("curl ")]
    _, _, header, url = shlex.split(line)
    return dict([header.split(": ", 1)]), re.sub("^http://127.0.0.1:[0-9]+", "", url)


@pytest.mark.enable_socket
def test_it_serves_the_truth_and_shows_it_again_the_second_time(demo, truth):
    first = demo(*SIZE)
    await_that(lambda: "curl " in first.text or first.process.poll() is not None)
    headers, path = _curl(first.text)
    until = date.fromisoformat(path.rsplit("=", 1)[1])
    known = truth(until)
    assert until <= datetime.now(UTC).date()  # noqa: TID251 - the demonstration's clock is the real one

    for customer in known["customers"]:
        answer = first.ask(path, identity={"org_id": customer["org_id"]})
        assert answer.status == 200
        served = {day["date"]: day["maximum_counts"] for day in json.loads(answer.body)["data"]}
        assert served == {day["date"]: day["maximum_counts"] for day in customer["days"]}
    shown = known["customers"][0]
    assert headers == Question(0, shown["org_id"], until, until).headers()
    assert {day: counts[0] for day, counts in _shown(first.text).items()} == {
        day["date"]: _everything(day["maximum_counts"]) for day in shown["days"]
    }
    family = first.family()
    assert first.end(signal.SIGINT) == 0
    assert are_gone(family)

    second = demo(*SIZE, "--once")
    assert second.process.wait(60) == 0
    assert _shown(second.text) == _shown(first.text)


def _everything(counts):
    return next((count["instances_count"] for count in counts if {count[key] for key in KEYS} == {"_ANY"}), 0)


def test_a_folder_with_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine").write_text("precious")

    with pytest.raises(CommandError, match="is not empty and holds no demonstration") as refusal:
        demonstration.claim_mark(tmp_path)

    assert refusal.value.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_new_folder_is_marked_before_anything_is_in_it(tmp_path):
    for folder in (tmp_path / "new", tmp_path / "new"):
        demonstration.claim_mark(folder)

    assert [path.name for path in (tmp_path / "new").iterdir()] == ["demo.json"]


@pytest.fixture
def marked(tmp_path, db):
    demonstration.claim_mark(tmp_path)
    return tmp_path


SHOWN = Demo(seed=1, days=2, instances=3, until=date(2026, 3, 10), customers=("11", "12"))


def _connect(*org_ids):
    for org_id in org_ids:
        Customer.objects.create(org_id=org_id, created_at=datetime(2026, 3, 10, tzinfo=UTC))


def test_the_same_demonstration_keeps_what_is_there(marked):
    demonstration.prepare(marked, SHOWN)
    _connect("11", "12")

    demonstration.prepare(marked, SHOWN)

    assert Customer.objects.count() == 2


def test_another_demonstration_begins_with_an_empty_store(marked):
    demonstration.prepare(marked, SHOWN)
    _connect("11", "12")

    demonstration.prepare(marked, Demo(seed=1, days=2, instances=3, until=date(2026, 3, 11), customers=("11", "12")))

    assert not Customer.objects.exists()


def test_a_real_customer_is_never_touched(marked):
    demonstration.prepare(marked, SHOWN)
    _connect("11", "4711")

    for wanted in (SHOWN, Demo(seed=2, days=2, instances=3, until=date(2026, 3, 10), customers=("4711",))):
        with pytest.raises(CommandError, match="customers that are no demonstration's"):
            demonstration.prepare(marked, wanted)

    assert Customer.objects.count() == 2


def test_the_table_counts_in_all_and_by_architecture():
    def count(number, **named):
        return {**dict.fromkeys(KEYS, "_ANY"), **named, "instances_count": number}

    counts = [count(12), count(3, arch="arm64"), count(10, arch="x86_64"), count(7, arch="x86_64", sla="Premium")]
    body = {"data": [{"date": "2026-03-09", "maximum_counts": counts}, {"date": "2026-03-10", "maximum_counts": []}]}

    assert demonstration.table(json.dumps(body).encode()).splitlines() == [
        "      date  RHEL instances  arm64  x86_64",
        "2026-03-09              12      3      10",
        "2026-03-10               0      0       0",
    ]
