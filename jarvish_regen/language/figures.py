"""Figures in a text and their values, in English, Hindi and Marathi: a new version may not bring a number of its own.

The sign is left out of the value ("-8.5%" is 8.5), since a fall may be told in words. Not read: ordinals ("first",
"दूसरा"), fractions in words ("half", "double"), scales without a number ("lakhs of people"), and words that are
numbers only by chance ("one of them", "कर दो", "सौ. जोशी"): those count only before a scale ("one crore", "दो लाख").
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Literal

import regex

from jarvish_regen.language.number_words import AMBIGUOUS, FRACTIONS, HALVES, NUMBER_WORDS, SCALES
from jarvish_regen.language.words import letter_runs, places, with_ascii_digits

Unit = Literal["percent", "rupees", "dollars", "date", "time", "phone", "ordinal", "count"]


@dataclass(frozen=True)
class Figure:
    """A figure by position (code points), its value without sign, and what it counts.

    Values: percent as written (bps divided by 100), money in its unit, a date as yyyymmdd (zeros for a part that is
    not named), a time as hhmm, a phone as its last ten digits, the number of a list point as written.
    """

    start: int
    end: int
    text: str
    value: Decimal
    unit: Unit


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan जनवरी जानेवारी",
            "february feb फरवरी फ़रवरी फेब्रुवारी",
            "march mar मार्च",
            "april apr अप्रैल एप्रिल",
            "may मई मे",
            "june jun जून",
            "july jul जुलाई जुलै",
            "august aug अगस्त ऑगस्ट",
            "september sept sep सितंबर सितम्बर सप्टेंबर",
            "october oct अक्टूबर अक्तूबर ऑक्टोबर",
            "november nov नवंबर नवम्बर नोव्हेंबर",
            "december dec दिसंबर दिसम्बर डिसेंबर",
        ),
        start=1,
    )
    for name in names.split()
}


def _either(names: Iterable[str]) -> str:
    return "|".join(regex.escape(name) for name in sorted(names, key=len, reverse=True))


_NUMBER = r"\d{1,3}(?:,\d{2,3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_MONTH = _either(_MONTHS)
_NO_LETTER = r"(?![\p{L}\p{M}])"
_DATES = regex.compile(
    rf"""
    (?<![\d\p{{L}}])(?:
        (?P<d1>\d{{1,2}})(?:st|nd|rd|th)?[\ \-]?(?:of\ )?
        (?P<m1>{_MONTH}){_NO_LETTER}
        (?:\.?[\ \-,']{{1,2}}(?P<y1>\d{{4}}|(?<=')\d{{2}})(?!\d))?
      | (?P<m2>{_MONTH})\.?\ (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?
        (?!,?\d|\ ?%|\.\d)(?:,?\ (?P<y2>\d{{4}})(?!\d))?
      | (?P<m3>{_MONTH})\.?[\ \-,']{{1,2}}(?P<y3>(?:19|20)\d{{2}})(?!\d)
      | (?P<y4>(?:19|20)\d{{2}})[-/.](?P<m4>\d{{1,2}})[-/.](?P<d4>\d{{1,2}})(?!\d)
      | (?P<d5>\d{{1,2}})[-/.](?P<m5>\d{{1,2}})[-/.](?P<y5>(?:19|20)?\d{{2}})(?![\d%])
    )
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
# A date has its month beside a digit, or as the second of three numbers.
_DATE_PART = regex.compile(
    rf"\d(?:(?:st|nd|rd|th)?[ \-]?(?:of )?(?:{_MONTH})|[-/.]\d{{1,2}}[-/.]\d"
    rf"|(?<=[ \-,'].)(?<=(?:{_MONTH})\.?[ \-,']{{1,2}}.))",
    regex.IGNORECASE,
)
_TIME = regex.compile(
    r"(?<![\d.:,])(?P<hour>\d{1,2})(?=:| ?[ap])(?::(?P<minute>\d{2}))?(?: ?(?P<half>[ap])\.?m(?!\p{L})\.?)?(?![\d:])",
    regex.IGNORECASE,
)
_PHONE = regex.compile(
    r"(?=[+06-9])(?<![\d,.])(?:(?:\+?91[ \-]?|0)?[6-9]\d{4}[ \-]?\d{5}(?![\d,]|\.\d)|\+91[ \-]?(?:\d[ \-]?){9}\d(?!\d))"
)
_PHONE_PART = regex.compile(r"[6-9]\d{4}[ \-]?\d{5}")
_LIST_MARK = regex.compile(r"(?m)^[ \t]*(?:[(\[]?\d{1,2}[.)\]](?=[ \t]|\p{L})|\d\ufe0f?\u20e3)|\d\ufe0f?\u20e3")
_CURRENCY = r"₹|rs\.?|inr|रु\.?|रुपये|रुपए|\$|usd"
_SCALE = _either(SCALES)
_PLAIN = regex.compile(
    rf"""
    (?=[\d₹riıİर$u])(?:(?<!\p{{L}})(?P<currency>{_CURRENCY})\ ?(?:/-\ ?)?)?
    (?P<number>{_NUMBER})
    (?P<scales>(?:[ \-]?(?:{_SCALE}){_NO_LETTER}){{1,2}}|(?:k|l|m){_NO_LETTER})?
    (?P<unit>\+?[ \-]?(?:%|٪
      |percent{_NO_LETTER}|per\ cent{_NO_LETTER}|pct{_NO_LETTER}|bps{_NO_LETTER}|basis\ points?{_NO_LETTER}
      |प्रतिशत|फीसदी|फ़ीसदी|टक्के|टक्का|टक्क्यां|शेकडा
      |rupees?{_NO_LETTER}|rs{_NO_LETTER}|/-|रुपये|रुपए|रुपयां|रुपयों
      |रु{_NO_LETTER}|dollars?{_NO_LETTER}))?
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
_FIRST_WORDS = frozenset({*NUMBER_WORDS, *FRACTIONS, *HALVES})
_LETTERS = regex.compile(r"[\p{L}\p{M}]+")
_WORD_RUN = regex.compile(
    rf"(?<![\p{{L}}\p{{M}}])(?:{_either(_FIRST_WORDS)}){_NO_LETTER}"
    rf"(?:(?:[ \-]|\ and\ )(?:{_either({*NUMBER_WORDS, *SCALES, *HALVES})}){_NO_LETTER})*"
    r"(?P<unit>[ \-](?:%|percent|per cent|प्रतिशत|फीसदी|टक्के|rupees?|रुपये|रुपए))?",
    regex.IGNORECASE,
)


# The allowed texts of a job are read again for each candidate.
@lru_cache(maxsize=64)
def figures(text: str) -> tuple[Figure, ...]:
    """Return the figures of a text in order, without overlap.

    Reads 1,00,000 and 100,000, ₹ and Rs, lakh, crore, लाख, करोड़, कोटी, %, Devanagari and other decimal digits, dates,
    years, times, phone numbers, and number words ("twenty-five", "पाँच लाख", "अडीच कोटी").
    """
    plain = with_ascii_digits(text)
    taken = bytearray(len(plain))
    found: list[Figure] = []
    in_digits = (_list_marks, _dates, _phones, _times, _plain) if _DIGIT.search(plain) else ()
    for read in (*in_digits, _in_words):
        for start, end, value, unit in read(plain):
            if not any(taken[start:end]):
                taken[start:end] = b"\x01" * (end - start)
                found.append(Figure(start, end, text[start:end], value, unit))
    return tuple(sorted(found, key=lambda figure: figure.start))


def new_figures(candidate: str, allowed: Iterable[str]) -> tuple[Figure, ...]:
    """Return the figures of the candidate that none of the allowed texts contains, whatever their script or grouping.

    A percentage is not the rupee amount of the same value, but either may answer to a bare number. The day, month or
    year of an allowed date is allowed. Numbers of list points are layout, not figures. Digits inside a token ("a18f",
    "7d2e-41aa", a dump in hexadecimal) are said by nobody: only the same token answers to them.
    """
    known: set[tuple[Unit, Decimal]] = set()
    tokens: set[str] = set()
    for text in allowed:
        inside = _tokens(text)
        tokens.update(token for _start, _end, token in inside)
        for figure in figures(text):
            if _token_of(figure, inside) is None:
                known.update(_meanings(figure))
    values = {value for _, value in known}
    inside = _tokens(candidate)
    return tuple(
        figure
        for figure in figures(candidate)
        if figure.unit != "ordinal"
        and (figure.unit, figure.value) not in known
        and ("count", figure.value) not in known
        and not (figure.unit == "count" and figure.value in values)
        and _token_of(figure, inside) not in tokens
    )


@lru_cache(maxsize=64)
def _tokens(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return where ``text`` mixes letters and digits as no reader counts them, each with its letters in lower case."""
    plain = with_ascii_digits(text)
    if not _DIGIT.search(plain):
        return ()
    found: list[regex.Match[str]] = []
    if _DUMP_PART.search(plain):
        found.extend(_DUMP.finditer(plain))
    if _INTERLEAVED.search(plain) or (plain.count("-") > 1 and _DIGIT_LETTER.search(plain)):
        found.extend(match for match in _TOKEN.finditer(plain) if _is_mixed(match.group()))
    return tuple((match.start(), match.end(), match.group().casefold()) for match in found)


def _is_mixed(token: str) -> bool:
    """Tell "9b1f", "a18" and "550e8400-e29b-41d4" from "18k", "FY25", "3rd", "24x7" and "ARN-104233"."""
    parts = token.split("-")
    mixed = [part for part in parts if _INTERLEAVED.search(part) and not _COUNTED.fullmatch(part)]
    return bool(mixed) if len(parts) < 3 else any(_LETTER.search(part) and _DIGIT.search(part) for part in parts)


def _token_of(figure: Figure, inside: tuple[tuple[int, int, str], ...]) -> str | None:
    return next((token for start, end, token in inside if start <= figure.start and figure.end <= end), None)


_DIGIT = regex.compile(r"\d")
_LETTER = regex.compile(r"[A-Za-z]")
_DIGIT_LETTER = regex.compile(r"\d[A-Za-z_]")
# Of the tokens only those with a digit.
_TOKEN = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}_])(?=[A-Za-z_\-]*[0-9])[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*(?![\p{L}\p{M}\p{N}_])"
)
# A letter before a digit, or behind one and before another.
_INTERLEAVED = regex.compile(r"[A-Za-z_]\d")
# Letters that stand before a number and do not hide it, and "24x7".
_COUNTED = regex.compile(
    r"(?:fy|ay|cy|q|h|rs|inr|usd|us|no|age|day|top|sip)?\d+(?:[x_]\d+)?[a-z]{0,5}", regex.IGNORECASE
)
# Four pairs and more of hexadecimal digits, one of them with a letter.
_DUMP_PART = regex.compile(r"[0-9a-f]{2}(?:[ :,-][0-9a-f]{2}){3}", regex.IGNORECASE)
_DUMP = regex.compile(
    r"(?<![\p{L}\p{N}])(?=(?:[0-9a-f]{2}[ :,-]){0,40}(?:[a-f][0-9a-f]|[0-9][a-f]))"
    r"[0-9a-f]{2}(?:[ :,-][0-9a-f]{2}){3,}(?![\p{L}\p{N}])",
    regex.IGNORECASE,
)


