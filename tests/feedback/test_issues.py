"""The issue heads, fitted here on a part of the corpus without the encoder: what they find, where, what they refuse."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from feedback.analysis.features import Features, sparse_of, tokens_of
from feedback.analysis.issues import (
    FoundIssue,
    IssueHeads,
    IssueHeadsError,
    all_codes,
    category_indices,
    chosen,
    evidence_span,
    find_issues,
)
from jarvish_regen.content.taxonomy import taxonomy
from learning.training.corpus import read_messages
from learning.training.issues_fit import fit_issues

EVEN = np.full(len(taxonomy().categories), 0.1)


def spelled(texts: list[str]) -> Features:
    """Return features without the encoder: its vectors are zeros, so the n-grams alone speak."""
    return Features(np.zeros((len(texts), 384), np.float32), sparse_of(texts), "none")


@lru_cache(maxsize=1)
def arrays() -> dict[str, npt.NDArray[Any]]:
    rows = [row for row in read_messages() if row.writer in {"feedback_1", "feedback_2"}]
    return fit_issues(rows, spelled([row.text for row in rows]))


def found(text: str, draft: str = "", categories: npt.NDArray[np.float64] = EVEN) -> tuple[FoundIssue, ...]:
    return find_issues(
        text,
        heads=IssueHeads.read(arrays()),
        features=spelled([text]),
        category_probabilities=categories,
        draft=draft,
    )


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("the ARN number is missing from the footer", "missing_registration", "ARN"),
        ("risk disclaimer is missing", "missing_risk_disclaimer", "disclaimer"),
        ("बहुत लंबा संदेश है, छोटा करो", "too_long", "लंबा"),
        ("spelling galat hai, grammar theek karo", "grammar_spelling", "grammar"),
        ("मजकूर खूप लांब आहे, छोटा करा", "too_long", "लांब"),
    ],
)
def test_a_plain_fault_is_found_in_its_words(text: str, code: str, said: str) -> None:
    issue = found(text)[0]

    assert issue.code == code
    assert said in issue.span


@pytest.mark.parametrize("text", ["ARN missing hai aur bahut lamba hai", "“गारंटी” काढा 👨‍👩‍👧, फार लांब", "x", "don't"])
def test_spans_are_verbatim_and_probabilities_fall(text: str) -> None:
    issues = found(text)

    assert all(issue.span == text[issue.start : issue.end] and issue.span for issue in issues)
    assert [issue.probability for issue in issues] == sorted((issue.probability for issue in issues), reverse=True)
    assert all(0 < issue.probability < 1 for issue in issues)


@pytest.mark.parametrize("text", ["", "  \n", "\u200d"])
def test_a_message_without_words_names_nothing(text: str) -> None:
    assert found(text) == ()


def test_what_the_category_model_says_moves_the_codes() -> None:
    codes, formatting = list(taxonomy().categories), np.full(len(EVEN), 0.01)
    formatting[codes.index("formatting_error")] = 0.91

    def of_formatting(issues: tuple[FoundIssue, ...]) -> float:
        return sum(one.probability for one in issues if taxonomy().issues[one.code].category == "formatting_error")

    text = "all over the place, fix the bullets"
    assert of_formatting(found(text, categories=formatting)) > of_formatting(found(text))


def test_a_fault_points_into_the_draft() -> None:
    draft = "Invest now.\nReturns were 14% last year."

    assert found("the figure in line 2 is wrong", draft)[0].points_to == (draft.index("14%"), draft.index("14%") + 3)
    assert found("the figure in line 2 is wrong")[0].points_to is None


def test_evidence_takes_in_the_whole_quotation() -> None:
    text = 'please please take out "guaranteed returns for each and every one of you" before it goes'
    heads = IssueHeads.read(arrays())

    start, end = evidence_span(text, tokens_of(text), heads, all_codes().index("guaranteed_returns_claim"))

    assert '"guaranteed returns for each and every one of you"' in text[start:end]


def test_the_strongest_code_stays_below_the_threshold_but_not_below_the_floor() -> None:
    assert chosen(np.array([0.2, 0.1], np.float32), 0.3, 0.1).tolist() == [True, False]
    assert chosen(np.array([0.05, 0.01], np.float32), 0.3, 0.1).tolist() == [False, False]
    assert chosen(np.array([0.9, 0.4], np.float32), 0.3, 0.1).tolist() == [True, True]


def test_codes_and_categories_go_in_the_order_of_the_taxonomy() -> None:
    categories = list(taxonomy().categories)

    assert all(
        taxonomy().issues[code].category == categories[at]
        for code, at in zip(all_codes(), category_indices(), strict=True)
    )
    assert len(all_codes()) == 43


@pytest.mark.parametrize(
    ("name", "now"),
    [("issues_codes", np.array(["too_long"])), ("issues_fingerprint", np.array("00000000"))],
)
def test_heads_of_another_vocabulary_are_refused(name: str, now: npt.NDArray[Any]) -> None:
    with pytest.raises(IssueHeadsError):
        IssueHeads.read(arrays() | {name: now})


def test_heads_with_an_array_missing_are_refused() -> None:
    with pytest.raises(IssueHeadsError, match="issues_idf"):
        IssueHeads.read({name: array for name, array in arrays().items() if name != "issues_idf"})


def test_fitting_twice_gives_the_same_bytes() -> None:
    rows = [row for row in read_messages() if row.writer in {"feedback_1", "feedback_2"}][600:800]
    features = spelled([row.text for row in rows])

    first, second = fit_issues(rows, features), fit_issues(rows, features)

    assert {name: array.tobytes() for name, array in first.items()} == {
        name: array.tobytes() for name, array in second.items()
    }


def test_one_writer_alone_cannot_be_fitted_on() -> None:
    rows = [row for row in read_messages() if row.writer == "feedback_1"][:20]

    with pytest.raises(ValueError, match="two writers"):
        fit_issues(rows, spelled([row.text for row in rows]))
