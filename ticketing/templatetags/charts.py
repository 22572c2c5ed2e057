"""Charts in templates: {% bars chart %}, {% lines chart %}, {% heat_map chart %}."""

from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ticketing.toolkit import charts
from ticketing.toolkit.charts import Chart, Number, Sheet

register = template.Library()

UNITS: dict[int, Promise] = {
    1_000: _("in thousands"),
    1_000_000: _("in millions"),
    1_000_000_000: _("in billions"),
}


@register.inclusion_tag("partials/charts/_chart.html")
def bars(chart: Chart) -> dict[str, Any]:
    """One bar for each label."""
    return _drawn(chart, charts.bars(chart))


@register.inclusion_tag("partials/charts/_chart.html")
def lines(chart: Chart) -> dict[str, Any]:
    """A line for each series."""
    return _drawn(chart, charts.lines(chart))


@register.inclusion_tag("partials/charts/_chart.html")
def heat_map(chart: Chart) -> dict[str, Any]:
    """A cell for each label and series."""
    return _drawn(chart, charts.heat_map(chart))


@register.filter
def grouped(number: int | None) -> str:
    """A whole number as the reader's language writes it; a dash for one that is not known."""
    return "–" if number is None else number_format(number, use_l10n=True, force_grouping=True)


@register.filter
def written(number: Number) -> str:
    """A number of a drawing in its unit."""
    if not number.value:
        return grouped(number.value)
    rounded = round(number.value / number.unit)
    return grouped(rounded) if rounded else f"<{grouped(1)}"


def _drawn(chart: Chart, sheet: Sheet) -> dict[str, Any]:
    return {"chart": chart, "sheet": sheet, "unit": UNITS.get(sheet.unit, ""), "sentence": _sentence(chart)}


def _sentence(chart: Chart) -> str:
    """What a chart shows, to whoever does not see it; empty where there is nothing to show."""
    if not chart.known:
        return ""
    number, label, name = max(chart.known, key=lambda known: known[0])
    if not number:
        return gettext("Every number is 0.")
    where = {"number": grouped(number), "label": label, "series": name}
    if len(chart.known) == 1:
        return gettext("There is one number: %(number)s at %(label)s.") % where
    if len(chart.series) == 1:
        return gettext("The highest number is %(number)s, at %(label)s.") % where
    return gettext("The highest number is %(number)s, at %(label)s: %(series)s.") % where
