"""The grade of an answer: which goals it reaches, how sure the grade is, and what caps it."""

from dataclasses import replace

import pytest

from regeneration.job import CandidateText, Constraints, Job
from regeneration.quality import Quality, band_of, grade, quality_of
from regeneration.validate import validate
from tests.regeneration.cases import SIGNATURE, WARNING, job_for, signed

BODY = "A SIP of ₹500 a month adds up. It gives guaranteed returns every year. Reply to start."
DRAFT = signed(BODY)
MARKED = "guaranteed returns"
FIXED = DRAFT.replace("It gives guaranteed returns every year.", "Its value moves with the market.")


def _job(**changes: object) -> Job:
    return replace(job_for(DRAFT, ("guaranteed_returns_claim", MARKED)), **changes)  # type: ignore[arg-type]


def _graded(text: str, job: Job | None = None) -> Quality:
    job = job or _job()
    candidate = CandidateText("model", text)
    return grade(job, candidate, validate(job, candidate))


def _goal(quality: Quality, code: str) -> bool | None:
    return next((goal.is_met for goal in quality.goals if goal.code == code), None)


def test_a_true_fix_is_good_and_reaches_every_required_goal() -> None:
    quality = _graded(FIXED)

    assert [goal.code for goal in quality.goals if goal.is_required and not goal.is_met] == []
    assert quality.band == "good"
    assert 0 <= quality.low <= quality.score <= quality.high <= 100


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (DRAFT, "compliance"),
        (FIXED.replace("Its value moves with the market.", "It gives guaranteed returns this year."), "issues"),
        (FIXED.replace("adds up", "grows"), "rest"),
        (signed("हर महीने ₹500 की एसआईपी से पैसा जुड़ता है। बाज़ार के साथ मूल्य बदलता है। जवाब दें।"), "language"),
        (FIXED.replace("₹500 a month", "some money"), "facts"),
        (signed(FIXED.replace(WARNING, "").replace(SIGNATURE, "").strip() + " More words for it." * 40), "length"),
        (FIXED.replace("A SIP", "**A SIP**"), "format"),
        (FIXED.replace("A SIP of", "Hurry! A SIP of"), "tone"),
        (FIXED.replace("Reply to start.", ""), "call_to_action"),
        (FIXED.replace("Reply to start.", "Reply to start. Its value moves with the market."), "repetition"),
        (
            FIXED.replace(
                "adds up.", "adds up over the many years in which alpha and beta and " + "so on and " * 20 + "on."
            ),
            "readability",
        ),
    ],
)
def test_each_goal_is_missed_by_a_text_that_misses_it(text: str, code: str) -> None:
    assert _goal(_graded(FIXED), code) is True
    assert _goal(_graded(text), code) is False


def test_an_answer_that_misses_a_required_goal_is_never_called_good() -> None:
    assert _graded(FIXED.replace("adds up", "grows")).high < 80


def test_what_may_not_be_shown_is_poor() -> None:
    assert _graded(DRAFT).band == "poor"


def test_the_interval_is_wider_where_nothing_proves_the_fix() -> None:
    proven = _graded(FIXED)
    first = "A SIP of ₹500 a month adds up."
    unproven = _graded(
        FIXED.replace(first, "Whoever puts ₹500 aside each month will see it gather."),
        job_for(FIXED, ("off_brand_voice", first)),
    )

    assert unproven.high - unproven.low > proven.high - proven.low


def test_a_length_that_was_asked_for_goes_before_the_channels() -> None:
    job = _job(constraints=Constraints(max_length=20))

    assert _goal(_graded(FIXED, job), "length") is False


def test_new_readers_need_shorter_sentences() -> None:
    long = "A SIP of ₹500 a month adds up slowly over the years if you stay with it through good and bad."
    draft = signed(f"{long} It gives guaranteed returns every year.")
    fixed = draft.replace(
        "It gives guaranteed returns every year.",
        "The value of what you hold moves with the market each day and nobody can tell you which way.",
    )
    job = job_for(draft, ("guaranteed_returns_claim", MARKED))
    shares = [
        next(
            goal.share
            for goal in _graded(fixed, replace(job, voice=replace(job.voice, audience=who))).goals
            if goal.code == "readability"
        )
        for who in ("salaried people", "first time investors")
    ]

    assert shares[1] < shares[0]


def test_stored_goals_give_the_same_grade_back() -> None:
    quality = _graded(FIXED)
    read = quality_of(quality.goals_as_json())

    assert read is not None
    assert (read.score, read.low, read.high, len(read.goals)) == (
        quality.score,
        quality.low,
        quality.high,
        len(quality.goals),
    )
    assert quality_of([]) is None


@pytest.mark.parametrize(("score", "band"), [(100, "good"), (80, "good"), (79, "fair"), (60, "fair"), (59, "poor")])
def test_bands_begin_where_they_are_said_to(score: int, band: str) -> None:
    assert band_of(score) == band
