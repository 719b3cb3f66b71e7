"""Hear what somebody is choosing and typing, and have an answer to it prepared; the form never waits for it."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from feedback.forms import Typed
from jarvish_regen.access.doors import for_viewer
from jarvish_regen.access.policy import REJECT, Viewer
from jarvish_regen.api.throttles import SlidingWindowThrottle
from jarvish_regen.content import services as content
from jarvish_regen.errors import InputError, StaleVersionError
from jarvish_regen.journal.services import Ring, ring_again
from regeneration.prepare import SEQUENCE_MAX, ask
from regeneration.prepare.rings import QUEUE, TYPED_TASK


def _number(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdigit() and int(given[:11]) <= SEQUENCE_MAX else None


@require_POST
@for_viewer
def prepare(request: HttpRequest, viewer: Viewer, item_id: uuid.UUID) -> HttpResponse:
    """Take down what is typed: 202 when something is to be made, 204 when not, 400 without a sequence number.

    What the form does not say well enough yet is no error here: the person is not done.
    """
    viewer.require(REJECT)
    item = content.get_item(viewer=viewer, item_id=item_id)
    sequence = _number(request.POST.get("sequence", ""))
    if sequence is None:
        return HttpResponse(status=400)
    if not SlidingWindowThrottle.lets_pass("prepare", f"page:{viewer.user_id}"):
        return HttpResponse(status=429)
    typed = Typed.from_post(request.POST)
    if not typed.category:
        return HttpResponse(status=204)
    said = typed.as_rejection(version=_number(request.POST.get("base_version", "")))
    is_settled = request.POST.get("settled") == "1"
    try:
        row = ask(viewer=viewer, item=item, said=said, sequence=sequence, is_settled=is_settled)
    except (InputError, StaleVersionError):
        return HttpResponse(status=204)
    # A ring that is lost costs nobody more than a wait; the sweep takes the row away.
    if row is None or not ring_again(Ring(TYPED_TASK, {"prepared_id": str(row.id)}, QUEUE)):
        return HttpResponse(status=204)
    return HttpResponse(status=202)
