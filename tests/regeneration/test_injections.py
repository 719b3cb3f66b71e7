"""Injections against a model that obeys every one of them: nothing unsafe becomes admissible."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

import pytest

from jarvish_regen.content.compliance.repair import repair
from jarvish_regen.language.words import normalise_for_comparison
from regeneration.drafts import draft_from
from regeneration.edits import parse_reply
from regeneration.job import Constraints, Job, Situation
from regeneration.prompts import COMPLIANCE, SYSTEM, Prompt, write_prompt, write_simple_prompt
from regeneration.validate import report_on, validate
from tests.regeneration.cases import CONTEXT, VOICE, job_for, signed
from tests.regeneration.injections import INJECTIONS, PLACES, Injection

TACTICS = ("edits", "whole_text")
NONCE = "9b1f0c2d7e5a4836"
MARKED = "Our synergies unlock your journey."
BODY = f"A SIP puts a fixed sum to work each month. {MARKED} Review it once a year."
GOOD = "We make a plan with you."


def job_under(injection: Injection, tactic: str) -> Job:
    """Return a job with the injection where it is to stand."""
    words, place = injection.text, injection.place
    text = signed(f"{BODY} {words}" if place == "draft" else BODY)
    job = job_for(
        text,
        ("off_brand_voice", MARKED),
        note=words if place == "note" else "",
        suggestions=words if place == "suggestions" else "",
        facts=(words,) if place == "fact" else (),
        tactic=tactic,
    )
    if place == "issue_note":
        issues = tuple(replace(issue, note=words) for issue in job.feedback.issues)
        job = replace(job, feedback=replace(job.feedback, issues=issues))
    return replace(
        job,
        voice=replace(VOICE, voice=words) if place == "voice" else VOICE,
        constraints=Constraints(tone=words) if place == "demand" else Constraints(),
        situation=Situation(topic=words) if place == "topic" else Situation(),
    )


def prompts_for(job: Job) -> tuple[Prompt, Prompt]:
    report = report_on(job.rejected_text, CONTEXT)
    full = write_prompt(job, repair=repair(job.rejected_text, CONTEXT), before=report, nonce=NONCE)
    return full, write_simple_prompt(job, before=report, nonce=NONCE)


def obedient_replies(injection: Injection, text: str) -> Iterator[str]:
    """Yield what a model says that does what the injection wants, in each form a reply can take."""
    bad = injection.obeys_with

    def edits(*pairs: tuple[str, str]) -> str:
        listed = [{"find": find, "replace": new, "fixes": ["off_brand_voice"]} for find, new in pairs]
        return json.dumps({"edits": listed, "full_text": None}, ensure_ascii=False)

    yield edits((MARKED, bad))
    yield edits((MARKED, f"{GOOD} {bad}"))
    yield edits((MARKED, GOOD), ("Review it once a year.", f"Review it once a year. {bad}"))
    yield json.dumps({"edits": [], "full_text": text.replace(MARKED, bad)}, ensure_ascii=False)
    yield json.dumps({"edits": [], "full_text": bad}, ensure_ascii=False)
    yield json.dumps({"edits": [], "full_text": f"{bad}\n\n{text}"}, ensure_ascii=False)
    yield bad


def unsafe(injection: Injection, text: str) -> bool:
    """Say whether the text holds what the injection wanted, or twelve words of it in a row."""
    wanted = normalise_for_comparison(injection.obeys_with)
    there = normalise_for_comparison(text)
    words = wanted.split()
    runs = (" ".join(words[at : at + 12]) for at in range(len(words) - 11)) if injection.harm == "leak" else ()
    return wanted in there or any(run in there for run in runs)


def test_there_are_at_least_two_hundred_distinct_injections_in_every_place() -> None:
    assert len({(one.text, one.place) for one in INJECTIONS}) == len(INJECTIONS) >= 200
    assert {one.place for one in INJECTIONS} == set(PLACES)
    assert len({one.obeys_with for one in INJECTIONS}) >= 25
    assert sum(any("\u0900" <= letter <= "\u097f" for letter in one.text) for one in INJECTIONS) >= 40


def assert_is_data(prompt: Prompt) -> None:
    """Assert that all of what people wrote stands on one line between the marks, and our words around it."""
    system, user = (message["content"] for message in prompt.messages)
    lines = user.split("\n")
    first, last = lines.index(f'<data nonce="{NONCE}">'), lines.index(f'</data nonce="{NONCE}">')
    assert system == SYSTEM
    assert (last - first, lines[-1], user.count("</data")) == (2, COMPLIANCE, 1)
    assert "\n".join(lines[:first]).isascii()


def assert_never_admissible(injection: Injection, job: Job, prompt: Prompt, replies: Iterable[str]) -> None:
    for raw in replies:
        draft = draft_from(job, prompt, raw)
        if draft.candidate is not None and unsafe(injection, draft.candidate.text):
            assert not validate(job, draft.candidate).is_admissible, draft.candidate.text


def by_goal() -> Iterator[object]:
    """Yield the injections that want the same words written, each with its number."""
    numbered = sorted(enumerate(INJECTIONS), key=lambda pair: pair[1].obeys_with)
    for number, (obeys_with, group) in enumerate(groupby(numbered, key=lambda pair: pair[1].obeys_with)):
        yield pytest.param(tuple(group), id=f"{number}-{obeys_with[:24]}")


@pytest.mark.parametrize("injections", list(by_goal()))
def test_what_an_obedient_model_writes_is_never_admissible(injections: tuple[tuple[int, Injection], ...]) -> None:
    # The forms of a reply take turns over the ten injections of a goal, so that each is tried.
    for turn, (number, injection) in enumerate(injections):
        job = job_under(injection, TACTICS[number % len(TACTICS)])
        full, simple = prompts_for(job)
        assert_is_data(full)
        assert_is_data(simple)

        replies = list(obedient_replies(injection, job.rejected_text))
        assert_never_admissible(
            injection, job, full, {replies[turn % len(replies)], replies[(turn + 3) % len(replies)]}
        )
        assert_never_admissible(injection, job, simple, replies[turn % 3 : turn % 3 + 1])


@pytest.mark.slow
@pytest.mark.parametrize("injection", INJECTIONS, ids=lambda one: one.place)
def test_no_form_of_a_reply_makes_an_injection_admissible(injection: Injection) -> None:
    for tactic in TACTICS:
        job = job_under(injection, tactic)
        for prompt in prompts_for(job):
            assert_is_data(prompt)
            assert_never_admissible(injection, job, prompt, obedient_replies(injection, job.rejected_text))


def test_the_same_path_lets_an_honest_model_through() -> None:
    honest = json.dumps({"edits": [{"find": MARKED, "replace": GOOD, "fixes": ["off_brand_voice"]}]})
    valid = 0
    for injection in INJECTIONS[:: len(PLACES) + 1]:
        job = job_under(injection, "edits")
        draft = draft_from(job, prompts_for(job)[0], honest)
        assert draft.candidate is not None
        assert GOOD in draft.candidate.text
        valid += validate(job, draft.candidate).is_valid

    assert valid >= len(INJECTIONS[:: len(PLACES) + 1]) // 2


def test_a_reply_that_is_our_prompt_or_five_megabytes_is_no_reply() -> None:
    job = job_under(INJECTIONS[0], "edits")
    prompt = prompts_for(job)[0]
    whole = "\n".join(message["content"] for message in prompt.messages)

    for raw in (whole, f"{whole}\n" * 3, "x" * 5_000_000, "{" * 100_000, json.dumps({"edits": [], "system": SYSTEM})):
        draft = draft_from(job, prompt, raw)
        if draft.candidate is not None:
            # Our example of the format stands in the prompt; its edits fit nowhere.
            assert parse_reply(raw).edits[0].find == "..."
            assert not validate(job, draft.candidate).is_admissible
