"""Cloud accounts as rows, which operators can have removed."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from cloudigrade.api.internal import accounts, schema
from cloudigrade.api.internal.listing import Listing, described
from cloudigrade.api.internal.tables import CLOUD_ACCOUNTS


@extend_schema_view(
    destroy=extend_schema(
        **schema.described("deleteInternalCloudAccount", {204: None}, parameters=[schema.ID], errors=(404,))
    )
)
@described(CLOUD_ACCOUNTS)
class CloudAccountListing(Listing):
    """Accounts of all customers in all clouds."""

    resource = CLOUD_ACCOUNTS

    def destroy(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the framework's signature
        """The account is on its way out."""
        accounts.delete(pk)
        return Response(status=status.HTTP_204_NO_CONTENT)
