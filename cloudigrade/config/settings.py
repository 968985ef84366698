"""Django's settings, all derived from the environment."""

import secrets
from importlib.metadata import version
from typing import Any

from cloudigrade.config import cache, database, env, logs

_environment = env.read()

CLOUDIGRADE_ENVIRONMENT = _environment.environment
CLOUDIGRADE_PSKS = dict(_environment.psks)
IDENTITY_HEADER_TRUSTED = _environment.identity_header_trusted
VERSION = _environment.version or version("cloudigrade")
DATA_FOLDER = _environment.data
WEB_PORT = _environment.web_port
INTERNAL_PORT = _environment.internal_port
RATE_LIMIT_CUSTOMER = _environment.rate_limit_customer
RATE_LIMIT_PSK = _environment.rate_limit_psk

PLATFORM = env.read_platform()
CLOUDS = env.read_clouds()
INSPECTIONS = env.read_inspections()
ENABLE_SYNTHETIC_DATA_REQUEST_HTTP_API = _environment.synthetic_data
LOG_INTERVAL = _environment.log_interval
POLL_INTERVAL = _environment.poll_interval
SWEEP_INTERVAL = _environment.sweep_interval
PROOF_INTERVAL = _environment.proof_interval
CHECK_INTERVAL = _environment.check_interval
DEFINITIONS_INTERVAL = _environment.definitions_interval

INSTALLED_APPS = [
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "cloudigrade.config.apps.Cloudigrade",
]
MIDDLEWARE = [
    "cloudigrade.api.request_id.RequestId",
    "cloudigrade.api.head.without_body",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "cloudigrade.config.urls"
INTERNAL_URLCONF = "cloudigrade.config.internal_urls"
WSGI_APPLICATION = "cloudigrade.config.wsgi.application"
ALLOWED_HOSTS = list(_environment.allowed_hosts)
# Signs nothing so far, so processes with different keys do no harm.
SECRET_KEY = _environment.secret_key.get_secret_value() if _environment.secret_key else secrets.token_urlsafe(48)

DATABASE_URL = _environment.database_url
DATABASES = {
    "default": database.entry(
        DATABASE_URL, connection_age=_environment.connection_age, keeps_statements=_environment.prepared_statements
    )
}
CACHES = {"default": cache.entry(_environment.cache_url, broker_url=_environment.broker_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_MODULES = {"cloudigrade": "cloudigrade.models.migrations"}

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LOGGING = logs.configuration(_environment.log_level, _environment.library_log_level)

CELERY_BROKER_URL = _environment.broker_url
CELERY_VISIBILITY_TIMEOUT = _environment.visibility_timeout
CELERY_TASK_ALWAYS_EAGER = _environment.tasks_eager

REST_FRAMEWORK: dict[str, Any] = {
    # A view that forgets to say so is closed, not open.
    "DEFAULT_AUTHENTICATION_CLASSES": ["cloudigrade.api.authentication.CustomerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_THROTTLE_CLASSES": ["cloudigrade.api.limits.RequestLimit"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "cloudigrade.api.negotiation.Negotiation",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "cloudigrade.api.errors.answer_to",
    # There is no django.contrib.auth, hence none of its anonymous users.
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    # titles and versions are each document's own: cloudigrade.api.documents
    "OAS_VERSION": "3.1.0",
    "LICENSE": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    "DISABLE_ERRORS_AND_WARNINGS": False,
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
}
