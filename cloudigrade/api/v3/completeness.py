"""How complete what was read of a customer's accounts is."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from cloudigrade.api.v3 import cursors, describing, etags
from cloudigrade.api.v3.parameters import Parameters
from cloudigrade.api.v3.view import View, json
from cloudigrade.services import coverage, versions
from cloudigrade.services.coverage import Coverage

MOST_GAPS = 200


class Completeness(View):
    """`GET completeness`."""

    @extend_schema(**describing.COMPLETENESS)
    def get(self, request: Request) -> HttpResponseBase:
        """The accounts of the page, each with its feeds and gaps."""
        parameters = Parameters(request, ("account", *cursors.ACCEPTED))
        page = cursors.parse(parameters, whose=f"completeness of {self.customer_id}")
        only = parameters.values("account")
        parameters.require_sound()
        ids = coverage.account_ids(customer_id=self.customer_id, after=page.after, limit=page.limit + 1, only=only)
        shown = ids[: page.limit]
        tag = etags.of(request, self.customer_id, ids, versions.completeness(shown))
        if etags.is_known(request, tag):
            return etags.unchanged(tag)
        found = coverage.of_accounts(shown, most_gaps=MOST_GAPS)
        last = shown[-1] if len(ids) > page.limit else None
        return etags.tagged(json(cursors.envelope(request, page, [_shown(each) for each in found], last=last)), tag)


def _shown(account: Coverage) -> dict[str, Any]:
    return {
        "account": {"id": account.id, "cloud": account.cloud, "native_id": account.native_id},
        "complete_until": account.complete_until,
        "feeds": [feed._asdict() for feed in account.feeds],
        "gaps": [
            {"region": gap.region, "start": gap.starts_at, "end": gap.ends_at, "reason": gap.reason}
            for gap in account.gaps
        ],
        "gap_count": account.gap_count,
    }
