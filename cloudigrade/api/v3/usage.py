"""A customer's usage, by hour, day or month and by whatever is asked for, in three formats."""

from collections.abc import Sequence
from datetime import datetime

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from cloudigrade.api.v3 import describing, etags, problems, usage_formats
from cloudigrade.api.v3.parameters import Parameters
from cloudigrade.api.v3.view import View, now
from cloudigrade.domain import days
from cloudigrade.services import breakdown, versions
from cloudigrade.services.breakdown import DIMENSIONS, Question, TooManyRows

GRANULARITIES = {"hour": 31, "day": 366, "month": 366}
"""How finely time is divided, and how many days may be asked for."""
FORMATS = ("json", "csv", "parquet")
RHEL = {"true": True, "false": False, "all": None}
MOST_ROWS = {"json": 100_000, "csv": 1_000_000, "parquet": 1_000_000}
ACCEPTED = ("start", "end", "granularity", "group_by", "rhel", "format", *DIMENSIONS)

_MINUTE = 60


class Usage(View):
    """`GET usage`."""

    @extend_schema(**describing.USAGE)
    def get(self, request: Request) -> HttpResponseBase:
        """Peaks and seconds of each interval and group."""
        parameters = Parameters(request, ACCEPTED)
        asked, form = (
            _question(parameters, self.customer_id, now()),
            parameters.choice("format", FORMATS, default="json"),
        )
        parameters.require_sound()
        complete = breakdown.completeness_of(asked)
        tag = etags.of(request, self.customer_id, _version(asked), asked.as_of, complete)
        if etags.is_known(request, tag):
            return etags.unchanged(tag)
        try:
            answer = breakdown.answer(asked, complete=complete, most=MOST_ROWS[form])
        except TooManyRows as many:
            raise _too_large(form) from many
        shown = usage_formats.Shown(parameters.one("granularity") or "day", asked, answer)
        given = usage_formats.FORMATS[form](shown)
        if request.method == "HEAD":  # which has no use for a stream
            given = HttpResponse(headers=given.headers)
        return etags.tagged(given, tag)


def _question(parameters: Parameters, customer_id: int, moment: datetime) -> Question:
    """What is asked; where something is wrong, whatever fits, for the parameters know."""
    granularity = parameters.choice("granularity", GRANULARITIES, default="day")
    boundaries = _boundaries(parameters, granularity)
    # the same answer for a minute, so that asking again costs nothing; a period that is over is the same for good
    as_of = days.second_of(moment) // _MINUTE * _MINUTE
    return Question(
        customer_id=customer_id,
        boundaries=boundaries,
        as_of=min(as_of, boundaries[-1]),
        group_by=parameters.listed("group_by", DIMENSIONS),
        only={name: frozenset(values) for name in DIMENSIONS if (values := parameters.values(name))},
        is_rhel=RHEL[parameters.choice("rhel", RHEL, default="true")],
    )


def _boundaries(parameters: Parameters, granularity: str) -> Sequence[int]:
    start, end = parameters.day("start"), parameters.day("end")
    most = GRANULARITIES[granularity]
    if start is None or end is None:
        return (0,)
    if end <= start:
        parameters.refuse("end", "It must be after start: the end is not included.")
    elif (end - start).days > most:
        parameters.refuse("end", f"At most {most} days may be asked for by {granularity}.")
    else:
        return days.boundaries(start, end, granularity)
    return (0,)


def _version(asked: Question) -> str:
    """What the answer rests on, read before the answer is: one that is newer than its tag does no harm."""
    start, end, as_of = (days.instant(second) for second in (asked.boundaries[0], asked.boundaries[-1], asked.as_of))
    return versions.usage(customer_id=asked.customer_id, start=start, end=end, as_of=as_of)


def _too_large(form: str) -> problems.Refusal:
    most = f"It would have more than {MOST_ROWS[form]:,} rows."
    return problems.Refusal(
        400,
        "answer-too-large",
        "The answer would be too large",
        f"{most} Ask for fewer days or groups, or by a coarser granularity"
        + ("; csv and parquet allow more." if form == "json" else "."),
    )
