"""The API as a WSGI application, for gunicorn."""

from django.core.wsgi import get_wsgi_application

from cloudigrade.config import env

env.select_settings()
application = get_wsgi_application()
