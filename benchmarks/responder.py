"""Stand in for a model: read the documented prompt (docs/engine.md) and propose edits that usually validate.

Imports nothing of the product and keeps no state; the same prompt gives the same reply. It mends by simple
means (removes
words, swaps a marked sentence for a neutral one in the text's language, shortens), but only ever from the
prompt's data.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

_DATA = re.compile(r'^<data nonce="([^"]*)">\n(.*)\n</data nonce="\1">$', re.DOTALL | re.MULTILINE)
_LANGUAGE = re.compile(r"^Language: (.+)\.$", re.MULTILINE)
_SENTENCE = re.compile(r"[^.!?।\n]+(?:[.!?।]+(?!\d)[\"'”’)]*|$|(?=\n))", re.MULTILINE)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?%?")
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3\U0001f1e6-\U0001f1ff]+ ?")
_HASHTAG = re.compile(r"\s*#\w+")
_PLACEHOLDER = re.compile(r"\{\{?[^{}\n]*\}?\}|\[[A-Za-z _]{2,40}\]|<[a-z_ ]{2,30}>")
_SIGNATURE = re.compile(r"\b(?:ARN|EUIN|INA)\b|\|")
_BROKEN = re.compile(r"(?:[ÂÃâà][^\sA-Za-zऀ-ॿ]*|\ufffd|&\w+;)+")
_ORDER_WORDS = re.compile(
    r"^(?:please\s+|pls\s+|kindly\s+)*(?:also\s+)?(?:mention|add|include|say|write|put in|tell(?: "
    r"them)?)\s+(?:that\s+|about\s+|the\s+)*",
    re.IGNORECASE,
)

NEUTRAL: Mapping[str, tuple[str, ...]] = {
    "English": (
        "Write down what the money is for before you choose where it goes.",
        "A plan that fits your goals is easier to keep in rough months.",
        "Markets rise and fall, and there is a risk of loss, so review your choices calmly.",
        "Ask questions until each step is clear to you.",
        "Small steps, taken regularly, are easier to keep up than large ones.",
        "Talk it over with your family before you decide.",
        "Keep the money you may need soon in a place you can reach.",
    ),
    "Hindi": (
        "पैसा कहां लगाना है, यह चुनने से पहले लिख लें कि वह किस काम के लिए है।",
        "जो योजना आपके लक्ष्य से मेल खाती है, उसे कठिन महीनों में निभाना आसान होता है।",
        "बाजार ऊपर-नीचे होते हैं और नुकसान का जोखिम रहता है, इसलिए शांति से समीक्षा करें।",
        "हर बात साफ होने तक सवाल पूछें।",
        "निर्णय लेने से पहले परिवार से बात कर लें।",
        "जो पैसा जल्दी चाहिए, उसे अलग रखें।",
    ),
    "Marathi": (
        "पैसे कुठे ठेवायचे हे ठरवण्याआधी ते कशासाठी आहेत हे लिहून ठेवा.",
        "तुमच्या उद्दिष्टांशी जुळणारी योजना कठीण महिन्यांतही पाळणे सोपे जाते.",
        "बाजार वर-खाली होतो आणि नुकसानीची जोखीम असते, म्हणून शांतपणे आढावा घ्या.",
        "प्रत्येक गोष्ट समजेपर्यंत प्रश्न विचारा.",
        "निर्णय घेण्याआधी कुटुंबाशी बोला.",
        "लवकर लागणारे पैसे वेगळे ठेवा.",
    ),
    "Hinglish": (
        "Paisa kahan lagana hai, yeh chunne se pehle likh lein ki woh kis kaam ke liye hai.",
        "Jo plan aapke goals se match karta hai, use mushkil mahino mein nibhana aasan hota hai.",
        "Market upar neeche hota hai aur nuksaan ka risk rehta hai, isliye shanti se review karein.",
        "Har baat saaf hone tak sawaal poochein.",
        "Faisla lene se pehle parivaar se baat kar lein.",
        "Jo paisa jaldi chahiye, use alag rakhein.",
    ),
}
_SPELLING = {
    "recieve": "receive",
    "recieved": "received",
    "investmant": "investment",
    "benifit": "benefit",
    "benifits": "benefits",
    "finacial": "financial",
    "goverment": "government",
    "retirment": "retirement",
    "seperate": "separate",
    "definately": "definitely",
    "untill": "until",
    "teh": "the",
    "thier": "their",
}
_INSERTED_BY_THEM = {"missing_risk_disclaimer", "missing_registration", "wrong_signature"}
_WHOLE = {
    "wrong_language",
    "repetitive_content",
    "off_brand_voice",
    "wrong_audience",
    "wrong_level",
    "wrong_risk_profile",
}

Edit = dict[str, Any]


def respond(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return the reply to a prompt of ours as JSON; an empty proposal when it holds no data to work on."""
    prompt = str(messages[-1].get("content", "")) if messages else ""
    found = _DATA.search(prompt)
    if found is None:
        return json.dumps({"edits": []})
    data = _whole(json.loads(found.group(2)))
    language = _language(prompt[: found.start()])
    if "return it as full_text" in prompt[: found.start()]:
        return _reply_whole(_written_anew(data, language))
    edits: list[Edit] = []
    for issue in data["issues"]:
        proposed = _edits_for(issue, data, language)
        if proposed is None and 'each line of "text"' in prompt[: found.start()]:
            return _reply([_edit(line, _neutral(data["text"], line, language)) for line in _body(data)[:2]], data)
        if proposed is None:
            return _reply_whole(_written_anew(data, language))
        edits += proposed
    edits += [
        _edit(entry["words"].strip(), entry["instead"].strip())
        for entry in data["remove"]
        if entry["words"].strip() and not any(_overlap(entry["words"], edit["find"]) for edit in edits)
    ]
    return _reply(_distinct(edits), data)


