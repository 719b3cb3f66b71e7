"""Pages of drafts: the list, one draft as its channel shows it, two versions side by side, the advisor's profile."""

import uuid
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from jarvish_regen.access.doors import for_viewer
from jarvish_regen.access.policy import APPROVE, ASK_PERSON, EDIT, READ_ITEM, REJECT, Viewer
from jarvish_regen.content import services
from jarvish_regen.content.compliance.gate import ReadyText, Withheld
from jarvish_regen.content.compliance.pack import current_pack
from jarvish_regen.content.editing import edit as edit_text
from jarvish_regen.content.forms import ProfileForm
from jarvish_regen.content.models import TEXT_MAX_CHARS, AdvisorProfile, ContentItem, ContentVersion
from jarvish_regen.content.rendering import Mark, Shown, first_lines, show_diff, show_draft
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError, InputError
from jarvish_regen.language.worddiff import word_diff

PAGE_SIZE: Final = 12
# The filters of the list are questions somebody has, not columns.
QUESTIONS: Final = (
    ("to_review", gettext_lazy("To review"), ItemState.IN_REVIEW),
    ("being_rewritten", gettext_lazy("Being rewritten"), ItemState.REGENERATING),
    ("with_a_person", gettext_lazy("With a person"), ItemState.WITH_PEOPLE),
    ("approved", gettext_lazy("Approved"), ItemState.APPROVED),
)
_SEVERITY_WORDS: Final = {
    "critical": gettext_lazy("Must not go out"),
    "major": gettext_lazy("Needs fixing"),
    "minor": gettext_lazy("Advice"),
}


@dataclass(frozen=True)
class Question:
    """One filter of the list, with how many drafts answer it."""

    key: str
    words: str
    count: int
    is_asked: bool


@dataclass(frozen=True)
class Card:
    """A draft in the list."""

    item: ContentItem
    title: str
    lines: str
    alarm: str
    is_rewritten: bool


@dataclass(frozen=True)
class ShownFinding:
    """What a rule found, in words, with the number that stands in the text."""

    number: int
    severity: str
    severity_words: str
    message: str
    span: str
    source: str
    is_placed: bool


@dataclass(frozen=True)
class ShownVersion:
    """A line of the history."""

    number: int
    origin: str
    created_at: Any
    band: str
    band_words: str
    is_shown: bool


def _card(item: ContentItem) -> Card:
    version = item.current
    text = version.text if version else ""
    grave = next(
        (finding for finding in (version.findings if version else []) if finding["severity"] == "critical"), None
    )
    return Card(
        item=item,
        title=item.topic or first_lines(text, chars=60),
        lines=first_lines(text),
        alarm=str(grave["message"])
        if grave and version and version.has_critical and item.state == ItemState.IN_REVIEW
        else "",
        is_rewritten=bool(version and version.number > 1),
    )