def _key(found: str) -> str:
    """Return a match in the lower case of the tables; ignoring case, i matches the Turkish ones and s the long s."""
    return found.lower() if found.isascii() else found.replace("ı", "i").replace("İ", "i").casefold()


def _meanings(figure: Figure) -> Iterator[tuple[Unit, Decimal]]:
    """Yield what a figure of an allowed text entitles the candidate to say."""
    yield figure.unit, figure.value
    if figure.unit == "time":
        hour = figure.value // 100
        yield from (("count", hour), ("count", hour % 12 or Decimal(12)))
    if figure.unit == "date":
        number = int(figure.value)
        year, month, day = number // 10000, number // 100 % 100, number % 100
        for part in (year, year % 100, day):
            if part:
                yield "count", Decimal(part)
        for y, m, d in ((year, month, 0), (0, month, day), (0, month, 0)):
            yield "date", _as_date(y, m, d)


# A figure as a reading finds it: start, end, value and unit.
_Read = tuple[int, int, Decimal, Unit]


def _list_marks(text: str) -> Iterator[_Read]:
    for match in _LIST_MARK.finditer(text):
        yield *match.span(), Decimal(_NO_DIGIT.sub("", match.group())), "ordinal"


_NO_DIGIT = regex.compile(r"\D")


def _dates(text: str) -> Iterator[_Read]:
    if not _DATE_PART.search(text):
        return
    for match in _DATES.finditer(text):
        parts = {name[0]: part for name, part in match.groupdict().items() if part is not None}
        month = int(parts["m"]) if parts["m"].isdecimal() else _MONTHS[_key(parts["m"])]
        year = int(parts.get("y", "0"))
        year += 2000 if 0 < year < 100 else 0
        day = int(parts.get("d", "0"))
        if _is_date(year, month, day):
            yield *match.span(), _as_date(year, month, day), "date"


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year or 2000, month, day or 1)
    except ValueError:
        return False
    return True


