"""The conductor: takes a rejection in, decides what happens next, calls down."""

import uuid
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject, Now
from django.utils.translation import gettext as _

import feedback.services as feedback_services
from escalation.events import CaseMoved, CaseOpened
from escalation.ladder import MACHINE_LEVEL, POLICY, History, choose_level
from escalation.models import Case, CaseEntry, CaseState
from feedback import analyses
from feedback.models import Feedback
from feedback.services import CheckedRejection, Rejection
from jarvish_regen.access.policy import ASK_PERSON, REJECT, Viewer
from jarvish_regen.content import services as content
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError, InputError, NotFoundError
from jarvish_regen.faults import faultpoint
from jarvish_regen.ids import new_id, to_short
from jarvish_regen.journal import services as journal
from jarvish_regen.journal.models import DeadLetter
from jarvish_regen.journal.services import Ring
from jarvish_regen.roundtrips import SwapMissedError, insert, pipelined
from regeneration import answering, claims, jobs
from regeneration import services as regeneration_services
from regeneration.claims import Claim
from regeneration.models import OPEN_STATES, Regeneration, Urgency
from regeneration.queries import QUEUED_BY_URGENCY, ahead_of, owed_attempts
from regeneration.targets import active_targets

RESPOND_TASK: Final = "escalation.respond"


def _open_case_of(item: str) -> Subquery:
    open_cases = Case.objects.filter(item=OuterRef(item)).exclude(state=CaseState.CLOSED)
    fields = JSONObject(**{name: name for name in ("id", "round", "level", "state", "policy")})
    return Subquery(open_cases.values(fields=fields)[:1])


# Brought along by the claim: what an answer means for its case is decided without asking again.
_CASE: Final = {"case": _open_case_of("item")}
# Brought along with the item: what a rejection needs to know is asked for once.
_CASE_AND_QUEUES: Final = {"open_case": _open_case_of("id"), "queued": QUEUED_BY_URGENCY}
URGENCY_OF_SEVERITY: Final = {"critical": Urgency.CRITICAL, "major": Urgency.HIGH, "minor": Urgency.NORMAL}


@dataclass(frozen=True)
class Receipt:
    """What a rejection left behind. `regeneration` is None when the person asked for a person at once.

    `ahead` is how many open attempts stand before it, where that was read already.
    """

    feedback: Feedback
    case: Case
    regeneration: Regeneration | None
    item: ContentItem
    ahead: int | None = None


def urgency_of(said: Rejection) -> str:
    """Return the answer queue of a rejection: by severity; bulk work waits behind people who are looking."""
    return Urgency.LOW if said.source == "bulk" else URGENCY_OF_SEVERITY[said.severity]


def _pressed(urgency: str, checked: CheckedRejection, version: ContentVersion) -> str:
    """Return a queue for people who are in a hurry, said in the note as it was understood while they typed it.

    Never a later one, and never that of what must not go out: that is for severities.
    """
    said = checked.said
    if said.source != "page" or urgency != Urgency.NORMAL:
        return urgency
    is_pressing = analyses.is_pressing(checked.note_text, category=said.category, draft=version.text)
    return Urgency.HIGH if is_pressing else urgency


