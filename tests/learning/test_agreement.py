"""Agreement beyond chance, by Cohen's own arithmetic."""

import pytest

from learning.training.agreement import cohen_kappa, kappa_of_class, kappa_word


def test_kappa_is_cohens() -> None:
    # The textbook's table: 20 both yes, 5 and 10 apart, 15 both no; observed .70, expected .50.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15

    assert cohen_kappa(pairs) == pytest.approx(0.4)


def test_chance_agreement_is_worth_nothing() -> None:
    pairs = [(left, right) for left in "ab" for right in "ab"] * 5

    assert cohen_kappa(pairs) == pytest.approx(0.0)
    assert cohen_kappa([("a", "a")] * 9) == 0.0
    assert cohen_kappa([]) is None


def test_a_class_nobody_named_has_no_kappa() -> None:
    pairs = [("a", "a"), ("b", "b"), ("c", "b")]

    assert kappa_of_class(pairs, "a") == pytest.approx(1.0)
    assert kappa_of_class(pairs, "z") is None


def test_kappa_has_a_word() -> None:
    assert [kappa_word(each) for each in (-0.1, 0.1, 0.7, 0.9)] == ["poor", "slight", "substantial", "almost perfect"]
