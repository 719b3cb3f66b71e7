"""How grades compare with what people approved: the curve, its honesty about few verdicts, and the command."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from escalation.services import approve, take_next_step
from regeneration.models import Regeneration
from regeneration.reliability import ENOUGH, graded_verdicts, reliability
from tests.factories import draft_item, rejected, viewer_for


def test_a_perfect_score_has_no_error() -> None:
    found = reliability([(100, True)] * 20 + [(0, False)] * 20)

    assert (found.brier, found.calibration_error, found.is_enough) == (0.0, 0.0, True)
    assert [(one.low, one.count, one.share) for one in found.bins if one.count] == [(0, 20, 0.0), (90, 20, 1.0)]


def test_a_score_that_is_always_wrong_has_all_the_error() -> None:
    found = reliability([(100, False)] * ENOUGH)

    assert (found.brier, found.calibration_error) == (1.0, 1.0)


def test_the_interval_narrows_with_verdicts_and_holds_the_share() -> None:
    few = reliability([(85, True), (85, False)] * 2).bins[3]
    many = reliability([(85, True), (85, False)] * 100).bins[3]

    assert few.share_low < few.share < few.share_high
    assert many.share_high - many.share_low < few.share_high - few.share_low


def test_every_grade_is_in_one_bin() -> None:
    found = reliability([(score, True) for score in range(101)])

    assert sum(one.count for one in found.bins) == 101


def test_too_few_verdicts_are_said_to_be_too_few() -> None:
    assert reliability([]).brier is None
    assert not reliability([(90, True)] * (ENOUGH - 1)).is_enough


@pytest.mark.django_db
def test_an_answer_counts_once_somebody_has_judged_it() -> None:
    attempts = []
    for _number in range(2):
        attempt = rejected(draft_item()).regeneration
        assert attempt is not None
        take_next_step(regeneration_id=attempt.id)
        attempts.append(Regeneration.objects.select_related("item__advisor__user").get(id=attempt.id))
    item = attempts[0].item
    before = graded_verdicts(timezone.now() - timedelta(days=1))
    approve(viewer=viewer_for(item.advisor.user), item_id=item.id)

    assert before == []
    assert graded_verdicts(timezone.now() - timedelta(days=1)) == [(attempts[0].quality, True)]


@pytest.mark.django_db
def test_the_command_says_how_many_there_are() -> None:
    words, figures = StringIO(), StringIO()

    call_command("quality_report", stdout=words)
    call_command("quality_report", "--json", stdout=figures)

    found = json.loads(figures.getvalue())
    assert "too few" in words.getvalue()
    assert (found["count"], found["is_enough"], found["enough"]) == (0, False, ENOUGH)
