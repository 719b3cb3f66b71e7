"""The shelf in the database: loaded once, kept, checked before it changes, learned from."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from escalation import services as escalation
from jarvish_regen.content.services import approve
from jarvish_regen.errors import ConflictError, InputError
from regeneration.fallbacks import forget_shelf, load_shelf
from regeneration.fallbacks.confidence import ALL, count_rungs, fallback_share
from regeneration.fallbacks.files import shipped_shelf
from regeneration.fallbacks.loading import load_files
from regeneration.fallbacks.services import (
    count_library_use,
    recently_used,
    recheck_shelf,
    save_library_item,
    save_template,
)
from regeneration.fallbacks.shelf import shelf_state
from regeneration.fallbacks.simulation import draft_order, make_live, simulate_order
from regeneration.models import (
    Candidate,
    DefaultText,
    FallbackOrder,
    LibraryItem,
    Regeneration,
    RungRecord,
    Template,
)
from tests.admin.world import person
from tests.factories import FirmFactory, UserFactory, draft_item, let_answer_clock_run_out, rejected, viewer_for

pytestmark = pytest.mark.django_db

LAWFUL = "A plan for {{goal}} works when the amount goes out each month. Values rise and fall on the way."
UNLAWFUL = "A plan for {{goal}} that gives guaranteed returns every year."


def _template(**changes: Any) -> Template:
    values: dict[str, Any] = {
        "code": "ours",
        "language": "en",
        "title": "Ours",
        "topic_words": ["plan"],
        "channels": ["whatsapp"],
        "registrants": ["MFD"],
        "content_class": "advertisement",
        "body": LAWFUL,
    }
    return Template(**{**values, **changes})


def _item(**changes: Any) -> LibraryItem:
    values: dict[str, Any] = {
        "code": "ours",
        "language": "en",
        "title": "Ours",
        "channels": ["whatsapp"],
        "registrants": ["MFD"],
        "content_class": "educational",
        "text": "{{greeting}}\n\nLook at the whole plan once a year, with everybody who depends on it at the table.",
        "approved_by": "Desk",
        "approved_on": date(2026, 11, 1),
        "expires_on": date(2127, 11, 1),
    }
    return LibraryItem(**{**values, **changes})


def _answered(rung: str = "repair", **columns: Any) -> Regeneration:
    """Return an attempt that was answered by the repair, relabelled as another rung's."""
    attempt = rejected(draft_item()).regeneration
    assert attempt is not None
    let_answer_clock_run_out(attempt.id)
    escalation.settle_if_due(regeneration_id=attempt.id)
    Regeneration.objects.filter(id=attempt.id).update(rung=rung, **columns)
    Candidate.objects.filter(regeneration=attempt).update(rung=rung)
    return Regeneration.objects.select_related("item__advisor__user", "item__current").get(id=attempt.id)


def test_shipped_files_are_loaded_once() -> None:
    first, second = load_files(), load_files()

    assert first.written > 0
    assert (second.written, second.retired) == (0, 0)
    forget_shelf()
    shelf, shipped = load_shelf(), shipped_shelf()
    assert set(shelf.templates) == set(shipped.templates)
    assert set(shelf.library) == set(shipped.library)
    assert shelf.defaults == shipped.defaults
    assert set(shelf.orders) == {"no_model", "timeout", "api_error", "compliance", "quality"}


def test_loading_again_leaves_alone_what_people_made_theirs() -> None:
    load_files()
    mine, gone = Template.objects.filter(language="en").order_by("code")[:2]
    mine.body = f"{mine.body} Ours now."
    Template.objects.filter(pk=mine.pk).update(body=mine.body, is_shipped=False)
    Template.objects.filter(pk=gone.pk).update(body="Something else", title="Reworded later")
    Template.objects.create(code="no-longer-shipped", language="en", is_shipped=True, channels=[], registrants=[])

    loaded = load_files()

    mine.refresh_from_db()
    gone.refresh_from_db()
    assert (loaded.written, loaded.retired) == (1, 1)
    assert mine.body.endswith("Ours now.")
    assert gone.body != "Something else"
    assert Template.objects.get(code="no-longer-shipped").state == "retired"


