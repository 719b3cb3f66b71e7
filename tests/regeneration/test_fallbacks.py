"""The shelf gives texts on the draft's subject, in its language, lawful as they stand, or none at all."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvish_regen.content.compliance.check import TextContext
from jarvish_regen.content.taxonomy import CHANNELS, CONTENT_CLASSES
from jarvish_regen.llm.deadline import Deadline
from regeneration.board import Board
from regeneration.fallbacks.beta import beta_interval
from regeneration.fallbacks.candidates import (
    default_candidate,
    library_candidate,
    shelf_candidates,
    template_candidate,
)
from regeneration.fallbacks.changes import changes_allowed
from regeneration.fallbacks.checking import check_library_text, check_template
from regeneration.fallbacks.confidence import confidence_from, confidence_of
from regeneration.fallbacks.files import FOLDER, ShelfFileError, defaults_in, shipped_shelf
from regeneration.fallbacks.order import RUNGS, SHIPPED_ORDERS, order_for
from regeneration.fallbacks.simulation import Weighed, winner_of
from regeneration.fallbacks.slots import rupees
from regeneration.fallbacks.subjects import index_of, key_of
from regeneration.fallbacks.values import EMPTY_SHELF, Confidence, Shelf, ShelfText
from regeneration.job import CandidateText, Constraints, Job, Situation, Verdict, Voice
from regeneration.models import FailureReason
from regeneration.validate import report_on, validate
from tests.regeneration.cases import SIGNATURE, job_for, signed

TODAY: Final = date(2026, 11, 23)
SIP_DRAFT: Final = signed(
    "Stay regular with your SIP: the monthly instalment builds the habit, and discipline needs patience."
)
BODY: Final = (
    "A plan for {{goal}} works when the amount goes out each month. Values rise and fall on the way, so keep it for "
    "money you can leave alone."
)


def _entry(body: str = BODY, **changes: Any) -> ShelfText:
    values: dict[str, Any] = {
        "rung": "template",
        "id": uuid.uuid4(),
        "code": "sip_habit",
        "language": "en",
        "title": "The habit",
        "content_class": "advertisement",
        "channels": frozenset({"whatsapp", "linkedin"}),
        "registrants": frozenset({"MFD", "RIA"}),
        "body": body,
    }
    return ShelfText(**{**values, **changes})


def _shelf(*entries: ShelfText, words: Mapping[str, list[str]] | None = None) -> Shelf:
    subjects = index_of(words or {"sip_habit": ["sip", "monthly instalment", "habit", "discipline"], "other": ["gold"]})
    return replace(
        EMPTY_SHELF,
        templates={(one.code, one.language): one for one in entries if one.rung == "template"},
        library={(one.code, one.language): (one,) for one in entries if one.rung == "library"},
        template_subjects=subjects,
        library_subjects=subjects,
    )


def _job(text: str = SIP_DRAFT, **changes: Any) -> Job:
    return replace(job_for(text, ("too_salesy", None)), **changes)


def _library(**changes: Any) -> ShelfText:
    body = "{{greeting}}\n\nA plan that runs by itself needs a look once a year. Values can fall as well as rise."
    return _entry(body, rung="library", expires_on=date(2027, 10, 31), approved_on=date(2026, 11, 1), **changes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("निवेश", "nivesh"),
        ("बाज़ार", "bazaar"),
        ("बाजार", "bajar"),
        ("पैसा", "paisa"),
        ("बचत", "bachat"),
        ("मतलब", "matlab"),
    ],
)
def test_a_word_is_the_same_in_either_script(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize(("one", "other"), [("gold", "glad"), ("सोना", "सुना"), ("market", "mortgage"), ("tax", "text")])
def test_other_words_stay_other_words(one: str, other: str) -> None:
    assert key_of(one) != key_of(other)


def test_a_subject_is_found_through_case_endings_and_scripts() -> None:
    index = index_of({"market": ["बाज़ार", "गुंतवणूक"], "gold": ["सोना"]})

    assert set(index.matches("बाजारातील गुंतवणूकदारांना")) == {"market"}
    assert set(index.matches("Bazaar mein ghabrahat")) == {"market"}


def test_amounts_are_grouped_as_in_india() -> None:
    assert [rupees(value) for value in (1, 999, 1_000, 1_00_000, 12_34_56_789)] == [
        "₹1",
        "₹999",
        "₹1,000",
        "₹1,00,000",
        "₹12,34,56,789",
    ]


def test_a_template_on_the_subject_comes_signed_and_lawful() -> None:
    job = _job()

    found = template_candidate(job, _shelf(_entry()), firm_id=None, today=TODAY)

    assert found is not None
    assert (found.rung, found.source) == ("template", "sip_habit")
    assert SIGNATURE in found.text
    assert "A plan for wealth works" in found.text
    assert validate(job, found).is_admissible


@pytest.mark.parametrize(
    "entry",
    [
        _entry(language="hi"),
        _entry(channels=frozenset({"x"})),
        _entry(registrants=frozenset({"RIA"})),
        _entry(content_class="greeting"),
        _entry(code="other"),
        _entry(firm_id=uuid.uuid4()),
    ],
)
def test_a_template_for_others_is_no_answer(entry: ShelfText) -> None:
    assert template_candidate(_job(), _shelf(entry), firm_id=None, today=TODAY) is None


def test_the_language_asked_for_decides() -> None:
    hindi = _entry("हर महीने थोड़ा-थोड़ा निवेश एक आदत है। मूल्य घट-बढ़ सकता है, इसलिए धैर्य रखें।", language="hi")
    job = _job()
    asked = replace(job, feedback=replace(job.feedback, note="Please send this in Hindi."))

    found = template_candidate(asked, _shelf(_entry(), hindi), firm_id=None, today=TODAY)

    assert found is not None
    assert "हर महीने" in found.text


def test_an_amount_comes_from_approved_facts_only() -> None:
    entry = _entry("Your instalment of {{amount}} goes out each month. Values can fall as well as rise, so stay calm.")
    shelf = _shelf(entry)

    without = template_candidate(_job(f"₹7,000 {SIP_DRAFT}"), shelf, firm_id=None, today=TODAY)
    given_ = template_candidate(_job(approved_facts=("The SIP is Rs 125000",)), shelf, firm_id=None, today=TODAY)

    assert without is None
    assert given_ is not None
    assert "₹1,25,000" in given_.text


@pytest.mark.parametrize(
    "demand",
    [
        Constraints(max_length=40),
        Constraints(exclude_terms=("Amount",)),
        Constraints(include_elements=("estate planning",)),
    ],
)
def test_demands_of_the_caller_bind_the_shelf_too(demand: Constraints) -> None:
    assert template_candidate(_job(constraints=demand), _shelf(_entry()), firm_id=None, today=TODAY) is None


def test_a_library_text_rests_after_an_advisor_had_it() -> None:
    shelf, job = _shelf(_library()), _job()

    def found(used: dict[str, datetime]) -> CandidateText | None:
        return library_candidate(job, shelf, firm_id=None, today=TODAY, used=used)

    assert found({}) is not None
    assert found({"sip_habit": datetime(2026, 11, 10, tzinfo=UTC)}) is None
    assert found({"sip_habit": datetime(2026, 9, 10, tzinfo=UTC)}) is not None


def test_an_expired_library_text_is_no_answer() -> None:
    shelf = _shelf(_library())

    on_the_last_day = library_candidate(_job(), shelf, firm_id=None, today=date(2027, 10, 30))
    after = library_candidate(_job(), shelf, firm_id=None, today=date(2027, 10, 31))

    assert on_the_last_day is not None
    assert after is None


def test_the_rarer_of_two_equal_texts_comes_first() -> None:
    words = {code: ["sip", "habit", "discipline"] for code in ("common", "rare")} | {
        f"other{n}": [f"subject{n}"] for n in range(60)
    }
    shelf = _shelf(_library(code="common", used_count=9), _library(code="rare", used_count=1), words=words)

    found = library_candidate(_job(), shelf, firm_id=None, today=TODAY)

    assert found is not None
    assert found.source == "rare"


@pytest.mark.parametrize("registrant", ["MFD", "RIA"])
@pytest.mark.parametrize("content_class", CONTENT_CLASSES)
def test_no_default_is_missing(content_class: str, registrant: str) -> None:
    missing = []

    for channel in CHANNELS:
        for language in ("en", "hi", "mr", "hinglish"):
            number = "ARN-123456" if registrant == "MFD" else "INA000012345"
            context = TextContext(channel, language, registrant, number, "Asha Kulkarni", content_class=content_class)
            job = replace(_job("Rejected words."), context=context, voice=Voice("Asha Kulkarni"))
            found = default_candidate(job, shipped_shelf())
            if found is None or not validate(job, found).is_admissible:
                missing.append((channel, language))

    assert missing == []


def test_an_altered_default_is_refused() -> None:
    content = yaml.safe_load((FOLDER / "defaults.yaml").read_text(encoding="utf-8"))
    content["defaults"][0]["texts"]["en"] += " Guaranteed."

    with pytest.raises(ShelfFileError, match="is not what"):
        list(defaults_in(content))


def test_at_most_one_text_a_rung() -> None:
    job = _job(situation=Situation(topic="SIP discipline"))

    found = shelf_candidates(job, shipped_shelf(), firm_id=None, today=TODAY)

    rungs = [one.rung for one in found]
    assert rungs == [rung for rung in ("template", "library", "default") if rung in rungs]
    assert {"template", "default"} <= set(rungs)
    assert all(validate(job, one).is_admissible for one in found)


# ------------------------------------------------------------------------------------------------ before saving


@pytest.mark.parametrize(
    ("body", "slots", "says"),
    [
        ("This plan for {{goal}} gives guaranteed returns every year.", {}, "PCL-01"),
        ("Anything may be said here: {{text}} and more words.", {}, "no type we can check"),
        ("Anything may be said here: {{goal}} and more words.", {"goal": "text"}, "free text"),
        ("Nothing is filled in here, whatever it says.", {"goal": "goal"}, "does not occur"),
        ("A brace that is {{ no slot and more words.", {}, "Curly braces"),
        ("{{goal}}", {}, "fewer than three words"),
    ],
)
def test_a_template_that_could_break_a_rule_is_refused(body: str, slots: dict[str, str], says: str) -> None:
    faults = check_template(_entry(body, slots=slots))

    assert faults
    assert any(says in fault for fault in faults)


def test_the_refusal_names_slot_value_and_rule() -> None:
    by_value = check_template(_entry("Multiply your {{goal}} with a plan that runs each month."))
    always = check_template(_entry("The best {{goal}} plan for you and yours is here, guaranteed."))

    assert by_value[0].startswith("PCL-06 on whatsapp, MFD, core with {{goal}} = wealth: ")
    assert any(fault.startswith("PCL-01 on whatsapp, MFD, core with any filling: ") for fault in always)


def test_a_lawful_template_is_accepted() -> None:
    assert check_template(_entry()) == []


def test_only_greeting_closing_and_date_are_slots_of_a_library_text() -> None:
    assert check_library_text(_library()) == []
    assert check_library_text(replace(_library(), body="{{greeting}} Put {{amount}} aside and rest.")) != []


_NAMES = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=90)


@settings(max_examples=60)
@given(
    code=st.sampled_from(sorted({code for code, _language in shipped_shelf().templates})),
    language=st.sampled_from(["en", "hi", "mr", "hinglish"]),
    channel=st.sampled_from(CHANNELS),
    registrant=st.sampled_from(["MFD", "RIA"]),
    profile=st.sampled_from(["core", "strict"]),
    name=_NAMES,
    signature=_NAMES,
    amount=st.integers(1, 10**10),
    years=st.integers(0, 99),
    today=st.dates(date(2020, 1, 1), date(2040, 12, 31)),
)
def test_any_filling_of_a_template_is_admissible(
    code: str,
    language: str,
    channel: str,
    registrant: str,
    profile: Any,
    name: str,
    signature: str,
    amount: int,
    years: int,
    today: date,
) -> None:
    entry = shipped_shelf().templates.get((code, language))
    if entry is None:
        return
    number = "ARN-123456" if registrant == "MFD" else "INA000012345"
    context = TextContext(
        channel, language, registrant, number, name, content_class=entry.content_class, profile=profile
    )
    job = _job(
        "Rejected words.",
        context=context,
        voice=Voice(name, signature),
        approved_facts=(f"₹{amount}", f"{years} years"),
    )
    shelf = replace(
        _shelf(words={code: ["rejected", "words"], "a": ["b"], "c": ["d"], "e": ["f"], "g": ["h"]}),
        templates={(code, language): replace(entry, channels=frozenset(CHANNELS))},
    )

    found = template_candidate(
        replace(job, situation=Situation(topic="rejected words")), shelf, firm_id=None, today=today
    )

    assert found is None or report_on(found.text, context).is_admissible


# ------------------------------------------------------------------------------------------------ allowed changes

ITEM: Final = "{{greeting}}\n\nLook at the plan once a year.\n\n{{closing}}\n{{signature}}"


@pytest.mark.parametrize(
    "text",
    [
        "Dear Meera ji,\n\nLook at the plan once a year.\n\nWarm wishes\nAsha Kulkarni",
        "Namaste, Look at the plan  once a year.\nRegards,\nAsha Kulkarni",
        "Hello\n\nLook at the plan once a year.\n\nThanks\nAsha Kulkarni\n\nARN-123456",
    ],
)
def test_greeting_and_closing_may_change(text: str) -> None:
    assert changes_allowed(ITEM, text, known=("Asha Kulkarni", "ARN-123456"))


@pytest.mark.parametrize(
    "text",
    [
        "Hello\n\nLook at the plan twice a year.\n\nThanks\nAsha Kulkarni",
        "Hello\n\nlook at the plan once a year.\n\nThanks\nAsha Kulkarni",
        "Hello. It will double.\n\nLook at the plan once a year.\n\nThanks\nAsha Kulkarni",
        "Hello 18\n\nLook at the plan once a year.\n\nThanks\nAsha Kulkarni",
        "Hello www.gain.example\n\nLook at the plan once a year.\n\nThanks\nAsha Kulkarni",
        "Hello\n\nLook at the plan once a year.\n\nThanks\nSomebody Else",
        "Hello\n\nLook at the plan once a year.\n\nThanks\nAsha Kulkarni\n\nReturns are safe.",
        "Look at the plan once a year.",
    ],
)
def test_anything_else_loses_the_approval(text: str) -> None:
    assert not changes_allowed(ITEM, text, known=("Asha Kulkarni", "ARN-123456"))


@pytest.mark.parametrize(("day", "is_allowed"), [("23 November 2026", True), ("१ जून २०२७", True), ("soon", False)])
def test_a_date_is_a_date(day: str, is_allowed: bool) -> None:
    assert changes_allowed("Our talk is on {{date}} at noon.", f"Our talk is on {day} at noon.") is is_allowed


# ------------------------------------------------------------------------------------------------ order and confidence


def test_each_reason_has_an_order_of_known_rungs() -> None:
    assert set(SHIPPED_ORDERS) == set(FailureReason.values)
    assert all(set(order_for(reason, EMPTY_SHELF)) <= RUNGS for reason in FailureReason.values)
    live = replace(EMPTY_SHELF, orders={"timeout": ("default",)})
    assert order_for("timeout", live) == ("default",)


_CANDIDATES = st.lists(
    st.tuples(st.sampled_from(sorted(RUNGS)), st.sampled_from("abcd"), st.booleans(), st.booleans(), st.integers(0, 3)),
    max_size=6,
)


@given(found=_CANDIDATES, order=st.permutations(sorted(RUNGS)))
def test_history_is_replayed_as_the_board_chooses(
    found: list[tuple[str, str, bool, bool, int]], order: list[str]
) -> None:
    job = _job()
    report = report_on(job.rejected_text, job.context)
    board = Board(job, Deadline.after(10), orders=dict.fromkeys(FailureReason.values, order) | {"": order})
    weighed = []
    for rung, text, is_admissible, is_valid, score in found:
        is_valid = is_valid and is_admissible
        board.keep(CandidateText(rung, text), Verdict(is_admissible, is_valid, report, (), (), float(score)))
        weighed.append(Weighed(rung, text, is_admissible, is_valid, float(score)))

    winner = winner_of(order, weighed)

    judged = board.outcome().candidates
    assert [number for number, one in enumerate(judged) if number == winner] == [
        number for number, one in enumerate(judged) if not one.why_lost
    ]


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    # R: qbeta(c(.05, .95), a, b)
    [(1, 1, 0.05, 0.95), (2, 2, 0.135350, 0.864650), (5, 5, 0.251368, 0.748632), (10, 1, 0.741134, 0.994884)],
)
def test_intervals_are_those_of_the_beta_distribution(a: float, b: float, low: float, high: float) -> None:
    assert beta_interval(a, b) == (pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5))


def test_few_verdicts_do_not_make_a_rung_sure() -> None:
    two, many = confidence_from(2, 2, mean=0.5), confidence_from(200, 200, mean=0.5)

    assert two.mean == pytest.approx(7 / 12)
    assert two.low < two.mean < two.high
    assert many.mean > 0.95
    assert many.high - many.low < two.high - two.low


def test_confidence_falls_back_from_category_to_rung_to_prior() -> None:
    known, general = Confidence(0.9, 0.8, 0.95, 40), Confidence(0.6, 0.5, 0.7, 90)
    shelf = replace(EMPTY_SHELF, records={("template", "tone_inappropriate"): known, ("template", "all"): general})

    assert confidence_of("template", "tone_inappropriate", shelf) == known
    assert confidence_of("template", "length_issue", shelf) == general
    assert confidence_of("library", "length_issue", shelf) == confidence_from(0, 0)
