"""Views undo encodings and disguises, and always know the way back."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvish_regen.content.compliance.matching import Scan
from jarvish_regen.content.compliance.normalise import grapheme_span, plain_view
from jarvish_regen.content.compliance.pack import current_pack


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("GUA\u200bRANTEED", "guaranteed"),
        ("बाज़ार", "बाजार"),
        ("क़ानून", "कानून"),
        ("हाँ।", "हां."),
        ("१२३ टक्के", "123 टक्के"),
        ("“don’t” — now", '"don\'t" - now'),
        ("*bold* _x_", "bold x "),
        ("a \u00a0\t b\r\nc", "a b\nc"),
        ("ﬁxed ｒｅｔｕｒｎ", "fixed return"),
        ("e\u200d\u0301", "é"),
        ("ab\x00c\u3164d", "abcd"),
    ],
)
def test_plain_undoes_encodings(raw: str, plain: str) -> None:
    assert plain_view(raw).text.strip() == plain.strip()


@pytest.mark.parametrize(
    ("raw", "inside"),
    [
        ("guаrаntееd", "guaranteed"),
        ("gu@r@nt33d", "guaranteed"),
        ("g-u-a-r-a-n-t-e-e-d", "guaranteed"),
        ("g.u.a.r.a.n.t.e.e.d.r.e.t.u.r.n.s", "guaranteed returns"),
        ("risk.free", "riskfree"),
        ("guaraaaanteed", "guaranteed"),
        ("gúárántéed", "guaranteed"),
        ("गा-रं-टी", "गारंटी"),
    ],
)
def test_shadow_undoes_disguises(raw: str, inside: str) -> None:
    assert inside in Scan(f"an {raw} plan", current_pack()).shadow.text


def test_ordinary_text_has_no_shadow_of_its_own() -> None:
    scan = Scan("A SIP is a monthly investment. Speak to us.", current_pack())

    assert scan.shadow is scan.plain


def test_masks_read_as_names() -> None:
    mask = "{{advisor_name}}"

    assert plain_view(f"Regards, {mask}", frozenset({mask})).text == "regards, advisorname"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=200, deadline=None)
def test_every_view_character_has_its_raw_span(raw: str) -> None:
    for view in (Scan(raw, current_pack()).plain, Scan(raw, current_pack()).shadow):
        assert len(view.text) == len(view.starts) == len(view.ends)
        assert all(0 <= a < b <= len(raw) for a, b in zip(view.starts, view.ends, strict=True))


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@given(raw=st.text(st.sampled_from("aé ç़कज़़ाँ।१Å²ﬁ-_*\u200b\u200d\n"), max_size=30))
@settings(max_examples=100, deadline=None)
def test_plain_is_the_same_for_every_normal_form(form: str, raw: str) -> None:
    assert plain_view(unicodedata.normalize(form, raw)).text == plain_view(raw).text  # type: ignore[arg-type]


def test_span_never_cuts_a_grapheme() -> None:
    family = "👨‍👩‍👧"
    word = "क्ष"

    assert grapheme_span(f"x{family}y", 2, 3) == (1, 1 + len(family))
    assert grapheme_span(word, 0, 1) == (0, 3)
    assert grapheme_span("🇮🇳🇺🇸", 1, 2) == (0, 2)
