"""Every list of the internal API: its fields and the rows that each filter finds."""

import pytest

pytestmark = pytest.mark.django_db

AT, LATER = "2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z"
TIMES = {"created_at": AT, "updated_at": LATER}
NO_TIMES = {"created_at": None, "updated_at": None}

FIELDS = {
    "accounts": ("account", lambda w: {
        "account_id": w.account, **TIMES, "user_id": w.customer, "cloud_type": "aws", "is_enabled": True,
        "platform_authentication_id": 7, "platform_application_id": 8, "platform_source_id": 9,
        "platform_application_is_paused": False,
        "content_object": {
            **TIMES, "aws_cloud_account_id": w.account, "aws_account_id": "000000000042",
            "account_arn": "arn:aws:iam::000000000042:role/metering",
        },
    }),
    "cloudaccounts": ("account", lambda w: {
        "id": w.account, **TIMES, "object_id": w.account, "content_type": None, "is_enabled": True, "enabled_at": AT,
        "is_synthetic": False, "platform_application_id": 8, "platform_application_is_paused": False,
        "platform_authentication_id": 7, "platform_source_id": 9, "user": w.customer,
    }),
    "instances": ("instance", lambda w: {
        "id": w.instance, **TIMES, "object_id": w.instance, "content_type": None, "cloud_account": w.account,
        "machine_image": w.image,
    }),
    "machineimages": ("other_image", lambda w: {
        "id": w.other_image, **TIMES, "object_id": w.other_image, "content_type": None,
        "inspection_json": '{"rhel_product_certs_found":true,"rhel_version":"9.4"}', "is_encrypted": False,
        "status": "inspected", "rhel_detected_by_tag": True, "openshift_detected": False, "name": None,
        "architecture": "x86_64",
    }),
    "awscloudaccounts": ("account", lambda w: {
        "id": w.account, **TIMES, "aws_account_id": "000000000042",
        "account_arn": "arn:aws:iam::000000000042:role/metering",
    }),
    "awsinstances": ("instance", lambda w: {
        "id": w.instance, **TIMES, "ec2_instance_id": "i-mine", "region": "eu-west-1",
    }),
    "awsmachineimages": ("image", lambda w: {
        "id": w.image, **TIMES, "ec2_ami_id": "ami-mine", "platform": "none", "owner_aws_account_id": "309956199498",
        "region": "eu-west-1", "product_codes": None, "platform_details": "Red Hat BYOL Linux",
        "usage_operation": "RunInstances:00g0", "aws_marketplace_image": False, "is_cloud_access": True,
        "is_marketplace": False,
    }),
}  # fmt: skip


@pytest.mark.parametrize("path", FIELDS)
def test_a_row_has_these_fields(ask, world, path):
    which, expected = FIELDS[path]

    answer = ask(f"{path}/{world[which]}/")

    assert (answer.status_code, answer.json()) == (200, expected(world))
    assert answer.json() in ask(f"{path}/").json()["data"]


def test_an_image_of_the_market(ask, world):
    row = ask(f"awsmachineimages/{world.other_image}/").json()

    assert (row["aws_marketplace_image"], row["is_marketplace"], row["is_cloud_access"]) == (True, True, False)
    assert (row["platform"], row["owner_aws_account_id"]) == ("windows", None)
    assert row["product_codes"] == [{"ProductCodeId": "abc", "ProductCodeType": "marketplace"}]


def test_the_events_of_an_instance(ask, world):
    rows = ask("instanceevents/", instance=world.instance).json()["data"]

    assert [(row["event_type"], row["occurred_at"]) for row in rows] == [
        ("power_on", "2026-03-02T01:00:00Z"),
        ("attribute_change", "2026-03-02T02:00:00Z"),
        ("power_off", "2026-03-02T04:00:00Z"),
    ]
    first = world.events[0]
    assert ask(f"instanceevents/{first}/").json() == {
        "id": first, **NO_TIMES, "object_id": first, "content_type": None, "event_type": "power_on",
        "occurred_at": "2026-03-02T01:00:00Z", "instance": world.instance,
    }  # fmt: skip
    assert ask(f"awsinstanceevents/{first}/").json() == {
        "id": first, **NO_TIMES, "subnet": None, "instance_type": "m5.large",
    }  # fmt: skip


def test_a_run_that_ended_and_one_that_goes_on(ask, world):
    assert ask(f"runs/{world.runs[0]}/").json() == {
        "id": world.runs[0], **NO_TIMES, "start_time": "2026-03-02T01:00:00Z", "end_time": "2026-03-02T04:00:00Z",
        "machineimage": world.image, "instance": world.instance, "instance_type": "m5.large", "memory": 8192.0,
        "vcpu": 2,
    }  # fmt: skip
    open_run = ask(f"runs/{world.other_runs[0]}/").json()
    assert (open_run["end_time"], open_run["instance_type"], open_run["vcpu"], open_run["memory"]) == (
        None, "x9.unknown", None, None,
    )  # fmt: skip


