"""An advisor types what is wrong, confirms with one tap what it sounds like and sends it; the note keeps the focus."""

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import needs_chromium, visiting
from tests.loop.world import Advisor, World, guaranteed_text

pytestmark = [pytest.mark.loop, pytest.mark.browser, needs_chromium]

NOTE = "guaranteed returns likha hai, hatao"


def test_one_tap_on_a_phone_names_the_problem(world: World, advisor: Advisor) -> None:
    content_id = advisor.send(guaranteed_text())

    with visiting(world, width=360) as visit:
        page = visit.page
        visit.sign_in(world, advisor)
        page.goto(f"/items/{content_id}/reject/")
        row = page.locator("[data-understood]")
        height = row.evaluate("row => row.offsetHeight")
        page.locator("#note").press_sequentially(NOTE)
        proposal = page.locator('[data-proposal-confirm][data-code="guaranteed_returns_claim"]')
        expect(proposal).to_be_visible()
        proposal.click()
        expect(proposal).to_have_attribute("aria-pressed", "true")
        after = row.evaluate("row => row.offsetHeight")
        focused = page.evaluate("document.activeElement.id")
        expect(page.locator("#category-compliance_violation")).to_be_checked()
        expect(page.locator("#issue-guaranteed_returns_claim")).to_be_checked()
        assert page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth")
        page.locator("[data-send]").click()
        page.wait_for_url("**/answer/")

    found = world.rows(
        "SELECT f.metadata, array_agg(i.code || ' ' || i.source) FROM feedback_feedback f JOIN feedback_feedbackissue i"
        " ON i.feedback_id = f.id JOIN content_contentitem c ON c.id = f.item_id WHERE c.firm_id = %s GROUP BY f.id",
        advisor.firm_id,
    )
    assert (height, focused) == (after, "note")
    assert found[0][0] == {"confirmed_proposals": ["guaranteed_returns_claim"]}
    assert "guaranteed_returns_claim person" in found[0][1]
    assert visit.complaints == []