def _as_date(year: int, month: int, day: int) -> Decimal:
    return Decimal(year * 10000 + month * 100 + day)


def _phones(text: str) -> Iterator[_Read]:
    if "+91" not in text and not _PHONE_PART.search(text):
        return
    for match in _PHONE.finditer(text):
        yield *match.span(), Decimal(_NO_DIGIT.sub("", match.group())[-10:]), "phone"


def _times(text: str) -> Iterator[_Read]:
    for match in _TIME.finditer(text):
        hour, minute, half = int(match["hour"]), int(match["minute"] or 0), _key(match["half"] or "")
        if not (match["minute"] or half) or hour > (12 if half else 24) or minute > 59:
            continue
        if half:
            hour = hour % 12 + (12 if half == "p" else 0)
        yield *match.span(), Decimal(hour * 100 + minute), "time"


def _plain(text: str) -> Iterator[_Read]:
    for match in _PLAIN.finditer(text):
        currency, number, scales, unit_text = match.group("currency", "number", "scales", "unit")
        value = Decimal(number.replace(",", ""))
        if scales:
            for name in _LETTERS.findall(_key(scales)):
                value *= _LETTER_SCALES.get(name) or SCALES[name]
        unit: Unit = "count"
        if currency or unit_text:
            unit, value = _unit_of(_key(currency or ""), _key(unit_text or ""), value)
        yield *match.span(), value, unit


