"""A visitor's browser for stories: one window on a running system, with what it complains of."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import ConsoleMessage, Error, Page, ViewportSize, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium_path
from tests.factories import PASSWORD
from tests.loop.world import Advisor, World

WAIT_MS: Final = 20_000  # a bound for a busy machine, not a claim

expect.set_options(timeout=WAIT_MS)

needs_chromium: Final = pytest.mark.skipif(
    chromium_path() is None, reason="no Chromium here: install Debian's chromium, or name one in JARVISH_CHROMIUM"
)


@dataclass
class Visit:
    """One window. complaints: errors and warnings of the console, refusals of the content security policy included."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def hears(self, message: ConsoleMessage) -> None:
        """Keep what the console complains of."""
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def hears_error(self, error: Error) -> None:
        """Keep an error that a script did not catch."""
        self.complaints.append(str(error))

    def sign_in(self, world: World, advisor: Advisor) -> None:
        """Sign the advisor in through the page."""
        self.page.goto("/accounts/login/")
        self.page.get_by_label("Email").fill(email_of(world, advisor))
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.locator("main form button[type=submit]").click()
        self.page.wait_for_url(f"{world.address}/")


def email_of(world: World, advisor: Advisor) -> str:
    """Return the address with which an advisor signs in."""
    found = world.rows(
        "SELECT u.email FROM access_user u JOIN access_membership m ON m.user_id = u.id"
        " WHERE m.firm_id = %s AND m.role = 'advisor'",
        advisor.firm_id,
    )
    return str(found[0][0])


@contextlib.contextmanager
def visiting(
    world: World, *, width: int = 360, scheme: Literal["light", "dark"] = "light", **options: Any
) -> Iterator[Visit]:
    """Open a browser on a system for the duration. options: as for Playwright's `new_context`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        context = browser.new_context(
            base_url=world.address,
            viewport=ViewportSize(width=width, height=800),
            color_scheme=scheme,
            reduced_motion="reduce",
            has_touch=width < 600,
            **options,
        )
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        visit = Visit(page)
        page.on("console", visit.hears)
        page.on("pageerror", visit.hears_error)
        try:
            yield visit
        finally:
            browser.close()