@require_GET
@for_viewer
def items(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """List the viewer's drafts under the question they ask."""
    viewer.require(READ_ITEM)
    mine = ContentItem.objects.visible_to(viewer)
    counts = dict(mine.order_by().values_list("state").annotate(Count("id")))
    asked = request.GET.get("show", QUESTIONS[0][0])
    state = next((state for key, _words, state in QUESTIONS if key == asked), None)
    if state is None:
        raise Http404
    page = Paginator(mine.for_list().filter(state=state), PAGE_SIZE).get_page(request.GET.get("page"))
    questions = [Question(key, str(words), counts.get(state, 0), key == asked) for key, words, state in QUESTIONS]
    return render(
        request,
        "content/items.html",
        {
            "section": "drafts",
            "questions": questions,
            "asked": asked,
            "cards": [_card(item) for item in page.object_list],
            "page": page,
            "shows_advisor": not viewer.sees_own_items_only,
            "has_any": bool(counts),
        },
    )


def _shown_findings(version: ContentVersion) -> tuple[Shown, list[ShownFinding]]:
    numbered = list(enumerate(version.findings, start=1))
    marks = [
        Mark(found["start"], found["end"], found["severity"], number, found["message"])
        for number, found in numbered
        if found["start"] is not None and found["end"] is not None
    ]
    shown = show_draft(version.text, version.item.channel, marks)
    findings = [
        ShownFinding(
            number,
            found["severity"],
            str(_SEVERITY_WORDS[found["severity"]]),
            found["message"],
            found["span"] or "",
            found["source"],
            number in shown.placed,
        )
        for number, found in numbered
    ]
    return shown, findings


def _version_of(item: ContentItem, given: str | None) -> ContentVersion:
    if item.current is None:
        raise Http404
    if given is None or given == str(item.current.number):
        version = item.current
    else:
        is_number = given.isascii() and given.isdigit() and len(given) < 6
        found = item.versions.filter(number=int(given)).first() if is_number else None
        if found is None:
            raise Http404
        version = found
    version.item = item
    return version


@require_GET
@for_viewer
def item(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Show a draft as its channel shows it, what the rules say of it, its history, and what can be done."""
    found = services.get_item(viewer=viewer, item_id=item_id)
    version = _version_of(found, request.GET.get("version"))
    is_current = version.id == found.current_id
    shown, findings = _shown_findings(version)
    versions = [
        ShownVersion(
            row.number,
            row.get_origin_display(),
            row.created_at,
            row.band,
            str(_SEVERITY_WORDS["critical"]) if row.has_critical else row.get_band_display(),
            row.id == version.id,
        )
        for row in found.versions.only(
            "id", "item_id", "number", "origin", "created_at", "band", "has_critical"
        ).order_by("-number")
    ]
    released = services.ready_text(found) if found.state == ItemState.APPROVED else None
    in_review = found.state == ItemState.IN_REVIEW and is_current
    return render(
        request,
        "content/item.html",
        {
            "section": "drafts",
            "item": found,
            "title": found.topic or first_lines(version.text, chars=70),
            "version": version,
            "is_current": is_current,
            "shown": shown,
            "draft_template": f"content/channels/_{found.channel}.html",
            "findings": findings,
            "versions": versions,
            "pack_version": current_pack().version if version.pack_sha256 == current_pack().sha256 else "",
            "may_approve": in_review and viewer.may(APPROVE) and found.advisor.user_id == viewer.user_id,
            "may_reject": in_review and viewer.may(REJECT),
            "may_ask": in_review and viewer.may(ASK_PERSON),
            "may_edit": in_review and viewer.may(EDIT) and found.advisor.user_id == viewer.user_id,
            "has_bar": in_review and viewer.may(REJECT),
            "follows_answer": found.state == ItemState.REGENERATING
            or (version.number > 1 and is_current and found.state == ItemState.IN_REVIEW),
            "is_with_people": found.state == ItemState.WITH_PEOPLE,
            "ready_text": released.text if isinstance(released, ReadyText) else "",
            "withheld": list(released.reasons) if isinstance(released, Withheld) else [],
            "whatsapp_link": f"https://wa.me/?text={quote(released.text)}" if isinstance(released, ReadyText) else "",
        },
    )


@require_http_methods(["GET", "POST"])
@for_viewer
def edit(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Let the advisor write the text; what the rules object to comes back as it was typed, with the reasons."""
    viewer.require(EDIT)
    found = services.get_item(viewer=viewer, item_id=item_id)
    if found.state != ItemState.IN_REVIEW or found.current is None:
        return redirect("content:item", found.short_id)
    typed = found.current.text
    error = ""
    reasons: list[str] = []
    if request.method == "POST":
        # Browsers send line ends as CRLF; a text that differs in them alone would be another text.
        typed = request.POST.get("text", "").replace("\r\n", "\n")
        given = request.POST.get("version", "")
        number = int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0
        try:
            edit_text(viewer=viewer, item_id=item_id, text=typed, version_number=number)
        except InputError as refused:
            error = refused.detail
            reasons = refused.allowed if isinstance(refused.allowed, list) else []
        except ConflictError as refused:
            messages.warning(request, refused.detail)
            return redirect("content:item", found.short_id)
        else:
            messages.success(request, _("Saved as a new version. Approve it when you are ready."))
            return redirect("content:item", found.short_id)
    return render(
        request,
        "content/edit.html",
        {
            "section": "drafts",
            "item": found,
            "title": found.topic or first_lines(found.current.text, chars=60),
            "version_number": str(found.current.number),
            "typed": typed,
            "max_chars": TEXT_MAX_CHARS,
            "error": error,
            "reasons": reasons,
        },
        status=400 if error else 200,
    )


@require_GET
@for_viewer
def compare(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Show two versions of a draft word by word."""
    found = services.get_item(viewer=viewer, item_id=item_id)
    newest = found.current.number if found.current else 1
    old = _version_of(found, request.GET.get("old", str(max(1, newest - 1))))
    new = _version_of(found, request.GET.get("new"))
    if old.number > new.number:
        old, new = new, old
    pieces = word_diff(old.text, new.text)
    numbers = list(found.versions.order_by("number").values_list("number", flat=True))
    return render(
        request,
        "content/compare.html",
        {
            "section": "drafts",
            "item": found,
            "old": old,
            "new": new,
            "numbers": [str(number) for number in numbers],
            "diff": show_diff(pieces),
            "old_side": show_diff(pieces, side="old"),
            "new_side": show_diff(pieces, side="new"),
            "is_same": all(piece.kind == "same" for piece in pieces),
        },
    )


@require_http_methods(["GET", "POST"])
@for_viewer
def profile(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """Show and save in whose name the advisor's texts speak."""
    held = AdvisorProfile.objects.filter(user_id=viewer.user_id).first()
    form = ProfileForm(
        request.POST or None, instance=held or AdvisorProfile(user_id=viewer.user_id, firm_id=viewer.firm_id)
    )
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved. New drafts and answers use it from now on."))
        return redirect("content:profile")
    return render(
        request,
        "content/profile.html",
        {"section": "settings", "form": form, "is_new": held is None},
        status=400 if form.errors else 200,
    )
