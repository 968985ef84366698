"""How gunicorn serves either API; address and number of workers are given on its command line."""

import gc

from django.urls import get_resolver

wsgi_app = "cloudigrade.config.wsgi"
worker_class = "cloudigrade.config.gunicorn_worker.Worker"
threads = 4
# Identity headers may hold 64 KiB, and their name and line end are counted with them.
limit_request_field_size = 66_560
limit_request_line = 8_190
# Nobody talks to a running server but by signals.
control_socket_disable = True


def post_worker_init(worker: object) -> None:
    """The code is loaded before the first request, and the garbage collector no longer walks through it."""
    urlconf = getattr(getattr(worker, "wsgi", None), "urlconf", None)
    get_resolver(urlconf).url_patterns  # noqa: B018 - read to be loaded
    gc.collect()
    gc.freeze()
