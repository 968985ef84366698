"""What the store itself refuses, whoever writes to it."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from cloudigrade.models import (
    CloudAccount,
    ConcurrentUsage,
    Customer,
    DirtyDay,
    Image,
    Instance,
    InstanceDefinition,
    InstanceEvent,
    Run,
)
from tests.builders import AS_OF, MONDAY, moment


@pytest.fixture
def customer(db):
    return Customer.objects.create(org_id="0011", created_at=AS_OF)


@pytest.fixture
def account(customer):
    return CloudAccount.objects.create(
        customer=customer, cloud="aws", native_id="000000000042", metered_from=moment(0), created_at=AS_OF
    )


@pytest.fixture
def instance(account):
    return Instance.objects.create(account=account, native_id="i-1", region="eu-west-1")


def run(instance, start, end, bounds="[)"):
    period = DateTimeTZRange(None if start is None else moment(start), None if end is None else moment(end), bounds)
    return Run.objects.create(instance=instance, period=period)


@pytest.mark.parametrize(("start", "end"), [(2, 3), (0, 2), (1, 4), (3, 9), (0, 9), (0, None), (3.9, None)])
def test_c27_runs_of_an_instance_never_overlap(instance, start, end):
    """C27: no race can store a second run of the same time."""
    run(instance, 1, 4)

    with pytest.raises(IntegrityError, match="runs_of_an_instance_do_not_overlap"):
        run(instance, start, end)


def test_runs_may_abut_and_those_of_other_instances_may_overlap(instance, account):
    other = Instance.objects.create(account=account, native_id="i-2", region="eu-west-1")
    run(instance, 1, 4)
    run(instance, 4, None)
    run(other, 2, 3)

    assert Run.objects.count() == 3


@pytest.mark.parametrize(("start", "end"), [(2, 2), (None, 3)])
def test_a_run_has_a_start_and_lasts(instance, start, end):
    with pytest.raises(IntegrityError, match="run_is_not_empty"):
        run(instance, start, end)


def test_c11_an_event_of_a_source_is_stored_once(instance):
    """C11: a unique constraint stands behind it."""
    InstanceEvent.objects.create(instance=instance, source_id="e", occurred_at=AS_OF, kind=1, feed=1)

    with pytest.raises(IntegrityError, match="one_event_per_source"):
        InstanceEvent.objects.create(instance=instance, source_id="e", occurred_at=moment(1), kind=2, feed=1)


def test_a_verified_account_has_one_customer_and_others_may_claim_it(account):
    rival = Customer.objects.create(account_number="2", created_at=AS_OF)
    claim = {"cloud": "aws", "native_id": account.native_id, "metered_from": AS_OF, "created_at": AS_OF}
    CloudAccount.objects.create(customer=rival, is_verified=False, **claim)

    with pytest.raises(IntegrityError, match="one_customer_per_verified_account"):
        CloudAccount.objects.create(customer=rival, **claim)


def test_a_customer_has_a_name(db):
    with pytest.raises(IntegrityError, match="customer_has_a_name"):
        Customer.objects.create(created_at=AS_OF)


@pytest.mark.parametrize("size", [{"vcpu": 0, "memory_mib": 1}, {"vcpu": 1, "memory_mib": -1}])
def test_a_definition_has_a_size(db, size):
    with pytest.raises(IntegrityError, match="definition_has_a_size"):
        InstanceDefinition.objects.create(cloud="aws", instance_type="m5.large", **size)


def test_c27_a_day_has_one_answer_and_one_mark(customer):
    """C27: unique for customer and day."""
    answer = {"customer": customer, "day": MONDAY, "maximum_counts": "[]", "totals": {}, "computed_at": AS_OF}
    ConcurrentUsage.objects.create(**answer)
    DirtyDay.objects.create(customer=customer, day=MONDAY)

    for again in (
        lambda: ConcurrentUsage.objects.create(**answer),
        lambda: DirtyDay.objects.create(customer=customer, day=MONDAY),
    ):
        with pytest.raises(IntegrityError, match="per_customer_and_day"), transaction.atomic():
            again()


def test_an_image_that_instances_boot_from_cannot_vanish(instance):
    instance.image = Image.objects.create(cloud="aws", native_id="ami-1")
    instance.save()

    with pytest.raises(models.ProtectedError):
        instance.image.delete()


def test_p5_no_table_links_usage_to_runs():
    """P5: a day's answer needs no row per run."""
    tables = connection.introspection.django_table_names()
    related = [field.related_model for field in ConcurrentUsage._meta.get_fields() if field.is_relation]

    assert related == [Customer]
    assert not ConcurrentUsage._meta.many_to_many
    assert list(Run._meta.related_objects) == []
    assert len([table for table in tables if "usage" in table]) == 1


INDEXED = {
    "cloudigrade_instanceevent": ("instance_id", "source_id"),
    "cloudigrade_run": ("instance_id", "period"),
    "cloudigrade_concurrentusage": ("customer_id", "day"),
    "cloudigrade_dirtyday": ("customer_id", "day"),
    "cloudigrade_instance": ("account_id", "native_id"),
    "cloudigrade_imageverdict": ("customer_id", "image_id"),
}


@pytest.mark.parametrize(("table", "columns"), INDEXED.items(), ids=INDEXED)
def test_p12_what_is_looked_up_together_is_indexed_together(db, table, columns):
    """P12: no scan of a customer's or an instance's rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s", [table])
        definitions = [definition for (definition,) in cursor.fetchall()]

    assert any(f"({', '.join(columns)}" in definition for definition in definitions)


def test_date_joined_is_the_earliest_start_of_metering_else_the_creation(account):
    """`date_joined` on the wire."""
    CloudAccount.objects.create(
        customer=account.customer, cloud="aws", native_id="2", metered_from=moment(-30), created_at=AS_OF
    )

    assert account.customer.joined_at() == moment(-30)
    assert Customer.objects.create(org_id="2", created_at=AS_OF).joined_at() == AS_OF


def test_the_migrations_are_those_of_the_models(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