def _whole(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data with the fields that were left out because they hold nothing, or to save tokens."""
    text = data.get("text", "")
    feedback = {"category": "", "note": "", "suggestions": "", **data.get("feedback", {})}
    issues = []
    for issue in data.get("issues", []):
        words = issue.get("words", "")
        sentence = issue.get("sentence") or _sentence_around(text, words)
        issues.append({"code": issue["code"], "words": words, "sentence": sentence, "note": issue.get("note", "")})
    return {
        "text": text,
        "issues": issues,
        "feedback": feedback,
        "remove": [{"words": "", "instead": "", **entry} for entry in data.get("remove", [])],
        "keep_exactly": data.get("keep_exactly", []),
        "limits": data.get("limits", {}),
    }


def _sentence_around(text: str, words: str) -> str:
    """Return the sentence of the text that holds the words, the words themselves if they stand in no single one."""
    if not words:
        return ""
    first = words.split("…")[0].strip()
    for match in _SENTENCE.finditer(text):
        if first in match.group():
            return match.group().strip() if words in match.group() else words
    return words


def _edits_for(issue: Mapping[str, str], data: Mapping[str, Any], language: str) -> list[Edit] | None:
    """Return the edits for one issue, or None when only a whole new text answers it."""
    code, sentence, text = issue["code"], issue["sentence"], data["text"]
    said = "\n".join((issue["note"], data["feedback"]["note"], data["feedback"]["suggestions"])).strip()
    if code in _INSERTED_BY_THEM:
        return []
    if code == "too_long":
        return _shorter(data)
    if code == "too_short":
        return _longer(data, language)
    if code == "missing_key_point":
        return _with_point(data, said)
    if code in {"emoji_hashtag_misuse", "broken_link_or_placeholder", "garbled_text", "channel_format"}:
        return _cleaned(text, code)
    if code == "duplicated_text":
        return _without_copy(text)
    if code == "truncated_output":
        tail = [one for one in _body(data) if one[-1] not in ".!?।:"]
        return [_edit(tail[-1], "")] if tail else []
    if code == "poor_structure":
        return _parted(data)
    if not sentence:
        return None
    if code == "wrong_figure":
        return [_edit(sentence, _with_number(sentence, issue["words"], said, text, language))]
    if code == "grammar_spelling":
        return [_edit(sentence, _spelt(sentence, text, language))]
    if code in _WHOLE and issue["words"] == text:
        return None
    return [_edit(sentence, _neutral(text, sentence, language))]


def _language(head: str) -> str:
    found = _LANGUAGE.search(head)
    named = found.group(1) if found else "English"
    if "Hinglish" in named:
        return "Hinglish"
    return next((name for name in NEUTRAL if named.startswith(name)), "English")


def _neutral(text: str, seed: str, language: str, skip: Sequence[str] = ()) -> str:
    """Return a neutral sentence that is not in the text yet; which one depends on the sentence it replaces."""
    bank = NEUTRAL[language]
    first = zlib.crc32(seed.encode("utf-8", "replace")) % len(bank)
    for step in range(len(bank)):
        sentence = bank[(first + step) % len(bank)]
        if sentence not in text and sentence not in skip:
            return sentence
    return ""


def _body(data: Mapping[str, Any]) -> list[str]:
    """Return the sentences that are the author's own: not to be kept exactly, no signature."""
    text = data["text"]
    for kept in data["keep_exactly"]:
        text = text.replace(kept, "\n")
    found = [match.group().strip() for match in _SENTENCE.finditer(text)]
    return [one for one in found if one and not _SIGNATURE.search(one)]


def _closing(data: Mapping[str, Any]) -> list[str]:
    text = data["text"]
    kept = [one for one in data["keep_exactly"] if one in text]
    without = text
    for one in kept:
        without = without.replace(one, "\n")
    signature = [line.strip() for line in without.splitlines() if _SIGNATURE.search(line)]
    return [*kept, *signature]


def _written_anew(data: Mapping[str, Any], language: str) -> str:
    skip: list[str] = []
    wanted = min(4, max(2, len(_body(data))))
    for number in range(wanted):
        skip.append(_neutral(data["text"], f"{data['text'][:40]}{number}", language, skip))
    closing = _closing(data)
    if any(issue["code"] == "wrong_language" for issue in data["issues"]):
        closing = [line for line in closing if line not in data["keep_exactly"]]
    points = [issue for issue in data["issues"] if issue["code"] == "missing_key_point"]
    said = "\n".join((data["feedback"]["note"], data["feedback"]["suggestions"])).strip()
    if any(issue["code"] == "poor_structure" for issue in data["issues"]):
        return "\n\n".join([*(one for one in skip if one), *closing])
    body = [one for one in skip if one] + ([_point(said)] if points and said else [])
    return "\n\n".join([" ".join(body), *closing])


def _shorter(data: Mapping[str, Any]) -> list[Edit]:
    body = _body(data)
    most = data["limits"].get("most_characters", int(len(data["text"]) * 0.7))
    left = sum(len(one) + 1 for one in body)
    edits: list[Edit] = []
    for one in reversed(body[1:]):
        if left <= most * 0.95:
            break
        edits.append(_edit(one, ""))
        left -= len(one) + 1
    return edits


def _longer(data: Mapping[str, Any], language: str) -> list[Edit]:
    body = _body(data)
    if not body:
        return []
    missing = data["limits"].get("least_words", 30) - sum(len(one.split()) for one in body)
    added: list[str] = []
    while missing > 0 and len(added) < len(NEUTRAL[language]):
        sentence = _neutral(data["text"], f"{body[-1]}{len(added)}", language, added)
        if not sentence:
            break
        added.append(sentence)
        missing -= len(sentence.split())
    return [_edit(body[-1], " ".join([body[-1], *added]))]


def _with_point(data: Mapping[str, Any], said: str) -> list[Edit]:
    body = _body(data)
    if not body or not said:
        return []
    return [_edit(body[-1], f"{body[-1]} {_point(said)}")]


def _point(said: str) -> str:
    line = next((line for line in said.splitlines() if line.strip()), "").strip().rstrip(".!?।")
    point = _ORDER_WORDS.sub("", line)
    return f"{point[:1].upper()}{point[1:]}." if point else ""


def _cleaned(text: str, code: str) -> list[Edit]:
    edits = []
    for line in text.splitlines():
        if code == "emoji_hashtag_misuse":
            clean = _HASHTAG.sub("", _EMOJI.sub("", line))
        elif code == "broken_link_or_placeholder":
            clean = re.sub(r"^[\w' ]*,\s*(?=\S)", "", _PLACEHOLDER.sub("", line)) if _PLACEHOLDER.search(line) else line
        elif code == "garbled_text":
            clean = re.sub(r" {2,}", " ", _BROKEN.sub("'", line).replace("''", "'"))
        else:
            clean = re.sub(r"^\s*#+\s*", "", line.replace("**", "").replace("__", ""))
        if clean != line:
            edits.append(_edit(line, clean.strip()))
    return edits


def _without_copy(text: str) -> list[Edit]:
    seen: dict[str, int] = {}
    for match in _SENTENCE.finditer(text):
        sentence = match.group().strip()
        if len(sentence) > 8 and sentence in seen:
            start = seen[sentence]
            return [_edit(text[start : match.end()], text[start : match.start()].rstrip(" "))]
        seen.setdefault(sentence, match.start() + len(match.group()) - len(match.group().lstrip()))
    return []


def _parted(data: Mapping[str, Any]) -> list[Edit]:
    edits = []
    body = _body(data)
    for first, second in zip(body[1::2], body[2::2], strict=False):
        if f"{first} {second}" in data["text"]:
            edits.append(_edit(f"{first} {second}", f"{first}\n\n{second}"))
    return edits


def _with_number(sentence: str, words: str, said: str, text: str, language: str) -> str:
    wrong = _NUMBER.findall(words) or _NUMBER.findall(sentence)
    given = [one for one in _NUMBER.findall(said) if one not in wrong]
    if len(wrong) == 1 and len(given) == 1:
        number = given[0] if given[0].endswith("%") == wrong[0].endswith("%") else given[0].rstrip("%")
        number += "%" if wrong[0].endswith("%") and not number.endswith("%") else ""
        return sentence.replace(wrong[0], number)
    return _neutral(text, sentence, language)


def _spelt(sentence: str, text: str, language: str) -> str:
    def right(match: re.Match[str]) -> str:
        word = match.group()
        found = _SPELLING.get(word.lower(), word)
        return found.capitalize() if word[0].isupper() else found

    mended = re.sub(r"[A-Za-z]+", right, sentence)
    return mended if mended != sentence else _neutral(text, sentence, language)


def _edit(find: str, replace: str) -> Edit:
    return {"find": find, "replace": replace}


def _overlap(one: str, other: str) -> bool:
    return one.strip() in other or other in one


def _distinct(edits: Sequence[Edit]) -> list[Edit]:
    kept: list[Edit] = []
    for edit in edits:
        if edit["find"] and not any(_overlap(edit["find"], other["find"]) for other in kept):
            kept.append(edit)
    return kept


def _reply(edits: Sequence[Edit], data: Mapping[str, Any]) -> str:
    return json.dumps({"edits": [_quoted_short(_tight(edit, data["text"]), data["text"]) for edit in edits]}, **_PLAIN)


def _reply_whole(full_text: str) -> str:
    return json.dumps({"full_text": full_text}, **_PLAIN)


_PLAIN: Mapping[str, Any] = {"ensure_ascii": False}
_WORD = re.compile(r"\S+\s*")
# The prompt asks so of longer quotations.
_MOST_QUOTED_WORDS = 8
_END_WORDS = 3


def _tight(edit: Edit, text: str) -> Edit:
    """Leave out the words at both ends that stay as they are, as long as the rest still occurs once."""
    old, new = _WORD.findall(edit["find"]), _WORD.findall(edit["replace"])
    if text.count(edit["find"]) != 1 or "".join(old) != edit["find"] or "".join(new) != edit["replace"]:
        return edit
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    tail = next((at for at in range(shorter - head) if old[-1 - at] != new[-1 - at]), shorter - head)
    first, last = head, len(old) - tail
    while first > 0 or last < len(old):
        find = "".join(old[first:last])
        if last - first >= 2 and find == find.strip() and text.count(find) == 1:
            break
        if first > 0:
            first -= 1
        else:
            last += 1
    return _edit("".join(old[first:last]), "".join(new[first : len(new) - (len(old) - last)]))


def _quoted_short(edit: Edit, text: str) -> Edit:
    """Quote many words by their first and last few, where these name one place."""
    words = _WORD.findall(edit["find"])
    if len(words) <= _MOST_QUOTED_WORDS or "\n" in edit["find"] or "…" in f"{edit['find']}{edit['replace']}":
        return edit
    ends = ["".join(words[:_END_WORDS]).strip(), "".join(words[-_END_WORDS:]).strip()]
    if any(text.lower().count(end.lower()) != 1 for end in ends):
        return edit
    return _edit(" … ".join(ends), edit["replace"])
