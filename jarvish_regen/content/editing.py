"""The advisor's own wording of a draft in review."""

import uuid

from django.utils.translation import gettext as _

from jarvish_regen.access.policy import EDIT, Viewer
from jarvish_regen.content.compliance.gate import Withheld, release
from jarvish_regen.content.models import ContentVersion, text_context
from jarvish_regen.content.services import get_item, replace_current, require_usable
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError, ForbiddenError, InputError, StaleVersionError


def edit(*, viewer: Viewer, item_id: uuid.UUID, text: str, version_number: int) -> ContentVersion:
    """Make the advisor's own wording the current version of a draft that is in review.

    The publish gate looks at it as at any other text: what breaks a critical or major rule is not taken.

    Raises:
        NotFoundError: the item is not the viewer's.
        ForbiddenError: not the advisor in whose name it speaks.
        InputError: the text cannot be stored, breaks a rule (`allowed` says which, in words), or is the current one.
        StaleVersionError: another version is current.
        ConflictError: the item is not in review, or has moved on meanwhile.
    """
    viewer.require(EDIT)
    item = get_item(viewer=viewer, item_id=item_id)
    if item.advisor.user_id != viewer.user_id:
        raise ForbiddenError(_("Only the advisor in whose name it speaks edits a text."))
    if item.state != ItemState.IN_REVIEW or item.current is None:
        raise ConflictError(
            _("Only a draft that is in review can be edited; this one is “%(state)s”.")
            % {"state": ItemState(item.state).label},
            field="state",
            given=item.state,
            allowed=ItemState.IN_REVIEW.value,
        )
    if version_number != item.current.number:
        raise StaleVersionError(
            _("Another version is current."), field="version", given=version_number, allowed=item.current.number
        )
    require_usable(text)
    if text == item.current.text:
        raise InputError(_("Nothing was changed."), field="text", code="unchanged")
    released = release(text, text_context(item))
    if isinstance(released, Withheld):
        raise InputError(
            _("The rules object to this text."), field="text", code="not_admissible", allowed=list(released.reasons)
        )
    number = item.current.number + 1
    return replace_current(
        item=item,
        text=released,
        origin=ContentVersion.Origin.PERSON,
        origin_key=f"edit:{item.id}:{number}",
        act="edit",
        actor_id=viewer.user_id,
    )
