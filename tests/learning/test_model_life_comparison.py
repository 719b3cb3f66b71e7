"""A new model comes in only where nobody is worse off; the words say who would be, and by how much."""

import pytest
from scipy.stats import binomtest

from learning.training.comparison import BothRead, compare, interval_of_difference, is_not_worse

TONE, LENGTH = "tone_inappropriate", "length_issue"


def _messages(count: int, language: str, *, old: str, new: str, right: str = TONE) -> list[BothRead]:
    return [BothRead(language, (right,), old, new)] * count


def test_a_model_that_gets_more_right_and_harms_nobody_comes_in() -> None:
    found = compare(_messages(80, "en", old=TONE, new=TONE) + _messages(10, "hi", old=LENGTH, new=TONE))

    assert found.is_not_worse
    assert found.in_words().startswith("Not worse anywhere. overall: +11.1 points on 90 messages")


def test_one_language_worse_beyond_its_interval_holds_a_better_model() -> None:
    found = compare(
        _messages(100, "en", old=LENGTH, new=TONE)
        + _messages(20, "mr", old=TONE, new=TONE)
        + _messages(12, "mr", old=TONE, new=LENGTH)
    )

    assert not found.is_not_worse
    assert [cell.name for cell in found.worse] == ["mr"]
    assert found.in_words() == ("Worse: mr: -37.5 points on 32 messages (-37.5 to -17.7; 0 won, 12 lost).")


def test_one_category_worse_beyond_its_interval_holds_a_better_model() -> None:
    found = compare(
        _messages(100, "en", old=LENGTH, new=TONE) + _messages(12, "en", old=LENGTH, new=TONE, right=LENGTH)
    )

    assert [cell.name for cell in found.worse] == [LENGTH]


def test_a_few_lost_messages_of_a_language_are_chance() -> None:
    found = compare(_messages(50, "en", old=LENGTH, new=TONE) + _messages(3, "hi", old=TONE, new=LENGTH))

    assert found.is_not_worse


def test_fewer_right_overall_is_worse_even_within_the_interval() -> None:
    found = compare(_messages(90, "en", old=TONE, new=TONE) + _messages(1, "en", old=TONE, new=LENGTH))

    assert [cell.name for cell in found.worse] == ["overall"]


def test_nothing_compared_lets_nothing_in() -> None:
    assert not compare([]).is_not_worse


def test_a_further_category_of_a_message_is_right_too() -> None:
    row = ("en", (TONE, LENGTH))

    assert is_not_worse({"a": TONE}, {"a": LENGTH}, {"a": row})
    assert not is_not_worse({"a": TONE}, {"a": "brand_violation"}, {"a": row})


@pytest.mark.parametrize(("won", "lost"), [(0, 6), (3, 9), (7, 7), (5, 0)])
def test_the_interval_is_clopper_and_pearsons(won: int, lost: int) -> None:
    low, high = interval_of_difference(won, lost, 40)

    exact = binomtest(won, won + lost).proportion_ci(0.95, method="exact")
    share = (won + lost) / 40
    assert (low, high) == pytest.approx(((2 * exact.low - 1) * share, (2 * exact.high - 1) * share))


def test_the_verdict_survives_as_json() -> None:
    plain = compare(_messages(12, "mr", old=TONE, new=LENGTH)).as_plain()

    assert plain["is_not_worse"] is False
    assert [cell["name"] for cell in plain["cells"]] == ["overall", "mr", TONE]
