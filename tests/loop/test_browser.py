"""An advisor on a 360 px phone: sign in, reject a draft with a tapped sentence, read the better one, approve it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium_path
from tests.loop.world import World

pytestmark = [
    pytest.mark.loop,
    pytest.mark.browser,
    pytest.mark.skipif(
        chromium_path() is None, reason="no Chromium here: install Debian's chromium, or name one in JARVISH_CHROMIUM"
    ),
]

_TITLE = "SIP pitch for salaried families"
_PROMISE = "Is plan mein 15% guaranteed return milega, market upar ho ya neeche."
_WARNING = "Mutual Fund investments are subject to market risks, read all scheme related documents carefully."
_WAIT_MS = 20_000  # a bound for a busy machine, not a claim


@pytest.fixture
def phone(world: World) -> Iterator[tuple[Page, list[str]]]:
    """Return a page of a small phone and what its console complained of."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        context = browser.new_context(
            base_url=world.address, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
        )
        page = context.new_page()
        page.set_default_timeout(_WAIT_MS)
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page, complaints
        browser.close()


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth"))


def test_advisor_rejects_a_draft_on_a_phone_and_reads_a_better_one(phone: tuple[Page, list[str]]) -> None:
    page, complaints = phone
    page.goto("/")
    page.get_by_label("Email").fill("asha@sahyadri.example")
    page.get_by_label("Password").fill("demo-asha-pune")
    page.locator("form button[type=submit]", has_text="Sign in").tap()
    expect(page.get_by_role("heading", name="Drafts")).to_be_visible()
    page.goto("/?show=to_review&page=2")
    page.get_by_text(_TITLE).first.tap()
    expect(page.locator("a[data-panel]", has_text="Reject")).to_be_visible()
    assert _fits(page)

    page.locator("a[data-panel]", has_text="Reject").tap()
    page.locator("#category-compliance_violation").tap()
    page.locator("[data-sentence]", has_text=_PROMISE).tap()
    expect(page.locator("[data-tags] li").first).to_be_visible()
    assert _fits(page)
    page.locator("[data-send]").tap()

    expect(page.get_by_text("The new version is ready")).to_be_visible(timeout=_WAIT_MS)
    expect(page.locator("del", has_text="guaranteed return milega").first).to_be_visible()
    expect(page.locator("ins", has_text=_WARNING).first).to_be_attached()
    assert _fits(page)
    page.locator("button.button--yes", has_text="Approve").tap()

    expect(page.get_by_text("Approved").first).to_be_visible()
    expect(page.locator("a[href*='wa.me']").first).to_be_attached()
    assert complaints == []
