"""Capture what people say of a draft: one schema for page, API, bulk and shell."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _

from feedback import voice
from feedback.events import FeedbackCaptured
from feedback.models import Feedback, FeedbackDraft, FeedbackIssue
from jarvish_regen.access.policy import REJECT, Viewer
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.errors import InputError, StaleVersionError
from jarvish_regen.ids import new_id
from jarvish_regen.journal import services as journal
from jarvish_regen.language.anchors import Anchor, AnchorError, anchor_at, locate_quote, resolve
from jarvish_regen.language.masking import mask
from jarvish_regen.language.richtext import from_plain, sanitise, to_text
from jarvish_regen.language.words import problem_in
from jarvish_regen.roundtrips import insert

NOTE_MAX_CHARS: Final = 5_000
ISSUES_MAX: Final = 50
METADATA_MAX_KEYS: Final = 20
_FORGET_DRAFT_SQL: Final = "DELETE FROM feedback_feedbackdraft WHERE item_id = %s AND user_id = %s"


@dataclass(frozen=True, kw_only=True)
class SaidIssue:
    """One fault as it was said: a code, and where it shows by position, by quote, or by both."""

    code: str
    start: int | None = None
    end: int | None = None
    quote: str = ""
    prefix: str = ""
    suffix: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A rejection as it is handed in. `version` is the number the person looked at; None means the current one."""

    category: str
    severity: str = "major"
    suggested_action: str = "regenerate"
    issues: Sequence[SaidIssue] = field(default_factory=tuple)
    note: str = ""
    note_is_html: bool = False
    suggestions: str = ""
    version: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: str = "api"
    voice_note: uuid.UUID | None = None  # the recording that the note was made from, confirmed by sending it


@dataclass(frozen=True)
class AnchoredIssue:
    """A fault whose place in the rejected version is settled."""

    said: SaidIssue
    anchor: Anchor | None


@dataclass(frozen=True)
class CheckedRejection:
    """A rejection whose every value is known and whose every span lies in the version: ready to be stored."""

    said: Rejection
    note_html: str
    note_text: str
    suggestions: str
    issues: tuple[AnchoredIssue, ...]


def check_rejection(*, item: ContentItem, version: ContentVersion, said: Rejection) -> CheckedRejection:
    """Check a rejection of the item's current version before anything is written. Pure but for its arguments.

    Personal data is masked in note and suggestions. Spans on an older version are re-anchored by their quote in the
    current one.

    Raises:
        InputError: a value is not in the taxonomy, a span lies outside the text, a quote is not found.
        StaleVersionError: an old version is meant and its quotes do not anchor uniquely in the current one.
    """
    words = taxonomy()
    _require_known("category", said.category, tuple(words.categories))
    _require_known("severity", said.severity, words.severities)
    _require_known("suggested_action", said.suggested_action, words.suggested_actions)
    if len(said.issues) > ISSUES_MAX:
        raise InputError(_("Too many issues."), field="issues", given=len(said.issues), allowed=ISSUES_MAX)
    is_stale = said.version is not None and said.version != version.number
    if is_stale and (said.version is None or said.version > version.number or said.version < 1):
        raise InputError(
            _("There is no such version."),
            field="version",
            given=said.version,
            allowed=version.number,
            code="unknown_version",
        )
    if is_stale and not any(issue.quote for issue in said.issues):
        raise StaleVersionError(
            _("This draft has a newer version; look at it before you reject."),
            field="version",
            given=said.version,
            allowed=version.number,
        )
    issues = []
    for number, issue in enumerate(said.issues):
        _require_known(f"issues.{number}.code", issue.code, tuple(words.issues))
        issues.append(AnchoredIssue(issue, _anchor(issue, version, number, is_stale=is_stale)))
        _require_storable(f"issues.{number}.note", issue.note)
    _require_storable("suggestions", said.suggestions)
    note_html, note_text = _note(said, names=[item.advisor.phone] if item.advisor.phone else [])
    return CheckedRejection(
        said=said,
        note_html=note_html,
        note_text=note_text,
        suggestions=mask(said.suggestions).text,
        issues=tuple(issues),
    )


def _note(said: Rejection, *, names: Sequence[str]) -> tuple[str, str]:
    """Return the note as HTML and as text, sanitised and without personal data in either."""
    note_html = mask(sanitise(said.note) if said.note_is_html else from_plain(said.note), names=names).text
    note_text = to_text(note_html)
    masked_text = mask(note_text, names=names).text
    if masked_text == note_text:
        return note_html, note_text
    # A number with markup inside it shows only to a reader: the markup goes, and the number with it.
    note_html = from_plain(masked_text)
    return note_html, to_text(note_html)


def _require_storable(path: str, given: str) -> None:
    problem = problem_in(given)
    if problem:
        raise InputError(
            _("The text holds %(what)s, which cannot be stored.") % {"what": problem},
            field=path,
            given=given[:60],
            code="broken_text",
        )


def _require_known(path: str, given: str, allowed: Sequence[str]) -> None:
    if given not in allowed:
        raise InputError(
            _("This value is not in the allowed list."),
            field=path,
            given=given,
            allowed=list(allowed),
            code="invalid_choice",
        )