def receive_rejection(*, viewer: Viewer, item_id: uuid.UUID, said: Rejection) -> Receipt:
    """Take a rejection in: feedback, case, attempt with candidate 0, audit and the owed ring, all in one transaction.

    Raises:
        NotFoundError: the item is not there, or not the viewer's.
        InputError: a value or a span cannot be used; nothing is stored.
        StaleVersionError: another version is current and the marked words are not, or not uniquely, in it.
        ConflictError: the item is being rewritten, with a person, approved or withdrawn.
        SwapMissedError: somebody was faster by a moment, and a transaction of the caller's has to be undone for it.
    """
    viewer.require(REJECT)
    item = content.get_item(viewer=viewer, item_id=item_id, alongside=_CASE_AND_QUEUES)
    regeneration_services.require_open_to_rejection(item)
    if item.state != ItemState.IN_REVIEW or item.current is None:
        raise ConflictError(
            _("Only a draft that is in review can be rejected; this one is “%(state)s”.")
            % {"state": ItemState(item.state).label},
            field="state",
            given=item.state,
            allowed=ItemState.IN_REVIEW.value,
        )
    version = item.current
    checked = feedback_services.check_rejection(item=item, version=version, said=said)
    wants_person = said.suggested_action == "escalate"
    zero = None if wants_person else jobs.prepare_zero(item=item, version=version, checked=checked)
    urgency = _pressed(urgency_of(said), checked, version)
    known = vars(item)
    try:
        # A savepoint would be two round trips more; who opened the transaction undoes it.
        with transaction.atomic(savepoint=False), pipelined(), journal.together():
            # The swap comes first: of two rejections at once, the second waits, finds it missed and leaves nothing.
            content.move(
                item,
                ItemState.WITH_PEOPLE if zero is None else ItemState.REGENERATING,
                act="reject",
                actor_id=viewer.user_id,
            )
            feedback = feedback_services.capture(viewer=viewer, item=item, version=version, checked=checked)
            case = _case_for(item, viewer, known["open_case"])
            regeneration = None
            if zero is None:
                why = _("The advisor asked for a person.")
                _to_people(case, level=3, why=why, feedback=feedback, actor_id=viewer.user_id)
            else:
                said_words = _("Rejected: %(category)s.") % {"category": said.category}
                write_entry(case, "reject", said_words, feedback=feedback, actor_id=viewer.user_id)
                regeneration = regeneration_services.open_attempt(
                    item=item, feedback=feedback, zero=zero, urgency=urgency, actor_id=viewer.user_id
                )
    except SwapMissedError as error:
        if transaction.get_connection().in_atomic_block:
            raise
        raise content.moved_on(item) from error
    return Receipt(feedback, case, regeneration, item, ahead=ahead_of(urgency, known["queued"]))


def _case_for(item: ContentItem, viewer: Viewer, found: dict[str, Any] | None) -> Case:
    if found is None:
        case = Case(id=new_id(), item=item, policy=POLICY)
        insert([case])
        journal.publish(CaseOpened(firm_id=item.firm_id, item_id=item.id, actor_id=viewer.user_id, case_id=case.id))
        return case
    case = Case(item=item, **{**found, "id": uuid.UUID(found["id"])})
    case.round += 1
    case.level = 1
    case.state = CaseState.MACHINE
    Case.objects.filter(id=case.id).update(round=case.round, level=1, state=CaseState.MACHINE, changed_at=Now())
    return case


def write_entry(
    case: Case, act: str, explanation: str, *, feedback: Feedback | None = None, actor_id: uuid.UUID | None = None
) -> None:
    """Write down one step of a case, in the caller's transaction."""
    entry = CaseEntry(
        case=case, act=act, level=case.level, explanation=explanation[:500], feedback=feedback, actor_id=actor_id
    )
    insert([entry])


def _to_people(
    case: Case, *, level: int, why: str, feedback: Feedback | None = None, actor_id: uuid.UUID | None = None
) -> None:
    move_case(case, level=level, state=CaseState.PEOPLE, why=why)
    write_entry(case, "to_people", why, feedback=feedback, actor_id=actor_id)


def move_case(case: Case, *, level: int, state: CaseState, why: str) -> None:
    """Say where a case stands and why, in the caller's transaction. Expects its item to be loaded; leaves CaseMoved."""
    case.level, case.state, case.why = level, state, why
    closed_at = Now() if state == CaseState.CLOSED else None
    Case.objects.filter(id=case.id).update(
        level=level, state=state, why=why[:500], changed_at=Now(), closed_at=closed_at
    )
    item = case.item
    journal.publish(CaseMoved(firm_id=item.firm_id, item_id=item.id, case_id=case.id, level=level, state=state))


