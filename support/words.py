"""Words that somebody looks for: how they are understood, asked of the database, and marked in what is found.

The functions of the database that are named here are made by the migration 0014_search.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.postgres.search import SearchQueryField, SearchVectorField
from django.db.models import BooleanField, F, FloatField, Func, Value
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

MOST_PIECES, LONGEST_PIECE, MOST_TYPED = 20, 100, 1000
# Letters: what begins with fewer is nearly everything. What an address ends with, .org, is whole.
SHORTEST_BEGINNING, SHORTEST_OF_SEVERAL = 3, 4
BEFORE_IT, PASSAGE = 50, 180  # signs shown before the first word found, and in all

_TYPED = re.compile(r'(-?)"([^"]*)"?|(\S+)')
_MARKS = re.compile("[\u0300-\u036f]+")
_SIGNS = re.compile("[\u0001-/:-@\\[-`{-\u00bf\u2000-\u206f\u3000-\u303f]+")
_WORD = re.compile("(?:[^\\W_]|[\u0300-\u036f])+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def plain(said: str) -> str:
    """The words as `support_plain` has them: in small letters, without accents and other signs."""
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", said.lower().replace("ß", "ss")))
    return _SIGNS.sub(" ", bare).strip()


def without_umlauts(said: str) -> str:
    """As those write it who have no umlauts."""
    return unicodedata.normalize("NFC", said.lower()).translate(_UMLAUTS)


class Piece(NamedTuple):
    """A word, or several beside each other."""

    said: str
    begins: bool = False  # whether the last word may go on
    excluded: bool = False

    @property
    def spellings(self) -> list[str]:
        """As it is, and without umlauts. What is asked twice PostgreSQL would believe to be twice as frequent."""
        return [self.said] if self.said.isascii() else list(dict.fromkeys([self.said, without_umlauts(self.said)]))

    def as_query(self) -> Func:
        """What to ask for it."""
        ways = [Func(Value(way), Value(self.begins), function="support_sought") for way in self.spellings]
        return _joined(" || ", ways, "!!(%(expressions)s)" if self.excluded else "(%(expressions)s)")


@dataclass(frozen=True)
class Sought:
    """What somebody looks for: every piece of one of the groups."""

    groups: tuple[tuple[Piece, ...], ...]

    def __bool__(self) -> bool:
        return bool(self.groups)

    def matches(self, vector: Any, *, by_index: bool = True) -> Func:
        """Whether a row has it; asked of the row itself where no index is to be asked."""
        template = "(%(expressions)s)" if by_index else "((%(expressions)s) IS TRUE)"
        return Func(vector, self._query, template=template, arg_joiner=" @@ ", output_field=BooleanField())

    def rank(self, vector: Any) -> Func:
        """How well a row fits."""
        return Func(vector, self._query, function="ts_rank", output_field=FloatField())

    @property
    def _query(self) -> Func:
        return _joined(" || ", [_joined(" && ", [piece.as_query() for piece in group]) for group in self.groups])

    def marked(self, said: str) -> SafeString:
        """The text as HTML, with each word that was looked for marked."""
        shown, end = [], 0
        for found in self._found(said):
            shown += [escape(said[end : found.start()]), "<mark>", escape(found[0]), "</mark>"]
            end = found.end()
        return mark_safe("".join([*shown, escape(said[end:])]))  # noqa: S308  # each part is escaped

    def passage(self, said: str) -> SafeString | str:
        """The part of the text around the first word that was looked for, as HTML; empty without one."""
        first = next(iter(self._found(said)), None)
        if first is None:
            return ""
        start = said.rfind(" ", 0, max(0, first.start() - BEFORE_IT)) + 1 if first.start() > BEFORE_IT else 0
        start = max(start, first.start() - 2 * BEFORE_IT)
        part = said[start : start + PASSAGE]
        before, after = "…" if start else "", "…" if start + PASSAGE < len(said) else ""
        return mark_safe(before + self.marked(part) + after)  # noqa: S308  # `marked` escapes

    def _found(self, said: str) -> Any:
        words, beginnings = self._words
        for found in _WORD.finditer(said):
            ways = {plain(found[0]), plain(without_umlauts(found[0]))}
            if ways & words or any(way.startswith(beginnings) for way in ways):
                yield found

    @property
    def _words(self) -> tuple[set[str], tuple[str, ...]]:
        """The plain words to mark, and what such words begin with."""
        words, beginnings = set(), []
        for piece in (piece for group in self.groups for piece in group if not piece.excluded):
            for way in piece.spellings:
                whole = plain(way).split()
                if piece.begins:
                    beginnings.append(whole.pop())
                words.update(whole)
        return words, tuple(beginnings)


def sought(typed: str) -> Sought:
    """What is meant, as on the web: all words, “these beside each other”, -without, one or the other.

    The last word may be typed half. Whatever makes no sense is left out; it is false where nothing is left.
    """
    groups: list[list[Piece]] = [[]]
    for found in list(_TYPED.finditer(typed[:MOST_TYPED].replace("\0", " ")))[:MOST_PIECES]:
        if found[3] and found[3].lower() == "or":
            groups.append([])
        elif piece := _piece(found):
            groups[-1].append(piece)
    if groups[-1] and _may_go_on(groups[-1][-1]) and found[3]:
        groups[-1][-1] = groups[-1][-1]._replace(begins=True)
    return Sought(tuple(tuple(group) for group in groups if not all(piece.excluded for piece in group)))


def _piece(found: re.Match[str]) -> Piece | None:
    """What was typed between two blanks, or in quotation marks; None where that is no word."""
    said = found[2] if found[3] is None else found[3]
    cut = said[:LONGEST_PIECE]
    excluded = bool(found[1]) or (found[3] is not None and said.startswith("-"))
    return Piece(cut, excluded=excluded) if plain(cut) else None


def _may_go_on(piece: Piece) -> bool:
    *before, last = plain(piece.said).split()
    return not piece.excluded and len(last) >= (SHORTEST_OF_SEVERAL if before else SHORTEST_BEGINNING)


def names_of_people() -> Func:
    """What accounts are found by; the index has the same words."""
    named = [F(name) for name in ("username", "first_name", "last_name", "email")]
    vector = SearchVectorField()
    return Func(*named, function="support_words", arg_joiner=" || ' ' || ", output_field=vector)


def _joined(sign: str, parts: list[Func], template: str = "(%(expressions)s)") -> Func:
    return Func(*parts, template=template, arg_joiner=sign, output_field=SearchQueryField())
