"""The rejection form: full page or sheet, with sentences that can be tapped, and its autosaved draft."""

import uuid
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from feedback import services, voice
from feedback.forms import Tag, Typed
from jarvish_regen.access.doors import for_viewer
from jarvish_regen.access.policy import REJECT, Viewer
from jarvish_regen.content import services as content
from jarvish_regen.content.models import ContentItem
from jarvish_regen.content.rendering import first_lines
from jarvish_regen.content.states import ItemState
from jarvish_regen.content.taxonomy import Category, taxonomy
from jarvish_regen.ids import new_id
from jarvish_regen.language.sentences import sentences

SEVERITY_WORDS: Final = {
    "minor": gettext_lazy("Small thing"),
    "major": gettext_lazy("Needs fixing"),
    "critical": gettext_lazy("Must not go out"),
}
ACTION_WORDS: Final = {
    "regenerate": gettext_lazy("Write it again, better"),
    "modify": gettext_lazy("Change only what I marked"),
    "escalate": gettext_lazy("Give it to a person"),
}


@dataclass(frozen=True)
class Piece:
    """A run of the draft: a sentence that can be tapped, or the space between two."""

    text: str
    key: str
    is_sentence: bool
    is_tagged: bool


@dataclass(frozen=True)
class ShownTag:
    """Marked words in the list below the draft."""

    key: str
    quote: str
    code: str
    note: str


@dataclass(frozen=True)
class Choice:
    """A chip."""

    value: str
    words: str
    key: str
    is_chosen: bool


@dataclass(frozen=True)
class IssueGroup:
    """The problems of one category, as chips."""

    category: str
    title: str
    choices: tuple[Choice, ...]


def _pieces(text: str, tags: tuple[Tag, ...]) -> list[Piece]:
    tagged = {tag.key for tag in tags}
    pieces: list[Piece] = []
    at = 0
    for sentence in sentences(text):
        if sentence.start > at:
            pieces.append(Piece(text[at : sentence.start], "", False, False))
        key = f"{sentence.start}-{sentence.end}"
        pieces.append(Piece(sentence.text, key, True, key in tagged))
        at = sentence.end
    if at < len(text):
        pieces.append(Piece(text[at:], "", False, False))
    return pieces


def _categories(typed: Typed) -> list[Choice]:
    # The keys of a keyboard: 1 to 9, and 0 for the tenth.
    return [
        Choice(category.code, _(category.title), str((number + 1) % 10), category.code == typed.category)
        for number, category in enumerate(taxonomy().categories.values())
    ]


def _group(category: Category, typed: Typed) -> IssueGroup:
    return IssueGroup(
        category.code,
        _(category.title),
        tuple(Choice(issue.code, _(issue.title), "", issue.code in typed.issues) for issue in category.issues),
    )


def form_context(
    item: ContentItem, typed: Typed, *, viewer: Viewer, error: str = "", client_key: str = ""
) -> dict[str, object]:
    """Return what the form's templates show. `client_key` names this filling-in: sent twice, it is stored once."""
    version = item.current
    text = version.text if version else ""
    return {
        "section": "drafts",
        "item": item,
        "title": item.topic or first_lines(text, chars=60),
        "version_number": str(version.number if version else 1),
        "typed": typed,
        "pieces": _pieces(text, typed.tags),
        "tags": [
            ShownTag(tag.key, text[tag.start : tag.end], tag.code, tag.note)
            for tag in typed.tags
            if tag.end <= len(text)
        ],
        "categories": _categories(typed),
        "groups": [_group(category, typed) for category in taxonomy().categories.values()],
        "severities": [
            Choice(value, str(words), "", value == typed.severity) for value, words in SEVERITY_WORDS.items()
        ],
        "actions": [Choice(value, str(words), "", value == typed.action) for value, words in ACTION_WORDS.items()],
        "voice": voice.shown(viewer=viewer, item_id=item.id),
        "error": error,
        "client_key": client_key or str(new_id()),
        "has_bar": True,
        "is_restored": bool(typed.category or typed.tags or typed.note or typed.suggestions),
    }


@require_http_methods(["GET", "POST"])
@for_viewer
def form(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Show the form with what was typed so far. A post marks or unmarks a sentence, for browsers without JavaScript."""
    viewer.require(REJECT)
    item = content.get_item(viewer=viewer, item_id=item_id)
    if item.state != ItemState.IN_REVIEW:
        return redirect("content:item", item.short_id)
    if request.method == "POST":
        typed = Typed.from_post(request.POST)
        typed = typed.toggled(request.POST.get("tag") or request.POST.get("untag") or "")
        services.save_draft(viewer=viewer, item_id=item.id, form=typed.as_draft())
    else:
        typed = Typed.from_draft(services.get_draft(viewer=viewer, item_id=item.id))
    template = "feedback/_form.html" if request.headers.get("HX-Request") == "true" else "feedback/form.html"
    client_key = request.POST.get("client_key", "")[:64]
    return render(request, template, form_context(item, typed, viewer=viewer, client_key=client_key))


@require_POST
@for_viewer
def draft(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Keep what was typed so far."""
    item = content.get_item(viewer=viewer, item_id=item_id)
    services.save_draft(viewer=viewer, item_id=item.id, form=Typed.from_post(request.POST).as_draft())
    return HttpResponse(status=204)
