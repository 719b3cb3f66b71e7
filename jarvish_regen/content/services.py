"""Bring drafts in, write versions, move items: every change to the ground goes through here."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models.expressions import BaseExpression
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from jarvish_regen.access.policy import APPROVE, READ_ITEM, SEND_DRAFTS, Viewer
from jarvish_regen.content.compliance.check import Finding, Report, check
from jarvish_regen.content.compliance.gate import ReadyText, Withheld, release
from jarvish_regen.content.events import ContentArrived, ItemMoved, VersionApproved, VersionReady
from jarvish_regen.content.models import (
    TEXT_MAX_CHARS,
    AdvisorProfile,
    Channel,
    ContentClass,
    ContentItem,
    ContentItemQuerySet,
    ContentVersion,
    Language,
    text_context,
)
from jarvish_regen.content.states import TERMINAL_STATES, ItemState, may_move
from jarvish_regen.errors import (
    ConflictError,
    ForbiddenError,
    InputError,
    JarvishError,
    NotFoundError,
    StaleVersionError,
)
from jarvish_regen.frozen import Frozen
from jarvish_regen.ids import new_id, to_short
from jarvish_regen.journal import services as journal
from jarvish_regen.language.words import problem_in
from jarvish_regen.roundtrips import insert, swap


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A draft as it is handed in. `advisor_email` may be left out by an advisor, who means themselves."""

    text: str
    channel: str
    language: str
    external_id: str = ""
    advisor_email: str = ""
    content_class: str = ""
    topic: str = ""
    approved_facts: Sequence[str] = field(default_factory=tuple)
    slot_at: datetime | None = None


@dataclass(frozen=True)
class Arrival:
    """What became of one draft: `status` is created, known (sent before, unchanged) or refused with its error."""

    status: str
    item: ContentItem | None
    error: JarvishError | None = None


def receive_drafts(*, viewer: Viewer, drafts: Sequence[Draft]) -> list[Arrival]:
    """Take drafts in, check each against the rules and mark those that fail before anyone opens them.

    One result per draft, in order; a bad one never undoes a good one. Sending the same external id again changes
    nothing; with another
    text it is refused. Leaves items in review, their first version, and ContentArrived.

    Raises:
        ForbiddenError: the viewer may not send drafts.
    """
    viewer.require(SEND_DRAFTS)
    arrivals = []
    for draft in drafts:
        try:
            arrivals.append(_receive(viewer, draft))
        except JarvishError as error:
            arrivals.append(Arrival("refused", None, error))
    return arrivals


def _receive(viewer: Viewer, draft: Draft) -> Arrival:
    require_usable(draft.text)
    _require_known("channel", draft.channel, Channel.values)
    _require_known("language", draft.language, Language.values)
    _require_known("content_class", draft.content_class, ["", *ContentClass.values])
    if draft.external_id:
        known = ContentItem.objects.visible_to(viewer).for_list().filter(external_id=draft.external_id).first()
        if known:
            return _known(known, draft)
    advisor = _advisor_for(viewer, draft)
    item = ContentItem(
        id=new_id(),
        firm_id=viewer.firm_id,
        advisor=advisor,
        external_id=draft.external_id,
        channel=draft.channel,
        language=draft.language,
        content_class=draft.content_class,
        topic=draft.topic,
        approved_facts=list(draft.approved_facts),
        slot_at=draft.slot_at,
    )
    item.firm = advisor.firm
    report = check(draft.text, text_context(item))
    with transaction.atomic():
        if draft.external_id:
            # Two senders of one draft meet here; the second one finds what the first has stored.
            created = ContentItem.objects.bulk_create([item], ignore_conflicts=True)
            stored = ContentItem.objects.for_list().filter(firm_id=viewer.firm_id, external_id=draft.external_id).get()
            if stored.id != created[0].id:
                if not ContentItem.objects.visible_to(viewer).filter(id=stored.id).exists():
                    raise _external_id_taken(draft)  # a colleague's draft: nothing of it is told
                return _known(stored, draft)
        else:
            item.save(force_insert=True)
        version = _write_version(
            item,
            number=1,
            text=draft.text,
            origin=ContentVersion.Origin.ARRIVED,
            origin_key=f"arrived:{item.id}",
            report=report,
        )
        ContentItem.objects.filter(id=item.id).update(current=version)
        item.current = version
        journal.audit(
            firm_id=item.firm_id,
            subject_kind="item",
            subject_id=item.id,
            act="arrive",
            to_state=ItemState.IN_REVIEW,
            actor_id=viewer.user_id,
        )
        journal.publish(
            ContentArrived(firm_id=item.firm_id, item_id=item.id, actor_id=viewer.user_id, version_id=version.id)
        )
    return Arrival("created", item)