def take_next_step(*, regeneration_id: uuid.UUID) -> bool:
    """Claim an attempt, answer it in time, store the answer and what it means for the case. False when there was
    nothing to claim.

    Rung as often as it likes: a row is claimed by one worker at a time and settled once.
    """
    taken = claims.claim(regeneration_id, alongside=_CASE)
    if taken is None:
        return False
    faultpoint("after-claim")
    attempt = taken.regeneration
    # What a note names counts where nothing was ticked or marked; a person's own list is the whole list.
    understood = () if taken.issues else analyses.found_in_note(attempt.feedback, draft=attempt.version.text)
    taken = replace(taken, issues=(*taken.issues, *understood))
    answered = answering.regenerate(taken)
    with transaction.atomic(), pipelined(), journal.together():
        finished = regeneration_services.finish(taken, answered.outcome)
        if finished is not None:
            insert(understood)
            _conclude(taken, finished)
    if finished is not None:
        answering.remember(finished.regeneration, answered)
        answering.when_late(
            answered,
            lambda late: regeneration_services.improve(taken=taken, board=answered.board, calls=late.calls),
        )
    return True


def settle_if_due(*, regeneration_id: uuid.UUID, reason: str = "") -> bool:
    """End an attempt whose answer clock has run out with the best stored candidate, whatever became of its worker.

    Any reader may call it. Returns False when the attempt is settled already or still has time.
    """
    with transaction.atomic(), pipelined(), journal.together():
        taken = claims.take_over(regeneration_id, alongside=_CASE)
        if taken is None:
            return False
        outcome = answering.outcome_from_store(
            taken,
            reason=reason or _("No worker answered in time; the repair by rules, made when you rejected, stands."),
        )
        finished = regeneration_services.finish(taken, outcome)
        if finished is None:
            return False
        _conclude(taken, finished)
    return True


def _conclude(taken: Claim, finished: regeneration_services.Finished) -> None:
    """Decide what an attempt's outcome means for the case, and do it, in the caller's transaction."""
    attempt, item = finished.regeneration, finished.regeneration.item
    # As it was at the claim: a case stands still while its draft is being rewritten.
    case = Case(item=item, **taken.alongside["case"])
    decision = choose_level(
        History(
            round=case.round,
            attempts=attempt.attempt,
            has_answer=finished.version is not None,
            can_ask_model=bool(active_targets()),
            wants_person=False,
            is_critical=attempt.version.has_critical,
        ),
        case.policy,
    )
    if finished.version is not None:
        move_case(case, level=decision.level, state=CaseState.ANSWERED, why=decision.why)
        write_entry(case, "answer", decision.why, feedback=attempt.feedback)
    elif item.current_id != attempt.version_id:
        # A further attempt on request that found nothing else: what the person had is still the answer.
        why = _("Nothing better was found; the version you have stands.")
        content.move(item, ItemState.IN_REVIEW, act="keep_answer", actor_id=None, reason=why)
        move_case(case, level=MACHINE_LEVEL, state=CaseState.ANSWERED, why=why)
        write_entry(case, "keep_answer", why, feedback=attempt.feedback)
    elif decision.tries_again:
        write_entry(case, "next_attempt", decision.why, feedback=attempt.feedback)
        regeneration_services.open_next_attempt(regeneration=attempt)
    else:
        content.move(item, ItemState.WITH_PEOPLE, act="escalate", actor_id=None, reason=decision.why)
        _to_people(case, level=decision.level, why=decision.why, feedback=attempt.feedback)


