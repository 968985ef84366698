"""The application with the benchmark's URLs."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "cloudigrade.config.settings"

from django.conf import settings
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
settings.ROOT_URLCONF = "benchmarks.api_urls"