def require_usable(text: str) -> None:
    problem = problem_in(text)
    if problem:
        raise InputError(
            _("The text holds %(what)s, which cannot be stored.") % {"what": problem},
            code="broken_text",
            field="text",
            given=text[:60],
        )
    if not text.strip():
        raise InputError(_("The text is empty."), field="text", given=text[:60], code="blank")
    if len(text) > TEXT_MAX_CHARS:
        raise InputError(
            _("The text is too long."), field="text", given=len(text), allowed=TEXT_MAX_CHARS, code="max_length"
        )


def _require_known(path: str, given: str, allowed: Sequence[str]) -> None:
    if given not in allowed:
        raise InputError(
            _("This value is not in the allowed list."),
            field=path,
            given=given,
            allowed=[value for value in allowed if value],
            code="invalid_choice",
        )


def _known(item: ContentItem, draft: Draft) -> Arrival:
    first = item.versions.get(number=1)
    if first.text != draft.text:
        raise _external_id_taken(draft, item)
    return Arrival("known", item)


def _external_id_taken(draft: Draft, item: ContentItem | None = None) -> ConflictError:
    return ConflictError(
        _("A draft with this external id is here already, with another text."),
        field="external_id",
        given=draft.external_id,
        allowed=item.short_id if item else None,
        code="external_id_taken",
    )


def _advisor_for(viewer: Viewer, draft: Draft) -> AdvisorProfile:
    profiles = AdvisorProfile.objects.select_related("firm").filter(firm_id=viewer.firm_id)
    if viewer.sees_own_items_only:
        profiles = profiles.filter(user_id=viewer.user_id)
        if draft.advisor_email and not profiles.filter(user__email__iexact=draft.advisor_email).exists():
            raise InputError(
                _("An advisor sends drafts in their own name only."), field="advisor_email", given=draft.advisor_email
            )
        profile = profiles.first()
        if profile is None:
            raise InputError(
                _("Fill in your profile first: the rules need your registration number."),
                field="advisor_email",
                given=None,
            )
        return profile
    profile = profiles.filter(user__email__iexact=draft.advisor_email).first() if draft.advisor_email else None
    if profile is None:
        known = list(
            AdvisorProfile.objects.filter(firm_id=viewer.firm_id)
            .order_by("user__email")
            .values_list("user__email", flat=True)[:20]
        )
        raise InputError(
            _("Name an advisor of your firm."),
            field="advisor_email",
            given=draft.advisor_email,
            allowed=known,
            code="unknown_advisor",
        )
    return profile


def finding_as_json(finding: Finding) -> dict[str, object]:
    """Return a finding in the shape that is stored and sent."""
    shown = asdict(finding)
    return {
        key: shown[key] for key in ("rule", "code", "title", "severity", "start", "end", "span", "message", "source")
    }


def _write_version(
    item: ContentItem,
    *,
    number: int,
    text: str,
    origin: str,
    origin_key: str,
    report: Report,
    author_id: uuid.UUID | None = None,
    version_id: uuid.UUID | None = None,
) -> ContentVersion:
    version = ContentVersion(
        id=version_id or new_id(),
        item=item,
        number=number,
        text=text,
        origin=origin,
        origin_key=origin_key,
        author_id=author_id,
        content_class=report.content_class,
        risk_score=report.risk_score,
        band=report.band,
        is_admissible=report.is_admissible,
        has_critical=report.critical,
        findings=[finding_as_json(finding) for finding in report.findings],
        pack_sha256=report.pack_sha256,
    )
    insert([version])
    return version