def sweep() -> int:
    """Look after attempts that no living worker has: ring again, settle from the store, or give up on with a dead
    letter.

    Safe to run in several places at once. Returns how many attempts it acted on.
    """
    owed = owed_attempts()
    for attempt in owed.to_ring:
        # The neighbours of a row that kills its worker are not to blame: from the third claim on it runs alone.
        ring_attempt(attempt, queue="solo" if attempt.claims >= 2 else attempt.urgency)
    for attempt in owed.to_settle:
        settle_if_due(regeneration_id=attempt.id)
    for attempt in owed.to_bury:
        _bury(attempt)
    return len(owed.to_ring) + len(owed.to_settle) + len(owed.to_bury)


def ring_attempt(attempt: Regeneration, *, queue: str) -> None:
    """Ring for one attempt right now; a ring that gets lost is repeated by the next sweep."""
    journal.ring_again(Ring(RESPOND_TASK, {"regeneration_id": str(attempt.id)}, queue))


def _bury(attempt: Regeneration) -> None:
    firm_id = ContentItem.objects.values_list("firm_id", flat=True).get(id=attempt.item_id)
    reason = f"{attempt.claims} workers took it and none finished"
    ring = Ring(RESPOND_TASK, {"regeneration_id": str(attempt.id)}, "solo")
    with transaction.atomic():
        if settle_if_due(
            regeneration_id=attempt.id,
            reason=_("The machine failed on this text several times; the repair by rules stands."),
        ):
            journal.bury(
                firm_id=firm_id,
                subject_kind="regeneration",
                subject_id=attempt.id,
                ring=ring,
                reason=reason,
                claims=attempt.claims,
            )


def approve(*, viewer: Viewer, item_id: uuid.UUID, version_number: int | None = None) -> ContentVersion:
    """Approve an item's current version for use and close its case.

    Raises:
        NotFoundError, ForbiddenError, StaleVersionError, ConflictError: as `content.services.approve` says.
    """
    item = content.get_item(viewer=viewer, item_id=item_id)
    if item.state == ItemState.REGENERATING:
        settle_open_attempt(item_id=item.id)
        item = content.get_item(viewer=viewer, item_id=item_id)
    with transaction.atomic():
        version = content.approve(viewer=viewer, item=item, version_number=version_number)
        case = Case.objects.filter(item=item).exclude(state=CaseState.CLOSED).first()
        if case is not None:
            case.item = item
            move_case(case, level=case.level, state=CaseState.CLOSED, why=_("Approved by the advisor."))
            write_entry(case, "approve", _("Approved by the advisor."), actor_id=viewer.user_id)
    return version


def settle_open_attempt(*, item_id: uuid.UUID) -> None:
    """Settle an item's running attempt if its answer clock has run out: readers see the answer, not the wait."""
    running = Regeneration.objects.filter(item_id=item_id, state__in=OPEN_STATES).values_list("id", flat=True).first()
    if running:
        settle_if_due(regeneration_id=running)


def ask_person(*, viewer: Viewer, item_id: uuid.UUID, reason: str = "") -> Case:
    """Hand an item that is in review to a person.

    Raises:
        NotFoundError: the item is not the viewer's.
        ConflictError: the item is not in review.
    """
    viewer.require(ASK_PERSON)
    item = content.get_item(viewer=viewer, item_id=item_id)
    with transaction.atomic():
        content.move(item, ItemState.WITH_PEOPLE, act="ask_person", actor_id=viewer.user_id, reason=reason)
        case = Case.objects.filter(item=item).exclude(state=CaseState.CLOSED).first()
        if case is None:
            case = Case.objects.create(id=new_id(), item=item, policy=POLICY)
            journal.publish(CaseOpened(firm_id=item.firm_id, item_id=item.id, actor_id=viewer.user_id, case_id=case.id))
        case.item = item
        decision = choose_level(
            History(
                round=case.round,
                attempts=0,
                has_answer=False,
                can_ask_model=False,
                wants_person=True,
                is_critical=False,
            ),
            case.policy,
        )
        _to_people(case, level=decision.level, why=decision.why, actor_id=viewer.user_id)
    return case


