"""An advisor on a 360 px phone: sign in, reject a draft with a tapped sentence, read the better one, approve it."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visiting import needs_chromium, visiting
from tests.loop.world import GUARANTEE, WARNING, Advisor, World

pytestmark = [pytest.mark.loop, pytest.mark.browser, needs_chromium]

_TOPIC = "SIP pitch for payday"
# The mandated warning is missing, the promise is not allowed: both are mended by rules.
_TEXT = f"*Salary is in?* 💰\n\nStart a small SIP this month. {GUARANTEE} Talk to your family about it."


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth"))


def test_advisor_rejects_a_draft_on_a_phone_and_reads_a_better_one(world: World, advisor: Advisor) -> None:
    content_id = advisor.send(_TEXT, channel="whatsapp", topic=_TOPIC)

    with visiting(world, is_mobile=True) as visit:
        page = visit.page
        visit.sign_in(world, advisor)
        page.get_by_text(_TOPIC).tap()
        expect(page.locator("a[data-panel]", has_text="Reject")).to_be_visible()
        assert _fits(page)

        page.locator("a[data-panel]", has_text="Reject").tap()
        page.locator("#category-compliance_violation").tap()
        page.locator("[data-sentence]", has_text=GUARANTEE).tap()
        expect(page.locator("[data-tags] li").first).to_be_visible()
        assert _fits(page)
        page.locator("[data-send]").tap()

        expect(page.get_by_text("The new version is ready")).to_be_visible()
        expect(page.locator("del", has_text="guaranteed return").first).to_be_visible()
        expect(page.locator("ins", has_text=WARNING).first).to_be_attached()
        assert _fits(page)
        page.locator("button.button--yes", has_text="Approve").tap()

        expect(page.get_by_text("Approved").first).to_be_visible()
        expect(page.locator("a[href*='wa.me']").first).to_be_attached()
        assert visit.complaints == []

    assert advisor.read(f"content/{content_id}")["state"] == "approved"


def test_what_is_typed_survives_a_closed_tab_and_keys_choose(world: World, advisor: Advisor) -> None:
    content_id = advisor.send(_TEXT, channel="whatsapp")

    with visiting(world, width=1280) as visit:
        page = visit.page
        visit.sign_in(world, advisor)
        page.goto(f"/items/{content_id}/reject/")
        page.keyboard.press("2")
        expect(page.locator("#category-tone_inappropriate")).to_be_checked()
        page.locator("#note").fill("Thoda seedha likho, **promise** nahi")
        expect(page.locator("[data-saved]")).to_contain_text("Saved")
        page.close()

        later = visit.page.context.new_page()
        later.goto(f"/items/{content_id}/reject/")

        expect(later.locator("#note")).to_have_value("Thoda seedha likho, **promise** nahi")
        expect(later.locator("#category-tone_inappropriate")).to_be_checked()
        assert visit.complaints == []
