"""The same rejection without scripts, and without WebSockets: everything still works, plainly.

Nobody works here but the pages and the relay, so an attempt waits until its answer clock has run out: long enough to
see the page follow it.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Response, WebSocketRoute, expect

from tests.browser.visiting import WAIT_MS, Visit, needs_chromium, visiting
from tests.loop.world import GUARANTEE, WARNING, Advisor, World

pytestmark = [pytest.mark.loop, pytest.mark.browser, needs_chromium]

_TRIES = 4
# The mandated warning is missing, the promise is not allowed: both are mended by rules.
_TEXT = f"Start a small SIP this month. {GUARANTEE} Talk to your family about it."


@pytest.fixture
def advisor(idle_world: World) -> Advisor:
    return idle_world.advisor()


@pytest.fixture
def plain_visit(idle_world: World) -> Iterator[Visit]:
    """Return a small phone with scripts switched off."""
    with visiting(idle_world, java_script_enabled=False) as visit:
        yield visit


def test_a_rejection_without_scripts_is_answered_and_approved(
    idle_world: World, advisor: Advisor, plain_visit: Visit
) -> None:
    page = plain_visit.page
    states: list[str] = []

    def note_state(response: Response) -> None:
        if response.url.endswith("/answer/") and response.ok:
            states.append(response.headers["x-state"])

    page.on("response", note_state)
    plain_visit.sign_in(idle_world, advisor)
    # A machine too busy to show the page within the answer clock shows the answer at once: then another draft.
    for _ in range(_TRIES):
        content_id = advisor.send(_TEXT, channel="whatsapp")
        states.clear()
        page.goto(f"/items/{content_id}/reject/")
        page.locator("#category-compliance_violation").check()
        page.locator("button[data-sentence]", has_text=GUARANTEE).click()
        expect(page.locator("[data-tags] li", has_text=GUARANTEE)).to_be_visible()
        expect(page.locator("button[data-sentence]", has_text=GUARANTEE)).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#category-compliance_violation")).to_be_checked()
        page.locator("[data-send]").click()
        page.wait_for_url(f"**/items/{content_id}/answer/")
        expect(page.get_by_text("The new version is ready")).to_be_visible(timeout=WAIT_MS)
        if len(states) > 1:
            break

    assert len(states) > 1  # first how far it is, then, without a touch, the answer
    assert len(set(states)) > 1
    expect(page.locator("del", has_text="guaranteed return").first).to_be_visible()
    expect(page.locator("ins", has_text=WARNING).first).to_be_attached()
    page.locator("button.button--yes", has_text="Approve").click()
    expect(page.get_by_text("Approved").first).to_be_visible()
    assert advisor.read(f"content/{content_id}")["state"] == "approved"
    assert plain_visit.complaints == []


def test_with_sockets_blocked_the_page_asks_for_the_answer(idle_world: World, advisor: Advisor) -> None:
    content_id = advisor.send(_TEXT, channel="whatsapp")
    refused: list[str] = []

    def refuse(socket: WebSocketRoute) -> None:
        refused.append(socket.url)
        socket.close()

    with visiting(idle_world) as visit:
        page = visit.page
        page.route_web_socket("**/ws/**", refuse)
        visit.sign_in(idle_world, advisor)
        page.goto(f"/items/{content_id}/reject/")
        page.locator("#category-compliance_violation").tap()
        page.locator("[data-sentence]", has_text=GUARANTEE).tap()
        expect(page.locator("[data-tags] li").first).to_be_visible()
        page.locator("[data-send]").tap()

        page.wait_for_url(f"**/items/{content_id}/answer/")
        expect(page.get_by_text("The new version is ready")).to_be_visible(timeout=WAIT_MS)
        expect(page.locator("del", has_text="guaranteed return").first).to_be_visible()
        expect(page.locator("[data-offline]")).to_be_hidden()
        page.locator("button.button--yes", has_text="Approve").tap()
        expect(page.get_by_text("Approved").first).to_be_visible()

    assert refused
    assert visit.complaints == []