def ring_open_attempt(*, regeneration: Regeneration) -> None:
    """Ring for an attempt that is still open, because a person asked.

    Raises:
        ConflictError: it has its outcome.
    """
    if not regeneration.is_open:
        raise ConflictError(
            _("This attempt has its outcome: it is “%(state)s”.") % {"state": regeneration.get_state_display()},
            field="state",
            given=regeneration.state,
            allowed=[str(state) for state in OPEN_STATES],
            code="settled",
        )
    is_alone = regeneration.claims >= 2
    ring_attempt(regeneration, queue=regeneration_services.SOLO_QUEUE if is_alone else regeneration.urgency)


def replay_dead_letter(*, dead_letter_id: uuid.UUID, actor_id: uuid.UUID | None) -> DeadLetter:
    """Let the machine try once more what was given up on. Leaves the letter replayed, an audit entry and a ring.

    Raises:
        NotFoundError: there is no such letter.
        ConflictError: it was decided meanwhile, or its draft has been settled otherwise; then nothing is changed.
    """
    with transaction.atomic():
        letter = _dead_letter(dead_letter_id)
        journal.settle_dead_letter(letter=letter, state=DeadLetter.State.REPLAYED, actor_id=actor_id, reason="")
        if letter.subject_kind == "regeneration":
            _try_again(letter, actor_id)
        else:
            transaction.on_commit(lambda: journal.ring_again(Ring(letter.task, letter.kwargs, letter.queue)))
    letter.refresh_from_db()
    return letter


def discard_dead_letter(*, dead_letter_id: uuid.UUID, actor_id: uuid.UUID | None, reason: str) -> DeadLetter:
    """Give work up for good, with the reason. Leaves the letter discarded and an audit entry.

    Raises:
        NotFoundError: there is no such letter.
        InputError: no reason is given.
        ConflictError: it was decided meanwhile.
    """
    if not reason.strip():
        raise InputError(_("Say why it is discarded."), field="reason", given=reason, code="blank")
    with transaction.atomic():
        letter = _dead_letter(dead_letter_id)
        journal.settle_dead_letter(
            letter=letter, state=DeadLetter.State.DISCARDED, actor_id=actor_id, reason=reason.strip()
        )
    letter.refresh_from_db()
    return letter


def _dead_letter(dead_letter_id: uuid.UUID) -> DeadLetter:
    letter = DeadLetter.objects.filter(id=dead_letter_id).first()
    if letter is None:
        raise NotFoundError(
            _("There is no such dead letter."), field="id", given=to_short("dead_letter", dead_letter_id)
        )
    return letter


def _try_again(letter: DeadLetter, actor_id: uuid.UUID | None) -> None:
    attempt = Regeneration.objects.select_related("item__current", "item__firm", "feedback").get(id=letter.subject_id)
    if attempt.is_open:
        ring_open_attempt(regeneration=attempt)
        return
    item = attempt.item
    case = Case.objects.filter(item=item, state=CaseState.PEOPLE).first()
    # Only a draft that still waits with its rejected text can be given back to the machine.
    if item.state != ItemState.WITH_PEOPLE or item.current_id != attempt.version_id or case is None:
        raise _settled_otherwise(item)
    content.move(item, ItemState.REGENERATING, act="replay", actor_id=actor_id)
    if not regeneration_services.reopen(attempt):
        raise _settled_otherwise(item)
    case.item = item
    why = _("Sent back to the machine after it had given up.")
    move_case(case, level=MACHINE_LEVEL, state=CaseState.MACHINE, why=why)
    write_entry(case, "replay", why, feedback=attempt.feedback, actor_id=actor_id)


def _settled_otherwise(item: ContentItem) -> ConflictError:
    return ConflictError(
        _("The draft was settled otherwise: it is “%(state)s”. Discard the dead letter.")
        % {"state": ItemState(item.state).label},
        field="state",
        given=ItemState.WITH_PEOPLE.value,
        allowed=item.state,
        code="settled_otherwise",
    )