def _anchor(issue: SaidIssue, version: ContentVersion, number: int, *, is_stale: bool) -> Anchor | None:
    path = f"issues.{number}"
    if issue.start is None and issue.end is None and not issue.quote:
        return None
    if issue.start is not None and issue.end is not None and not is_stale:
        try:
            found = anchor_at(version.text, issue.start, issue.end)
        except AnchorError as error:
            raise InputError(
                _("This span does not lie in the text (%(why)s).") % {"why": error.reason},
                field=f"{path}.start",
                given=list(error.given),
                allowed=list(error.allowed),
                code="bad_span",
            ) from error
        if issue.quote and found.quote != issue.quote:
            moved = resolve(Anchor(issue.start, issue.end, issue.quote, issue.prefix, issue.suffix), version.text)
            if moved is None:
                raise InputError(
                    _("The words at this position are others."),
                    field=f"{path}.quote",
                    given=issue.quote,
                    allowed=found.quote,
                    code="quote_mismatch",
                )
            return moved
        return found
    if (issue.start is None) != (issue.end is None):
        raise InputError(
            _("A span needs both start and end."),
            field=f"{path}.start",
            given=[issue.start, issue.end],
            allowed=[0, len(version.text)],
            code="bad_span",
        )
    place = (
        resolve(Anchor(issue.start or 0, issue.end or 0, issue.quote, issue.prefix, issue.suffix), version.text)
        if issue.prefix or issue.suffix
        else None
    )
    place = place or locate_quote(version.text, issue.quote)
    if place is None and is_stale:
        raise StaleVersionError(
            _("The marked words are not, or not uniquely, in the newer version."),
            field=f"{path}.quote",
            given=issue.quote,
            allowed=version.number,
        )
    if place is None:
        raise InputError(
            _("These words do not stand, or stand more than once, in the text."),
            field=f"{path}.quote",
            given=issue.quote,
            code="quote_not_found",
        )
    return place


def capture(*, viewer: Viewer, item: ContentItem, version: ContentVersion, checked: CheckedRejection) -> Feedback:
    """Store a checked rejection, in the caller's transaction. Leaves Feedback, its issues and FeedbackCaptured."""
    viewer.require(REJECT)
    said = checked.said
    feedback = Feedback(
        id=new_id(),
        item=item,
        version=version,
        author_id=viewer.user_id,
        category=said.category,
        severity=said.severity,
        suggested_action=said.suggested_action,
        note_html=checked.note_html,
        note_text=checked.note_text,
        suggestions=checked.suggestions,
        metadata=_masked(said.metadata, "metadata"),
        source=said.source,
    )
    insert([feedback])
    insert([_issue_row(feedback, issue) for issue in checked.issues])
    with connection.cursor() as cursor:  # nothing refers to a draft, so none of what Django's own deleting looks for
        cursor.execute(_FORGET_DRAFT_SQL, [item.id, viewer.user_id])
    voice.settle(viewer=viewer, item=item, feedback=feedback, voice_id=said.voice_note, is_strict=said.source != "page")
    journal.publish(
        FeedbackCaptured(
            firm_id=item.firm_id,
            item_id=item.id,
            actor_id=viewer.user_id,
            feedback_id=feedback.id,
            category=said.category,
            severity=said.severity,
        )
    )
    return feedback


def _issue_row(feedback: Feedback, issue: AnchoredIssue) -> FeedbackIssue:
    anchor = issue.anchor
    return FeedbackIssue(
        feedback=feedback,
        code=issue.said.code,
        start=anchor.start if anchor else None,
        end=anchor.end if anchor else None,
        quote=anchor.quote if anchor else "",
        prefix=anchor.prefix if anchor else "",
        suffix=anchor.suffix if anchor else "",
        note=mask(issue.said.note).text[:500],
    )


def save_draft(*, viewer: Viewer, item_id: uuid.UUID, form: Mapping[str, Any]) -> FeedbackDraft:
    """Keep what somebody has typed so far, personal data masked, so that no crash or lost login costs it.

    Raises InputError when a value holds what cannot be stored.
    """
    viewer.require(REJECT)
    draft, _created = FeedbackDraft.objects.update_or_create(
        item_id=item_id, user_id=viewer.user_id, defaults={"form": _masked(form)}
    )
    return draft


def _masked(value: Any, path: str = "form") -> Any:
    """Return plain JSON with the personal data in its texts masked, however deep they lie."""
    if isinstance(value, str):
        _require_storable(path, value)
        return mask(value).text
    if isinstance(value, Mapping):
        return {key: _masked(inner, f"{path}.{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner, f"{path}.{number}") for number, inner in enumerate(value)]
    return value


def get_draft(*, viewer: Viewer, item_id: uuid.UUID) -> dict[str, Any]:
    """Return what the viewer had typed for this item; empty when there is nothing."""
    draft = FeedbackDraft.objects.filter(item_id=item_id, user_id=viewer.user_id).first()
    return dict(draft.form) if draft else {}
