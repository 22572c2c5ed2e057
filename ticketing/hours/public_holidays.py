"""Public holidays by country and region, as their laws have them."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any


def _countries() -> Any:
    import holidays  # a third of a second, which only those wait for who ask for a country

    return holidays


def regions_of(country: str) -> list[str] | None:
    """The parts of a country that have holidays of their own; None of a country that nobody knows."""
    if not country:
        return []
    regions: dict[str, list[str]] = _countries().list_supported_countries(include_aliases=False)
    return regions.get(country)


@lru_cache(maxsize=256)
def public_holidays(country: str, subdivision: str, year: int) -> Mapping[date, str]:
    """The holidays of one year with their names in the country's own language; what nobody knows yet are none."""
    known = _countries().country_holidays
    # The package would take the language from the environment, and two machines would tell two names.
    own = known(country).default_language or "en"
    return MappingProxyType(dict(known(country, subdiv=subdivision or None, years=year, language=own)))
