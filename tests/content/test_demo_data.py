"""The demo data keeps its promises: known labels, quotes that stand once, every code, channel and language."""

import re
import unicodedata
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from jarvish_regen.content.compliance.check import Report, TextContext, check

CONTENT = Path(__file__).parents[2] / "jarvish_regen" / "content"

TODAY = date(2026, 11, 23)
SMS_CHARACTERS = 160
X_CHARACTERS = 280
# Faults that advisors of the field report most; one draft of each would not show a pattern.
FREQUENT_CODES = {
    "guaranteed_returns_claim",
    "missing_risk_disclaimer",
    "missing_registration",
    "specific_recommendation",
    "prohibited_superlative",
    "misleading_performance_claim",
    "too_salesy",
    "wrong_figure",
    "emoji_hashtag_misuse",
    "broken_link_or_placeholder",
}
# A fault that consists in something missing has no words to quote.
CODES_WITHOUT_QUOTE = {"missing_risk_disclaimer", "missing_registration", "missing_key_point"}
PLACEHOLDER = re.compile(r"\{\{|\}\}|\$\{|\[[^\]]*\]|<[^>]*>|X{3,}|lorem|TBD|undefined|null|�")
MOBILE_NUMBER = re.compile(r"(?<!\d)(?:\+?91[ -]?)?([6-9]\d{4}[ -]?\d{5})(?!\d)")
FICTITIOUS_NUMBER = re.compile(r"9000000\d{3}")

Record = dict[str, Any]


def load(path: Path) -> Record:
    loaded: Record = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


FIRMS: list[Record] = load(CONTENT / "demo" / "firms.yaml")["firms"]
DRAFTS: list[Record] = load(CONTENT / "demo" / "drafts.yaml")["drafts"]
RULES = load(CONTENT / "compliance" / "rules.yaml")
TAXONOMY = load(CONTENT / "taxonomy.yaml")
LENGTH_LIMITS: dict[str, int] = next(
    rule["max_by_channel"] for rule in RULES["rules"] if rule.get("measure") == "chars"
)

MEMBERS: dict[str, tuple[Record, Record]] = {
    member["email"]: (firm, member) for firm in FIRMS for member in firm["members"]
}
CATEGORY_OF = {code: name for name, category in TAXONOMY["categories"].items() for code in category["issues"]}
REJECTED = [draft for draft in DRAFTS if "rejection" in draft]
FLAWLESS = [draft for draft in DRAFTS if "rejection" not in draft]


