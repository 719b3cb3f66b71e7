"""Personal data taken out of a text before it is stored, logged or sent to a model, and put back afterwards.

Recognised: PAN, Aadhaar, GSTIN, phone, e-mail, UPI id, bank account and IFSC, folio, demat account, payment card, and
names given by the caller. Registration numbers that an advertisement must show (ARN, EUIN, SEBI's INA, INH, INZ …)
are public and stay. Not recognised: numbers spelled in words, a bare account number without its label, and names
nobody gave.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Literal, get_args

import regex

from jarvish_regen.language.checksums import passes_luhn, passes_verhoeff
from jarvish_regen.language.words import normalise_for_comparison

Kind = Literal["pan", "aadhaar", "phone", "email", "upi", "account", "ifsc", "folio", "demat", "gstin", "card", "name"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Found:
    """One piece of personal data: its kind, its place in the unmasked text (code points) and what stands for it."""

    kind: Kind
    start: int
    end: int
    placeholder: str


@dataclass(frozen=True)
class Masked:
    """A text without its personal data. ``mapping`` (placeholder to original) is itself personal data: keep it in
    memory.
    """

    text: str
    found: tuple[Found, ...]
    mapping: Mapping[str, str]


def mask(text: str, *, kinds: Iterable[Kind] = KINDS, names: Iterable[str] = ()) -> Masked:
    """Replace personal data by placeholders such as ``[PAN-1]``; the same characters get the same placeholder.

    Digits of any script, spaces and hyphens inside a number, and O, I or l in place of 0 and 1 are seen through. A
    placeholder that already stands in the text is not used again, so ``unmask(masked.text, masked.mapping) == text``
    always holds.
    """
    wanted = frozenset(kinds)
    plain = _plain(text)
    taken = bytearray(len(text))
    for start, end in _public_spans(plain):
        taken[start:end] = b"\x01" * (end - start)
    spans: list[tuple[int, int, Kind]] = []
    known = -1
    # Of two numbers side by side the first is seen only once the second is out of its way.
    while known < len(spans):
        known = len(spans)
        for kind, start, end in _candidates(plain, text, names):
            if kind in wanted and not any(taken[start:end]):
                taken[start:end] = b"\x01" * (end - start)
                spans.append((start, end, kind))
        for start, end, _kind in spans[known:]:
            plain = plain[:start] + "\n" * (end - start) + plain[end:]
    return _replaced(text, sorted(spans))


def unmask(text: str, mapping: Mapping[str, str]) -> str:
    """Put the originals back in place of their placeholders; unknown placeholders stay."""
    return _PLACEHOLDER.sub(lambda match: mapping.get(match.group(), match.group()), text)


_PLACEHOLDER = regex.compile(r"\[[A-Z]{2,8}-\d{1,6}\]")


def _replaced(text: str, spans: list[tuple[int, int, Kind]]) -> Masked:
    present = set(_PLACEHOLDER.findall(text))
    given: dict[tuple[Kind, str], str] = {}
    counts: dict[Kind, int] = {}
    found: list[Found] = []
    parts: list[str] = []
    at = 0
    for start, end, kind in spans:
        original = text[start:end]
        if (kind, original) not in given:
            placeholder = ""
            while not placeholder or placeholder in present:
                counts[kind] = counts.get(kind, 0) + 1
                placeholder = f"[{kind.upper()}-{counts[kind]}]"
            given[kind, original] = placeholder
        found.append(Found(kind, start, end, given[kind, original]))
        parts += [text[at:start], given[kind, original]]
        at = end
    parts.append(text[at:])
    mapping = {placeholder: original for (_, original), placeholder in given.items()}
    return Masked("".join(parts), tuple(found), MappingProxyType(mapping))


# One character in, one character out: positions stay valid.
_LIKE_SPACE = dict.fromkeys(
    [0xA0, 0x2000, 0x2001, 0x2002, 0x2003, 0x2007, 0x2009, 0x202F, 0x200B, 0x200C, 0x200D, 0x2060], " "
)
_LIKE_HYPHEN = dict.fromkeys([0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212], "-")
_FULL_WIDTH = {0xFF00 + code: chr(0x20 + code) for code in range(0x01, 0x5F)}
_OTHER_DIGIT = regex.compile(r"[^\P{Nd}0-9]")
_LOOK = {**_FULL_WIDTH, **_LIKE_SPACE, **_LIKE_HYPHEN}


def _plain(text: str) -> str:
    """Return the text with digits, spaces, hyphens and full-width letters in ASCII; same length."""
    if text.isascii():
        return text
    return _OTHER_DIGIT.sub(lambda match: str(int(match.group())), text.translate(_LOOK))


# A letter of any script before or after would make it part of something else; a Devanagari ending may follow a number.
_BEFORE = r"(?<![A-Za-z0-9_])"
_AFTER = r"(?![A-Za-z0-9_])"
_SEP = r"[ \-]{0,2}"
_DIGIT = r"[0-9OoIl]"
_FEW = r"[^\d\n]{0,24}?"  # words between a label and its number

_PUBLIC = regex.compile(
    rf"""{_BEFORE}(?:
        (?:ARN|एआरएन)[^\w\n]{{0,3}}(?:(?:no|number|code|नंबर|क्रमांक)[^\w\n]{{0,3}})?\d{{1,6}}(?!\d)
      | (?:EUIN[^\w\n]{{0,3}})?E[ ]?\d{{6}}{_AFTER}
      | IN[AHZPMB][ ]?\d{{9}}{_AFTER}
      | (?:1800|1860)[ \-]?\d{{2,4}}[ \-]?\d{{3,5}}(?!\d)
    )""",
    regex.VERBOSE | regex.IGNORECASE,
)
_EMAIL = regex.compile(
    r"(?<![\w.%+-])[\w.%+-]{1,64}(?: ?@ ?| ?[\[(]at[\])] ?)[A-Za-z0-9-]{1,63}"
    r"(?:(?:\.| ?[\[(]dot[\])] ?)[A-Za-z0-9-]{1,63}){1,4}(?<=[A-Za-z]{2})"
    r"|(?<![\w.%+-])[\w.%+-]{1,64} at (?:gmail|yahoo|hotmail|outlook|rediffmail|icloud) dot (?:com|in|co\.in)",
    regex.IGNORECASE,
)
_UPI_HANDLES = (
    "okaxis|oksbi|okhdfcbank|okicici|ybl|ibl|axl|apl|yapl|rapl|paytm|ptyes|ptsbi|pthdfc|ptaxis|upi|sbi|hdfcbank|icici|axisbank|kotak"
    "|barodampay|cnrb|pnb|boi|unionbank"
    "|idfcbank|indus|federal|freecharge|ikwik|jupiteraxis|fam|slice|superyes|axb|yesbank"
    "|airtel|jio|waaxis|wahdfcbank|wasbi|waicici"
)
_UPI = regex.compile(
    rf"(?<![\w.-])[\w.-]{{2,64}}(?: ?@ ?(?:{_UPI_HANDLES})|(?<=\d)@[A-Za-z]{{2,32}})(?![A-Za-z0-9.-]*[A-Za-z0-9])"
    rf"|(?:UPI|VPA|यूपीआई|यूपीआय){_FEW}(?P<number>(?<![\w.-])[\w.-]{{2,64}}@[A-Za-z]{{2,32}})(?![A-Za-z0-9.-]*[A-Za-z0-9])",
    regex.IGNORECASE,
)
_GSTIN = regex.compile(
    rf"{_BEFORE}\d{{2}}{_SEP}[A-Z]{{5}}{_SEP}\d{{4}}"
    rf"{_SEP}[A-Z]{_SEP}[1-9A-Z]{_SEP}Z{_SEP}[0-9A-Z]{_AFTER}",
    regex.IGNORECASE,
)
_PAN = regex.compile(
    rf"{_BEFORE}(?:[A-Z]{{5}}{_SEP}[0-9OIl]{{4}}{_SEP}[A-Z]|(?i:[A-Z]{{5}}-?\d{{4}}-?[A-Z])){_AFTER}"
    rf"|{_BEFORE}(?i:PAN){_AFTER}{_FEW}(?P<number>{_BEFORE}(?i:[A-Z]{{5}}{_SEP}[0-9OIl]{{4}}{_SEP}[A-Z])){_AFTER}"
    rf"|(?<=पैन|पॅन){_FEW}(?P<number>{_BEFORE}(?i:[A-Z]{{5}}{_SEP}[0-9OIl]{{4}}{_SEP}[A-Z])){_AFTER}"
)
_IFSC = regex.compile(
    rf"{_BEFORE}[A-Z]{{4}}[ \-]?[0O][ \-]?[A-Z0-9]{{6}}{_AFTER}"
    rf"|{_BEFORE}(?i:ifsc){_FEW}(?P<number>{_BEFORE}(?i:[A-Z]{{4}}[0O][A-Z0-9]{{6}})){_AFTER}"
)
_FOLIO = regex.compile(
    rf"(?:folio|फोलिओ|फोलियो|फ़ोलियो){_FEW}(?P<number>(?<!\d)\d(?:[ \-]?\d){{4,14}}(?:[ ]?/[ ]?\d{{1,4}})?)(?!\d)",
    regex.IGNORECASE,
)
_DEMAT = regex.compile(
    rf"{_BEFORE}IN[ \-]?3\d{{5}}(?:[ \-/]{{0,3}}(?:client[ ]?id[ :\-]{{0,3}})?\d{{4}}[ \-]?\d{{4}})?(?!\d)"
    rf"|{_BEFORE}1[23]0\d[ \-]?\d{{4}}[ \-]?\d{{4}}[ \-]?\d{{4}}(?!\d)"
    rf"|(?:demat|dp[ ]?id|bo[ ]?id|client[ ]?id|डीमैट|डीमॅट|डिमॅट){_FEW}"
    rf"(?P<number>(?<![\w])(?:IN)?\d(?:[ \-]?\d){{7,15}})(?!\d)",
    regex.IGNORECASE,
)
_ACCOUNT = regex.compile(
    rf"(?:{_BEFORE}(?:a/?c|acct|account|acc){_AFTER}|खाता|खाते|खात्या|अकाउंट|अकाऊंट){_FEW}"
    rf"(?P<number>(?<![\d₹.,])\d(?:[ \-]?\d){{8,17}})(?![\d,]|\.\d)",
    regex.IGNORECASE,
)
_CARD = regex.compile(rf"{_BEFORE}[2-6]\d{{3}}(?:{_SEP}\d){{9,15}}{_AFTER}(?!,\d)")
_AADHAAR = regex.compile(
    rf"{_BEFORE}[2-9]{_DIGIT}{{3}}[ .\-]{{0,2}}{_DIGIT}{{4}}[ .\-]{{0,2}}{_DIGIT}{{4}}{_AFTER}"
    r"(?![,.]\d|[ \-]?\d)"
)
_AADHAAR_LABELLED = regex.compile(
    rf"(?:aa?dh?aa?r|uidai|{_BEFORE}uid|{_BEFORE}vid|आधार){_FEW}"
    rf"(?P<number>(?<!\d){_DIGIT}(?:[ .\-]{{0,2}}{_DIGIT}){{11}}(?:[ .\-]{{0,2}}\d{{4}})?)(?!\d)",
    regex.IGNORECASE,
)
_PHONE = regex.compile(
    rf"""(?<![A-Za-z0-9_,₹$]|\d\.|₹[ ]|\d/)(?:
        (?:\(?(?:\+|00)?[ ]?\(?91\)?[ .\-]{{0,2}}(?:0)?|0)?[6-9](?:[ .\-]?{_DIGIT}){{9}}
      | \+(?!91)\d{{1,3}}[ .\-]?\(?\d{{1,4}}\)?(?:[ .\-]?\d){{6,9}}
      | (?:\+91[ \-]?|\(?0)[1-8]\d{{1,3}}\)?[ \-]\d{{3,4}}[ \-]?\d{{4}}
    )(?![A-Za-z0-9_]|,\d|\.\d|[ ]?(?:%|lakh|lac|crore|cr{_AFTER}|लाख|करोड|कोटी|रुपय|units))""",
    regex.VERBOSE | regex.IGNORECASE,
)
_CONTACT_LABELLED = regex.compile(
    rf"(?:phone|mobile|mob{_AFTER}|whatsapp|call|मोबाइल|मोबाईल|फ़ोन|फोन){_FEW}"
    rf"(?P<number>(?<![\w₹,])\d(?:[ .\-]?\d){{9,12}})(?![\d,%]|\.\d)",
    regex.IGNORECASE,
)
_AMOUNT_BEFORE = regex.compile(
    r"(?:₹|rs\.?|inr|रु\.?|sensex|nifty|सेंसेक्स|निफ्टी|index|level|levels|amount|रक्कम|राशि)[^\w]{0,3}"
    r"(?:(?:at|from|@)\s)?\Z",
    regex.IGNORECASE,
)


def _public_spans(plain: str) -> Iterator[tuple[int, int]]:
    for match in _PUBLIC.finditer(plain):
        yield match.span()


def _candidates(plain: str, text: str, names: Iterable[str]) -> Iterator[tuple[Kind, int, int]]:
    """Yield what may be personal data, the surest first: what comes first keeps its characters."""
    always: Callable[[str], bool] = bool
    has_sign = "@" in plain
    digits = len(_ANY_DIGIT.findall(plain))
    # Most texts hold few digits and no address; the fewest of what each kind needs tell without a search.
    for kind, pattern, holds, may_be_there in (
        ("email", _EMAIL, always, has_sign or _AT.search(plain) is not None),
        ("upi", _UPI, always, has_sign),
        ("gstin", _GSTIN, always, digits >= 6),
        ("pan", _PAN, _is_pan, digits >= 1),
        ("ifsc", _IFSC, always, True),
        ("folio", _FOLIO, always, digits >= 5),
        ("demat", _DEMAT, always, digits >= 6),
        ("aadhaar", _AADHAAR_LABELLED, _mostly_digits, digits >= 8),
        ("account", _ACCOUNT, always, digits >= 9),
        ("card", _CARD, _is_card, digits >= 13),
        ("aadhaar", _AADHAAR, _is_aadhaar, digits >= 8),
        ("phone", _PHONE, _is_phone, digits >= 7),
        ("phone", _CONTACT_LABELLED, always, digits >= 10),
    ):
        for match in pattern.finditer(plain) if may_be_there else ():
            group = "number" if "number" in pattern.groupindex and match["number"] else 0
            start, end = match.span(group)
            if holds(match[group]) and not (
                kind == "phone" and _AMOUNT_BEFORE.search(plain, max(0, start - 24), start)
            ):
                yield _KIND[kind], start, end
    for start, end in _name_spans(text, names):
        yield "name", start, end


_ANY_DIGIT = regex.compile(r"\d")
_AT = regex.compile(r"[ \[(]at[ \])]", regex.IGNORECASE)
_KIND: dict[str, Kind] = {kind: kind for kind in KINDS}


def _digits(number: str) -> str:
    return regex.sub(r"\D", "", number.translate(str.maketrans("OoIl", "0011")))


def _mostly_digits(number: str) -> bool:
    return 3 * sum(ch.isdigit() for ch in number) >= 2 * sum(ch.isalnum() for ch in number)


def _is_pan(number: str) -> bool:
    return any(ch.isdigit() for ch in number)


def _is_card(number: str) -> bool:
    digits = _digits(number)
    return 13 <= len(digits) <= 19 and passes_luhn(digits) and len(set(digits)) > 1


def _is_aadhaar(number: str) -> bool:
    if not _mostly_digits(number):
        return False
    digits = _digits(number)
    if passes_verhoeff(digits):
        return True
    # Written 4-4-4 it is an Aadhaar with a slip, unless it is a row of years or round amounts.
    groups = [int(digits[at : at + 4]) for at in (0, 4, 8)]
    grouped = regex.fullmatch(r"\w{4}([ .\-]{1,2})\w{4}\1\w{4}", number) is not None
    return grouped and not all(1990 <= group <= 2100 or group % 50 == 0 for group in groups)


def _is_phone(number: str) -> bool:
    digits = _digits(number)
    return _mostly_digits(number) and len(digits) >= 10 and len(set(digits[-10:])) > 1 and not digits.endswith("00000")


def _name_spans(text: str, names: Iterable[str]) -> Iterator[tuple[int, int]]:
    wanted = tuple(sorted({name.strip() for name in names if len(name.strip()) > 1}, key=len, reverse=True))
    if not wanted:
        return
    # Most of a firm's clients are in no one text, and to look for hundreds of patterns at each letter takes long.
    there = normalise_for_comparison(text)
    for name in wanted:
        first = normalise_for_comparison(_parts(name)[0]) if _parts(name) else ""
        if first and first in there:
            for match in _name_pattern(name).finditer(text):
                yield match.span()


# A Devanagari name takes its case ending without a space ("रमेशला"), a Latin one its title ("Rameshji").
_ENDINGS = (
    "ला|ने|नी|ना|चा|ची|चे|चं|च्या|शी|कडे|कडून|साठी|मध्ये|सोबत|बरोबर|वर|जी|को|का|की|के|से|में|राव|भाई|बाई|भाऊ|ताई|दादा|काका|साहेब|बेन"
    "|ji|jee|bhai|ben|bhau|rao|saheb|sahab"
)
# Devanagari letters with a dot below that have a code point of their own, by the letter without it.
_NUKTA = {
    ord(unicodedata.normalize("NFD", chr(whole))[0]): whole
    for whole in (0x0929, 0x0931, 0x0934, *range(0x0958, 0x0960))
}
_INVISIBLE = "[\u00ad\u200b-\u200d\u2060\ufeff]*"


def _parts(name: str) -> list[str]:
    return [part for part in regex.split(r"[\s.]+", name) if part]


@lru_cache(maxsize=1024)
def _name_pattern(name: str) -> regex.Pattern[str]:
    """Return what finds a name however it is composed, spaced and dotted, in any case, but not in a longer word."""
    parts = _parts(name)
    pattern = _written(parts[0])
    for before, part in pairwise(parts):
        least = 0 if min(len(before), len(part)) == 1 else 1  # "R. K. Sharma" is also "RK Sharma"
        pattern += rf"[\s.\-\u2010-\u2013\u200b-\u200d\u2060]{{{least},4}}{_written(part)}"
    border = r"[\p{L}\p{M}\p{N}]"
    return regex.compile(
        rf"(?<!{border}){pattern}(?=(?:{_ENDINGS})?{_INVISIBLE}(?:{_ENDINGS})?(?!{border}))", regex.IGNORECASE
    )


def _written(part: str) -> str:
    """Return a pattern of the letters of one word in every composition, with invisible signs between them."""
    letters = regex.findall(r"\P{M}\p{M}*|\p{M}+", unicodedata.normalize("NFC", part))
    ways = []
    for letter in letters:
        forms = {letter, unicodedata.normalize("NFD", letter)}
        # NFC takes these apart and never puts them together again.
        forms.update(letter.replace(f"{chr(base)}\u093c", chr(whole)) for base, whole in _NUKTA.items())
        ways.append("(?:" + "|".join(regex.escape(form) for form in sorted(forms, key=len, reverse=True)) + ")")
    return _INVISIBLE.join(ways)
