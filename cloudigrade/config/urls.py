"""Every path of the service."""

from django.urls import include, path

urlpatterns = [path("", include("cloudigrade.api.urls"))]
