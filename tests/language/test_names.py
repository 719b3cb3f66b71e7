import pytest
from hypothesis import given

from jarvish_regen.language.names import new_names
from tests.language.texts import mixed_text

DRAFT = (
    "Dear investor, SIP in an equity fund needs time. Markets may fall. Talk to Meera Joshi, HDFC Mutual Fund, at "
    "https://example.in/sip or meera@example.in or 98765 43210. श्री पाटील यांनी सांगितले. निफ्टी खाली आला."
)


@pytest.mark.parametrize(
    ("candidate", "names"),
    [
        ("Please ask Ramesh Sharma about it.", ("Ramesh Sharma",)),
        ("Dear Sunita, markets may fall.", ("Sunita",)),
        ("Talk to Meera Kulkarni about it.", ("Kulkarni",)),
        ("We came from Nagpur with hope.", ("Nagpur",)),
        ("Talk to Meera at SBI about it.", ("SBI",)),
        ("HDFC or ICICI Prudential?", ("ICICI Prudential",)),
        ("एसबीआई फंड में जोखिम है", ("एसबीआई",)),
        ("सेंसेक्स खाली आला", ("सेंसेक्स",)),
        ("श्री कुलकर्णी यांनी सांगितले", ("कुलकर्णी",)),
        ("शर्मा जी से पूछिए", ("शर्मा",)),
        ("शर्मा जी हमेशा मदद करते हैं।", ("शर्मा",)),
        ("धन्यवाद, देशमुख जी.", ("देशमुख",)),
        ("देशमुख जी यांचा सल्ला घ्या.", ("देशमुख",)),
        ("See www.other.in/x.", ("www.other.in/x",)),
        ("See other-site.com today.", ("other-site.com",)),
        ("Mail a.b@other.in now", ("a.b@other.in",)),
        ("Follow @moneyguru now", ("@moneyguru",)),
        ("Call +91 91234 56789.", ("+91 91234 56789",)),
        ("Talk to Zenith Capital or zest.", ("Zenith",)),
    ],
)
def test_a_name_nobody_gave_is_found(candidate, names):
    assert new_names(candidate, [DRAFT, "capital"]) == names


@pytest.mark.parametrize(
    "candidate",
    [
        "Dear Investor, a SIP in an Equity Fund needs time.",
        "Patience pays. Markets may fall, and they may rise.",
        "Talk to Meera Joshi’s office. Meera will call you.",
        "Joshi's note: Stay invested.",
        "एचडीएफसी म्यूचुअल फंड की टीम से बात करें",
        "Nifty fell. NIFTY 50 fell.",
        "श्री पाटील म्हणाले. सर जी, धन्यवाद.",
        "Mail MEERA@example.in or see https://example.in/sip.",
        "Call +91-98765-43210 now.",
        "Why Staying Invested Matters Today",
        "Do NOT panic. Your KYC and PAN matter in March.",
        "• Start early\n• Stay calm\n✅ Review yearly: Keep Goals in mind",
        '"Buy now" became "Consider investing".',
        "Mutual Fund investments are subject to market risks, read all scheme related documents carefully.",
        "Hello {{client_name}}, from [Advisor Name]",
        "Investing in Hindi or Marathi? Ask on Monday.",
        "जी हाँ, म्यूचुअल फंड में जोखिम है।",
        "Review your SIPs in Debt Funds. I'll help.",
        "ही एक गोष्ट जी आपण नेहमी विसरतो.",
        "अशी योजना जी तुमच्या उद्दिष्टाला जुळते ती निवडा.",
        "दरमहा बाजूला ठेवलेली रक्कम जी आपल्याला लागत नाही, ती गुंतवा.",
    ],
)
def test_ordinary_rewording_brings_no_name(candidate):
    assert new_names(candidate, [DRAFT]) == ()


def test_a_name_glued_to_a_number_is_still_the_same_name():
    assert new_names("in 2024,London today", ["2024,London2025-wide"]) == ()
    assert new_names("श्री तकlakh", ["श्री तकlakh"]) == ()


@given(mixed_text)
def test_a_text_brings_no_new_name_to_itself(text):
    assert new_names(text, [text]) == ()