def test_the_shelf_is_read_with_six_queries_and_then_with_none() -> None:
    load_files()
    forget_shelf()

    with CaptureQueriesContext(
        connection,
    ) as first:
        load_shelf()
    with CaptureQueriesContext(connection) as second:
        load_shelf()

    assert (len(first), len(second)) == (6, 0)


def test_any_change_of_the_shelf_shows_in_its_state_and_nothing_else_does() -> None:
    load_files()
    as_loaded = shelf_state()
    list(Template.objects.all())
    as_read = shelf_state()

    LibraryItem.objects.filter(pk=LibraryItem.objects.order_by("pk").values("pk")[:1]).update(
        used_count=F("used_count")
    )
    as_written = shelf_state()
    FallbackOrder.objects.filter(reason="timeout").delete()

    assert as_read == as_loaded
    assert [one == other for one, other in zip(as_read, as_written, strict=True)] == [True, False, True, True, True]
    assert [one == other for one, other in zip(as_written, shelf_state(), strict=True)] == [
        True,
        True,
        True,
        False,
        True,
    ]


def test_a_default_that_is_not_as_signed_is_left_on_no_shelf() -> None:
    DefaultText.objects.all().delete()
    DefaultText.objects.create(
        content_class="service",
        channel="sms",
        registrant_type="MFD",
        language="en",
        text="Not what was signed.",
        sha256="0" * 64,
        signed_by="Desk",
        signed_on=date(2026, 11, 1),
    )
    forget_shelf()

    assert load_shelf().defaults == {}


def test_an_unlawful_template_is_not_saved() -> None:
    with pytest.raises(InputError) as refused:
        save_template(_template(body=UNLAWFUL))

    assert "PCL-01 on whatsapp, MFD, core with any filling" in refused.value.detail
    assert not Template.objects.filter(code="ours").exists()


def test_a_lawful_template_is_on_the_shelf_at_once() -> None:
    save_template(_template())

    assert ("ours", "en") in load_shelf().templates


def test_the_sweep_takes_out_what_is_unlawful_or_expired_and_says_why() -> None:
    Template.objects.all().delete()
    LibraryItem.objects.all().delete()
    good, bad = _template(), _template(code="bad", body=UNLAWFUL)
    good.save()
    bad.save()
    old = _item(code="old", approved_on=date(2025, 1, 1), expires_on=date(2025, 12, 31))
    old.save()

    swept = recheck_shelf(budget_seconds=60)
    again = recheck_shelf(budget_seconds=60)

    for row in (good, bad, old):
        row.refresh_from_db()
    assert (good.state, bad.state, old.state) == ("active", "retired", "withdrawn")
    assert (swept.withdrawn, swept.left, again.tried, again.withdrawn) == (2, 0, 0, 0)
    assert "PCL-01" in bad.history.latest().history_change_reason
    assert "Expired" in old.history.latest().history_change_reason


def test_confidence_is_counted_from_what_became_of_answers() -> None:
    RungRecord.objects.create(rung="similar", category="all", confidence=1, low=1, high=1)
    approved, waiting = _answered("template"), _answered("template")
    approve(viewer=viewer_for(approved.item.advisor.user), item=approved.item)

    count_rungs()
    count_rungs()

    records = {(row.rung, row.category): row for row in RungRecord.objects.all()}
    assert set(records) == {("template", "compliance_violation"), ("template", ALL)}
    record = records["template", ALL]
    assert (record.shown_count, record.approved_count) == (1, 1)
    assert record.low < record.confidence < record.high
    assert waiting.item.state == "in_review"


