"""Filters of a list that say what they do not understand, instead of showing everything."""

from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import QuerySet
from django.forms.fields import CharField
from django.utils.translation import gettext_lazy as _
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from ticketing.errors import Invalid
from ticketing.hours.rules import DAY, parse_day
from ticketing.toolkit.contracts import parse_uuid
from ticketing.toolkit.fields import DAY_SENTENCE, INSTANT_SENTENCE, SPACE, parse_instant

PAGING = {"cursor", "limit", "ordering"}


class Filters(DjangoFilterBackend):
    """django-filter, strict: an unknown parameter, one given twice, or an empty one is refused."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        """The rows that fit every filter in the address."""
        filterset = getattr(view, "filterset_class", None)
        known = {*(filterset.base_filters if filterset else ()), *PAGING}
        for name, values in request.query_params.lists():
            if name not in known:
                sentence = _("There is no such filter here. There are: %(names)s.")
                raise Invalid(sentence % {"names": ", ".join(sorted(known))}, field=name)
            if len(values) > 1 or not values[0].strip() or any(character < " " for character in values[0]):
                raise Invalid(_("“%(field)s” must be given once, with a value.") % {"field": name}, field=name)
        return super().filter_queryset(request, queryset, view)


class _FlagField(forms.Field):
    def clean(self, value: Any) -> bool | None:
        if value not in (None, "", "true", "false"):
            raise forms.ValidationError(_("Say true or false."))
        return {"true": True, "false": False}.get(value)


class _IdField(CharField):
    def clean(self, value: Any) -> Any:
        if value in (None, ""):
            return None
        if parsed := parse_uuid(value):
            return parsed
        raise forms.ValidationError(_("This is not a UUID."))


class _InstantField(CharField):
    def clean(self, value: Any) -> Any:
        if value in (None, ""):
            return None
        if instant := parse_instant(value):
            return instant
        raise forms.ValidationError(INSTANT_SENTENCE)


class _DayField(CharField):
    def clean(self, value: Any) -> Any:
        if value in (None, ""):
            return None
        if day := parse_day(value):
            return day
        raise forms.ValidationError(DAY_SENTENCE)


class _Shaped(django_filters.Filter):
    """A filter that stands in the description as it is, with its help text."""

    shape: ClassVar[dict[str, Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        extend_schema_field({**self.shape, "description": self.extra.get("help_text", "")})(self)


class TextFilter(_Shaped, django_filters.CharFilter):
    """Some text."""

    shape = {"type": "string", "pattern": rf"^[^\u0000-\u001f]*[^{SPACE}\u0000-\u001f][^\u0000-\u001f]*$"}


class FlagFilter(_Shaped):
    """true or false."""

    field_class = _FlagField
    shape = {"type": "boolean"}


class IdFilter(_Shaped):
    """A UUID with its hyphens."""

    field_class = _IdField
    shape = {"type": "string", "format": "uuid"}


class DayFilter(_Shaped):
    """A day of the calendar."""

    field_class = _DayField
    shape = {"type": "string", "format": "date", "pattern": f"^{DAY}$"}


class InstantFilter(_Shaped):
    """A date and time with its offset (RFC 3339)."""

    field_class = _InstantField
    shape = {"type": "string", "format": "date-time"}
