import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.module_loading import import_string


def test_what_is_not_used_is_not_installed():
    assert {app.name for app in apps.get_app_configs()} == {
        "django.contrib.postgres",
        "rest_framework",
        "drf_spectacular",
        "cloudigrade",
    }
    assert all(model.__module__.startswith("cloudigrade.models.") for model in apps.get_models())


def test_every_model_lives_in_the_one_app():
    assert {model._meta.app_label for model in apps.get_models()} == {"cloudigrade"}
    assert settings.MIGRATION_MODULES == {"cloudigrade": "cloudigrade.models.migrations"}


def test_security_headers():
    answer = lambda _: HttpResponse("x")  # noqa: E731 the innermost middleware
    for name in reversed(settings.MIDDLEWARE):
        answer = import_string(name)(answer)
    headers = answer(RequestFactory().get("/", SERVER_NAME="localhost")).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_time_is_utc():
    assert (settings.USE_TZ, settings.TIME_ZONE) == (True, "UTC")


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
