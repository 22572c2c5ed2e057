"""What a browser is called, told from how it introduces itself; honest where that says nothing."""

from django.utils.translation import gettext as _

# The first that fits: nearly every browser also claims to be those below it.
BROWSERS = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
]
SYSTEMS = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
]


def browser_in_words(agent: str) -> str:
    """Such as “Firefox on Windows”; empty when it is none of those that most people use."""
    browser, system = _first(BROWSERS, agent), _first(SYSTEMS, agent)
    if not (agent.startswith("Mozilla/") and browser and system):
        return ""
    return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}


def _first(names: list[tuple[str, str]], agent: str) -> str:
    return next((name for mark, name in names if mark in agent), "")