def add_version(
    *,
    item: ContentItem,
    text: ReadyText,
    origin: str,
    origin_key: str,
    actor_id: uuid.UUID | None = None,
    to_state: ItemState = ItemState.IN_REVIEW,
    version_id: uuid.UUID | None = None,
) -> ContentVersion:
    """Write the next version and make it current, moving the item back to review, in the caller's transaction.

    Takes only what the publish gate has released; `version_id` is for a caller that has named it already. Leaves a
    ContentVersion, an audit entry and VersionReady.

    Raises:
        ConflictError: the item has left the state it was loaded in.
        django.db.IntegrityError: this attempt has written its version already.
    """
    number = item.current.number + 1 if item.current else 1
    version = _write_version(
        item,
        number=number,
        text=text.text,
        origin=origin,
        origin_key=origin_key,
        report=text.report,
        author_id=actor_id,
        version_id=version_id,
    )
    move(item, to_state, act="new_version", actor_id=actor_id, current=version)
    journal.publish(
        VersionReady(
            firm_id=item.firm_id,
            item_id=item.id,
            actor_id=actor_id,
            version_id=version.id,
            number=number,
            origin=origin,
        )
    )
    return version


def move(
    item: ContentItem,
    to_state: ItemState,
    *,
    act: str,
    actor_id: uuid.UUID | None,
    reason: str = "",
    current: ContentVersion | None = None,
) -> None:
    """Move an item by compare-and-swap, in the caller's transaction, and bring `item` up to date.

    Leaves an audit entry and ItemMoved.

    Raises:
        ConflictError: the move is not in the table, or the item has moved or got a new version meanwhile. Carries
            the current state. In a pipeline the latter shows at its end, as SwapMissedError.
    """
    from_state = item.state
    if not may_move(from_state, to_state):
        raise ConflictError(
            _("A draft that is “%(state)s” cannot become “%(to)s”.")
            % {"state": ItemState(from_state).label, "to": to_state.label},
            field="state",
            given=str(to_state),
            allowed=sorted(str(state) for state in ItemState if may_move(from_state, state)),
            code="illegal_move",
        )
    changes: dict[str, object] = {"state": to_state, "changed_at": Now()}
    if current is not None:
        changes["current"] = current
    unmoved = ContentItem.objects.filter(id=item.id, state=from_state, current_id=item.current_id)
    if not swap(unmoved, **changes):
        raise moved_on(item)
    item.state = to_state
    if current is not None:
        item.current = current
    journal.audit(
        firm_id=item.firm_id,
        subject_kind="item",
        subject_id=item.id,
        act=act,
        from_state=from_state,
        to_state=to_state,
        actor_id=actor_id,
        reason=reason,
    )
    journal.publish(
        ItemMoved(firm_id=item.firm_id, item_id=item.id, actor_id=actor_id, from_state=from_state, to_state=to_state)
    )


def moved_on(item: ContentItem) -> ConflictError:
    """Return the error for somebody who was overtaken by another, with the state the item has now."""
    state = ContentItem.objects.values_list("state", flat=True).get(id=item.id)
    return ConflictError(
        _("This draft has moved on: it is “%(state)s” now.") % {"state": ItemState(state).label},
        field="state",
        given=item.state,
        allowed=state,
        code="moved_on",
    )


_items: Final = Frozen()


