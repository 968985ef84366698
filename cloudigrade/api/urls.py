"""The paths of the public API."""

from django.urls import include, path

from cloudigrade.api.health import healthz

urlpatterns = [
    path("api/cloudigrade/v2/", include("cloudigrade.api.v2.urls")),
    path("api/cloudigrade/v3/", include("cloudigrade.api.v3.urls")),
    path("internal/healthz/", healthz, name="healthz"),
]
