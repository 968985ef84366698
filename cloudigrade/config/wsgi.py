"""The two APIs as WSGI applications, for gunicorn: each has a port and paths of its own."""

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

from cloudigrade.config import env

env.select_settings()
django.setup(set_prefix=False)


class Application(WSGIHandler):
    """One side of the service: whatever is asked of it is looked up in these paths alone."""

    def __init__(self, urlconf: str) -> None:
        super().__init__()
        self.urlconf = urlconf
        self.request_class = type("Request", (WSGIRequest,), {"urlconf": urlconf})


application = Application(settings.ROOT_URLCONF)
internal = Application(settings.INTERNAL_URLCONF)
