"""Pages of what happens next: send the rejection, follow the answer, approve it, ask a person."""

import uuid
from dataclasses import replace
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from escalation import services
from escalation.models import Case, CaseState
from feedback import services as feedback_services
from feedback.forms import Typed
from feedback.pages import form_context
from jarvish_regen.access.doors import for_viewer
from jarvish_regen.access.policy import ASK_PERSON, Viewer
from jarvish_regen.content import services as content
from jarvish_regen.content.rendering import first_lines
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError, InFlightError, InputError, KeyReusedError, StaleVersionError
from jarvish_regen.ids import from_short, to_short
from jarvish_regen.journal.idempotency import Reply, once
from regeneration import variants
from regeneration.pages import latest_attempt, show_answer

REASON_MAX_CHARS: Final = 500


def _number(given: str) -> int | None:
    """Return a version's number from a form; None for anything that is not one."""
    return int(given) if given.isascii() and given.isdigit() and len(given) < 6 else None


def _voice_id(given: str) -> uuid.UUID | None:
    try:
        return from_short("voice", given)
    except ValueError:
        return None


@require_POST
@for_viewer
def reject(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Send a rejection. The form's key makes a second sending harmless; what is refused comes back as it was typed."""
    typed = Typed.from_post(request.POST)
    client_key = request.POST.get("client_key", "")[:64]
    item = content.get_item(viewer=viewer, item_id=item_id)
    error = ""
    if not typed.category:
        error = _("Choose what kind of problem it is.")
    else:
        said = replace(
            typed.as_rejection(version=_number(request.POST.get("base_version", ""))),
            voice_note=_voice_id(request.POST.get("voice_note", "")),
        )

        def send() -> Reply:
            receipt = services.receive_rejection(viewer=viewer, item_id=item_id, said=said)
            return Reply(202, {"feedback": receipt.feedback.short_id})

        try:
            once(
                caller=f"page:{viewer.user_id}",
                method="POST",
                path=request.path,
                key=client_key or None,
                body=typed.as_draft(),
                work=send,
            )
        except (StaleVersionError, InputError) as refused:
            error = refused.detail
        except (InFlightError, KeyReusedError):
            pass  # the first sending is on its way or done: its answer is the one to look at
        except ConflictError as refused:
            messages.warning(request, refused.detail)
            return redirect("content:item", item.short_id)
    if not error:
        return redirect("escalation:answer", item.short_id)
    feedback_services.save_draft(viewer=viewer, item_id=item.id, form=typed.as_draft())
    return render(
        request, "feedback/form.html", form_context(item, typed, viewer=viewer, error=error, client_key=""), status=400
    )


@require_GET
@for_viewer
def answer(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Show the answer to the last rejection, or how far it is. Settles an attempt whose time has run out."""
    content.get_item(viewer=viewer, item_id=item_id)
    services.settle_open_attempt(item_id=item_id)
    return show_answer(
        request, viewer, content.get_item(viewer=viewer, item_id=item_id), is_part=request.GET.get("part") == "1"
    )


@require_POST
@for_viewer
def other_versions(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Ask for other versions of the answer that is on the screen."""
    attempt = latest_attempt(content.get_item(viewer=viewer, item_id=item_id)).attempt
    if attempt is not None:
        try:
            variants.ask_for_variants(viewer=viewer, regeneration_id=attempt.id)
        except ConflictError as refused:
            messages.warning(request, refused.detail)
    return redirect("escalation:answer", to_short("item", item_id))


@require_POST
@for_viewer
def choose(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Take one of the other versions."""
    attempt = latest_attempt(content.get_item(viewer=viewer, item_id=item_id)).attempt
    if attempt is not None:
        candidate_id = variants.candidate_id_of(request.POST.get("candidate", ""))
        try:
            variants.choose(viewer=viewer, regeneration_id=attempt.id, candidate_id=candidate_id)
        except ConflictError as refused:
            messages.warning(request, refused.detail)
        else:
            messages.success(request, _("This version is the current one now."))
    return redirect("escalation:answer", to_short("item", item_id))


@require_POST
@for_viewer
def approve(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Approve the version that was on the screen."""
    item = content.get_item(viewer=viewer, item_id=item_id)
    try:
        services.approve(viewer=viewer, item_id=item_id, version_number=_number(request.POST.get("version", "")))
    except ConflictError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, _("Approved. The text is ready to use."))
    return redirect("content:item", item.short_id)


@require_http_methods(["GET", "POST"])
@for_viewer
def ask(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Hand a draft to a person, with a word on why."""
    viewer.require(ASK_PERSON)
    item = content.get_item(viewer=viewer, item_id=item_id)
    if request.method == "POST":
        try:
            services.ask_person(
                viewer=viewer,
                item_id=item_id,
                reason=request.POST.get("reason", "").replace("\x00", "")[:REASON_MAX_CHARS],
            )
        except ConflictError as refused:
            messages.warning(request, refused.detail)
        return redirect("escalation:standing", item.short_id)
    if item.state != ItemState.IN_REVIEW:
        return redirect("content:item", item.short_id)
    return render(
        request,
        "escalation/ask.html",
        {
            "section": "drafts",
            "item": item,
            "title": item.topic or first_lines(item.current.text if item.current else "", chars=60),
        },
    )


@require_GET
@for_viewer
def standing(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Say where a draft's case stands: who has it, why, and what comes next."""
    item = content.get_item(viewer=viewer, item_id=item_id)
    case = Case.objects.filter(item=item).order_by("-opened_at").first()
    entries = list(case.entries.order_by("-created_at", "-id")[:20]) if case else []
    context = {
        "section": "drafts",
        "item": item,
        "title": item.topic or first_lines(item.current.text if item.current else "", chars=60),
        "case": case,
        "entries": entries,
        "is_with_people": bool(case and case.state == CaseState.PEOPLE),
        "is_senior": bool(case and case.level >= 4),
    }
    wants_fragment = request.headers.get("HX-Request") == "true"
    return render(request, "escalation/_standing.html" if wants_fragment else "escalation/standing.html", context)