_LETTER_SCALES = {"k": Decimal(1000), "l": Decimal(100_000), "m": Decimal(1_000_000)}


def _unit_of(currency: str, unit: str, value: Decimal) -> tuple[Unit, Decimal]:
    unit = unit.strip(" +-")
    if unit.startswith(("bps", "basis")):
        return "percent", value / 100
    if unit.startswith(("%", "٪", "p", "प्रतिशत", "फ", "टक्क", "शेकडा")):
        return "percent", value
    if currency in {"$", "usd"} or unit.startswith("dollar"):
        return "dollars", value
    return ("rupees" if currency or unit else "count"), value


def _in_words(text: str) -> Iterator[_Read]:
    for match in _word_runs(text):
        unit_text = match["unit"] or ""
        said = match.group()[: len(match.group()) - len(unit_text)]
        value = _value_of([word for word in _LETTERS.findall(_key(said)) if word != "and"])
        if value is not None:
            unit, value = _unit_of("", _key(unit_text), value)
            yield *match.span(), value, unit


def _word_runs(text: str) -> Iterator[regex.Match[str]]:
    """Yield the matches of _WORD_RUN; its first words are looked up, since to search for 130 of them takes long."""
    folded = _key(text)
    first_words = _FIRST_WORDS.intersection(letter_runs(folded))
    if not first_words:
        return
    if len(folded) != len(text):
        # A letter that folds into two stands in no number word.
        folded = "".join(letter if len(letter) == 1 else " " for letter in map(_key, text))
    starts = {at for word in first_words for at in places(folded, word)}
    end = 0
    for start in sorted(starts):
        if start >= end and (run := _WORD_RUN.match(text, start)):
            yield run
            end = run.end()


def _value_of(words: list[str]) -> Decimal | None:
    """Return the value of number words, or None for one that is a number only by chance."""
    if len(words) == 1 and words[0] in AMBIGUOUS:
        return None
    total = current = Decimal(0)
    half = Decimal(0)
    for word in words:
        if word in HALVES:
            half = Decimal("0.5")
        elif word in SCALES:
            scale = SCALES[word]
            current = (current or Decimal(1)) * scale
            if scale > 100:
                total, current = total + current, Decimal(0)
        else:
            current += (FRACTIONS.get(word) or NUMBER_WORDS[word]) + half
            half = Decimal(0)
    return total + current or None
