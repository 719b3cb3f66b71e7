"""Candidate 0: what rules and characters alone can mend, honestly told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jarvish_regen.content.compliance.check import TextContext
from jarvish_regen.language.anchors import locate_quote
from regeneration.edits import splice
from regeneration.job import TACTICS, FeedbackBrief, Job, NamedIssue
from regeneration.local_repair import candidate_zero, with_known_texts
from regeneration.removal import without
from regeneration.validate import validate
from tests.regeneration.cases import CASES, CONTEXT, SIGNATURE, WARNING, Case, job_for, job_of, signed

PROVEN = {
    "missing_risk_disclaimer",
    "missing_registration",
    "guaranteed_returns_claim",
    "misleading_performance_claim",
    "specific_recommendation",
    "prohibited_superlative",
    "pii_exposure",
    "too_long",
    "wrong_figure",
    "unsupported_claim",
    "wrong_entity",
    "emoji_hashtag_misuse",
    "broken_link_or_placeholder",
    "channel_format",
    "poor_structure",
    "wrong_signature",
    "competitor_mention",
    "truncated_output",
    "garbled_text",
    "duplicated_text",
    "wrong_variable",
}
# What only new words could answer.
UNANSWERED = {"too_short", "repetitive_content", "missing_key_point", "wrong_language"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_what_can_be_mended_without_new_words_is(case: Case) -> None:
    job = job_of(case)

    verdict = validate(job, candidate_zero(job))

    assert verdict.is_valid is (case.code not in UNANSWERED), (verdict.objections, verdict.resolutions)
    assert verdict.is_proven or case.code not in PROVEN


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_the_edits_lead_from_the_rejected_text_to_the_candidate(case: Case) -> None:
    candidate = candidate_zero(job_of(case))

    assert splice(case.text, candidate.edits) == candidate.text
    assert candidate.rung == "repair"
    assert candidate.explanation


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_the_same_job_gives_the_same_bytes_whatever_the_tactic(case: Case) -> None:
    texts = {candidate_zero(replace(job_of(case), tactic=tactic)).text for tactic in TACTICS}

    assert len(texts) == 1


def test_a_removed_sentence_is_called_removed() -> None:
    text = signed("A SIP puts a fixed sum to work. Widows only burden their relatives. Review it once a year.")

    candidate = candidate_zero(job_for(text, ("insensitive", "Widows only burden their relatives.")))

    assert candidate.text == signed("A SIP puts a fixed sum to work. Review it once a year.")
    assert "removed, not rewritten" in candidate.explanation


def test_a_text_that_would_be_gone_is_left_as_it_is() -> None:
    text = signed("Widows only burden their relatives.")

    candidate = candidate_zero(job_for(text, ("insensitive", "Widows only burden their relatives.")))

    assert (candidate.text, candidate.edits) == (text, ())
    assert "Nothing could be changed" in candidate.explanation


def test_the_number_the_person_gave_is_put_in() -> None:
    text = signed("The PPF rate is 8.1% this quarter. Review it once a year.")

    candidate = candidate_zero(job_for(text, ("wrong_figure", "8.1%"), note="it is 7.1% now"))

    assert candidate.text == text.replace("8.1%", "7.1%")


def test_broken_characters_become_what_they_were() -> None:
    hindi = "नमस्ते दोस्तों"
    broken = "It’s simple".encode().decode("cp1252")
    text = signed(f"{broken} to begin a SIP &amp; review it. {hindi}, see you soon.")

    candidate = candidate_zero(job_for(text, ("garbled_text", None)))

    assert candidate.text == signed(f"It’s simple to begin a SIP & review it. {hindi}, see you soon.")


def test_numbered_keycaps_become_numbers_and_other_emoji_go() -> None:
    text = signed("🚀 Three steps for a SIP:\n1️⃣ Pick a goal\n2️⃣ Pick a date\n3️⃣ Review once a year ✨ #sip #goals")

    candidate = candidate_zero(job_for(text, ("emoji_hashtag_misuse", None)))

    assert candidate.text == signed("Three steps for a SIP:\n1. Pick a goal\n2. Pick a date\n3. Review once a year")


def test_a_warning_asked_for_is_put_in_though_no_rule_demands_it() -> None:
    text = "Keep papers of the family in one folder and tell two people where it is.\n\nAsha Kulkarni"
    context = replace(CONTEXT, content_class="greeting")

    candidate = candidate_zero(job_for(text, ("missing_risk_disclaimer", None), context=context))

    assert candidate.text.endswith(WARNING)


def test_statutory_texts_and_signature_are_put_back_after_a_model_lost_them() -> None:
    job = job_for(signed("A SIP puts a fixed sum to work each month."), ("too_short", None))

    text = with_known_texts(job, "A SIP puts a fixed sum to work each month, and you review it once a year.")

    assert WARNING in text
    assert text.endswith(SIGNATURE)


def test_trimming_keeps_mandated_text_and_the_first_sentence() -> None:
    sentences = [f"Sentence {word} says little that a reader would miss in this long note." for word in "abcdefghijkl"]
    text = signed(" ".join(["A SIP works best with a goal.", *sentences]))

    candidate = candidate_zero(job_for(text, ("too_long", None)))

    assert candidate.text.startswith("A SIP works best with a goal.")
    assert candidate.text.endswith(f"{WARNING}\n\n{SIGNATURE}")
    assert len(candidate.text.split(WARNING)[0].strip()) <= 600


@given(
    body=st.lists(
        st.sampled_from(
            [
                "A SIP puts a fixed sum to work.",
                "Guaranteed 20% returns!",
                "नमस्ते दोस्तों।",
                "Hurry 🚀🚀🚀🚀 now!!",
                "Dear [Client Name],",
                "**Bold** move.",
                "हर महीने मुनाफे की गारंटी।",
                "Call 98765 43210",
            ]
        ),
        min_size=1,
        max_size=6,
    ),
    codes=st.lists(st.sampled_from([case.code for case in CASES]), max_size=3, unique=True),
)
def test_candidate_zero_never_adds_a_finding_that_bars_it(body: list[str], codes: list[str]) -> None:
    job = job_for("\n".join(body), *((code, None) for code in codes))

    before = validate(job, replace(candidate_zero(job), text=job.rejected_text)).report
    after = validate(job, candidate_zero(job)).report

    barring = {finding.rule for finding in after.findings if finding.severity != "minor"}
    assert barring <= {finding.rule for finding in before.findings if finding.severity != "minor"}


def test_a_marked_wrong_number_is_replaced_and_not_shown_twice() -> None:
    text = (
        "Couples often save for the same goal twice. A joint list takes one evening.\n\n"
        "Kavitha Rao | SEBI Registered Investment Adviser | INA/KA/2026/000021"
    )
    issue = NamedIssue("missing_registration", locate_quote(text, "INA/KA/2026/000021"))
    context = TextContext("whatsapp", "en", "RIA", "INA999000021", "Kavitha Rao", content_class="educational")
    brief = FeedbackBrief("compliance_violation", "critical", issues=(issue,))

    candidate = candidate_zero(Job(text, context, brief))

    assert candidate.text.count("INA999000021") == 1
    assert "INA/KA/2026" not in candidate.text


def test_points_of_a_list_that_lost_its_lines_get_them_back() -> None:
    text = (
        "NAV kya hota hai, yeh har business day ke baad nikalti hai, bahut log sochte hain ki kam NAV wala fund sasta "
        "hai, 1) yeh galat hai 2) NAV sirf ek unit ki keemat hai 3) dekhna hai toh kharcha aur risk dekhiye."
    )
    brief = FeedbackBrief("formatting_error", "minor", issues=(NamedIssue("poor_structure"),))
    context = TextContext("blog", "hinglish", "MFD", "ARN-990101", content_class="educational")

    candidate = candidate_zero(Job(text, context, brief))

    assert "\n2) NAV sirf" in candidate.text
    assert "\n3) dekhna" in candidate.text


@pytest.mark.parametrize(
    ("text", "marked", "left"),
    [
        ("*Salary aa gayi? Ab SIP ki baari!*", "Ab SIP ki baari!*", "*Salary aa gayi?*"),
        ("**Note this. Sure profit!** Talk to us soon.", "Sure profit!**", "**Note this.** Talk to us soon."),
        ("Read on. *Sure profit!* Talk to us soon.", "*Sure profit!*", "Read on. Talk to us soon."),
        ("Read on. Units at 5*4 grow. Talk to us soon.", "Units at 5*4 grow.", "Read on. Talk to us soon."),
    ],
)
def test_removing_a_sentence_leaves_no_mark_of_bold_alone(text: str, marked: str, left: str) -> None:
    start = text.index(marked)

    assert without(text, [(start, start + len(marked))]) == left
