"""Which level a case goes to, by a table: the first rule that fits decides."""

from dataclasses import replace
from typing import Any, Final

import pytest

from escalation.ladder import POLICY, Decision, History, choose_level

FRESH: Final = History(round=1, attempts=1, has_answer=False, can_ask_model=True, wants_person=False, is_critical=False)
# fmt: off
TABLE: Final[list[tuple[str, dict[str, Any], int, bool]]] = [
    # what                                              history                                          level  again
    ("an answer is the advisor's to judge",             {"has_answer": True},                                 1, False),
    ("an answer counts at any round",                   {"has_answer": True, "round": 9},                     1, False),
    ("an answer counts for a critical text",            {"has_answer": True, "is_critical": True},            1, False),
    ("who wants a person gets one",                     {"wants_person": True},                               3, False),
    ("who wants a person gets one, answer or not",      {"wants_person": True, "has_answer": True},           3, False),
    ("who wants a person gets one on a critical text",  {"wants_person": True, "is_critical": True},          3, False),
    ("the second tactic follows the first",             {"attempts": 1},                                      1, True),
    ("the third tactic follows the second",             {"attempts": 2},                                      1, True),
    ("after three tactics a reviewer decides",          {"attempts": 3},                                      3, False),
    ("after three tactics a critical text goes higher", {"attempts": 3, "is_critical": True},                 4, False),
    ("without a model another tactic is pointless",     {"can_ask_model": False},                             3, False),
    ("without a model a critical text goes higher",     {"can_ask_model": False, "is_critical": True},        4, False),
    ("the third round is still the machine's",          {"round": 3},                                         1, True),
    ("the fourth round is a person's",                  {"round": 4},                                         3, False),
    ("the fourth round is a person's, critical or not", {"round": 4, "is_critical": True},                    3, False),
]
# fmt: on


@pytest.mark.parametrize(("history", "level", "tries_again"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_ladder_decides_as_the_table_says(history: dict[str, Any], level: int, tries_again: bool) -> None:
    decision = choose_level(replace(FRESH, **history), POLICY)

    assert (decision.level, decision.tries_again) == (level, tries_again)


@pytest.mark.parametrize("history", [row[1] for row in TABLE], ids=[row[0] for row in TABLE])
def test_every_decision_says_why_in_a_sentence(history: dict[str, Any]) -> None:
    why = choose_level(replace(FRESH, **history), POLICY).why

    assert why.endswith(".")
    assert " " in why


def test_a_case_keeps_the_policy_it_was_opened_with() -> None:
    patient = {**POLICY, "attempts_max": 5}

    assert choose_level(replace(FRESH, attempts=4), patient).tries_again is True
    assert choose_level(replace(FRESH, attempts=4), POLICY).tries_again is False


def test_the_same_history_gives_the_same_decision() -> None:
    assert choose_level(FRESH, POLICY) == Decision(
        1, True, "Attempt 1 found nothing admissible; the next tactic is tried."
    )
