"""Every path of the public port."""

from django.urls import include, path

urlpatterns = [path("", include("cloudigrade.api.urls"))]
