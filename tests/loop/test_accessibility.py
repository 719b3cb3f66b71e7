"""Every page an advisor meets, on a small light phone and a wide dark screen: usable by all, quiet, no wider than it.

Axe finds nothing serious, the console complains of nothing (the content security policy speaks there), nothing scrolls
sideways.
"""

from collections.abc import Callable
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.visiting import WAIT_MS, Visit, needs_chromium, visiting
from tests.loop.world import GUARANTEE, Advisor, World, guaranteed_text

pytestmark = [pytest.mark.loop, pytest.mark.browser, needs_chromium]

_GRAVE = ("serious", "critical")
_MISSING = "/items/nothing/"
Act = Callable[[Page], None]


@pytest.fixture
def advisor(idle_world: World) -> Advisor:
    return idle_world.advisor()


def faults_of(visit: Visit, path: str) -> list[str]:
    """Return what is wrong with the open page, and forget what it complained of."""
    page = visit.page
    found = [
        f"{violation['impact']} {violation['id']}: {[node['target'] for node in violation['nodes'][:3]]}"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in _GRAVE
    ]
    if page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth"):
        found.append("scrolls sideways")
    # The browser notes in its console that a page is missing; nothing else may be there.
    found += [line for line in visit.complaints if not (path == _MISSING and "status of 404" in line)]
    visit.complaints.clear()
    return [f"{path} {fault}" for fault in found]


def _tag_the_promise(page: Page) -> None:
    page.locator("#category-compliance_violation").check(force=True)
    page.locator("[data-sentence]", has_text=GUARANTEE).first.click()
    expect(page.locator("[data-tags] li").first).to_be_visible()


def _nothing(page: Page) -> None:
    """Look at the page as it comes."""


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_pages_are_accessible_quiet_and_fit(
    idle_world: World, advisor: Advisor, width: int, scheme: Literal["light", "dark"]
) -> None:
    whatsapp, linkedin, mail = (
        advisor.send(guaranteed_text(), channel=channel) for channel in ("whatsapp", "linkedin", "email")
    )
    answered = advisor.send(guaranteed_text(), channel="whatsapp")
    advisor.answer(advisor.rejected(answered))
    strangers: list[tuple[str, Act]] = [("/accounts/login/", _nothing), ("/sign-up/", _nothing)]
    signed_in: list[tuple[str, Act]] = [
        ("/", _nothing),
        *((f"/items/{one}/", _nothing) for one in (whatsapp, linkedin, mail)),
        (f"/items/{whatsapp}/reject/", _tag_the_promise),
        (
            f"/items/{answered}/answer/",
            lambda page: expect(page.get_by_text("The new version is ready")).to_be_visible(timeout=WAIT_MS),
        ),
        (f"/items/{linkedin}/ask/", _nothing),
        ("/settings/", _nothing),
        (_MISSING, _nothing),
    ]
    faults: list[str] = []

    with visiting(idle_world, width=width, scheme=scheme) as visit:
        for addresses in (strangers, signed_in):
            if addresses is signed_in:
                visit.sign_in(idle_world, advisor)
            for path, act in addresses:
                visit.page.goto(path)
                act(visit.page)
                faults += faults_of(visit, path)

    assert faults == []


def test_the_look_finds_what_is_planted(idle_world: World) -> None:
    with visiting(idle_world) as visit:
        visit.page.goto("/accounts/login/")
        visit.page.evaluate(
            """() => {
                const planted = document.createElement("img");
                planted.setAttribute("style", "color: red");
                planted.style.width = "5000px";
                document.querySelector("main").append(planted);
            }"""
        )

        faults = faults_of(visit, "/accounts/login/")

    assert len(faults) == 3
    assert "critical image-alt" in faults[0]
    assert faults[1].endswith("scrolls sideways")
    assert "Content Security Policy" in faults[2]
