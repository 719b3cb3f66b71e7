"""Another language in Latin letters is told from English and Hinglish, sentence by sentence."""

import pytest
from hypothesis import given

from jarvish_regen.language.foreign import foreign_language
from tests.language.texts import mixed_text


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("Investissez chaque mois une petite somme et soyez patient avec les marchés.", "French"),
        ("Votre argent travaille pour vous.", "French"),
        ("Su dinero crece con el tiempo.", "Spanish"),
        ("Invierta cada mes una pequeña cantidad y tenga paciencia.", "Spanish"),
        ("O seu dinheiro trabalha para você.", "Portuguese"),
        ("Fazemos um plano com você.", "Portuguese"),
        ("I vostri soldi lavorano per voi.", "Italian"),
        ("Investite ogni mese una piccola somma.", "Italian"),
        ("Ihr Geld arbeitet für Sie.", "German"),
        ("WIR MACHEN EINEN PLAN MIT IHNEN.", "German"),
        ("Uang Anda bekerja untuk Anda.", "Indonesian"),
        ("Kami membuat rencana bersama Anda.", "Indonesian"),
        ("Ungal panam ungalukkaga velai seyyum.", "Tamil"),
        ("Ovvoru maadhamum siriya thogaiyai mudhaleedu seithu porumaiyaga irungal.", "Tamil"),
        ("Inwestuj co miesiąc małą kwotę i bądź cierpliwy wobec rynków.", "another"),
    ],
)
def test_another_language_is_named(sentence: str, language: str) -> None:
    assert foreign_language(sentence) == language


@pytest.mark.parametrize(
    "sentence",
    [
        "A SIP puts a fixed sum to work each month.",
        "Har mahine thoda nivesh karo aur market se daro mat.",
        "Isko le lo, par un se mat poochho, de do.",
        "Mutual Fund investments are subject to market risks, read all scheme related documents carefully.",
        "We met at a café in Pune, à la carte, no plan.",
        "Conservative covered calls generating 2-3% extra yield",
        "#TaxSaving #ELSS #FinancialFreedom #SmartInvesting",
        "Asha Kulkarni, Sahyadri Mutual Fund Services, ARN-990101",
        "The firm of Las Vegas and Los Angeles per se is no client.",
        "Die or live, war or peace: sole traders pay an income tax.",
        "हर महीने थोड़ा निवेश करें और धैर्य रखें।",
        "दर महिन्याला थोडी गुंतवणूक करा.",
        "Merci beaucoup",
        "",
    ],
)
def test_our_languages_names_and_borrowed_words_are_not_foreign(sentence: str) -> None:
    assert foreign_language(sentence) is None


@given(mixed_text)
def test_any_text_is_judged(text: str) -> None:
    assert foreign_language(text) in {
        None,
        "French",
        "Spanish",
        "Portuguese",
        "Italian",
        "German",
        "Indonesian",
        "Tamil",
        "another",
    }
