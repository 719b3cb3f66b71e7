"""How each of the 43 issue codes is judged: one changed word is refused, a true fix passes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import jarvish_regen.content
from jarvish_regen.content.compliance.check import check
from regeneration.job import Resolution
from regeneration.resolution import TABLE, measures, resolutions
from regeneration.resolution.comparison import Comparison, difference
from tests.regeneration.cases import CASES, Case, job_for, job_of, signed

TAXONOMY = Path(jarvish_regen.content.__file__).with_name("taxonomy.yaml")


def resolve(case: Case, candidate: str) -> Resolution:
    job = job_of(case)
    before, after = check(job.rejected_text, job.context), check(candidate, job.context)
    (resolution,) = resolutions(job, candidate, before=before, after=after)
    return resolution


def codes_of_taxonomy() -> set[str]:
    taxonomy = yaml.safe_load(TAXONOMY.read_text(encoding="utf-8"))
    return {code for category in taxonomy["categories"].values() for code in category["issues"]}


def test_every_code_of_the_taxonomy_has_a_judge_and_a_case() -> None:
    codes = codes_of_taxonomy()

    assert len(codes) == 43
    assert set(TABLE) == codes
    assert sorted(case.code for case in CASES) == sorted(codes)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_the_rejected_text_resolves_nothing(case: Case) -> None:
    assert resolve(case, case.text).status == "unresolved"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_one_changed_word_is_refused(case: Case) -> None:
    resolution = resolve(case, case.near_miss)

    assert resolution.status == "unresolved", resolution.says
    assert resolution.says


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_a_true_fix_passes(case: Case) -> None:
    resolution = resolve(case, case.fix)

    assert resolution.is_resolved, resolution.says
    assert resolution.quote == case.marked


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("guaranteed_returns_claim", "checked"),
        ("missing_registration", "checked"),
        ("wrong_figure", "checked"),
        ("too_long", "checked"),
        ("too_casual", "estimated"),
        ("missing_key_point", "estimated"),
        ("off_topic", "changed"),
        ("wrong_rule", "changed"),
        ("wrong_audience", "changed"),
    ],
)
def test_nothing_is_called_checked_without_proof(code: str, status: str) -> None:
    case = next(case for case in CASES if case.code == code)

    assert resolve(case, case.fix).status == status


def test_a_number_that_nobody_gave_is_no_correction() -> None:
    case = next(case for case in CASES if case.code == "wrong_figure")

    resolution = resolve(case, case.fix.replace("7.1%", "6.9%"))

    assert resolution.status == "unresolved"


def test_words_quoted_in_the_note_count_as_marked() -> None:
    text = signed("A SIP puts a fixed sum to work. Our synergies unlock your wealth journey at last.")
    job = job_for(text, ("off_brand_voice", None), note='"Our synergies unlock your wealth journey" is not me')
    fixed = text.replace("Our synergies unlock your wealth journey at last.", "We make a plan with you.")
    before = check(text, job.context)

    (refused,) = resolutions(job, text.replace("fixed", "small"), before=before, after=before)
    (resolved,) = resolutions(job, fixed, before=before, after=check(fixed, job.context))

    assert refused.status == "unresolved"
    assert (resolved.status, resolved.quote) == ("changed", "Our synergies unlock your wealth journey")


def test_unmarked_tone_in_hindi_is_estimated() -> None:
    text = "जल्दी करें, यह सुनहरा मौका है! आज ही निवेश करें!"
    job = job_for(text, ("too_salesy", None))
    calm = "निवेश से पहले अपने लक्ष्य लिखें और परिवार से बात करें।"
    before = check(text, job.context)

    (resolution,) = resolutions(job, calm, before=before, after=check(calm, job.context))

    assert resolution.status in {"estimated", "checked"}


def test_a_length_asked_for_in_words_is_the_limit() -> None:
    text = signed("A SIP puts a fixed sum to work each month. Review it once a year. Ask us when your income changes.")
    job = job_for(text, ("too_long", None), note="max 10 words please")
    before = check(text, job.context)
    nine, twelve = (
        signed("A SIP puts a fixed sum to work monthly."),
        signed("A SIP puts a fixed sum to work each month, every month."),
    )

    short = resolutions(job, nine, before=before, after=check(nine, job.context))
    long = resolutions(job, twelve, before=before, after=check(twelve, job.context))

    assert (short[0].status, long[0].status) == ("checked", "unresolved")


def test_the_difference_covers_both_texts_without_gaps() -> None:
    old, new = "One two. Three four five. Six.", "One two. Three 4 five. Seven. Six."

    steps = difference(old, new)

    assert "".join(old[slice(*step.old)] for step in steps) == old
    assert "".join(new[slice(*step.new)] for step in steps) == new
    assert all(old[slice(*step.old)] == new[slice(*step.new)] for step in steps if step.is_same)


def test_a_span_is_followed_into_the_candidate() -> None:
    old = signed("First comes a goal. Then comes a promise of gold. Last comes a review.")
    new = old.replace("a promise of gold", "some patience")
    job = job_for(old)
    comparison = Comparison(job=job, candidate=new, before=check(old, job.context), after=check(new, job.context))
    start = old.index("Then")

    became = comparison.became((start, old.index(" Last")))

    assert became == "Then comes some patience."


@pytest.mark.parametrize(
    ("text", "count"),
    [("👨‍👩‍👧 family", 1), ("🇮🇳 and 🇮🇳", 2), ("1️⃣ first", 1), ("no © here", 0), ("👍🏽", 1), ("५ साल", 0)],
)
def test_an_emoji_is_what_a_reader_sees(text: str, count: int) -> None:
    assert len(measures.emoji_spans(text)) == count


@pytest.mark.parametrize("text", ["à¤¨à¤®à¤¸à¥à¤¤à¥‡ friends", "Itâ€™s", "bad \ufffd sign", "a &amp; b"])
def test_broken_characters_are_seen(text: str) -> None:
    assert measures.mojibake_spans(text)


@pytest.mark.parametrize("text", ["नमस्ते, कैसे हैं?", "It’s — “fine” …", "₹1,00,000 & more", "café"])
def test_good_characters_are_left_alone(text: str) -> None:
    assert measures.mojibake_spans(text) == []
