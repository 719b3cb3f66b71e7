import pytest
from hypothesis import given
from hypothesis import strategies as st

from jarvish_regen.language.checksums import passes_luhn, passes_verhoeff
from jarvish_regen.language.masking import KINDS, Found, mask, unmask
from tests.language.personal_data import CLEAN, PERSONAL
from tests.language.texts import mixed_text

CASES = [(kind, marked) for kind, sentences in PERSONAL.items() for marked in sentences]


@pytest.mark.parametrize(("kind", "marked"), CASES)
def test_personal_data_is_masked_exactly(kind, marked):
    text = marked.replace("⟦", "").replace("⟧", "")
    before, rest = marked.split("⟦")
    personal, after = rest.split("⟧")

    masked = mask(text)

    assert masked.text == f"{before}[{kind.upper()}-1]{after}"
    assert dict(masked.mapping) == {f"[{kind.upper()}-1]": personal}
    assert masked.found == (Found(kind, len(before), len(before) + len(personal), f"[{kind.upper()}-1]"),)
    assert unmask(masked.text, masked.mapping) == text


@pytest.mark.parametrize("sentence", CLEAN)
def test_figures_of_the_trade_are_left_alone(sentence):
    assert mask(sentence).text == sentence


def test_every_kind_has_its_cases():
    assert set(PERSONAL) | {"name"} == set(KINDS)
    assert len(CASES) >= 140


@pytest.mark.parametrize(
    "number", ["999941057058", "999971658847", "999933119405", "999955183433", "999990501894", "2363"]
)
def test_verhoeff_accepts_the_published_numbers_and_no_single_slip(number):
    assert passes_verhoeff(number)
    for position, digit in enumerate(number):
        for other in set("0123456789") - {digit}:
            assert not passes_verhoeff(number[:position] + other + number[position + 1 :])


@pytest.mark.parametrize("number", ["79927398713", "4111111111111111", "378282246310005", "5555555555554444"])
def test_luhn_accepts_the_published_numbers_and_no_single_slip(number):
    assert passes_luhn(number)
    for position, digit in enumerate(number):
        for other in set("0123456789") - {digit}:
            assert not passes_luhn(number[:position] + other + number[position + 1 :])


def test_a_long_number_that_fails_its_checksum_and_has_no_label_stays():
    assert mask("UTR 999941057059 and ref 4111111111111112").text == "UTR 999941057059 and ref 4111111111111112"


def test_the_same_number_gets_the_same_placeholder_and_another_the_next():
    masked = mask("9876543210, 91234 56789 and again 9876543210")

    assert masked.text == "[PHONE-1], [PHONE-2] and again [PHONE-1]"


def test_a_placeholder_that_stands_in_the_text_is_not_taken():
    text = "[PHONE-1] is not 9876543210"
    masked = mask(text)

    assert masked.text == "[PHONE-1] is not [PHONE-2]"
    assert unmask(masked.text, masked.mapping) == text


def test_only_the_wanted_kinds_are_masked():
    assert mask("ABCPK1234F 9876543210", kinds=["phone"]).text == "ABCPK1234F [PHONE-1]"


def test_given_names_are_masked_in_any_case_spacing_and_with_their_endings():
    text = "RAMESH  Sharma and रमेशला, not Rameshwar or रमेशचंद्र; Ramesh Sharma's fund"

    assert mask(text, names=["Ramesh Sharma", "Ramesh", "रमेश", " "]).text == (
        "[NAME-1] and [NAME-2]ला, not Rameshwar or रमेशचंद्र; [NAME-3]'s fund"
    )


@pytest.mark.parametrize(
    ("name", "text", "masked"),
    [
        ("Ramesh Sharma", "Ramesh-Sharma, ramesh\u00a0sharma and Ramesh. Sharma", "[NAME-1], [NAME-2] and [NAME-3]"),
        ("R. K. Sharma", "R.K. Sharma and RK Sharma", "[NAME-1] and [NAME-2]"),
        ("Ramesh", "Rameshji, Rameshbhai, Rameshwar", "[NAME-1]ji, [NAME-1]bhai, Rameshwar"),
        ("रमेश", "रमेशच्या, रमेशसाठी, रमेशजींना, सुरमेश, र\u200dमेश", "[NAME-1]च्या, [NAME-1]साठी, रमेशजींना, सुरमेश, [NAME-2]"),
        ("फ़रहान", "फ\u093cरहान और \u095eरहान", "[NAME-1] और [NAME-2]"),
        ("Zoë", "Zoe\u0308 and ZOË", "[NAME-1] and [NAME-2]"),
        ("Ana", "Banana, Anand, Ana.", "Banana, Anand, [NAME-1]."),
        ("सीता देवी", "सीता\u200c देवी को", "[NAME-1] को"),
    ],
)
def test_a_given_name_is_found_however_it_is_written_and_in_no_longer_word(name, text, masked):
    found = mask(text, names=[name])

    assert found.text == masked
    assert unmask(found.text, found.mapping) == text


def test_neighbours_are_told_apart():
    masked = mask(
        "A/c 123456789012 IFSC HDFC0001234, PAN ABCPK1234F, GSTIN 27ABCPK1234F1Z5, ARN-123456, 9876543210@ybl"
    )

    assert masked.text == "A/c [ACCOUNT-1] IFSC [IFSC-1], PAN [PAN-1], GSTIN [GSTIN-1], ARN-123456, [UPI-1]"


personal = st.sampled_from([marked.split("⟦")[1].split("⟧")[0] for _, marked in CASES])


@given(st.lists(mixed_text | personal | st.sampled_from(["[PAN-1]", "[PHONE-2]", " ", "\n"]), max_size=8).map("".join))
def test_masking_can_always_be_undone(text):
    masked = mask(text, names=["है", "word"])

    assert unmask(masked.text, masked.mapping) == text
    assert [text[found.start : found.end] for found in masked.found] == [
        masked.mapping[found.placeholder] for found in masked.found
    ]


@given(st.lists(personal, min_size=1, max_size=5))
def test_what_was_masked_is_not_masked_again(numbers):
    once = mask("\n".join(numbers)).text

    assert mask(once).text == once


NAMES = ("Ramesh Sharma", "रमेश शर्मा", "Farhan Q. Ali", "सुनीता", "O'Brien")


@given(st.lists(mixed_text | personal | st.sampled_from(NAMES) | st.sampled_from([" ", ", ", "\n"]), max_size=8))
def test_nothing_that_was_found_is_left_in_the_masked_text(parts):
    text = " ".join(parts)
    masked = mask(text, names=NAMES)
    between = [len(masked.mapping[found.placeholder]) for found in masked.found]

    assert mask(masked.text, names=NAMES).text == masked.text
    assert sum(between) == len(text) - len(masked.text) + sum(len(found.placeholder) for found in masked.found)
    assert not any(name in masked.text.split() for name in ("सुनीता", "O'Brien"))


def test_many_names_that_are_not_there_change_nothing():
    text = "A plain text about saving for the long run. " * 20

    assert mask(text, names=[f"Client{number} Surname{number}" for number in range(500)]).text == text


def test_digits_newer_than_the_tables_of_python_are_read():
    assert mask("call 98765432\U00011f51\U00011f50 now").text == "call [PHONE-1] now"
