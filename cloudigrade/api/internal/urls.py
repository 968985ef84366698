"""The paths of the internal API; they are served on the internal port only."""

from typing import Final

from django.urls import include, path
from rest_framework.routers import APIRootView, DefaultRouter

from cloudigrade.api.authentication import OperatorAuthentication
from cloudigrade.api.documents import DocumentView
from cloudigrade.api.health import healthz
from cloudigrade.api.internal import clouds, tables, triggers
from cloudigrade.api.internal.accounts import AccountListing
from cloudigrade.api.internal.availability import AvailabilityStatus
from cloudigrade.api.internal.cloud_accounts import CloudAccountListing
from cloudigrade.api.internal.concurrent import ConcurrentUsageViewSet
from cloudigrade.api.internal.inspections import MachineImageListing
from cloudigrade.api.internal.listing import Listing, view_of
from cloudigrade.api.internal.metrics import metrics
from cloudigrade.api.internal.problematic import ProblematicRuns
from cloudigrade.api.internal.synthetic import SyntheticDataRequestListing
from cloudigrade.api.internal.usages import ConcurrentUsageListing
from cloudigrade.api.internal.users import UserListing

BASE: Final = "internal/api/cloudigrade/v1/"


class InternalRoot(APIRootView):
    """What there is."""

    authentication_classes = [OperatorAuthentication]


class InternalRouter(DefaultRouter):
    """Routes as the public API has them, and a root for operators only."""

    APIRootView = InternalRoot


class OperatorDocumentView(DocumentView):
    """The OpenAPI document of the internal API, for operators."""

    authentication_classes = [OperatorAuthentication]


router = InternalRouter()
router.register("accounts", AccountListing, basename="internal-account")
router.register("concurrent", ConcurrentUsageViewSet, basename="internal-concurrent")
router.register("users", UserListing, basename="internal-user")
router.register("cloudaccounts", CloudAccountListing, basename="internal-cloudaccount")
router.register("machineimages", MachineImageListing, basename="internal-machineimage")
router.register("concurrentusages", ConcurrentUsageListing, basename="internal-concurrentusage")
router.register("syntheticdatarequests", SyntheticDataRequestListing, basename="internal-syntheticdatarequest")
for resource in (
    tables.INSTANCES,
    tables.INSTANCE_EVENTS,
    tables.RUNS,
    tables.INSTANCE_DEFINITIONS,
    *clouds.ALL,
):
    view: type[Listing] = view_of(resource)
    router.register(resource.path, view, basename=f"internal-{resource.name.lower()}")

urlpatterns = [
    path("internal/healthz/", healthz, name="internal-healthz"),
    path("internal/metrics", metrics, name="internal-metrics"),
    path("internal/openapi.json", OperatorDocumentView.as_view(document="internal"), name="internal-openapi-schema"),
    path(
        "internal/delete_cloud_accounts_not_in_sources/",
        triggers.DeleteCloudAccountsNotInSources.as_view(),
        name="internal-delete-cloud-accounts-not-in-sources",
    ),
    path(
        "internal/migrate_account_numbers_to_org_ids/",
        triggers.MigrateAccountNumbersToOrgIds.as_view(),
        name="internal-migrate-account-numbers-to-org-ids",
    ),
    path("internal/recalculate_runs/", triggers.RecalculateRuns.as_view(), name="internal-recalculate-runs"),
    path(
        "internal/recalculate_concurrent_usage/",
        triggers.RecalculateConcurrentUsage.as_view(),
        name="internal-recalculate-concurrent-usage",
    ),
    path("internal/sources_kafka/", triggers.SourcesKafka.as_view(), name="internal-sources-kafka"),
    path(f"{BASE}availability_status", AvailabilityStatus.as_view(), name="internal-availability-status"),
    path(f"{BASE}problematic_runs/", ProblematicRuns.as_view(), name="internal-problematic-runs"),
    path(BASE, include(router.urls)),
]
