"""Texts of query parameters in, their values out, refused in the words of Django's forms, as callers know them."""

from typing import Any

from django import forms
from django.core import exceptions
from django.http import QueryDict
from rest_framework.exceptions import ValidationError


def clean(field: forms.Field, query: QueryDict, name: str) -> Any:
    """The parameter's value, the field's empty one where it is not given or empty; raises ValidationError."""
    try:
        return field.clean(query.get(name))
    except exceptions.ValidationError as fault:
        raise ValidationError({name: fault.messages}) from fault
