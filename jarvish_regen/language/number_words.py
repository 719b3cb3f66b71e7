"""Number words of English, Hindi, Marathi and romanised Hindi, as far as messages about money use them."""

import unicodedata
from collections.abc import Iterator
from decimal import Decimal

# A nukta letter is written as one code point or two; NFC takes the single ones apart, keyboards type both.
_ONE_CODE_POINT = {"क़": "\u0958", "ख़": "\u0959", "ज़": "\u095b", "ड़": "\u095c", "ढ़": "\u095d", "फ़": "\u095e"}


def _spellings(listed: str) -> Iterator[str]:
    """Yield the words of a list, with their nukta letters taken apart and, where that differs, as one code point."""
    for name in unicodedata.normalize("NFC", listed).split():
        yield name
        joined = name
        for apart, single in _ONE_CODE_POINT.items():
            joined = joined.replace(unicodedata.normalize("NFC", apart), single)
        if joined != name:
            yield joined


SCALES: dict[str, Decimal] = {
    name: Decimal(value)
    for value, names in {
        100: "hundred शंभर शे सौ sau",
        1_000: "thousand हज़ार हजार hazar hazaar",
        100_000: "lakh lakhs lac lacs लाख लाखों",
        10_000_000: "crore crores cr करोड़ करोड कोटी कोटि karod",
        1_000_000: "million millions mn",
        1_000_000_000: "billion billions bn",
        1_000_000_000_000: "trillion trillions tn",
    }.items()
    for name in _spellings(names)
}

NUMBER_WORDS: dict[str, Decimal] = {
    name: Decimal(value)
    for value, names in {
        1: "one एक ek",
        2: "two दो दोन do",
        3: "three तीन teen",
        4: "four चार chaar char",
        5: "five पाँच पांच पाच paanch panch",
        6: "six छह छः सहा chhe",
        7: "seven सात saat",
        8: "eight आठ aath",
        9: "nine नौ नऊ nau",
        10: "ten दस दहा das",
        11: "eleven ग्यारह अकरा",
        12: "twelve बारह बारा",
        13: "thirteen तेरह तेरा",
        14: "fourteen चौदह चौदा",
        15: "fifteen पंद्रह पन्द्रह पंधरा",
        16: "sixteen सोलह सोळा",
        17: "seventeen सत्रह सतरा",
        18: "eighteen अठारह अठरा",
        19: "nineteen उन्नीस एकोणीस",
        20: "twenty बीस वीस bees",
        25: "पच्चीस पंचवीस pachees",
        30: "thirty तीस tees",
        40: "forty चालीस चाळीस chalees",
        50: "fifty पचास पन्नास pachaas",
        60: "sixty साठ",
        70: "seventy सत्तर",
        75: "पचहत्तर पंच्याहत्तर",
        80: "eighty अस्सी ऐंशी",
        90: "ninety नब्बे नव्वद",
        100: "शंभर",
    }.items()
    for name in _spellings(names)
}

FRACTIONS: dict[str, Decimal] = {
    name: Decimal(value)
    for value, names in {"1.5": "डेढ़ डेढ दीड dedh", "2.5": "ढाई अडीच dhai"}.items()
    for name in _spellings(names)
}

# "साढ़े तीन" is three and a half.
HALVES = frozenset(_spellings("साढ़े साढे साडे saadhe"))

# Numbers only before a scale: pronouns, imperatives and everyday words otherwise. "साठ" is sixty, yet "साठी" means
# "for"; "तेरा" is thirteen in Marathi and "yours" in Hindi; "सात", "teen" and "do" are too common in names and
# English.
AMBIGUOUS = frozenset(_spellings("one एक ek दो do teen char nau das तेरा शे सौ साढ़े साढे साडे saadhe"))