def test_a_size(ask, world):
    rows = ask("instancedefinitions/").json()["data"]

    assert [{**row, "id": None} for row in rows] == [
        {
            "id": None, **NO_TIMES, "instance_type": "m5.large", "cloud_type": "aws", "memory_mib": 8192,
            "vcpu": "2.00", "json_definition": None,
        }
    ]  # fmt: skip


def test_a_day_and_the_runs_behind_it(ask, world):
    first, second = world.usage[:2]

    row = ask(f"concurrentusages/{first}/", include_runs="true").json()

    assert {name: value for name, value in row.items() if name != "maximum_counts"} == {
        "id": first, "created_at": "2026-03-12T00:00:00Z", "updated_at": "2026-03-12T00:00:00Z", "date": "2026-03-02",
        "user": world.customer, "potentially_related_runs": world.runs,
    }  # fmt: skip
    assert row["maximum_counts"][0] == {
        "arch": "_ANY", "role": "", "sla": "", "usage": "", "service_type": "", "instances_count": 1,
    }  # fmt: skip
    assert ask(f"concurrentusages/{second}/", include_runs="1").json()["potentially_related_runs"] == []
    assert "potentially_related_runs" not in ask(f"concurrentusages/{first}/", include_runs="false").json()
    listed = ask("concurrentusages/", include_runs="True", org_id="11").json()["data"]
    assert [each["potentially_related_runs"] for each in listed[:2]] == [world.runs, []]


