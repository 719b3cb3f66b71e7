"""Speaking instead of typing, on the rejection form: record or upload, look how far it is, use it or give it up."""

import uuid
from typing import Final

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from feedback import services, voice
from feedback.forms import Typed
from jarvish_regen.access.doors import for_viewer
from jarvish_regen.access.policy import REJECT, Viewer
from jarvish_regen.api.throttles import SlidingWindowThrottle
from jarvish_regen.content import services as content
from jarvish_regen.content.models import ContentItem
from jarvish_regen.errors import ConflictError, InputError, NotFoundError, TooLargeError
from jarvish_regen.ids import from_short

ACTS: Final = ("upload", "again", "use", "drop")


@require_http_methods(["GET", "POST"])
@for_viewer
def note(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Show where the voice note of this form stands; a post records, tries again, uses it or gives it up.

    A script gets the piece of the form that shows it. Without one the whole form was posted: what was typed is kept,
    and the form comes back.
    """
    viewer.require(REJECT)
    item = content.get_item(viewer=viewer, item_id=item_id)
    is_scripted = request.headers.get("HX-Request") == "true"
    problem, status = "", 200
    if request.method == "POST":
        if not is_scripted:
            _keep_typed(request, viewer, item)
        try:
            _act(request, viewer, item)
        except (InputError, ConflictError, TooLargeError, NotFoundError) as refused:
            problem, status = refused.detail, refused.http_status
    if is_scripted:
        shown = voice.shown(viewer=viewer, item_id=item.id)
        return render(
            request, "feedback/_voice.html", {"item": item, "voice": shown, "voice_problem": problem}, status=status
        )
    if problem:
        messages.error(request, problem)
    return redirect("feedback:form", item.short_id)


def _act(request: HttpRequest, viewer: Viewer, item: ContentItem) -> None:
    act = request.POST.get("voice_act", "")
    if act not in ACTS:
        raise InputError(_("This cannot be done here."), field="voice_act", given=act[:60], allowed=list(ACTS))
    if act == "upload":
        _upload(request, viewer, item)
        return
    voice_id = _voice_id(request)
    if act == "again":
        voice.try_again(viewer=viewer, voice_id=voice_id)
    elif act == "drop":
        voice.drop(viewer=viewer, voice_id=voice_id)
    else:
        _use(viewer, item, voice_id)


def _upload(request: HttpRequest, viewer: Viewer, item: ContentItem) -> None:
    if not SlidingWindowThrottle.lets_pass("voice", f"page:{viewer.user_id}"):
        raise ConflictError(_("Too many recordings in a short time. Wait a minute."), code="throttled")
    audio = request.FILES.get("audio")
    if not isinstance(audio, UploadedFile):
        raise InputError(_("Choose a recording first."), field="audio", code="required")
    voice.take(viewer=viewer, item_id=item.id, audio=audio.read())


def _use(viewer: Viewer, item: ContentItem, voice_id: uuid.UUID) -> None:
    """Put the words into the note that is being typed, for the person to correct."""
    words = voice.get_note(viewer=viewer, voice_id=voice_id).transcript
    typed = services.get_draft(viewer=viewer, item_id=item.id)
    said = str(typed.get("note", ""))
    if words not in said:
        typed["note"] = f"{said.rstrip()}\n{words}".strip()[: services.NOTE_MAX_CHARS]
    services.save_draft(viewer=viewer, item_id=item.id, form=typed)


def _keep_typed(request: HttpRequest, viewer: Viewer, item: ContentItem) -> None:
    services.save_draft(viewer=viewer, item_id=item.id, form=Typed.from_post(request.POST).as_draft())


def _voice_id(request: HttpRequest) -> uuid.UUID:
    given = request.POST.get("voice_note", "")
    try:
        return from_short("voice", given)
    except ValueError as error:
        raise InputError(_("There is no such voice note."), field="voice_note", given=given[:60]) from error
