"""Images of all customers, and looking at one of them anew."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from cloudigrade.api.internal import bodies, schema
from cloudigrade.api.internal.listing import Listing, described, parse_id, serializer
from cloudigrade.api.internal.tables import IMAGES
from cloudigrade.services import reinspection
from cloudigrade.tasks.inspections import inspect_pending_images
from cloudigrade.tasks.metering import recalculate_usage
from cloudigrade.tasks.sweeps import describe_unknown


@extend_schema_view(
    reinspect=extend_schema(
        **schema.described(
            "reinspectInternalMachineImage", {200: serializer(IMAGES)}, parameters=[schema.ID], errors=(404,)
        )
    )
)
@described(IMAGES)
class MachineImageListing(Listing):
    """What is known of images, whoever uses them."""

    resource = IMAGES

    @action(detail=True, methods=["post"])
    def reinspect(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the framework's signature
        """The image's cloud will be asked again what it is, and its disks are looked into again if they matter."""
        if not reinspection.ask_again(image_id=parse_id(pk), now=bodies.now()):
            raise NotFound
        describe_unknown.delay_on_commit()
        inspect_pending_images.delay_on_commit()
        recalculate_usage.delay_on_commit()
        return Response(self.row(pk))
