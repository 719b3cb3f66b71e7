"""Rejected texts for each issue code, with a candidate that must be refused and a true fix."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jarvish_regen.content.compliance.check import TextContext
from jarvish_regen.language.anchors import anchor_at
from regeneration.job import FeedbackBrief, Job, NamedIssue, Voice

WARNING = "Mutual Fund investments are subject to market risks, read all scheme related documents carefully."
SIGNATURE = "Asha Kulkarni | ARN-123456"
CONTEXT = TextContext(
    channel="whatsapp",
    language="en",
    registrant_type="MFD",
    registration_no="ARN-123456",
    registrant_name="Asha Kulkarni",
)
VOICE = Voice(registered_name="Asha Kulkarni", signature=SIGNATURE, voice="warm and plain", audience="salaried savers")


@dataclass(frozen=True)
class Case:
    """One issue code: the draft, what was marked, a candidate to refuse and a true fix."""

    code: str
    text: str
    marked: str | None
    near_miss: str
    fix: str
    note: str = ""
    suggestions: str = ""
    language: str = "en"
    content_class: str | None = None


def signed(body: str) -> str:
    """Return ``body`` with warning and signature."""
    return f"{body}\n\n{WARNING}\n\n{SIGNATURE}"


def job_for(
    text: str,
    *issues: tuple[str, str | None],
    note: str = "",
    suggestions: str = "",
    category: str = "",
    context: TextContext = CONTEXT,
    tactic: str = "edits",
    facts: tuple[str, ...] = (),
) -> Job:
    """Return a job whose issues are (code, marked words) pairs."""
    named = tuple(
        NamedIssue(code, None if words is None else anchor_at(text, text.index(words), text.index(words) + len(words)))
        for code, words in issues
    )
    return Job(
        rejected_text=text,
        context=context,
        feedback=FeedbackBrief(category=category, severity="major", note=note, suggestions=suggestions, issues=named),
        voice=VOICE,
        approved_facts=facts,
        tactic=tactic,
    )


def job_of(case: Case) -> Job:
    """Return the job of a case."""
    context = replace(CONTEXT, language=case.language, content_class=case.content_class)
    return job_for(case.text, (case.code, case.marked), note=case.note, suggestions=case.suggestions, context=context)


_SIP = "A SIP puts a fixed sum to work each month. Review it once a year with your family."


def _with(sentence: str) -> str:
    return signed(f"{_SIP} {sentence}")


def _case(
    code: str, wrong: str, near: str, right: str, *, marked: str | None = "", note: str = "", suggestions: str = ""
) -> Case:
    """Return a case that differs in one sentence; ``marked`` "" marks the whole sentence."""
    return Case(
        code=code,
        text=_with(wrong),
        marked=wrong if marked == "" else marked,
        near_miss=_with(near),
        fix=_with(right),
        note=note,
        suggestions=suggestions,
    )


_WALL = (
    "A SIP is a way to invest a fixed sum each month in a scheme of your choice. It takes the worry out of "
    "timing, since you buy "
    "more units when prices are low and fewer when they are high. Over long periods the average cost of "
    "your units settles. "
    "Prices can still fall for years, so keep the money you need soon in safer places. Review the plan once "
    "a year, and after "
    "each large change in your family or income."
)

CASES: tuple[Case, ...] = (
    Case(
        "missing_risk_disclaimer",
        f"Start your SIP today and review it once a year.\n\n{SIGNATURE}",
        None,
        f"Begin your SIP today and review it once a year.\n\n{SIGNATURE}",
        signed("Start your SIP today and review it once a year."),
    ),
    Case(
        "missing_registration",
        f"Start your SIP with a small sum.\n\n{WARNING}\n\nAsha Kulkarni",
        None,
        f"Begin your SIP with a small sum.\n\n{WARNING}\n\nAsha Kulkarni",
        signed("Start your SIP with a small sum."),
    ),
    _case(
        "guaranteed_returns_claim",
        "This fund gives guaranteed 15% returns every year.",
        "This scheme gives guaranteed 15% returns every year.",
        "Returns move with the market and can be negative.",
    ),
    _case(
        "misleading_performance_claim",
        "This fund will give you 18% returns every year.",
        "This scheme will give you 18% returns every year.",
        "What a fund earned before says little about later years.",
    ),
    _case(
        "unbalanced_risk",
        "Your savings grow faster in equity and your dreams come closer.",
        "Your savings grow quicker in equity and your dreams come closer.",
        "Equity can help savings grow over many years, and it can also fall and stay down for long, which "
        "is a real risk.",
    ),
    _case(
        "specific_recommendation",
        "Buy HDFC Bank shares at this level for the long run.",
        "Buy HDFC Bank shares at this price for the long run.",
        "Which shares suit you depends on your goals.",
    ),
    _case(
        "prohibited_superlative",
        "We are the best mutual fund distributor in Pune.",
        "We are the best mutual fund distributor in town.",
        "We help families in Pune to invest with a plan.",
    ),
    _case(
        "testimonial_or_endorsement",
        "“My money grew so well with Asha ji,” says our client Ramesh.",
        "“My money grew very well with Asha ji,” says our client Ramesh.",
        "Ask us how we plan for families like yours.",
    ),
    _case(
        "pii_exposure",
        "Ramesh Patil of folio 12345678 gained a lot.",
        "Ramesh Patil of folio 12345678 earned a lot.",
        "Many families use a SIP for school fees.",
        marked="Ramesh Patil of folio 12345678",
    ),
    _case(
        "too_salesy",
        "Hurry, this is your last chance, grab it now!",
        "Hurry, this is your last chance, take it now!",
        "You can begin whenever it suits your budget.",
    ),
    _case(
        "too_casual",
        "Hey dude, wanna get your money stuff sorted?",
        "Hey friend, wanna get your money stuff sorted?",
        "Would you like help to put your savings in order?",
    ),
    _case(
        "too_formal",
        "You are hereby requested to kindly commence the aforementioned plan.",
        "You are hereby asked to kindly commence the aforementioned plan.",
        "When you are ready, we can start the plan together.",
    ),
    _case(
        "fear_mongering",
        "A crash will ruin your family and you will lose everything.",
        "A crash will ruin your household and you will lose everything.",
        "Markets fall at times, so keep some money in safer places.",
    ),
    _case(
        "insensitive",
        "Widows without a plan only burden their relatives.",
        "Widows without a budget only burden their relatives.",
        "After a loss, a simple plan can give some calm.",
    ),
    Case(
        "too_long",
        signed(_WALL),
        None,
        signed(_WALL.replace("worry", "stress")),
        signed(
            "A SIP is a way to invest a fixed sum each month. Prices can fall for years, so review the plan "
            "once a year."
        ),
    ),
    Case(
        "too_short",
        signed("A SIP puts a fixed sum to work each month."),
        None,
        signed("A SIP puts a fixed amount to work each month."),
        signed(
            "A SIP puts a fixed sum to work each month. You buy more units when prices are low and fewer "
            "when they are high. "
            "Prices can fall for long, so keep the money you need soon elsewhere."
        ),
    ),
    _case(
        "off_topic",
        "By the way, the new cricket season starts on Sunday.",
        "By the way, the new football season starts on Sunday.",
        "A plan works best when the goal has a date.",
    ),
    _case(
        "stale_or_badly_timed",
        "Happy Diwali to you and your whole family.",
        "Happy Diwali to you and your entire family.",
        "We wish you a calm week.",
    ),
    Case(
        "repetitive_content",
        signed(_SIP),
        None,
        signed(_SIP.replace("fixed", "small")),
        signed(
            "Before you pick a scheme, write down what the money is for. Goals with dates make every later "
            "choice easier."
        ),
        note="Same message as last week",
    ),
    Case(
        "missing_key_point",
        signed(_SIP),
        None,
        signed(_SIP.replace("fixed", "small")),
        signed(f"{_SIP} Please update your nominee before March."),
        note="Mention nominee update before March",
    ),
    _case(
        "wrong_figure",
        "The PPF rate is 8.1% this quarter.",
        "The PPF rate is 8.1% this period.",
        "The PPF rate is 7.1% this quarter.",
        marked="8.1%",
        note="It is 7.1%",
    ),
    _case(
        "wrong_rule",
        "ELSS units are locked in for five years from each purchase.",
        "ELSS units are locked in for five years after each purchase.",
        "ELSS units are locked in for three years from each purchase.",
        note="Lock-in is three years",
    ),
    _case(
        "unsupported_claim",
        "Nine out of ten families feel calmer with a planner.",
        "Nine out of ten households feel calmer with a planner.",
        "A plan on paper makes talks about money easier.",
    ),
    _case(
        "wrong_entity",
        "Parag Wealth Fund sends statements each month.",
        "Parag Wealth Fund posts statements each month.",
        "The fund house sends statements each month.",
        marked="Parag Wealth Fund",
    ),
    _case(
        "grammar_spelling",
        "You will recieve a statement each month.",
        "You will recieve a report each month.",
        "You will receive a statement each month.",
        marked="recieve",
    ),
    _case(
        "unclear_or_jargon",
        "Risk-adjusted alpha and drawdown matter more than raw beta.",
        "Risk-adjusted alpha and drawdown count more than raw beta.",
        "How deep a fund falls matters as much as how high it climbs.",
    ),
    _case(
        "poor_translation",
        "Your money makes the work of the ant every month.",
        "Your cash makes the work of the ant every month.",
        "Small sums, put aside regularly, add up.",
    ),
    Case(
        "wrong_language",
        signed(_SIP),
        None,
        signed(_SIP.replace("fixed", "small")),
        f"एसआईपी में आप हर महीने एक तय रकम निवेश करते हैं। साल में एक बार परिवार के साथ इसे देखें।\n\n"
        f"म्यूचुअल फंड निवेश बाजार जोखिमों के अधीन हैं, योजना संबंधी सभी दस्तावेजों को सावधानी से पढ़ें।\n\n{SIGNATURE}",
        language="hi",
    ),
    _case(
        "wrong_audience",
        "Students can skip one pizza a month and invest that sum.",
        "Students can skip one movie a month and invest that sum.",
        "After retirement a steady monthly payout may matter more.",
    ),
    _case(
        "wrong_risk_profile",
        "Put all your retirement money into small-cap equity schemes.",
        "Put all your retirement savings into small-cap equity schemes.",
        "Money needed soon is often kept in safer places.",
    ),
    _case(
        "wrong_level",
        "Check the Sharpe and Sortino ratios and the tracking error first.",
        "Check the Sharpe and Sortino ratios and the tracking error once.",
        "Look first at what the scheme costs and what it owns.",
    ),
    Case(
        "poor_structure",
        signed(_WALL),
        None,
        signed(_WALL.replace("worry", "stress")),
        signed(_WALL.replace(" Over long", "\n\nOver long").replace(" Review", "\n\nReview")),
    ),
    Case(
        "emoji_hashtag_misuse",
        signed(f"🚀🚀🔥💰 {_SIP}"),
        None,
        signed(f"🚀🚀🔥💰 {_SIP.replace('fixed', 'small')}"),
        signed(_SIP),
    ),
    Case(
        "broken_link_or_placeholder",
        signed(f"Dear [Client Name], {_SIP}"),
        None,
        signed(f"Dear [Client Name], {_SIP.replace('fixed', 'small')}"),
        signed(_SIP),
    ),
    Case(
        "channel_format",
        signed(f"**SIP basics**\n{_SIP}"),
        None,
        signed(f"**SIP basics**\n{_SIP.replace('fixed', 'small')}"),
        signed(f"*SIP basics*\n{_SIP}"),
    ),
    _case(
        "off_brand_voice",
        "Our synergies unlock your wealth journey, dear valued customer.",
        "Our synergies unlock your money journey, dear valued customer.",
        "We sit down with you and make a plan.",
    ),
    Case(
        "wrong_signature",
        f"{_SIP}\n\n{WARNING}\n\nTeam Wealth Desk, ARN-123456",
        "Team Wealth Desk",
        f"{_SIP.replace('fixed', 'small')}\n\n{WARNING}\n\nTeam Wealth Desk, ARN-123456",
        f"{_SIP}\n\n{WARNING}\n\nAsha Kulkarni, ARN-123456",
    ),
    _case(
        "competitor_mention",
        "Unlike Groww, we answer the phone.",
        "Unlike Groww, we pick up the phone.",
        "We answer the phone ourselves.",
        marked="Groww",
    ),
    _case(
        "wrong_call_to_action",
        "Reply YES to open an account with us.",
        "Reply NOW to open an account with us.",
        "Call us for a talk about your goals.",
        note="We only want calls",
    ),
    Case(
        "truncated_output",
        signed(f"{_SIP} When you want to change the sum you only have to"),
        None,
        signed(f"{_SIP.replace('fixed', 'small')} When you want to change the sum you only have to"),
        signed(_SIP),
    ),
    Case(
        "garbled_text",
        signed(f"{_SIP} Itâ€™s simple to begin."),
        None,
        signed(f"{_SIP.replace('fixed', 'small')} Itâ€™s simple to begin."),
        signed(f"{_SIP} It’s simple to begin."),
    ),
    Case(
        "duplicated_text",
        signed(f"{_SIP} Review it once a year with your family."),
        None,
        signed(f"{_SIP.replace('fixed', 'small')} Review it once a year with your family."),
        signed(_SIP),
    ),
    _case(
        "wrong_variable",
        "Dear Suresh, your SIP date is the fifth.",
        "Dear Suresh, your SIP day is the fifth.",
        "Your SIP date is the fifth.",
        marked="Suresh",
    ),
)
