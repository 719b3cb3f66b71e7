"""Drafts come in, versions are added, an advisor approves: what each leaves behind, and what it refuses."""

import threading
from typing import Any, Final

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError

from jarvish_regen.access.policy import Viewer
from jarvish_regen.content import services
from jarvish_regen.content.compliance.check import check
from jarvish_regen.content.compliance.gate import ReadyText, Withheld, release
from jarvish_regen.content.demo.loader import load_demo
from jarvish_regen.content.models import AdvisorProfile, ContentItem, ContentVersion, text_context
from jarvish_regen.content.services import Arrival, Draft, add_version, approve, get_item, receive_drafts
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError, ForbiddenError, InputError, NotFoundError, StaleVersionError
from jarvish_regen.journal.models import AuditEntry, Event
from tests.factories import (
    FAULTY_TEXT,
    FLAWLESS_TEXT,
    AdvisorProfileFactory,
    MembershipFactory,
    draft_item,
    integration_of,
    viewer_for,
)

pytestmark = pytest.mark.django_db

ORIGIN: Final = ContentVersion.Origin.MODEL


def _draft(**fields: Any) -> Draft:
    return Draft(**{"text": FLAWLESS_TEXT, "channel": "whatsapp", "language": "en", **fields})


def _received(viewer: Viewer, **fields: Any) -> Arrival:
    return receive_drafts(viewer=viewer, drafts=[_draft(**fields)])[0]


def _refused(viewer: Viewer, **fields: Any) -> InputError:
    arrival = _received(viewer, **fields)
    assert (arrival.status, arrival.item) == ("refused", None)
    assert isinstance(arrival.error, InputError)
    return arrival.error


@pytest.fixture
def advisor() -> AdvisorProfile:
    profile: AdvisorProfile = AdvisorProfileFactory()
    return profile


@pytest.fixture
def viewer(advisor: AdvisorProfile) -> Viewer:
    return viewer_for(advisor.user)


# --- Coming in --------------------------------------------------------------------------------------------------


def test_a_draft_becomes_an_item_in_review_with_one_version_and_its_record(
    advisor: AdvisorProfile, viewer: Viewer
) -> None:
    arrival = _received(viewer, topic="SIP", approved_facts=["12%"])

    assert arrival.status == "created"
    item = ContentItem.objects.get(id=arrival.item.id)  # type: ignore[union-attr]
    version = item.versions.get()
    assert (item.state, item.current, item.advisor, item.firm) == ("in_review", version, advisor, advisor.firm)
    assert (item.topic, item.approved_facts) == ("SIP", ["12%"])
    assert (version.number, version.text, version.origin) == (1, FLAWLESS_TEXT, "arrived")
    entry = AuditEntry.objects.get(subject_id=item.id)
    assert (entry.act, entry.to_state, entry.actor_id) == ("arrive", "in_review", advisor.user_id)
    event = Event.objects.get(item_id=item.id)
    assert (event.kind, event.payload) == ("content.arrived", {"version_id": str(version.id)})


def test_a_draft_that_breaks_a_critical_rule_is_marked_on_arrival() -> None:
    faulty, flawless = draft_item(text=FAULTY_TEXT).current, draft_item(text=FLAWLESS_TEXT).current

    assert faulty is not None
    assert flawless is not None
    assert (faulty.has_critical, faulty.is_admissible) == (True, False)
    assert (flawless.has_critical, flawless.is_admissible) == (False, True)
    assert [finding["span"] for finding in faulty.findings if finding["severity"] == "critical"] == ["guaranteed"]
    assert all(
        faulty.text[finding["start"] : finding["end"]] == finding["span"]
        for finding in faulty.findings
        if finding["span"]
    )


def test_the_class_is_derived_from_the_text_and_kept_with_the_version(viewer: Viewer) -> None:
    arrival = _received(viewer, text="Happy Diwali to you and your family!")

    item = ContentItem.objects.select_related("advisor", "firm", "current").get(id=arrival.item.id)  # type: ignore[union-attr]
    assert item.current is not None
    assert item.content_class == ""
    assert item.current.content_class == "greeting"
    assert item.current.content_class == check(item.current.text, text_context(item)).content_class


