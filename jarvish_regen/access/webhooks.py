"""Where a firm's events go: its administrator adds and stops addresses."""

import uuid
from collections.abc import Collection
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from jarvish_regen.access.policy import MANAGE_FIRM, Viewer
from jarvish_regen.addresses import UnsafeBaseURLError
from jarvish_regen.errors import InputError, NotFoundError
from jarvish_regen.ids import to_short
from jarvish_regen.journal import services as journal
from jarvish_regen.journal.models import Delivery, WebhookEndpoint
from jarvish_regen.journal.webhooks import KINDS, check_url

WEBHOOKS_MAX: Final = 10


def add_webhook(*, viewer: Viewer, url: str, kinds: Collection[str]) -> WebhookEndpoint:
    """Tell an address of the firm's events of these kinds. Its `secret` signs them and is shown once.

    Raises:
        ForbiddenError: the viewer does not manage the firm.
        InputError: the address is not https on the public internet, a kind is unknown, or the firm has as many as it
        may.
    """
    viewer.require(MANAGE_FIRM)
    try:
        check_url(url)
    except UnsafeBaseURLError as error:
        raise InputError(str(error), field="url", given=url, allowed="https://…", code="unsafe_address") from error
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown or not kinds:
        raise InputError(_("Choose at least one known event."), field="kinds", given=unknown, allowed=list(KINDS))
    if WebhookEndpoint.objects.filter(firm_id=viewer.firm_id, is_active=True).count() >= WEBHOOKS_MAX:
        raise InputError(_("A firm has ten webhooks at most."), field="url", given=url, allowed=WEBHOOKS_MAX)
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.create(firm_id=viewer.firm_id, url=url, kinds=sorted(set(kinds)))
        journal.audit(
            firm_id=viewer.firm_id,
            subject_kind="endpoint",
            subject_id=endpoint.id,
            act="add_webhook",
            actor_id=viewer.user_id,
            details={"kinds": endpoint.kinds},
        )
    return endpoint


def stop_webhook(*, viewer: Viewer, endpoint_id: uuid.UUID) -> None:
    """Tell an address nothing more. Raises ForbiddenError, or NotFoundError for an address that is not the firm's."""
    viewer.require(MANAGE_FIRM)
    endpoint = WebhookEndpoint.objects.filter(id=endpoint_id, firm_id=viewer.firm_id, is_active=True).first()
    if endpoint is None:
        raise NotFoundError(_("There is no such webhook."))
    with transaction.atomic():
        journal.disable_endpoint(endpoint=endpoint, actor_id=viewer.user_id, reason=_("Stopped by the firm."))


def get_webhook(*, viewer: Viewer, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    """Return an address of the viewer's firm. Raises ForbiddenError or NotFoundError."""
    viewer.require(MANAGE_FIRM)
    endpoint = WebhookEndpoint.objects.filter(firm_id=viewer.firm_id, id=endpoint_id).first()
    if endpoint is None:
        raise NotFoundError(_("There is no such webhook."), field="id", given=to_short("endpoint", endpoint_id))
    return endpoint


def get_delivery(*, viewer: Viewer, endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> Delivery:
    """Return a delivery to an address of the viewer's firm. Raises ForbiddenError or NotFoundError."""
    endpoint = get_webhook(viewer=viewer, endpoint_id=endpoint_id)
    delivery = Delivery.objects.select_related("endpoint").filter(endpoint=endpoint, id=delivery_id).first()
    if delivery is None:
        raise NotFoundError(_("There is no such delivery."), field="id", given=to_short("delivery", delivery_id))
    return delivery