# path, query, the names of the ids that are found
FOUND = [
    ("cloudaccounts", {"is_enabled": "true"}, ["account"]),
    ("cloudaccounts", {"is_enabled": "False"}, ["other_account"]),
    ("cloudaccounts", {"is_synthetic": "1"}, ["other_account"]),
    ("cloudaccounts", {"is_synthetic": "0"}, ["account"]),
    ("cloudaccounts", {"object_id": "account"}, ["account"]),
    ("cloudaccounts", {"platform_application_id": "8"}, ["account"]),
    ("cloudaccounts", {"platform_application_id": "8.5"}, []),
    ("cloudaccounts", {"platform_application_is_paused": "true"}, ["other_account"]),
    ("cloudaccounts", {"platform_authentication_id": "7"}, ["account"]),
    ("cloudaccounts", {"platform_source_id": "9"}, ["account"]),
    ("cloudaccounts", {"user": "neighbour"}, ["other_account"]),
    ("cloudaccounts", {"user": "999999"}, []),
    ("cloudaccounts", {"created_at": AT}, ["account", "other_account"]),
    ("cloudaccounts", {"created_at__lt": AT}, []),
    ("cloudaccounts", {"created_at__lt": "2026-03-01T12:00:01"}, ["account", "other_account"]),
    ("cloudaccounts", {"created_at__gt": "2026-03-01"}, ["account", "other_account"]),
    ("cloudaccounts", {"updated_at": "2026-03-01T14:00:00+01:00"}, ["account", "other_account"]),
    ("cloudaccounts", {"updated_at__lt": LATER}, []),
    ("cloudaccounts", {"updated_at__gt": AT}, ["account", "other_account"]),
    ("cloudaccounts", {"account_number": "0011"}, ["account"]),
    ("cloudaccounts", {"username": "0011"}, ["account"]),
    ("cloudaccounts", {"org_id": "22"}, ["other_account"]),
    ("cloudaccounts", {"org_id": "22", "is_enabled": "true"}, []),
    ("cloudaccounts", {"org_id": "", "unknown": "22"}, ["account", "other_account"]),
    ("instances", {"cloud_account": "account"}, ["instance"]),
    ("instances", {"machine_image": "other_image"}, ["other_instance"]),
    ("instances", {"object_id": "instance"}, ["instance"]),
    ("instances", {"created_at": AT}, ["instance", "other_instance"]),
    ("instances", {"created_at__lt": AT}, []),
    ("instances", {"created_at__gt": AT}, []),
    ("instances", {"updated_at": AT}, []),
    ("instances", {"updated_at__lt": LATER}, []),
    ("instances", {"updated_at__gt": AT}, ["instance", "other_instance"]),
    ("instances", {"running_since": "2026-03-03T06:00:00Z"}, ["other_instance"]),
    ("instances", {"running_since": "2026-03-03T05:59:59Z"}, []),
    ("instances", {"account_number": "0011"}, ["instance"]),
    ("instances", {"username": "0011"}, ["instance"]),
    ("instances", {"org_id": "22"}, ["other_instance"]),
    ("instanceevents", {"event_type": "power_on", "org_id": "22"}, ["other_events"]),
    ("instanceevents", {"event_type": "power_off", "org_id": "22"}, []),
    ("instanceevents", {"instance": "other_instance"}, ["other_events"]),
    ("instanceevents", {"cloud_account": "account"}, ["events"]),
    ("instanceevents", {"account_number": "0011"}, ["events"]),
    ("instanceevents", {"username": "0011"}, ["events"]),
    ("machineimages", {"architecture": "x86_64"}, ["image", "other_image"]),
    ("machineimages", {"architecture": "arm64"}, []),
    ("machineimages", {"object_id": "image"}, ["image"]),
    ("machineimages", {"name": "RHEL-9.4.0_HVM-20240605-x86_64-82-Access2-GP3"}, ["image"]),
    ("machineimages", {"status": "inspected"}, ["image", "other_image"]),
    ("machineimages", {"status": "pending"}, []),
    ("machineimages", {"status": "preparing"}, []),
    ("machineimages", {"status": "inspecting"}, []),
    ("machineimages", {"status": "error"}, []),
    ("machineimages", {"status": "unavailable"}, []),
    ("machineimages", {"created_at": AT}, ["image", "other_image"]),
    ("machineimages", {"created_at__lt": AT}, []),
    ("machineimages", {"created_at__gt": AT}, []),
    ("machineimages", {"updated_at": LATER}, ["image", "other_image"]),
    ("machineimages", {"updated_at__lt": LATER}, []),
    ("machineimages", {"updated_at__gt": LATER}, []),
    ("runs", {"instance": "instance"}, ["runs"]),
    ("runs", {"instance_type": "x9.unknown"}, ["other_runs"]),
    ("runs", {"machineimage": "image"}, ["runs"]),
    ("runs", {"memory": "8192.0"}, ["runs"]),
    ("runs", {"vcpu": "2"}, ["runs"]),
    ("runs", {"vcpu": "4"}, []),
    ("runs", {"cloud_account": "other_account"}, ["other_runs"]),
    ("runs", {"start_time": "2026-03-02T01:00:00Z"}, ["runs"]),
    ("runs", {"start_time__lt": "2026-03-02T02:00:00Z"}, ["runs"]),
    ("runs", {"start_time__gt": "2026-03-02T02:00:00Z"}, ["other_runs"]),
    ("runs", {"end_time": "2026-03-02T04:00:00Z"}, ["runs"]),
    ("runs", {"end_time__lt": "2026-03-02T04:00:00Z"}, []),
    ("runs", {"end_time__gt": "2026-03-02T03:00:00Z"}, ["runs"]),
    ("runs", {"account_number": "0011"}, ["runs"]),
    ("runs", {"username": "0011"}, ["runs"]),
    ("runs", {"org_id": "22"}, ["other_runs"]),
    ("concurrentusages", {"account_number": "0011", "limit": "100"}, ["usage"]),
    ("concurrentusages", {"username": "0011", "limit": "100"}, ["usage"]),
    ("concurrentusages", {"org_id": "11", "date__gt": "2026-03-01", "limit": "100"}, ["usage"]),
    ("concurrentusages", {"org_id": "11", "date__lt": "2026-03-02"}, []),
    ("concurrentusages", {"org_id": "11", "created_at": "2026-03-12", "limit": "100"}, ["usage"]),
    ("concurrentusages", {"org_id": "11", "created_at__lt": "2026-03-12"}, []),
    ("concurrentusages", {"org_id": "11", "created_at__gt": "2026-03-12"}, []),
    ("concurrentusages", {"org_id": "11", "updated_at": "2026-03-12", "limit": "100"}, ["usage"]),
    ("concurrentusages", {"org_id": "11", "updated_at__lt": "2026-03-12"}, []),
    ("concurrentusages", {"org_id": "11", "updated_at__gt": "2026-03-12"}, []),
    ("concurrentusages", {"run": "999999"}, []),
    ("awscloudaccounts", {"aws_account_id": "000000000042"}, ["account"]),
    ("awscloudaccounts", {"aws_account_id": "42"}, ["account"]),
    ("awscloudaccounts", {"account_arn": "arn:aws:iam::000000000042:role/metering"}, ["account"]),
    ("awscloudaccounts", {"created_at__gt": AT}, []),
    ("awscloudaccounts", {"updated_at__lt": LATER}, []),
    ("awscloudaccounts", {"account_number": "0011"}, ["account"]),
    ("awscloudaccounts", {"username": "0011"}, ["account"]),
    ("awscloudaccounts", {"org_id": "22"}, ["other_account"]),
    ("awsinstances", {"ec2_instance_id": "i-theirs"}, ["other_instance"]),
    ("awsinstances", {"region": "eu-west-1"}, ["instance", "other_instance"]),
    ("awsinstances", {"region": "eu-west-2"}, []),
    ("awsinstances", {"created_at__lt": AT}, []),
    ("awsinstances", {"updated_at": LATER}, ["instance", "other_instance"]),
    ("awsmachineimages", {"ec2_ami_id": "ami-mine"}, ["image"]),
    ("awsmachineimages", {"platform": "none"}, ["image"]),
    ("awsmachineimages", {"platform": "windows"}, ["other_image"]),
    ("awsmachineimages", {"owner_aws_account_id": "309956199498"}, ["image"]),
    ("awsmachineimages", {"region": "eu-west-1"}, ["image", "other_image"]),
    ("awsmachineimages", {"aws_marketplace_image": "true"}, ["other_image"]),
    ("awsmachineimages", {"aws_marketplace_image": "false"}, ["image"]),
    ("awsmachineimages", {"created_at__gt": AT}, []),
    ("awsmachineimages", {"updated_at__gt": AT}, ["image", "other_image"]),
    ("awsinstanceevents", {"instance_type": "x9.unknown"}, ["other_events"]),
    *((path, {}, []) for path in (
        "azurecloudaccounts", "azureinstances", "azuremachineimages", "azureinstanceevents"
    )),
]  # fmt: skip


