"""The paths of the API."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from cloudigrade.api.concurrent import ConcurrentViewSet
from cloudigrade.api.health import healthz
from cloudigrade.api.schema import SchemaView

router = DefaultRouter()
router.register("concurrent", ConcurrentViewSet, basename="v2-concurrent")

urlpatterns = [
    path("api/cloudigrade/v2/openapi.json", SchemaView.as_view(), name="openapi-schema"),
    path("api/cloudigrade/v2/", include(router.urls)),
    path("internal/healthz/", healthz, name="healthz"),
]
