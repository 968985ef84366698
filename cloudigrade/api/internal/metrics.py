"""How the service is, for Prometheus: numbers from our tables as they are at the scrape, and nothing of customers."""

from collections.abc import Iterable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from cloudigrade.api.internal import bodies
from cloudigrade.services import gauges
from cloudigrade.services.gauges import Gauge

_NAMESPACE: Final = "cloudigrade"


class _Told:
    """The gauges of one scrape."""

    def __init__(self, told: Iterable[Gauge]) -> None:
        self._told = told

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Each gauge with its values."""
        for gauge in self._told:
            family = GaugeMetricFamily(f"{_NAMESPACE}_{gauge.name}", gauge.meaning, labels=gauge.labels)
            for labels, value in gauge.values:
                family.add_metric(labels, value)
            yield family


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - the framework's signature
    """The gauges in Prometheus' text format."""
    registry = CollectorRegistry()
    collector: Any = _Told(gauges.read(now=bodies.now()))
    registry.register(collector)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