def test_a_class_that_is_given_is_the_one_that_counts(viewer: Viewer) -> None:
    arrival = _received(viewer, text="Happy Diwali to you and your family!", content_class="advertisement")

    item = ContentItem.objects.select_related("current").get(id=arrival.item.id)  # type: ignore[union-attr]
    assert item.current is not None
    assert (item.content_class, item.current.content_class) == ("advertisement", "advertisement")


def test_the_same_external_id_with_the_same_text_is_known_and_changes_nothing(viewer: Viewer) -> None:
    first = _received(viewer, external_id="crm-1")
    rows = (
        ContentItem.objects.count(),
        ContentVersion.objects.count(),
        Event.objects.count(),
        AuditEntry.objects.count(),
    )

    again = _received(viewer, external_id="crm-1")

    assert (first.status, again.status) == ("created", "known")
    assert again.item == first.item
    assert rows == (
        ContentItem.objects.count(),
        ContentVersion.objects.count(),
        Event.objects.count(),
        AuditEntry.objects.count(),
    )


def test_the_same_external_id_with_another_text_is_refused_with_the_item_that_has_it(viewer: Viewer) -> None:
    first = _received(viewer, external_id="crm-1")

    again = _received(viewer, external_id="crm-1", text=FAULTY_TEXT)

    assert isinstance(again.error, ConflictError)
    assert first.item is not None
    assert (again.error.code, again.error.field) == ("external_id_taken", "external_id")
    assert (again.error.given, again.error.allowed) == ("crm-1", first.item.short_id)


def test_two_firms_may_use_the_same_external_id(viewer: Viewer) -> None:
    stranger = viewer_for(AdvisorProfileFactory().user)

    assert [_received(who, external_id="crm-1").status for who in (viewer, stranger)] == ["created", "created"]


@pytest.mark.parametrize("text", [FLAWLESS_TEXT, FAULTY_TEXT])
def test_an_external_id_of_a_colleague_is_refused_without_a_word_of_the_draft(
    advisor: AdvisorProfile, viewer: Viewer, text: str
) -> None:
    _received(viewer, external_id="crm-1")
    colleague = viewer_for(AdvisorProfileFactory(firm=advisor.firm, arn="ARN-2").user)

    arrival = _received(colleague, external_id="crm-1", text=text)

    assert (arrival.status, arrival.item) == ("refused", None)
    assert isinstance(arrival.error, ConflictError)
    assert (arrival.error.code, arrival.error.allowed) == ("external_id_taken", None)


