"""An operator watches: told as it happens, right without sockets, right without scripts, usable on a phone.

Nobody works here but the pages and the relay: an attempt waits first, and is answered from the store when its answer
clock has run out, so the page has two things to show.
"""

import re
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.visiting import Visit, needs_chromium, visiting
from tests.factories import PASSWORD
from tests.loop.test_accessibility import faults_of
from tests.loop.world import Advisor, World, guaranteed_text

pytestmark = [pytest.mark.loop, pytest.mark.browser, needs_chromium]

_ADDRESS = "/dashboard/?range=1h"
_COLOUR = "Chart.getChart(document.querySelector('canvas')).data.datasets[0].borderColor"


@pytest.fixture
def advisor(idle_world: World) -> Advisor:
    return idle_world.advisor()


def _watch(world: World, visit: Visit) -> Page:
    """Sign an operator in on the way to the dashboard."""
    page = visit.page
    page.goto("/accounts/login/?next=/dashboard/%3Frange=1h")
    page.get_by_label("Email").fill(world.inside("make_operator")["email"])
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main form button[type=submit]").click()
    page.wait_for_url(f"{world.address}{_ADDRESS}")
    return page


def _answers(page: Page) -> int:
    shown = page.locator("[data-tile=answers] .tile__value").inner_text()
    return int(shown.replace(",", ""))


def _shows(page: Page, count: int) -> None:
    expect(page.locator("[data-tile=answers] .tile__value")).to_have_text(f"{count:,}")


def test_what_happens_is_pushed_to_the_open_page(idle_world: World, advisor: Advisor) -> None:
    with visiting(idle_world) as visit:
        page = visit.page
        # The page's own clock stands still once it is open: no poll can fire, so what arrives was pushed.
        page.clock.install()
        _watch(idle_world, visit)
        expect(page.locator("[data-live-text]")).to_have_text("Live")
        page.clock.pause_at(page.evaluate("Date.now()") + 1000)
        before = _answers(page)

        with page.expect_response(lambda reply: "/dashboard/figures/" in reply.url):
            attempt = advisor.rejected(advisor.send(guaranteed_text()))
        idle_world.wait_until_settled_unread(attempt)

        # What came while a fetch was on its way is fetched a second later, on the page's clock.
        page.clock.resume()
        _shows(page, before + 1)

    assert visit.complaints == []


def _shut(socket: WebSocketRoute) -> None:
    socket.close(code=1012)


def test_without_sockets_the_page_asks(idle_world: World, advisor: Advisor) -> None:
    with visiting(idle_world, width=1280, scheme="dark") as visit:
        visit.page.route_web_socket("**/ws/dashboard/", _shut)
        page = _watch(idle_world, visit)
        expect(page.locator("[data-live-text]")).to_have_text("Asked every 5 seconds")
        before = _answers(page)

        idle_world.wait_until_settled_unread(advisor.rejected(advisor.send(guaranteed_text())))

        _shows(page, before + 1)


def test_after_a_break_the_page_catches_up(idle_world: World, advisor: Advisor) -> None:
    lines: list[tuple[WebSocketRoute, WebSocketRoute]] = []
    is_cut = True

    def through_us(page_side: WebSocketRoute) -> None:
        if is_cut and lines:
            page_side.close(code=1012)
        else:
            lines.append((page_side, page_side.connect_to_server()))

    with visiting(idle_world) as visit:
        visit.page.route_web_socket("**/ws/dashboard/", through_us)
        page = _watch(idle_world, visit)
        expect(page.locator("[data-live-text]")).to_have_text("Live")
        before = _answers(page)
        lines[0][0].close(code=1012)
        expect(page.locator("[data-live-text]")).to_have_text("Asked every 5 seconds")

        idle_world.wait_until_settled_unread(advisor.rejected(advisor.send(guaranteed_text())))
        is_cut = False

        expect(page.locator("[data-live-text]")).to_have_text("Live")
        _shows(page, before + 1)


def test_without_scripts_the_page_says_the_same(idle_world: World, advisor: Advisor) -> None:
    idle_world.wait_until_settled_unread(advisor.rejected(advisor.send(guaranteed_text())))

    with visiting(idle_world, java_script_enabled=False) as visit:
        page = _watch(idle_world, visit)
        page.locator("#answers-twin summary").click()

        assert _answers(page) >= 1
        expect(page.locator("#answers-table")).to_be_visible()
        expect(page.get_by_role("link", name="Refresh")).to_be_visible()
        expect(page.locator("[data-chart]").first).to_be_hidden()
        expect(page.locator("[data-live-words]")).to_be_hidden()


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (360, "light"),
        (1280, "dark"),
        pytest.param(360, "dark", marks=pytest.mark.slow),
        pytest.param(1280, "light", marks=pytest.mark.slow),
    ],
)
def test_it_is_accessible_quiet_and_fits(
    idle_world: World, advisor: Advisor, width: int, scheme: Literal["light", "dark"]
) -> None:
    idle_world.wait_until_settled_unread(advisor.rejected(advisor.send(guaranteed_text())))

    with visiting(idle_world, width=width, scheme=scheme) as visit:
        page = _watch(idle_world, visit)
        expect(page.locator("[data-live-text]")).to_have_text("Live")
        page.locator("#speed-twin summary").click()
        drawn = page.evaluate(
            "[...document.querySelectorAll('canvas')].map((one) => one.getContext('2d')"
            ".getImageData(0, 0, one.width, one.height).data.some((value) => value > 0))"
        )

        assert faults_of(visit, _ADDRESS) == []
    assert drawn == [True, True, True]


def test_a_chart_follows_the_theme_and_a_table_stays_open(idle_world: World, advisor: Advisor) -> None:
    idle_world.wait_until_settled_unread(advisor.rejected(advisor.send(guaranteed_text())))

    with visiting(idle_world) as visit:
        page = _watch(idle_world, visit)
        page.locator("#speed-twin summary").click()
        light = page.evaluate(_COLOUR)
        page.locator("[data-theme-switch] button").click()
        page.wait_for_function(f"(before) => {_COLOUR} !== before", arg=light)
        before = _answers(page)
        idle_world.wait_until_settled_unread(advisor.rejected(advisor.send(guaranteed_text())))
        _shows(page, before + 1)

        expect(page.locator("#speed-twin")).to_have_attribute("open", "")


def test_metrics_say_what_the_page_says(idle_world: World, advisor: Advisor) -> None:
    idle_world.wait_until_settled_unread(advisor.rejected(advisor.send(guaranteed_text())))

    text = httpx.get(f"{idle_world.address}/metrics", trust_env=False).text

    told = sum(
        int(float(value)) for value in re.findall(r'^jarvish_attempts_total\{.*state="answered"\} (\S+)', text, re.M)
    )
    ended = idle_world.rows("SELECT count(*) FROM regeneration_regeneration WHERE state = 'answered'")
    # Kept for some seconds: others' answers may have come meanwhile.
    assert 1 <= told <= ended[0][0]
