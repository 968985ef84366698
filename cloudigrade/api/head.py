"""Answers to HEAD without their body, which servers would have to drop, and gunicorn complains about."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def without_body(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: an answer to HEAD has the headers of the GET, its length too, and no body."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "HEAD":
            response.content = b""
        return response

    return answer
