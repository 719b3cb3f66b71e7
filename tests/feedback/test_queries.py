"""How much of the feedback carries detail."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from feedback.models import Feedback, FeedbackIssue
from feedback.queries import DetailRate, detail_rate
from feedback.services import SaidIssue
from tests.factories import draft_item, rejected

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_a_named_issue_is_detail_and_an_understood_one_is_not() -> None:
    item = draft_item()
    rejected(item, issues=(SaidIssue(code="too_salesy"), SaidIssue(code="fear_mongering")))
    only_understood = rejected(draft_item(), issues=()).feedback
    FeedbackIssue.objects.create(feedback=only_understood, code="too_long", source="analysis")
    rejected(draft_item(), issues=())

    assert detail_rate(LONG_AGO) == DetailRate(rejections=3, detailed=1)
    assert detail_rate(LONG_AGO, firm_id=item.firm_id) == DetailRate(rejections=1, detailed=1)
    assert detail_rate(LONG_AGO).share == pytest.approx(1 / 3)


def test_what_was_before_does_not_count() -> None:
    rejected(draft_item(), issues=(SaidIssue(code="too_salesy"),))
    Feedback.objects.update(created_at=timezone.now() - timedelta(days=8))

    found = detail_rate(timezone.now() - timedelta(days=7))

    assert (found, found.share) == (DetailRate(rejections=0, detailed=0), None)