def each(drafts: list[Record]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("draft", drafts, ids=[draft["external_id"] for draft in drafts])


def profile_of(draft: Record) -> Record:
    profile: Record = MEMBERS[draft["advisor"]][1]["profile"]
    return profile


def codes_of(draft: Record) -> set[str]:
    return {issue["code"] for issue in draft.get("rejection", {}).get("issues", [])}


# ---------------------------------------------------------------- firms


def test_three_firms_cover_both_registrant_types_and_both_profiles() -> None:
    kinds = [
        (
            firm["slug"],
            firm["compliance_profile"],
            {member["profile"]["registrant_type"] for member in firm["members"] if "profile" in member},
        )
        for firm in FIRMS
    ]

    assert kinds == [("sahyadri", "core", {"MFD"}), ("kaveri", "core", {"RIA"}), ("malwa", "strict", {"MFD"})]


def test_each_firm_has_advisors_and_the_first_has_every_role() -> None:
    roles = [Counter(member["role"] for member in firm["members"]) for firm in FIRMS]

    assert all(counts["advisor"] >= 1 for counts in roles)
    assert roles[0] == {"advisor": 2, "firm_admin": 1, "reviewer": 1, "senior_reviewer": 1}
    assert 6 <= sum(counts.total() for counts in roles) <= 9


def test_people_sign_in_with_reserved_domains_and_long_enough_passwords() -> None:
    people = [member for firm in FIRMS for member in firm["members"]]

    assert len({member["email"] for member in people}) == len(people)
    for member in people:
        assert member["email"].endswith(".example")
        assert len(member["password"]) >= 10
        assert member["password"].startswith("demo-")


def test_every_advisor_and_nobody_else_has_a_complete_profile() -> None:
    for firm in FIRMS:
        for member in firm["members"]:
            assert ("profile" in member) == (member["role"] == "advisor")
            if "profile" not in member:
                continue
            profile = member["profile"]
            assert set(profile) == {
                "registrant_type",
                "registered_name",
                "arn",
                "euin",
                "sebi_number",
                "languages",
                "audience",
                "voice",
                "signature",
                "city",
                "phone",
            }
            if profile["registrant_type"] == "MFD":
                assert re.fullmatch(r"ARN-99\d{4}", profile["arn"])
                assert re.fullmatch(r"E99\d{4}", profile["euin"])
                assert profile["sebi_number"] is None
            else:
                assert re.fullmatch(r"INA999\d{6}", profile["sebi_number"])
                assert profile["arn"] is None
                assert profile["euin"] is None
            assert set(profile["languages"]) <= set(TAXONOMY["languages"])
            assert profile["registered_name"] in profile["signature"]
            assert (profile["arn"] or profile["sebi_number"]) in profile["signature"]
            assert FICTITIOUS_NUMBER.fullmatch(re.sub(r"\D", "", profile["phone"].removeprefix("+91")))


# ---------------------------------------------------------------- drafts


def test_there_are_enough_drafts_with_unique_ids() -> None:
    assert 60 <= len(DRAFTS) <= 66
    assert len(REJECTED) >= 44
    assert len(FLAWLESS) >= 12
    assert len({draft["external_id"] for draft in DRAFTS}) == len(DRAFTS)
    assert len({draft["text"] for draft in DRAFTS}) == len(DRAFTS)


def test_every_channel_is_shown_in_every_language() -> None:
    shown = {(draft["channel"], draft["language"]) for draft in DRAFTS}

    assert shown == {(channel, language) for channel in RULES["channels"] for language in RULES["languages"]}


def test_every_content_class_occurs_and_some_drafts_come_without_one() -> None:
    classes = {draft.get("content_class") for draft in DRAFTS}

    assert classes == {*RULES["content_classes"], None}


def test_every_issue_code_occurs_and_the_frequent_ones_more_than_once() -> None:
    drafts_with = Counter(code for draft in REJECTED for code in codes_of(draft))

    assert set(drafts_with) == set(CATEGORY_OF)
    assert {code for code in FREQUENT_CODES if drafts_with[code] < 2} == set()


def test_every_firm_shows_faulty_and_flawless_drafts() -> None:
    faulty = {MEMBERS[draft["advisor"]][0]["slug"] for draft in REJECTED}
    flawless = {MEMBERS[draft["advisor"]][0]["slug"] for draft in FLAWLESS}

    assert faulty == flawless == {"sahyadri", "kaveri", "malwa"}


@each(DRAFTS)
def test_draft_uses_the_known_vocabulary(draft: Record) -> None:
    required = {"external_id", "advisor", "channel", "language", "topic", "text"}

    assert required <= set(draft) <= required | {"content_class", "rejection"}
    assert draft["channel"] in RULES["channels"]
    assert draft["language"] in profile_of(draft)["languages"]
    assert draft.get("content_class", "advertisement") in RULES["content_classes"]
    assert draft["topic"].strip() == draft["topic"] != ""
    assert draft["text"].strip() == draft["text"] != ""
    assert draft["text"] == unicodedata.normalize("NFC", draft["text"])


@each(DRAFTS)
def test_draft_fits_its_platform(draft: Record) -> None:
    limit = {"sms": SMS_CHARACTERS, "x": X_CHARACTERS}.get(draft["channel"], LENGTH_LIMITS[draft["channel"]])

    assert len(draft["text"]) <= limit
    assert ("Subject: " in draft["text"] or "विषय: " in draft["text"]) == (draft["channel"] == "email")


@each(DRAFTS)
def test_phone_numbers_could_not_be_anybodys(draft: Record) -> None:
    words = draft["text"] + str(draft.get("rejection", ""))

    for number in MOBILE_NUMBER.findall(words):
        assert FICTITIOUS_NUMBER.fullmatch(re.sub(r"\D", "", number))


@each(DRAFTS)
def test_registration_numbers_shown_are_the_advisors_own_unless_that_is_the_fault(draft: Record) -> None:
    profile = profile_of(draft)
    own = {profile["arn"], profile["euin"], profile["sebi_number"]}

    shown = set(re.findall(r"ARN-\d+|INA[\d/A-Z]*\d|(?<![A-Z])E\d{6}", draft["text"]))

    if "missing_registration" not in codes_of(draft):
        assert shown <= own


# ---------------------------------------------------------------- rejections


@each(REJECTED)
def test_rejection_uses_the_taxonomy(draft: Record) -> None:
    rejection = draft["rejection"]

    assert set(rejection) == {"category", "severity", "suggested_action", "note", "issues"}
    assert rejection["severity"] in TAXONOMY["severities"]
    assert rejection["suggested_action"] in TAXONOMY["suggested_actions"]
    assert rejection["note"].strip()
    assert CATEGORY_OF[rejection["issues"][0]["code"]] == rejection["category"]
    assert codes_of(draft) <= set(CATEGORY_OF)


@each(REJECTED)
def test_each_quote_anchors_once_in_the_text(draft: Record) -> None:
    for issue in draft["rejection"]["issues"]:
        if "quote" in issue:
            assert draft["text"].count(issue["quote"]) == 1
        else:
            assert issue["code"] in CODES_WITHOUT_QUOTE


def test_all_severities_and_actions_occur() -> None:
    severities = {draft["rejection"]["severity"] for draft in REJECTED}
    actions = {draft["rejection"]["suggested_action"] for draft in REJECTED}

    assert severities == set(TAXONOMY["severities"])
    assert actions == set(TAXONOMY["suggested_actions"])


# ---------------------------------------------------------------- mandated texts


def mandated_texts(draft: Record) -> list[str]:
    """Texts of the pack that the draft must carry byte for byte, by class and registrant."""
    content_class = draft.get("content_class", "advertisement")
    profile = profile_of(draft)
    if profile["registrant_type"] == "MFD":
        names = {"advertisement": ["mf_warning", "mfd_tagline"], "educational": ["mf_warning", "mfd_tagline"]}
    else:
        names = {
            "advertisement": ["ia_warning", "ia_registration_note"],
            "educational": ["educational_note"],
            "service": ["ia_warning", "ia_registration_note", "client_only_note"],
        }
    return [RULES["texts"][name][draft["language"]] for name in names.get(content_class, [])]


@each([draft for draft in FLAWLESS if mandated_texts(draft)])
def test_flawless_draft_carries_the_mandated_texts_byte_for_byte(draft: Record) -> None:
    assert [text for text in mandated_texts(draft) if text not in draft["text"]] == []


@each(FLAWLESS)
def test_flawless_draft_shows_who_speaks(draft: Record) -> None:
    firm, member = MEMBERS[draft["advisor"]]
    profile = member["profile"]

    assert profile["registered_name"] in draft["text"]
    if draft.get("content_class") != "greeting":
        assert (profile["arn"] or profile["sebi_number"]) in draft["text"]
    if firm["compliance_profile"] == "strict" and draft.get("content_class") in {"advertisement", "educational"}:
        assert profile["euin"] in draft["text"]


@each(FLAWLESS)
def test_flawless_draft_holds_no_placeholder(draft: Record) -> None:
    assert PLACEHOLDER.findall(draft["text"]) == []


@each([draft for draft in REJECTED if not any(CATEGORY_OF[c] == "compliance_violation" for c in codes_of(draft))])
def test_other_faults_live_in_texts_with_warning_and_registration(draft: Record) -> None:
    assert [text for text in mandated_texts(draft) if text not in draft["text"]] == []


# ---------------------------------------------------------------- the rules' own verdict


def report_on(draft: Record) -> Report:
    firm, member = MEMBERS[draft["advisor"]]
    profile = member["profile"]
    context = TextContext(
        channel=draft["channel"],
        language=draft["language"],
        registrant_type=profile["registrant_type"],
        registration_no=profile["arn"] or profile["sebi_number"],
        registrant_name=profile["registered_name"],
        euin=profile["euin"],
        content_class=draft.get("content_class"),
        profile=firm["compliance_profile"],
        today=TODAY,
    )
    return check(draft["text"], context)


@each(FLAWLESS)
def test_flawless_draft_has_no_finding_under_its_firms_profile(draft: Record) -> None:
    findings = [(finding.rule, finding.span) for finding in report_on(draft).findings]

    assert findings == []


@each(
    [
        draft
        for draft in REJECTED
        if draft["rejection"]["severity"] == "critical" and draft["rejection"]["category"] == "compliance_violation"
    ]
)
def test_critical_compliance_fault_is_found_under_its_own_code(draft: Record) -> None:
    named = {code for code in codes_of(draft) if CATEGORY_OF[code] == "compliance_violation"}

    found = {finding.code for finding in report_on(draft).findings if finding.severity == "critical"}

    assert found
    assert named <= {finding.code for finding in report_on(draft).findings}


@each(REJECTED)
def test_nothing_blocks_a_draft_but_what_its_advisor_names(draft: Record) -> None:
    blocking = {finding.code for finding in report_on(draft).findings if finding.severity != "minor"}

    assert blocking <= codes_of(draft)
