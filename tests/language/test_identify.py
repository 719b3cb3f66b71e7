import pytest
from hypothesis import given

from jarvish_regen.language.identify import identify
from tests.language.texts import mixed_text


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The disclaimer is missing, please add it.", "en"),
        ("Too long, yaar.", "en"),
        ("Change the headline to 500", "en"),
        ("Risk line kahan hai? Isko theek karo", "hinglish"),
        ("bahut lamba hai bhai, chhota karo na", "hinglish"),
        ("Market kal 1% gira lekin SIP band mat karna", "hinglish"),
        ("इसमें जोखिम वाली चेतावनी नहीं है", "hi"),
        ("बहुत लंबा है, SIP वाला हिस्सा हटाइए", "hi"),
        ("मजकूर छान आहे पण धोक्याची ओळ नाही", "mr"),
        ("खूप मोठं झालंय, SIP ची ओळ काढा", "mr"),
        ("चुकीचा आकडा, बदला", "mr"),
        ("Sensex ने बनाया नया record, aaj ka market update dekho", "hinglish"),
        ('"म्यूचुअल फंड में जोखिम है" is a bad translation', "en"),
        ('"Book your profits now" हटाओ, यह गलत है', "hi"),
        ("", "en"),
        ("123 %%", "en"),
        ("ठीक", "hi"),
    ],
)
def test_the_writers_own_words_decide(text, language):
    assert identify(text) == language


def test_the_language_survives_capitals_joiners_and_the_other_spelling_of_nukta():
    assert identify("YEH BAHUT LAMBA HAI") == "hinglish"
    assert identify("बढ\u093cिया है, ज\u093cरा") == identify("ब\u095dिया है, \u095bरा") == "hi"


@given(mixed_text)
def test_every_text_has_one_of_the_four(text):
    assert identify(text) in {"en", "hi", "mr", "hinglish"}
