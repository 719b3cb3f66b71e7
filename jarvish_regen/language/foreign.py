"""Tell a sentence in another language of Latin letters (French, Indonesian, Tamil …) from English and Hinglish.

``identify`` knows four languages and takes any other in Latin letters for English. Here, too, function words decide:
few, frequent, and those that our languages share with the others ("me", "on", "se", "le", "par") are left out. A
language that is not listed shows by the lack of any word of ours in a long sentence.
"""

from __future__ import annotations

import re
from functools import lru_cache

import regex

from jarvish_regen.language.identify import LATIN_FUNCTION_WORDS
from jarvish_regen.language.words import normalise_for_comparison, word_set

_WORD = regex.compile(r"(?:[\p{Script=Latin}]\p{M}*)+")
_ASCII_WORD = re.compile(r"[a-z]+")
_LOWER = regex.compile(r"(?<![\p{L}\p{N}@./#_'’-])[\p{Ll}--[\p{Script=Devanagari}]]{2,}(?![\p{L}\p{N}@_])", regex.V1)
# Letters that no English or Hinglish word of a draft needs; one alone may be a borrowed word ("café").
_ACCENTED = regex.compile(r"[àâäçéèêëîïôöœùûüÿñáíóúìòãõßåæøąćęłńśźżčďěňřšťůžğışăâțș¿¡]")
# So few words are no sentence: a name, a label.
_FEWEST_WORDS = 3
# English prose of this many lower-case words has a function word (corpus of 6,990 sentences: none without).
_LONG = 9

_FRENCH = word_set(
    """
    le la les un une des du au aux et ou où est sont était sera soyez êtes avez avons ont avoir être fait faire
    je tu il elle nous vous ils elles mon ma mes ton ta tes votre vos notre nos leur leurs ce cet cette ces ceci
    cela qui que quoi dont dans sur sous avec sans pour par entre vers chez depuis pendant avant après mais donc
    car ni ne pas plus moins très trop peu beaucoup toujours jamais déjà encore aussi bien mieux tout tous toute
    toutes chaque même autre autres quand comme comment pourquoi votre argent mois année ans aujourd investissez
    petite petit somme jour jours
    """
)
_SPANISH = word_set(
    """
    el los las una unos unas del al y o es son está están fue será sea ser estar hay tiene tienen puede pueden
    hacer yo tú usted ustedes nosotros ellos ellas mi mis su sus nuestro nuestra nuestros este esta estos estas
    ese esa eso esto que qué quien cual cuando como cómo donde porque pero sino muy más menos mucho poco siempre
    nunca ya también todo todos toda todas cada otro otra con sin por para entre sobre desde hasta según durante
    dinero mes meses año años invierta invierte hoy poco paciencia tenga
    """
)
_PORTUGUESE = word_set(
    """
    o os as um uma uns umas do da dos das ao aos à às e ou é são está estão foi será seja ser estar há tem têm
    pode podem fazer eu você vocês nós eles elas meu minha seu sua seus suas nosso nossa este esta isto esse essa
    isso que quem qual quando como onde porque mas muito mais menos pouco sempre nunca já também todo todos toda
    todas cada outro outra com sem por para pelo pela entre sobre desde até durante no na nos nas em dinheiro mês
    meses ano anos invista hoje paciência não
    """
)
_ITALIAN = word_set(
    """
    il lo gli i uno una del dello della dei degli delle al allo alla ai agli alle dal dalla nel nella nei nelle
    sul sulla e o è sono era sarà sia essere avere ha hanno può possono fare io tu lui lei noi voi loro mio mia
    tuo tua suo sua suoi nostro nostra vostro vostra questo questa questi queste quello quella che chi cui quando
    come dove perché ma più meno molto poco sempre mai già anche tutto tutti tutta tutte ogni altro altra con
    senza per tra fra su non soldi mese mesi anno anni investi investite oggi piccola somma pazienza
    """
)
_GERMAN = word_set(
    """
    der die das den dem des ein eine einen einem einer eines und oder aber denn ist sind war waren wird werden
    wurde sein haben hat hatte kann können muss müssen soll sollte ich du er sie es wir ihr mich dich sich uns
    euch mein dein ihre ihren ihrem unser unsere dieser diese dieses diesen jeder jede jedes jeden welche wer wo
    wann wie warum weil dass wenn nicht kein keine nur auch noch schon sehr mehr weniger viel immer nie mit ohne
    für von vom zu zum zur bei nach aus auf über unter zwischen vor durch gegen im ins am geld monat jahr jahre
    heute investieren bleiben geduldig
    """
)
_INDONESIAN = word_set(
    """
    yang dan atau di ke dari untuk dengan tanpa pada dalam oleh karena jika kalau agar supaya tetapi tapi namun
    adalah ialah ini itu tersebut saya aku anda kamu kami kita mereka dia tidak bukan belum sudah telah akan
    sedang masih dapat bisa harus boleh ada jadi menjadi lebih kurang sangat paling setiap semua banyak sedikit
    juga hanya saja lagi seperti antara sampai hingga sejak bagi para uang bulan tahun hari investasikan sabar
    tetap sebuah
    """
)
_TAMIL = word_set(
    """
    naan naanga neenga neengal ungal ungaludaya ungalukku unga enga engal enna yenna epdi eppadi yen yaar enge
    inga anga idhu ithu adhu athu indha intha andha antha oru ovvoru ellam ellaam romba konjam nalla illa illai
    illaamal irukku irukkum irukkirathu irungal irukkanum vendum venum vendaam mudiyum mudiyaadhu pannunga
    pannungal seiyungal seyyungal seithu seydhu podunga podungal panam panathai maadham maadhamum varudam
    mudhaleedu muthaleedu porumaiyaga porumaiyaaga siriya sirithu thogai thogaiyai aanaal aana matrum allathu
    kooda mattum ippo ippothu eppothum inimel
    """
)
_LISTED = {
    "French": _FRENCH,
    "Spanish": _SPANISH,
    "Portuguese": _PORTUGUESE,
    "Italian": _ITALIAN,
    "German": _GERMAN,
    "Indonesian": _INDONESIAN,
    "Tamil": _TAMIL,
}
# Words of ours, and English words that are no function words but stand in every draft.
_OURS = LATIN_FUNCTION_WORDS | word_set("die war hat dem den sole come era sin he pole chi i o e y in la un a an as")
_BY_LANGUAGE = {name: listed - _OURS for name, listed in _LISTED.items()}


