"""What a rejection may say: values of the taxonomy, spans of the text, quotes that anchor."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from feedback.services import ISSUES_MAX, CheckedRejection, Rejection, SaidIssue, check_rejection
from jarvish_regen.content.models import AdvisorProfile, ContentItem, ContentVersion
from jarvish_regen.errors import InputError, StaleVersionError

CODE: Final = "guaranteed_returns_claim"
FAMILY: Final = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # man, woman, girl, joined: one character to a reader
FLAG: Final = "\U0001f1ee\U0001f1f3"  # two regional indicators: the flag of India
CONJUNCT: Final = "क्षि"  # ka, virama, ssa, vowel sign i: one character to a reader


def _check(text: str, *issues: SaidIssue, number: int = 1, **said: Any) -> CheckedRejection:
    """Check a rejection of a version with this text; nothing is stored."""
    item = ContentItem(advisor=AdvisorProfile(phone=""), channel="whatsapp", language="en")
    version = ContentVersion(text=text, number=number)
    return check_rejection(
        item=item, version=version, said=Rejection(**{"category": "compliance_violation", "issues": issues, **said})
    )


def _marked(text: str, **issue: Any) -> tuple[int, int, str] | None:
    anchor = _check(text, SaidIssue(code=CODE, **issue)).issues[0].anchor
    return (anchor.start, anchor.end, anchor.quote) if anchor else None


def _refused(text: str, *issues: SaidIssue, **said: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        _check(text, *issues, **said)
    return caught.value


def test_position_and_quote_that_agree_are_kept_with_their_context() -> None:
    checked = _check("It gives sure returns now.", SaidIssue(code=CODE, start=9, end=21, quote="sure returns"))

    anchor = checked.issues[0].anchor
    assert anchor is not None
    assert (anchor.start, anchor.end, anchor.quote, anchor.prefix, anchor.suffix) == (
        9,
        21,
        "sure returns",
        "It gives ",
        " now.",
    )


def test_a_position_alone_takes_its_quote_from_the_text() -> None:
    assert _marked("It gives sure returns.", start=9, end=13) == (9, 13, "sure")


def test_a_quote_alone_is_found_where_it_stands_once() -> None:
    assert _marked("It gives sure returns.", quote="sure returns") == (9, 21, "sure returns")


def test_an_issue_without_a_place_has_no_anchor() -> None:
    assert _marked("It gives sure returns.") is None


def test_a_quote_that_stands_twice_is_refused_by_name() -> None:
    error = _refused("sure, and again sure.", SaidIssue(code=CODE, quote="sure"))

    assert (error.code, error.field, error.given) == ("quote_not_found", "issues.0.quote", "sure")


def test_a_quote_that_does_not_stand_in_the_text_is_refused_by_name() -> None:
    error = _refused("Nothing of it.", SaidIssue(code=CODE), SaidIssue(code=CODE, quote="sure"))

    assert (error.code, error.field, error.given) == ("quote_not_found", "issues.1.quote", "sure")


@pytest.mark.parametrize(("context", "start"), [({"suffix": ", and"}, 0), ({"prefix": "again "}, 16)])
def test_neighbouring_words_tell_two_equal_quotes_apart(context: dict[str, str], start: int) -> None:
    assert _marked("sure, and again sure.", quote="sure", **context) == (start, start + 4, "sure")


@pytest.mark.parametrize("cluster", [FAMILY, FLAG, CONJUNCT])
def test_a_span_around_a_whole_character_counts_code_points(cluster: str) -> None:
    text = f"पैसा {cluster} double"
    start = text.index(cluster)

    assert _marked(text, start=start, end=start + len(cluster)) == (start, start + len(cluster), cluster)
    assert _marked(text, quote="double") == (len(text) - 6, len(text), "double")


@pytest.mark.parametrize("cluster", [FAMILY, FLAG, CONJUNCT])
@pytest.mark.parametrize("cut", ["end", "start"])
def test_a_span_that_cuts_a_character_is_refused_with_the_whole_one(cluster: str, cut: str) -> None:
    text = f"पैसा {cluster} double"
    start = text.index(cluster)
    end = start + len(cluster)
    given = (start, end - 1) if cut == "end" else (start + 1, end)

    error = _refused(text, SaidIssue(code=CODE, start=given[0], end=given[1]))

    assert (error.code, error.field) == ("bad_span", "issues.0.start")
    assert (error.given, error.allowed) == (list(given), [start, end])


@pytest.mark.parametrize(
    ("start", "end", "allowed"),
    [(0, 11, [0, 10]), (-1, 4, [0, 10]), (11, 12, [0, 10]), (6, 2, [2, 6]), (4, 4, [0, 10])],
    ids=["past the end", "before the start", "outside", "reversed", "empty"],
)
def test_a_span_that_is_none_is_refused_with_what_is_allowed(start: int, end: int, allowed: Sequence[int]) -> None:
    error = _refused("ten chars!", SaidIssue(code=CODE, start=start, end=end))

    assert (error.code, error.field, error.given, error.allowed) == (
        "bad_span",
        "issues.0.start",
        [start, end],
        allowed,
    )


@pytest.mark.parametrize(("start", "end"), [(3, None), (None, 3)])
def test_half_a_span_is_refused(start: int | None, end: int | None) -> None:
    error = _refused("ten chars!", SaidIssue(code=CODE, start=start, end=end))

    assert (error.code, error.given, error.allowed) == ("bad_span", [start, end], [0, 10])


def test_words_that_stand_elsewhere_than_the_position_says_are_marked_where_they_stand() -> None:
    assert _marked("It gives sure returns.", start=0, end=4, quote="sure") == (9, 13, "sure")


def test_a_position_whose_words_are_others_and_stand_nowhere_is_refused_with_the_words_there() -> None:
    error = _refused("It gives sure returns.", SaidIssue(code=CODE, start=9, end=13, quote="high"))

    assert (error.code, error.field, error.given, error.allowed) == ("quote_mismatch", "issues.0.quote", "high", "sure")


def test_a_rejection_of_an_old_version_is_marked_in_the_new_one_by_its_words() -> None:
    checked = _check(
        "New start. It gives sure returns.",
        SaidIssue(code=CODE, start=9, end=13, quote="sure"),
        number=2,
        version=1,
    )

    anchor = checked.issues[0].anchor
    assert anchor is not None
    assert (anchor.start, anchor.end) == (20, 24)


@pytest.mark.parametrize(
    "issues",
    [
        (),
        (SaidIssue(code=CODE, start=0, end=3),),
        (SaidIssue(code=CODE, quote="gone"),),
        (SaidIssue(code=CODE, quote="sure"),),
        (SaidIssue(code=CODE, quote="once"), SaidIssue(code=CODE, start=0, end=3)),
    ],
    ids=["nothing marked", "position only", "words gone", "words twice", "one of two by position only"],
)
def test_a_rejection_of_an_old_version_whose_words_do_not_anchor_is_stale(issues: tuple[SaidIssue, ...]) -> None:
    with pytest.raises(StaleVersionError) as caught:
        _check("sure, once sure.", *issues, number=2, version=1)

    assert (caught.value.http_status, caught.value.code, caught.value.allowed) == (409, "stale_version", 2)


@pytest.mark.parametrize("version", [0, -1, 3])
def test_a_version_that_never_was_is_refused(version: int) -> None:
    error = _refused("text", SaidIssue(code=CODE, quote="text"), number=2, version=version)

    assert (error.code, error.field, error.given, error.allowed) == ("unknown_version", "version", version, 2)


@pytest.mark.parametrize(
    ("field", "allowed"),
    [
        ("severity", ["critical", "major", "minor"]),
        ("suggested_action", ["regenerate", "modify", "escalate"]),
        (
            "category",
            [
                "compliance_violation",
                "tone_inappropriate",
                "length_issue",
                "relevance_low",
                "factual_error",
                "language_quality",
                "target_mismatch",
                "formatting_error",
                "brand_violation",
                "technical_issue",
            ],
        ),
    ],
)
def test_an_unknown_value_is_refused_with_the_allowed_list(field: str, allowed: list[str]) -> None:
    error = _refused("text", **{field: "awful"})

    assert (error.code, error.field, error.given, error.allowed) == ("invalid_choice", field, "awful", allowed)


def test_an_unknown_issue_code_is_refused_with_all_that_there_are() -> None:
    error = _refused("text", SaidIssue(code=CODE), SaidIssue(code="awful"))

    assert (error.code, error.field, error.given) == ("invalid_choice", "issues.1.code", "awful")
    assert len(error.allowed) == 43
    assert CODE in error.allowed


def test_as_many_issues_as_allowed_pass_and_one_more_is_refused() -> None:
    most = [SaidIssue(code=CODE)] * ISSUES_MAX

    assert len(_check("text", *most).issues) == 50
    error = _refused("text", *most, SaidIssue(code=CODE))
    assert (error.field, error.given, error.allowed) == ("issues", 51, 50)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"suggestions": "say\x00this"}, "suggestions"),
        ({"suggestions": "say\ud800this"}, "suggestions"),
        ({"issues": (SaidIssue(code=CODE, note="\x00"),)}, "issues.0.note"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_field(said: dict[str, Any], field: str) -> None:
    error = _refused("text", **said)

    assert (error.code, error.field) == ("broken_text", field)
