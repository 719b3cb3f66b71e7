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
from feedback.understanding import Understood, understand_within
from jarvish_regen.access.doors import for_viewer
from jarvish_regen.access.policy import REJECT, Viewer
from jarvish_regen.api.throttles import SlidingWindowThrottle
from jarvish_regen.content import services as content
from jarvish_regen.content.models import ContentItem
from jarvish_regen.content.rendering import first_lines
from jarvish_regen.content.states import ItemState
from jarvish_regen.content.taxonomy import Category, taxonomy
from jarvish_regen.ids import new_id
from jarvish_regen.language.masking import mask
from jarvish_regen.language.richtext import from_plain, to_text
from jarvish_regen.language.sentences import sentences
from jarvish_regen.language.words import words

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
# Of fewer words nobody can tell; with more proposals than these somebody reads instead of writing.
UNDERSTOOD_FROM_WORDS: Final = 3
PROPOSALS_MAX: Final = 3
# Longer than a reading takes with some in front; a later one helps nobody who goes on typing.
UNDERSTOOD_WITHIN_SECONDS: Final = 0.5
QUOTE_MAX_CHARS: Final = 32


@dataclass(frozen=True)
class Proposal:
    """What a note sounds like, for one tap: a category, and an issue with its place in the draft where it names one."""

    category: str
    title: str
    code: str = ""
    issue: str = ""
    span: str = ""
    quote: str = ""


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


@require_POST
@for_viewer
def understand(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Show what the note sounds like so far: proposals to confirm or drop, or one question. 204 when there is nothing
    to say, 202 when it is still being read: asked again a moment later it is there.
    """
    viewer.require(REJECT)
    item = content.get_item(viewer=viewer, item_id=item_id)
    typed = Typed.from_post(request.POST)
    note = _as_stored(typed.note[: services.NOTE_MAX_CHARS], item)
    if item.current is None or len(words(note)) < UNDERSTOOD_FROM_WORDS:
        return HttpResponse(status=204)
    if not SlidingWindowThrottle.lets_pass("understand", f"page:{viewer.user_id}"):
        return HttpResponse(status=429)
    draft = item.current.text
    found = understand_within(UNDERSTOOD_WITHIN_SECONDS, note, category=typed.category or None, draft=draft)
    if found is None:
        return HttpResponse(status=202)
    proposals = _proposals(found, typed, draft)
    question = [] if proposals else _question(found, typed)
    if not proposals and not question:
        return HttpResponse(status=204)
    return render(request, "feedback/_proposals.html", {"proposals": proposals, "question": question, "item": item})


def _as_stored(note: str, item: ContentItem) -> str:
    """Return a note as a rejection stores it, so that what was understood is found again when it is sent."""
    return mask(to_text(from_plain(note)), names=[item.advisor.phone] if item.advisor.phone else []).text


def _proposals(found: Understood, typed: Typed, draft: str) -> list[Proposal]:
    """Return what may be confirmed: nothing that is said or was dropped, nothing outside of the chosen category."""
    known = taxonomy()
    said = {*typed.issues, *typed.dropped, *typed.confirmed, *(tag.code for tag in typed.tags)}
    proposals = []
    for issue in found.issues:
        category = known.categories[known.issues[issue.code].category]
        if issue.code in said or (typed.category and category.code != typed.category):
            continue
        start, end = issue.points_to or (0, 0)
        quote = " ".join(draft[start:end].split())
        proposals.append(
            Proposal(
                category=category.code,
                title=_(category.title),
                code=issue.code,
                issue=_(known.issues[issue.code].title),
                span=f"{start}-{end}" if issue.points_to else "",
                quote=quote if len(quote) <= QUOTE_MAX_CHARS else f"{quote[:QUOTE_MAX_CHARS].rstrip()}…",
            )
        )
    if not proposals and not typed.category and found.analysis.confident:
        category = known.categories[found.analysis.primary_category]
        proposals.append(Proposal(category=category.code, title=_(category.title)))
    return proposals[:PROPOSALS_MAX]


def _question(found: Understood, typed: Typed) -> list[Proposal]:
    """Return the two categories to ask about, where it cannot be told and the person has not said."""
    asked = found.analysis.question
    if asked is None or typed.category:
        return []
    return [Proposal(category=code, title=_(taxonomy().categories[code].title)) for code in asked]