@pytest.mark.parametrize(("path", "query", "expected"), FOUND)
def test_what_a_filter_finds(ask, world, path, query, expected):
    query = {name: getattr(world, value, value) if isinstance(value, str) else value for name, value in query.items()}

    answer = ask(f"{path}/", **query)

    ids = [found for name in expected for found in (world[name] if isinstance(world[name], list) else [world[name]])]
    assert answer.status_code == 200
    assert [row["id"] for row in answer.json()["data"]] == ids
    assert answer.json()["meta"] == {"count": len(ids)}


def test_the_days_of_a_run(ask, world):
    listed = ask("concurrentusages/", run=world.runs[0]).json()["data"]
    still = ask("concurrentusages/", run=world.other_runs[0]).json()["data"]

    assert [row["date"] for row in listed] == ["2026-03-02"]
    assert [row["date"] for row in still] == [f"2026-03-{day:02d}" for day in range(3, 12)]
    assert {row["user"] for row in still} == {world.neighbour}


def test_a_day_of_all_customers(ask, world):
    rows = ask("concurrentusages/", date="2026-03-02").json()["data"]

    assert {(row["date"], row["user"]) for row in rows} == {
        ("2026-03-02", world.customer),
        ("2026-03-02", world.neighbour),
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"cloud_type": "aws"}, 1), ({"cloud_type": "azure"}, 0), ({"instance_type": "m5.large"}, 1),
        ({"instance_type": "m5"}, 0), ({"memory_mib": "8192"}, 1), ({"memory_mib": "1"}, 0), ({"vcpu": "2.00"}, 1),
        ({"vcpu": "2.50"}, 0),
    ],
)  # fmt: skip
def test_what_is_found_of_sizes(ask, world, query, count):
    assert ask("instancedefinitions/", **query).json()["meta"] == {"count": count}


def test_azure_rows_are_those_of_the_same_tables(ask, world):
    from cloudigrade.models import CloudAccount, Image  # noqa: PLC0415 - of no other test here

    CloudAccount.objects.filter(pk=world.account).update(cloud="azure", native_id="a-subscription")
    Image.objects.filter(pk=world.other_image).update(cloud="azure", native_id="a-plan")

    assert [row["subscription_id"] for row in ask("azurecloudaccounts/").json()["data"]] == ["a-subscription"]
    assert [row["id"] for row in ask("awscloudaccounts/").json()["data"]] == [world.other_account]
    assert ask(f"azureinstances/{world.instance}/").json() == {
        "id": world.instance, **TIMES, "resource_id": "i-mine", "region": "eu-west-1",
    }  # fmt: skip
    types = [row["instance_type"] for row in ask("azureinstanceevents/").json()["data"]]
    assert types == ["m5.large", "m5.large", None]
    assert ask(f"azuremachineimages/{world.other_image}/").json() == {
        "id": world.other_image, **TIMES, "resource_id": "a-plan", "region": "eu-west-1",
        "azure_marketplace_image": True, "is_cloud_access": False, "is_marketplace": True,
    }  # fmt: skip
    content = ask(f"accounts/{world.account}/").json()["content_object"]
    assert content == {**TIMES, "azure_cloud_account_id": world.account, "subscription_id": "a-subscription"}
