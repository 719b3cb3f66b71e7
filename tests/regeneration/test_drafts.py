"""From a reply to a candidate: what of the reply was not used is said."""

from __future__ import annotations

import json

import pytest

from jarvish_regen.content.compliance.repair import repair
from regeneration.drafts import draft_from
from regeneration.prompts import Prompt, write_prompt
from regeneration.validate import report_on
from tests.regeneration.cases import CONTEXT, job_for, signed

MARKED = "Our synergies unlock your journey."
JOB = job_for(
    signed(f"A SIP puts a fixed sum to work each month. {MARKED} Review it once a year."), ("off_brand_voice", MARKED)
)
GOOD = (MARKED, "We make a plan with you.")


def prompt_of() -> Prompt:
    before = report_on(JOB.rejected_text, CONTEXT)
    return write_prompt(JOB, repair=repair(JOB.rejected_text, CONTEXT), before=before, nonce="9b1f0c2d7e5a4836")


@pytest.mark.parametrize(
    ("refused", "count"),
    [
        ([], 0),
        ([("Review it once a year.", "Register at https://quick-gains.example/join.")], 1),
        ([("Words that are nowhere in it.", "Others.")], 1),
        ([("Review it once a year.", "Call [PHONE-9]."), ("Words that are nowhere in it.", "Others.")], 2),
    ],
    ids=["none", "left out before", "not found", "one of each"],
)
def test_every_edit_that_was_not_used_is_counted(refused: list[tuple[str, str]], count: int) -> None:
    edits = [{"find": find, "replace": new, "fixes": ["off_brand_voice"]} for find, new in [GOOD, *refused]]

    draft = draft_from(JOB, prompt_of(), json.dumps({"edits": edits, "full_text": None}))

    assert draft.candidate is not None
    assert draft.candidate.text == JOB.rejected_text.replace(*GOOD)
    said = f" {count} of its edits could not be placed." if count else ""
    assert draft.candidate.explanation == f"Written by a model and checked by rules.{said}"


@pytest.mark.parametrize(
    ("issues", "codes"),
    [
        ([("off_brand_voice", MARKED)], ["off_brand_voice"]),
        (
            [("wrong_figure", "A SIP puts a fixed sum to work each month."), ("off_brand_voice", None)],
            ["off_brand_voice"],
        ),
        (
            [("off_brand_voice", MARKED), ("too_formal", "synergies"), ("too_long", None)],
            ["off_brand_voice", "too_formal"],
        ),
        ([("wrong_figure", "A SIP puts a fixed sum to work each month.")], []),
    ],
    ids=["marked", "of no place", "two in a sentence", "marked elsewhere"],
)
def test_an_edit_answers_what_was_named_where_it_lies(issues: list[tuple[str, str | None]], codes: list[str]) -> None:
    job = job_for(JOB.rejected_text, *issues)
    before = report_on(job.rejected_text, CONTEXT)
    prompt = write_prompt(job, repair=repair(job.rejected_text, CONTEXT), before=before, nonce="9b1f0c2d7e5a4836")

    draft = draft_from(job, prompt, json.dumps({"edits": [{"find": "synergies unlock", "replace": "plans suit"}]}))

    assert draft.candidate is not None
    assert [list(edit.fixes) for edit in draft.candidate.edits] == [codes]