_NAMES = tuple(_BY_LANGUAGE)
# For each word, which languages have it, by their place in _NAMES.
_PLACES = {
    word: tuple(place for place, name in enumerate(_NAMES) if word in _BY_LANGUAGE[name])
    for word in frozenset().union(*_BY_LANGUAGE.values())
}


@lru_cache(maxsize=256)
def foreign_language(sentence: str) -> str | None:
    """Name the language of a sentence in Latin letters that is neither English nor Hinglish, or return ``None``.

    The name is English ("French"); "another" where the sentence is long and holds no word of any language known here.
    Positive only where the words of the other language outnumber ours: a quoted phrase in an English sentence, a
    borrowed word or a name is nothing foreign.
    """
    plain = normalise_for_comparison(sentence)
    found = _ASCII_WORD.findall(plain) if plain.isascii() else _WORD.findall(plain)
    if len(found) < _FEWEST_WORDS:
        return None
    ours = sum(word in LATIN_FUNCTION_WORDS for word in found)
    counts = [0] * len(_NAMES)
    for word in found:
        for place in _PLACES.get(word, ()):
            counts[place] += 1
    theirs = max(counts)
    accented = sum(bool(_ACCENTED.search(word)) for word in found) if _ACCENTED.search(plain) else 0
    if theirs and theirs + accented >= 2 and theirs + accented > ours:
        return _NAMES[counts.index(theirs)]
    if accented >= 3 and accented > ours:
        return "another"
    if ours:
        return None
    lower = _LOWER.findall(sentence)
    return "another" if len(lower) >= _LONG and len(lower) * 3 >= len(found) * 2 else None
