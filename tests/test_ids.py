"""Identifiers: the same value inside and outside, in the same order, and nothing else accepted."""

import uuid

import pytest
from django.test import Client
from django.urls import Resolver404, resolve
from hypothesis import given
from hypothesis import strategies as st

from jarvish_regen.ids import ALPHABET, PREFIXES, converter_for, from_short, new_id, to_short

# From the typeid specification 0.3, valid.json ("valid-uuidv7" and the extremes), under our prefix.
KNOWN = {
    "00000000000000000000000000": "00000000-0000-0000-0000-000000000000",
    "00000000000000000000000001": "00000000-0000-0000-0000-000000000001",
    "0000000000000000000000000a": "00000000-0000-0000-0000-00000000000a",
    "0000000000000000000000000g": "00000000-0000-0000-0000-000000000010",
    "0000000000000000000000000z": "00000000-0000-0000-0000-00000000001f",
    "01h455vb4pex5vsknk084sn02q": "01890a5d-ac96-774b-bcce-b302099a8057",
    "7zzzzzzzzzzzzzzzzzzzzzzzzz": "ffffffff-ffff-ffff-ffff-ffffffffffff",
}


@pytest.mark.parametrize(("suffix", "value"), KNOWN.items())
def test_the_outside_form_is_a_typeid(suffix: str, value: str) -> None:
    assert to_short("item", uuid.UUID(value)) == f"cnt_{suffix}"
    assert from_short("item", f"cnt_{suffix}") == uuid.UUID(value)


@given(st.sampled_from(sorted(PREFIXES)), st.uuids())
def test_every_id_of_every_kind_comes_back(kind: str, value: uuid.UUID) -> None:
    assert from_short(kind, to_short(kind, value)) == value


@given(st.uuids(), st.uuids())
def test_outside_forms_stand_in_the_order_of_the_values(one: uuid.UUID, other: uuid.UUID) -> None:
    assert (to_short("item", one) < to_short("item", other)) == (one < other)


def test_ids_made_later_stand_later_inside_and_outside() -> None:
    made = [new_id() for _ in range(1000)]

    assert {value.version for value in made} == {7}
    assert made == sorted(made)
    shorts = [to_short("item", value) for value in made]
    assert shorts == sorted(shorts)
    assert len(set(shorts)) == 1000


def test_no_two_kinds_share_a_prefix() -> None:
    assert len(set(PREFIXES.values())) == len(PREFIXES)


GOOD = "01h455vb4pex5vsknk084sn02q"


@pytest.mark.parametrize(
    "given_id",
    [
        "",
        GOOD,
        f"rej_{GOOD}",
        f"CNT_{GOOD}",
        f"cnt-{GOOD}",
        f"cnt_{GOOD[:-1]}",
        f"cnt_{GOOD}0",
        f"cnt_{GOOD.upper()}",
        *(f"cnt_{GOOD[:-1]}{letter}" for letter in "ilou_ -é०"),
        f"cnt_8{'0' * 25}",
        f"cnt_{'z' * 26}",
        f"cnt_{GOOD}\n",
        "01890a5d-ac96-774b-bcce-b302099a8057",
    ],
)
def test_what_is_no_id_of_the_kind_is_refused(given_id: str) -> None:
    with pytest.raises(ValueError, match="id"):
        from_short("item", given_id)


@given(st.text(max_size=40))
def test_any_text_is_an_id_or_a_value_error(given_id: str) -> None:
    try:
        value = from_short("item", given_id)
    except ValueError:
        return
    assert to_short("item", value) == given_id


def test_the_converter_gives_views_a_uuid_and_makes_urls_of_uuids() -> None:
    converter = converter_for("item")()

    found = resolve(f"/items/cnt_{GOOD}/")

    assert found.kwargs == {"item_id": uuid.UUID(KNOWN[GOOD])}
    assert converter.to_url(uuid.UUID(KNOWN[GOOD])) == f"cnt_{GOOD}"
    assert converter.to_url(f"cnt_{GOOD}") == f"cnt_{GOOD}"


@pytest.mark.parametrize(
    "segment", [f"rej_{GOOD}", f"cnt_{GOOD[:-1]}", f"cnt_8{'0' * 25}", f"cnt_{GOOD}0", "cnt_", "1"]
)
def test_the_converter_matches_nothing_else(segment: str) -> None:
    with pytest.raises(Resolver404):
        resolve(f"/items/{segment}/")


@pytest.mark.django_db
@pytest.mark.parametrize("segment", [f"rej_{GOOD}", f"cnt_8{'0' * 25}", "cnt_1"])
def test_a_path_with_a_wrong_id_is_not_there(client: Client, segment: str) -> None:
    assert client.get(f"/items/{segment}/").status_code == 404


def test_the_alphabet_leaves_out_letters_that_look_alike() -> None:
    assert len(ALPHABET) == 32
    assert not set(ALPHABET) & set("ilou")
