"""Texts and text strategies the tests of the language package share."""

from hypothesis import strategies as st

# Characters made of several code points: emoji families and skin tones, flags, keycaps,
# conjuncts, matras, Latin with marks.
CHARACTERS = [
    "👨‍👩‍👧‍👦", "👩🏽‍💻", "👍🏿", "🏳️‍🌈", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇮🇳", "1️⃣", "#️⃣", "❤️",
    "क्ष", "त्र", "ज्ञ", "क्‍ष", "र्‍य", "स्त्री", "र्द्ध", "कि", "की", "कं", "ऋ\u0901", "ड़", "e\u0301", "\r\n",
]  # fmt: skip

PIECES = [
    *CHARACTERS, "a", "B", "SIP", "word", "no", "Rs", "e.g", "No", "जोखिम", "है", "आहे", "१२", "4.5%",
    "₹1,00,000", "12", "1", "500",
    " ", "  ", "\n", "\t", ".", "!", "?", "।", ",",
    "-", "*", "**", "- ", "•", "\"", "”", "(", ")", "@", "/", ":", "[PAN-1]",
    "<p>", "&",
    "\u200d", "\u094d", "\u0301", "\ufe0f", "\u20e3", "🇮", "ı", "İ", "ſ", "\x00", "\ud83d", "\u2028", "\x1c",
    "\u00a0",
]  # fmt: skip

mixed_text = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=25).map("".join)