def get_item(
    *, viewer: Viewer, item_id: uuid.UUID, alongside: Mapping[str, BaseExpression] | None = None
) -> ContentItem:
    """Return an item that exists for the viewer, with advisor, firm and current version. Raises NotFoundError.

    ``alongside`` are expressions on the item whose values it brings along as attributes, for floors above: always the
    same ones under the same names.
    """
    viewer.require(READ_ITEM)
    expressions = alongside or {}

    def mine(*, item_id: uuid.UUID, firm_id: uuid.UUID, user_id: uuid.UUID | None = None) -> ContentItemQuerySet:
        asking = replace(viewer, firm_id=firm_id, user_id=user_id or viewer.user_id)
        found = ContentItem.objects.visible_to(asking).select_related("advisor", "firm", "current")
        return found.filter(id=item_id).annotate(**expressions)

    values = {"item_id": item_id, "firm_id": viewer.firm_id}
    if viewer.sees_own_items_only:
        values["user_id"] = viewer.user_id
    shape = (viewer.sees_own_items_only, tuple(expressions))
    item: ContentItem | None = next(iter(_items.rows(shape, mine, **values)), None)
    if item is None:
        raise NotFoundError(_("There is no such draft."), field="id", given=to_short("item", item_id))
    return item


def ready_text(item: ContentItem) -> ReadyText | Withheld:
    """Return the current text through the publish gate: the one way to a text that may be used."""
    if item.current is None:
        raise NotFoundError(_("This draft has no text yet."))
    return release(item.current.text, text_context(item))


def approve(*, viewer: Viewer, item: ContentItem, version_number: int | None = None) -> ContentVersion:
    """Approve the current version for use, in the name of its advisor. In the caller's transaction.

    Raises:
        ForbiddenError: not the item's advisor, in person or by their own token.
        StaleVersionError: another version is current.
        ConflictError: the text fails the rules today, or the item is not in review.
    """
    viewer.require(APPROVE)
    if item.advisor.user_id != viewer.user_id:
        raise ForbiddenError(_("Only the advisor in whose name it speaks approves a text."))
    if item.state in TERMINAL_STATES or item.state != ItemState.IN_REVIEW or item.current is None:
        raise ConflictError(
            _("Only a draft that is in review can be approved; this one is “%(state)s”.")
            % {"state": ItemState(item.state).label},
            field="state",
            given=item.state,
            allowed="in_review",
        )
    if version_number is not None and version_number != item.current.number:
        raise StaleVersionError(
            _("Another version is current."), field="version", given=version_number, allowed=item.current.number
        )
    released = ready_text(item)
    if isinstance(released, Withheld):
        raise ConflictError(
            _("This text breaks a rule and cannot be approved."),
            code="not_admissible",
            field="version",
            given=item.current.number,
            allowed=list(released.reasons),
        )
    version = item.current
    move(item, ItemState.APPROVED, act="approve", actor_id=viewer.user_id)
    journal.publish(
        VersionApproved(
            firm_id=item.firm_id, item_id=item.id, actor_id=viewer.user_id, version_id=version.id, number=version.number
        )
    )
    return version


def replace_current(
    *, item: ContentItem, text: ReadyText, origin: str, origin_key: str, act: str, actor_id: uuid.UUID | None
) -> ContentVersion:
    """Write a further version of a draft that stays where it is, and make it current. Takes released texts only.

    Leaves a ContentVersion, an audit entry and VersionReady. Raises ConflictError when the item has moved on since it
    was loaded.
    """
    with transaction.atomic():
        # The lock keeps a rejection that comes at the same instant from meeting half of this.
        held = ContentItem.objects.select_for_update(of=("self",)).get(id=item.id)
        if held.state != item.state or held.current_id != item.current_id:
            raise moved_on(item)
        version = _write_version(
            item,
            number=item.current.number + 1 if item.current else 1,
            text=text.text,
            origin=origin,
            origin_key=origin_key,
            report=text.report,
            author_id=actor_id,
        )
        ContentItem.objects.filter(id=item.id).update(current=version, changed_at=Now())
        journal.audit(
            firm_id=item.firm_id,
            subject_kind="item",
            subject_id=item.id,
            act=act,
            from_state=item.state,
            to_state=item.state,
            actor_id=actor_id,
        )
        journal.publish(
            VersionReady(
                firm_id=item.firm_id,
                item_id=item.id,
                actor_id=actor_id,
                version_id=version.id,
                number=version.number,
                origin=version.origin,
            )
        )
    return version
