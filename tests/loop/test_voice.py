"""An advisor speaks instead of typing: recorded in the browser, written down by a worker, corrected, sent."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visiting import needs_chromium, visiting
from tests.fake_openai import FakeOpenAI
from tests.loop.world import Advisor, World, guaranteed_text

pytestmark = [pytest.mark.loop, pytest.mark.browser, needs_chromium]

HEARD = "Returns ka promise hata do, and the disclaimer is missing."


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_what_is_said_on_a_phone_comes_into_the_note_and_is_sent_by_the_person(
    world: World, advisor: Advisor, provider: FakeOpenAI, width: int, scheme: str
) -> None:
    content_id = advisor.send(guaranteed_text())
    provider.server.hear = lambda recording: {"text": HEARD, "language": "hindi", "duration": 2.0}

    with visiting(world, width=width, scheme=scheme, permissions=["microphone"]) as visit:  # type: ignore[arg-type]
        page = visit.page
        visit.sign_in(world, advisor)
        page.goto(f"/items/{content_id}/reject/")
        page.fill("#note", "Hmm.")
        record = page.locator("[data-voice-record]")
        record.click()
        expect(page.locator("[data-voice-clock]")).not_to_have_text("0:00")
        assert _fits(page)
        record.click()
        expect(page.locator("[data-voice-words]")).to_have_text(HEARD)
        expect(page.locator("#note")).to_have_value(f"Hmm.\n{HEARD}")
        assert _fits(page)
        nothing_yet = world.rows(
            "SELECT count(*) FROM feedback_feedback WHERE item_id IN (SELECT id FROM "
            "content_contentitem WHERE firm_id = %s)",
            advisor.firm_id,
        )[0][0]
        page.fill("#note", HEARD)
        page.locator("#category-compliance_violation").check(force=True)
        page.locator("[data-send]").click()
        page.wait_for_url("**/answer/")

    found = world.rows(
        "SELECT state, audio IS NULL, media_type, seconds FROM feedback_voicenote WHERE item_id IN "
        "(SELECT id FROM content_contentitem WHERE firm_id = %s)",
        advisor.firm_id,
    )
    assert nothing_yet == 0
    assert [row[:3] for row in found] == [("confirmed", True, "audio/webm")]
    assert 0.5 < found[0][3] < 60
    assert visit.complaints == []
