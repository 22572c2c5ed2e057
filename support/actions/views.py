"""Verbs about saved views: lists of questions as somebody narrowed them."""

from typing import Any

from django.db import transaction

from support.errors import TooManyViews, ViewNameTaken
from support.models import MOST_VIEWS, VIEW_NAME_LIMIT, SavedView
from support.policies import clean_query, may_change_view
from ticketing import rights
from ticketing.errors import NotAllowed, NotFound
from ticketing.models import Activity, User
from ticketing.querysets import taken_means
from ticketing.texts import clean_text


@transaction.atomic
def keep_view(*, name: str, query: str, by: User, is_shared: bool = False) -> SavedView:
    """Keep a list under a name: NothingNarrowed, ViewNameTaken or TooManyViews. Supervisors may share it."""
    rights.require(by, "support.share_views" if is_shared else "support.keep_views")
    said = {"name": clean_text(name, field="name", limit=VIEW_NAME_LIMIT), "query": clean_query(query)}
    User.objects.select_for_update().get(pk=by.pk)  # so that two at once are counted one after the other
    if SavedView.objects.filter(user=by).count() >= MOST_VIEWS:
        raise TooManyViews
    with taken_means(ViewNameTaken(field="name")):
        kept = SavedView.objects.create(user=by, is_shared=is_shared, **said)
    Activity.objects.record("support.keep_view", kept, by=by)
    return kept


@transaction.atomic
def change_view(view: SavedView, *, by: User, **changes: Any) -> SavedView:
    """Change what is given of name, query and is_shared; only supervisors share, and change what others share."""
    view = _theirs(view, by)
    if "is_shared" in changes:
        rights.require(by, "support.share_views")
    if "name" in changes:
        changes["name"] = clean_text(changes["name"], field="name", limit=VIEW_NAME_LIMIT)
    if "query" in changes:
        changes["query"] = clean_query(changes["query"])
    with taken_means(ViewNameTaken(field="name")):
        SavedView.objects.filter(pk=view.pk).change(**changes)
    Activity.objects.record("support.change_view", view, by=by)
    view.refresh_from_db()
    return view


@transaction.atomic
def remove_view(view: SavedView, *, by: User) -> None:
    """Keep it no more; the questions stay as they are."""
    view = _theirs(view, by)
    Activity.objects.record("support.remove_view", view, by=by)
    view.delete()


def _theirs(view: SavedView, by: User) -> SavedView:
    """The row, locked, if it is one's own, or shared and one may look after those."""
    rights.require(by, "support.keep_views")
    found = SavedView.objects.select_for_update().filter(pk=view.pk).first()
    if found is None:
        raise NotFound
    if not may_change_view(found, by):
        raise NotAllowed
    return found
