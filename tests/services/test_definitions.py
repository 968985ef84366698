"""The size of a type, whenever it becomes known, is that of all its runs."""

from cloudigrade.models import InstanceDefinition
from cloudigrade.services import definitions
from tests.builders import AS_OF, HOUR, LARGE, XLARGE, day, launch, retype, stop


def test_c13_a_definition_that_arrives_later_fills_size_and_days(stored):
    """C13: an unknown size does not stay unknown."""
    stored.meter(launch("i-1", 1), stop("i-1", 5), launch("i-2", 30, instance_type="m5.xlarge"), stop("i-2", 31))
    assert stored.runs() == [("i-1", 1, 5, "m5.large", None), ("i-2", 30, 31, "m5.xlarge", None)]
    assert stored.totals(day(0))["all"]["vcpu_seconds"] == 0
    assert stored.report(day(0), day(1))["unknown_types"] == ["m5.large"]

    stored.record(LARGE)

    assert stored.recalculate() == (1, 1)
    assert stored.runs() == [("i-1", 1, 5, "m5.large", 2), ("i-2", 30, 31, "m5.xlarge", None)]
    assert stored.totals(day(0))["all"]["vcpu_seconds"] == 8 * HOUR
    assert stored.report(day(0), day(1))["unknown_types"] == []


def test_c13_a_changed_definition_is_not_frozen(stored):
    """C13: definitions are refreshed, and so are the answers."""
    stored.meter(LARGE, launch("i-1", 1), stop("i-1", 5))

    stored.meter(LARGE._replace(vcpu=3, memory_mib=9000))

    assert stored.runs() == [("i-1", 1, 5, "m5.large", 3)]
    assert stored.totals(day(0))["all"]["memory_mib_peak"] == 9000


def test_p6_a_definition_that_says_the_same_recalculates_nothing(stored):
    """P6: the same again is no news."""
    stored.meter(LARGE, launch("i-1", 1))
    stored.record(LARGE, XLARGE)

    assert stored.recalculate() == (0, 0)


def test_only_instances_that_ever_ran_as_the_type_are_recalculated(stored):
    stored.meter(launch("i-1", 1), retype("i-1", 5, "m5.xlarge"), launch("i-2", 1))
    stored.record(XLARGE)

    assert stored.recalculate()[0] == 1


def test_the_last_of_several_definitions_of_a_type_holds(db):
    given = [LARGE._replace(vcpu=1), XLARGE, LARGE]

    assert definitions.record(cloud="aws", definitions=given, as_of=AS_OF) == 2
    assert dict(InstanceDefinition.objects.values_list("instance_type", "vcpu")) == {"m5.large": 2, "m5.xlarge": 4}


def test_definitions_of_another_cloud_are_not_ours(stored):
    stored.meter(launch("i-1", 1))
    definitions.record(cloud="azure", definitions=[LARGE], as_of=AS_OF)

    assert stored.recalculate() == (0, 0)
    assert stored.runs() == [("i-1", 1, None, "m5.large", None)]


def test_no_definitions_are_no_news(db):
    assert definitions.record(cloud="aws", definitions=[], as_of=AS_OF) == 0
