"""The paths of the API, below its root."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from cloudigrade.api.documents import DocumentView
from cloudigrade.api.v2.accounts import AccountViewSet
from cloudigrade.api.v2.concurrent import ConcurrentViewSet
from cloudigrade.api.v2.images import MachineImageViewSet
from cloudigrade.api.v2.instances import InstanceViewSet
from cloudigrade.api.v2.sysconfig import SysconfigViewSet

router = DefaultRouter()
router.register("accounts", AccountViewSet, basename="v2-account")
router.register("instances", InstanceViewSet, basename="v2-instance")
router.register("images", MachineImageViewSet, basename="v2-machineimage")
router.register("sysconfig", SysconfigViewSet, basename="v2-sysconfig")
router.register("concurrent", ConcurrentViewSet, basename="v2-concurrent")

urlpatterns = [
    path("openapi.json", DocumentView.as_view(document="v2"), name="openapi-schema"),
    path("", include(router.urls)),
]
