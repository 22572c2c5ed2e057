"""Reading pages as people do, and a catalogue whose every word shows that it came from a catalogue."""

import re
from html.parser import HTMLParser
from pathlib import Path

import django
import polib
from django.apps import apps
from django.conf import settings

OPEN, SHUT = "⟦", "⟧"
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# A sentence goes on through these; everything else begins and ends one.
INLINE = {"a", "abbr", "b", "bdi", "em", "i", "mark", "small", "span", "strong", "sub", "sup", "time", "u", "wbr"}
UNREAD = {"script", "style", "template", "code", "kbd", "samp", "textarea"}
SAID = ("title", "alt", "aria-label", "aria-description", "aria-roledescription", "aria-valuetext", "placeholder")
BUTTONS = ("submit", "button", "reset")


class Reader(HTMLParser):
    """What a page says: its visible text, sentence by sentence, and the attributes that are read out or shown."""

    def __init__(self, page):
        super().__init__()
        self.sentences, self.so_far, self.unread = [], "", []
        self.feed(page)
        self.end()

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        if tag not in VOID and (self.unread or tag in UNREAD or given.get("lang", "de") != "de"):
            self.unread.append(tag)
        if not self.unread or self.unread == ["textarea"]:
            self.sentences += [text for name, text in given.items() if is_said(tag, name, given)]
        self.between(tag)

    def handle_endtag(self, tag):
        if tag in self.unread:
            while self.unread.pop() != tag:
                pass
        self.between(tag)

    def handle_data(self, text):
        if not self.unread:
            self.so_far += text

    def between(self, tag):
        if tag not in INLINE | {"code", "kbd"}:
            self.end()

    def end(self):
        self.sentences.append(" ".join(self.so_far.split()))
        self.so_far = ""


def is_said(tag, name, given):
    """Whether people read this attribute; of those made for scripts, the ones that hold more than one word."""
    if given.get("type") == "hidden":
        return False
    if name == "value":
        return tag == "input" and given.get("type") in BUTTONS
    is_sentence = " " in given[name] and not given[name].startswith(("{", "["))
    return name in (*SAID, "label", "data-label") or (name.startswith("data-") and is_sentence)


# What no catalogue has to know: addresses, paths, dotted names, codes, whatever holds a digit or an underscore.
TECHNICAL = re.compile(r"\S*(?:[@/_\d]|\w\.\w)\S*|\b[A-Z]{12}\b")
WORD = re.compile(r"[A-Za-zÀ-ɏ]{2,}")
MARKS = re.compile(rf"({OPEN}|{SHUT})")


def outside(sentence):
    """The Latin words of a sentence that came from no catalogue."""
    depth, found = 0, []
    for part in MARKS.split(sentence):
        depth += (part == OPEN) - (part == SHUT)
        if depth <= 0:
            found += WORD.findall(TECHNICAL.sub(" ", part.strip(OPEN + SHUT)))
    return found


PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[srd]|\{\w*\}")


QUOTED = re.compile(r"([„“\s]*)(.*?)([„“\s]*)", re.DOTALL)


def marked(text):
    """The text in brackets, but for what is filled in and the quotes around it."""
    filled = [*PLACEHOLDER.findall(text), ""]
    return "".join(in_brackets(part) + gap for part, gap in zip(PLACEHOLDER.split(text), filled, strict=True))


def in_brackets(part):
    before, said, after = QUOTED.fullmatch(part).groups()
    return f"{before}{OPEN}{said}{SHUT}{after}" if said else part


def in_catalogues():
    """Every German entry that the site reads, merged as by Django: the first app wins, and the site over all."""
    found = {}
    roots = [Path(django.__file__).parent / "conf", *(Path(app.path) for app in reversed(list(apps.get_app_configs())))]
    for folder in [*(root / "locale" for root in roots), *map(Path, settings.LOCALE_PATHS)]:
        path = folder / "de" / "LC_MESSAGES" / "django.mo"
        if path.exists():
            found |= {(entry.msgctxt, entry.msgid): entry for entry in polib.mofile(path)}
    return found.values()


def write_marked_catalogue(folder):
    """A catalogue below this folder in which every German text is marked."""
    path = folder / "de" / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True)
    catalogue = polib.MOFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Plural-Forms": "nplurals=2; plural=(n != 1);"}
    catalogue.extend(marked_entry(entry) for entry in in_catalogues())
    catalogue.save(str(path))


def marked_entry(entry):
    """The entry with every German text marked; of a list for a filter, each word of it."""
    if entry.msgid == "yes,no,maybe":
        texts = {"msgstr": ",".join(marked(word) for word in entry.msgstr.split(","))}
    elif entry.msgid_plural:
        plural = {number: marked(text) for number, text in entry.msgstr_plural.items()}
        texts = {"msgid_plural": entry.msgid_plural, "msgstr_plural": plural}
    else:
        texts = {"msgstr": marked(entry.msgstr)}
    return polib.MOEntry(msgid=entry.msgid, msgctxt=entry.msgctxt, **texts)