def test_the_share_of_fallbacks_leaves_out_the_time_without_a_model() -> None:
    _answered("template", failure_reason="timeout", is_valid=False)
    _answered("model", failure_reason="", is_valid=True)
    _answered("default", failure_reason="no_model", is_valid=False)

    found = fallback_share(timezone.now() - timedelta(hours=1))

    assert (found.answered, found.fallbacks, found.share) == (2, 1, 0.5)
    assert (found.by_rung, found.by_reason) == ({"template": 1}, {"timeout": 1})


def test_what_an_advisor_had_is_known_by_its_words() -> None:
    attempt = _answered("library")
    other = _answered("library")
    text = attempt.item.current.text
    save = _item(text=f"{{{{greeting}}}} {text.splitlines()[0]}", is_shipped=False)
    save.save()
    forget_shelf()

    used = recently_used(advisor_id=attempt.item.advisor_id, shelf=load_shelf())
    count_library_use()

    save.refresh_from_db()
    assert set(used) == {"ours"}
    assert save.used_count == 2
    assert other.item.advisor_id != attempt.item.advisor_id


def test_an_order_is_simulated_on_history_before_it_is_live() -> None:
    load_files()
    attempt = _answered("repair", failure_reason="timeout")
    Candidate.objects.filter(regeneration=attempt).update(is_valid=False, is_admissible=True)
    Candidate.objects.create(
        regeneration=attempt, number=7, rung="template", text="Another", is_admissible=True, is_valid=False, score=0.9
    )
    approve(viewer=viewer_for(attempt.item.advisor.user), item=attempt.item)
    before = FallbackOrder.objects.get(reason="timeout", state="live")
    order = draft_order(reason="timeout", rungs=["template", "repair", "default"])
    actor = UserFactory()

    with pytest.raises(ConflictError):
        make_live(order=order, actor=actor)
    figures = simulate_order(order=order)
    make_live(order=order, actor=actor)

    assert (figures["attempts"], figures["changed"]) == (1, 1)
    assert (figures["this"]["by_rung"], figures["live"]["by_rung"]) == ({"template": 1}, {"repair": 1})
    assert (figures["this"]["used_as_stood"], figures["live"]["used_as_stood"]) == (0, 1)
    before.refresh_from_db()
    order.refresh_from_db()
    assert (before.state, order.state, order.made_live_by) == ("retired", "live", actor)


def test_a_simulation_of_yesterday_is_not_enough() -> None:
    order = draft_order(reason="quality", rungs=["default"])
    simulate_order(order=order)
    FallbackOrder.objects.filter(pk=order.pk).update(simulated_at=timezone.now() - timedelta(days=1, minutes=1))

    with pytest.raises(ConflictError, match="more than a day ago"):
        make_live(order=order, actor=UserFactory())


@pytest.mark.parametrize("rungs", [[], ["repair", "repair"], ["oracle"]])
def test_what_is_no_order_is_refused(rungs: list[str]) -> None:
    with pytest.raises(InputError):
        draft_order(reason="timeout", rungs=rungs)


def test_the_desk_refuses_an_unlawful_template_with_the_reason() -> None:
    client = Client()
    client.force_login(person("operations", FirmFactory()))
    fields = {
        "code": "ours",
        "language": "en",
        "title": "Ours",
        "content_class": "advertisement",
        "channels": ["whatsapp"],
        "registrants": ["MFD"],
        "topic_words": "plan",
        "slots": "{}",
        "state": "active",
    }
    address = reverse("admin:regeneration_template_add")

    refused = client.post(address, {**fields, "body": UNLAWFUL})
    saved = client.post(address, {**fields, "body": LAWFUL})

    assert refused.status_code == 200
    assert "PCL-01" in refused.content.decode()
    assert saved.status_code == 302
    assert [row.is_shipped for row in Template.objects.filter(code="ours")] == [False]


def test_a_library_item_keeps_to_its_free_slots() -> None:
    with pytest.raises(InputError):
        save_library_item(_item(text="{{greeting}} Put {{amount}} aside each month for whatever comes."))

    assert save_library_item(_item()).pack_sha256
