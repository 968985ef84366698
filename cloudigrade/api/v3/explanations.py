"""Why an image or an instance is counted as it is."""

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from cloudigrade.api.v3 import cursors, describing
from cloudigrade.api.v3.parameters import Parameters
from cloudigrade.api.v3.view import View, json, known_id
from cloudigrade.domain import days
from cloudigrade.services import explanations


class InstanceRuns(View):
    """`GET instances/{id}/runs`."""

    @extend_schema(**describing.RUNS)
    def get(self, request: Request, instance_id: int) -> HttpResponse:
        """The periods in which the instance was on, and what each counts as."""
        parameters = Parameters(request, cursors.ACCEPTED)
        page = cursors.parse(parameters, whose=f"runs of {instance_id} of {self.customer_id}")
        parameters.require_sound()
        found = explanations.runs(
            customer_id=self.customer_id,
            instance_id=known_id(instance_id),
            after=page.after,
            limit=page.limit + 1,
        )
        if found is None:
            raise NotFound
        shown = found[: page.limit]
        last = days.second_of(shown[-1].start) if len(found) > page.limit else None
        return json(cursors.envelope(request, page, [run._asdict() for run in shown], last=last))


class ImageVerdict(View):
    """`GET images/{id}/verdict`."""

    @extend_schema(**describing.VERDICT)
    def get(self, request: Request, image_id: int) -> HttpResponse:
        """What the evidence of the image adds up to, and why."""
        Parameters(request, ()).require_sound()
        found = explanations.image(customer_id=self.customer_id, image_id=known_id(image_id))
        if found is None:
            raise NotFound
        names = {"id": found.id, "cloud": found.cloud, "region": found.region, "native_id": found.native_id}
        looked = explanations.inspection(customer_id=self.customer_id, image_id=found.id)
        return json(
            {
                "image": names,
                **msgspec.to_builtins(found.verdict),
                "evidence": msgspec.to_builtins(found.evidence),
                "inspection": looked and looked._asdict(),
            }
        )
