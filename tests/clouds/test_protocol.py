"""Values that clouds hand over."""

from cloudigrade.clouds.protocol import Batch, FileRead
from tests.builders import ACCOUNT, REGION, launch

PLACE = (ACCOUNT, REGION)


def test_batches_add_up():
    file = FileRead(ACCOUNT, REGION, "a", "x")
    batch = Batch(instances=[launch("i-1", 1)], newest={PLACE: 5}, accounts={"1"}, records_read=2, files=[file])

    batch.add(Batch(instances=[launch("i-2", 2)], newest={PLACE: 3, ("1", "2"): 1}, accounts={"2"}, records_read=3))
    batch.add(Batch())

    assert batch == Batch(
        instances=[launch("i-1", 1), launch("i-2", 2)],
        newest={PLACE: 5, ("1", "2"): 1},
        accounts={"1", "2"},
        records_read=5,
        files=[file],
    )
