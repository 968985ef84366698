"""What customers need to know of this installation to connect their accounts."""

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from cloudigrade.api.authentication import OptionalCustomerAuthentication
from cloudigrade.api.v2 import answers, schema
from cloudigrade.api.v2.remembered import PAUSE, Remembered
from cloudigrade.clouds.cloud import Instructions
from cloudigrade.services import clouds


class CloudSilent(APIException):
    """A cloud does not answer, and has not before."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "AWS does not answer just now, try again later."
    default_code = "cloud_silent"
    wait = PAUSE


def _instructions() -> Instructions:
    return clouds.get("aws").instructions(external_id="")


instructions = Remembered(_instructions)


class SysconfigViewSet(ViewSet):
    """Who we are in AWS, what we ask customers to allow there, and which version this is."""

    authentication_classes = [OptionalCustomerAuthentication]
    pagination_class = None

    @extend_schema(**schema.SYSCONFIG)
    def list(self, request: Request, **_: str) -> HttpResponse:  # noqa: ARG002 - the framework's signature
        """The one answer that there is."""
        known = instructions.read()
        if known is None:
            raise CloudSilent
        content = {
            "aws_account_id": known.principal,
            "aws_policies": {"traditional_inspection": known.policy},
            "azure_offer_template_path": None,
            "version": settings.VERSION,
        }
        return answers.item(content)
