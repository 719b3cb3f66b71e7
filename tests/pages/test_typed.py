"""The rejection form as it was typed."""

from django.http import QueryDict

from feedback.forms import Tag, Typed
from jarvish_regen.content.taxonomy import taxonomy


def _typed(query: str) -> Typed:
    return Typed.from_post(QueryDict(query))


def test_a_chip_alone_is_a_rejection() -> None:
    said = _typed("category=tone_inappropriate").as_rejection(version=3)

    assert (said.category, said.severity, said.suggested_action, said.version) == (
        "tone_inappropriate",
        "major",
        "regenerate",
        3,
    )
    assert list(said.issues) == []


def test_a_saved_draft_comes_back_as_it_was() -> None:
    typed = _typed("category=length_issue&issue=too_long&severity=minor&span=3-9&code_3-9=too_short&note_3-9=x&note=hi")

    assert Typed.from_draft(typed.as_draft()) == typed


def test_pressing_a_sentence_marks_it_and_pressing_again_unmarks_it() -> None:
    once = Typed().toggled("3-9")

    assert once.tags == (Tag(3, 9),)
    assert once.toggled("3-9").tags == ()


def test_spans_and_values_that_cannot_be_are_left_out() -> None:
    typed = _typed("category=nonsense&severity=9&issue=nope&span=9-3&span=a-b&span=-1-4&span=0-2")

    assert (typed.category, typed.severity, typed.issues, typed.tags) == ("", "major", (), (Tag(0, 2),))


def test_marked_words_take_the_chosen_fault_else_the_usual_one_of_the_category() -> None:
    chosen = _typed("category=tone_inappropriate&issue=fear_mongering&span=0-4").as_rejection(version=1)
    usual = _typed("category=tone_inappropriate&span=0-4").as_rejection(version=1)

    assert [(issue.code, issue.start) for issue in chosen.issues] == [("fear_mongering", 0)]
    assert [(issue.code, issue.start) for issue in usual.issues] == [("too_salesy", 0)]


def test_every_category_has_a_usual_fault_of_its_own() -> None:
    for category in taxonomy().categories:
        code = _typed(f"category={category}&span=0-4").as_rejection(version=1).issues[0].code
        assert taxonomy().issues[code].category == category
