"""Every path of the internal port."""

from django.urls import include, path

urlpatterns = [path("", include("cloudigrade.api.internal.urls"))]