@pytest.mark.django_db(transaction=True)
def test_the_same_draft_sent_several_times_at_once_is_one_item() -> None:
    viewer = viewer_for(AdvisorProfileFactory().user)
    senders = 5
    start = threading.Barrier(senders)
    outcomes: list[Arrival] = []

    def send() -> None:
        try:
            start.wait(timeout=30)
            outcomes.append(_received(viewer, external_id="crm-1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert sorted(arrival.status for arrival in outcomes) == ["created", *["known"] * (senders - 1)]
    item = ContentItem.objects.get()
    assert {arrival.item for arrival in outcomes} == {item}
    assert (item.versions.count(), Event.objects.count()) == (1, 1)


def test_a_bad_draft_never_undoes_a_good_one(viewer: Viewer) -> None:
    arrivals = receive_drafts(viewer=viewer, drafts=[_draft(), _draft(text=" "), _draft(text="a\x00"), _draft()])

    assert [arrival.status for arrival in arrivals] == ["created", "refused", "refused", "created"]
    assert ContentItem.objects.count() == 2


@pytest.mark.parametrize(
    ("text", "code", "allowed"),
    [
        ("", "blank", None),
        (" \n\t", "blank", None),
        ("fine until\x00here", "broken_text", None),
        ("fine until\ud83dhere", "broken_text", None),
        ("क" * 20_001, "max_length", 20_000),
    ],
    ids=["empty", "blank", "NUL", "surrogate", "too long"],
)
def test_a_text_that_cannot_be_used_is_refused_by_field(
    viewer: Viewer, text: str, code: str, allowed: int | None
) -> None:
    error = _refused(viewer, text=text)

    assert (error.code, error.field, error.allowed) == (code, "text", allowed)
    assert not ContentItem.objects.exists()


def test_the_longest_text_is_taken(viewer: Viewer) -> None:
    arrival = _received(viewer, text="क" * 20_000, channel="blog")

    assert arrival.status == "created"


@pytest.mark.parametrize(
    ("field", "allowed"),
    [
        ("channel", ["whatsapp", "linkedin", "instagram", "facebook", "x", "sms", "email", "blog"]),
        ("language", ["en", "hi", "mr", "hinglish"]),
        ("content_class", ["advertisement", "educational", "service", "greeting"]),
    ],
)
def test_an_unknown_value_is_refused_with_the_allowed_list(viewer: Viewer, field: str, allowed: list[str]) -> None:
    error = _refused(viewer, **{field: "fax"})

    assert (error.code, error.field, error.given, error.allowed) == ("invalid_choice", field, "fax", allowed)


def test_an_advisor_sends_in_their_own_name_only(advisor: AdvisorProfile, viewer: Viewer) -> None:
    colleague = AdvisorProfileFactory(firm=advisor.firm)

    error = _refused(viewer, advisor_email=colleague.user.email)

    assert (error.field, error.given) == ("advisor_email", colleague.user.email)


def test_an_advisor_may_name_themselves_in_any_case(advisor: AdvisorProfile, viewer: Viewer) -> None:
    arrival = _received(viewer, advisor_email=advisor.user.email.upper())

    assert arrival.item is not None
    assert arrival.item.advisor == advisor


def test_an_advisor_without_a_profile_is_told_to_fill_it_in() -> None:
    error = _refused(viewer_for(MembershipFactory(role="advisor").user))

    assert error.field == "advisor_email"


@pytest.mark.parametrize("role", ["firm_admin", "integrator"])
def test_who_is_no_advisor_names_one_of_the_firm(advisor: AdvisorProfile, role: str) -> None:
    sender = MembershipFactory(firm=advisor.firm, role=role).user

    arrival = _received(viewer_for(sender), advisor_email=advisor.user.email.upper())

    assert arrival.item is not None
    assert arrival.item.advisor == advisor


def test_an_unknown_or_foreign_or_missing_advisor_is_refused_with_those_of_the_firm(advisor: AdvisorProfile) -> None:
    sender = viewer_for(MembershipFactory(firm=advisor.firm).user)
    stranger = AdvisorProfileFactory()
    colleague = AdvisorProfileFactory(firm=advisor.firm)
    known = sorted([advisor.user.email, colleague.user.email])

    for given in ("nobody@people.example", stranger.user.email, ""):
        error = _refused(sender, advisor_email=given)
        assert (error.code, error.field, error.given, error.allowed) == (
            "unknown_advisor",
            "advisor_email",
            given,
            known,
        )


def test_a_reviewer_sends_no_drafts(advisor: AdvisorProfile) -> None:
    reviewer = viewer_for(MembershipFactory(firm=advisor.firm, role="reviewer").user)

    with pytest.raises(ForbiddenError):
        _received(reviewer, advisor_email=advisor.user.email)


# --- Versions ---------------------------------------------------------------------------------------------------


def _ready(item: ContentItem, text: str = FLAWLESS_TEXT) -> ReadyText:
    released = release(text, text_context(item))
    assert isinstance(released, ReadyText)
    return released


def test_a_further_version_is_current_with_its_record() -> None:
    item = draft_item()
    services.move(item, ItemState.REGENERATING, act="reject", actor_id=None)

    version = add_version(item=item, text=_ready(item), origin=ORIGIN, origin_key="one")

    stored = ContentItem.objects.get(id=item.id)
    event = Event.objects.get(item_id=item.id, kind="version.ready")
    assert (stored.state, stored.current, item.current) == ("in_review", version, version)
    assert (version.number, version.text, version.is_admissible) == (2, FLAWLESS_TEXT, True)
    assert event.payload == {"version_id": str(version.id), "number": 2, "origin": "model"}
    assert AuditEntry.objects.filter(subject_id=item.id, act="new_version").count() == 1


@pytest.mark.parametrize("text", [FLAWLESS_TEXT, None, check], ids=["string", "none", "anything"])
def test_only_what_the_gate_released_becomes_a_version(text: Any) -> None:
    item = draft_item()
    services.move(item, ItemState.REGENERATING, act="reject", actor_id=None)

    with pytest.raises((AttributeError, TypeError)), transaction.atomic():
        add_version(item=item, text=text, origin=ORIGIN, origin_key="one")

    assert item.versions.count() == 1


def test_a_text_held_back_by_the_gate_is_no_version() -> None:
    item = draft_item()
    services.move(item, ItemState.REGENERATING, act="reject", actor_id=None)
    held = release(FAULTY_TEXT, text_context(item))
    assert isinstance(held, Withheld)

    with pytest.raises((AttributeError, TypeError)), transaction.atomic():
        add_version(item=item, text=held, origin=ORIGIN, origin_key="one")  # type: ignore[arg-type]

    assert item.versions.count() == 1


def test_an_attempt_writes_one_version_ever() -> None:
    item = draft_item()
    services.move(item, ItemState.REGENERATING, act="reject", actor_id=None)
    add_version(item=item, text=_ready(item), origin=ORIGIN, origin_key="same")
    services.move(item, ItemState.REGENERATING, act="reject", actor_id=None)

    with pytest.raises(IntegrityError), transaction.atomic():
        add_version(item=item, text=_ready(item), origin=ORIGIN, origin_key="same")

    assert ContentItem.objects.get(id=item.id).state == "regenerating"
    assert item.versions.count() == 2


def test_a_version_for_an_item_that_has_moved_on_is_refused_and_not_kept() -> None:
    item = draft_item()
    services.move(item, ItemState.REGENERATING, act="reject", actor_id=None)
    stale = ContentItem.objects.select_related("advisor", "firm", "current").get(id=item.id)
    services.move(item, ItemState.WITH_PEOPLE, act="escalate", actor_id=None)

    with pytest.raises(ConflictError) as caught, transaction.atomic():
        add_version(item=stale, text=_ready(item), origin=ORIGIN, origin_key="late")

    assert (caught.value.code, caught.value.allowed) == ("moved_on", "with_people")
    assert item.versions.count() == 1


@pytest.mark.parametrize("change", [{"text": "other"}, {"is_admissible": True}, {"number": 7}, {"findings": []}])
def test_no_column_of_a_version_can_be_changed_at_the_database(change: dict[str, Any]) -> None:
    item = draft_item()

    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        ContentVersion.objects.filter(item=item).update(**change)

    assert item.versions.get().text == FAULTY_TEXT


# --- Approving --------------------------------------------------------------------------------------------------


def _approve(item: ContentItem, **given: Any) -> ContentVersion:
    return approve(viewer=viewer_for(item.advisor.user), item=item, **given)


def test_the_advisor_approves_the_current_version() -> None:
    item = draft_item(text=FLAWLESS_TEXT)

    version = _approve(item, version_number=1)

    event = Event.objects.get(item_id=item.id, kind="version.approved")
    entry = AuditEntry.objects.get(subject_id=item.id, act="approve")
    assert version == item.current
    assert ContentItem.objects.get(id=item.id).state == "approved"
    assert (event.actor_id, event.payload) == (item.advisor.user_id, {"version_id": str(version.id), "number": 1})
    assert (entry.from_state, entry.to_state, entry.actor_id) == ("in_review", "approved", item.advisor.user_id)


@pytest.mark.parametrize("role", ["firm_admin", "integrator", "reviewer", "senior_reviewer"])
def test_no_other_role_approves(role: str) -> None:
    item = draft_item(text=FLAWLESS_TEXT)
    other = viewer_for(MembershipFactory(firm=item.firm, role=role).user)

    with pytest.raises(ForbiddenError):
        approve(viewer=other, item=item)

    assert ContentItem.objects.get(id=item.id).state == "in_review"


def test_another_advisor_of_the_firm_does_not_approve() -> None:
    item = draft_item(text=FLAWLESS_TEXT)
    colleague = viewer_for(AdvisorProfileFactory(firm=item.firm).user)

    with pytest.raises(ForbiddenError):
        approve(viewer=colleague, item=item)


def test_an_old_version_is_not_approved() -> None:
    item = draft_item(text=FLAWLESS_TEXT)

    with pytest.raises(StaleVersionError) as caught:
        _approve(item, version_number=2)

    assert (caught.value.field, caught.value.given, caught.value.allowed) == ("version", 2, 1)
    assert ContentItem.objects.get(id=item.id).state == "in_review"


@pytest.mark.parametrize("given", [{}, {"version_number": 1}])
def test_a_text_that_breaks_a_rule_is_not_approved_and_says_why(given: dict[str, int]) -> None:
    item = draft_item(text=FAULTY_TEXT)

    with pytest.raises(ConflictError) as caught:
        _approve(item, **given)

    assert (caught.value.code, caught.value.field) == ("not_admissible", "version")
    assert caught.value.allowed != []
    assert ContentItem.objects.get(id=item.id).state == "in_review"


def test_a_text_is_checked_by_the_rules_of_today_not_by_its_stored_verdict() -> None:
    item = draft_item(text=FLAWLESS_TEXT)
    assert item.current is not None
    assert item.current.is_admissible
    AdvisorProfile.objects.filter(id=item.advisor_id).update(arn="ARN-999999")  # the text shows another number now
    item = get_item(viewer=viewer_for(item.advisor.user), item_id=item.id)

    with pytest.raises(ConflictError) as caught:
        approve(viewer=viewer_for(item.advisor.user), item=item)

    assert caught.value.code == "not_admissible"


@pytest.mark.parametrize("state", ["approved", "withdrawn", "regenerating", "with_people"])
def test_only_what_is_in_review_is_approved(state: str) -> None:
    item = draft_item(text=FLAWLESS_TEXT)
    services.move(item, ItemState(state), act="prepare", actor_id=None)

    with pytest.raises(ConflictError) as caught:
        _approve(item)

    assert (caught.value.field, caught.value.given, caught.value.allowed) == ("state", state, "in_review")
    assert not Event.objects.filter(kind="version.approved").exists()


def test_an_item_of_another_firm_or_advisor_is_not_there() -> None:
    item = draft_item()
    stranger = viewer_for(AdvisorProfileFactory().user)
    colleague = viewer_for(AdvisorProfileFactory(firm=item.firm).user)

    for other in (stranger, colleague, viewer_for(integration_of(stranger_firm := AdvisorProfileFactory().firm))):
        with pytest.raises(NotFoundError) as caught:
            get_item(viewer=other, item_id=item.id)
        assert caught.value.given == item.short_id
    assert stranger_firm != item.firm


@pytest.mark.parametrize("role", ["firm_admin", "integrator", "reviewer", "senior_reviewer"])
def test_everybody_else_of_the_firm_sees_its_items(role: str) -> None:
    item = draft_item()
    member = viewer_for(MembershipFactory(firm=item.firm, role=role).user)

    assert get_item(viewer=member, item_id=item.id) == item


def test_the_demo_is_loaded_once_however_often_it_is_asked_for() -> None:
    first = load_demo()
    rows = (ContentItem.objects.count(), ContentVersion.objects.count(), AdvisorProfile.objects.count())

    again = load_demo()

    assert (first.firms, rows[0]) == (3, first.drafts)
    assert first.drafts >= 48
    assert (again.firms, again.people, again.drafts) == (0, 0, 0)
    assert rows == (ContentItem.objects.count(), ContentVersion.objects.count(), AdvisorProfile.objects.count())
