"""Take a picture of every page at 360 and 1280 px, light and dark, and look for what makes it hard to use.

    python -m tests.browser.screenshots --base-url http://127.0.0.1:8000 [--only NAME] [--out docs/screens] [--axe]

Works against a running system with the demo firms. Rejects, approves and hands over one draft each, so that those pages
have something to show. Exit codes: 0 done, 1 axe found something serious or a page failed, 2 no browser.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, ViewportSize, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium_path

ADVISOR = ("asha@sahyadri.example", "demo-asha-pune")
ADMINISTRATOR = ("vinayak@sahyadri.example", "demo-vinayak-pune")
OPERATOR = ("operator@jarvish.example", "demo-operator-desk")
NOBODY = ("", "")
WIDTHS = {360: 780, 1280: 860}
SCHEMES = ("light", "dark")
TALLEST_PX = 1800
JPEG_QUALITY = 34
GRAVE = ("serious", "critical")
CHANNELS = ("whatsapp", "linkedin", "instagram", "facebook", "x", "sms", "email", "blog")


@dataclass(frozen=True)
class Shot:
    """A picture: its name, who looks, the address, and what is done before it is taken."""

    name: str
    who: tuple[str, str]
    path: str
    before: Callable[[Page], None] | None = None


def log_in(page: Page, base_url: str, who: tuple[str, str]) -> None:
    """Sign in through the page."""
    page.goto(f"{base_url}/accounts/login/")
    page.fill("input[type=email]", who[0])
    page.fill("input[type=password]", who[1])
    page.click("main form button[type=submit]")
    page.wait_for_url(f"{base_url}/")


def _items(page: Page, base_url: str) -> dict[str, list[str]]:
    """Return the addresses of drafts to review, by channel and language, and of those that were stopped."""
    found: dict[str, list[str]] = {}
    address = f"{base_url}/?show=to_review"
    while address:
        page.goto(address)
        for card in page.locator(".card").all():
            link = card.locator(".card__title a")
            href = link.get_attribute("href") or ""
            channel = card.locator(".card__channel").inner_text().strip().lower().replace("-", "")
            keys = [channel, link.get_attribute("lang") or ""]
            if "card--stopped" in (card.get_attribute("class") or ""):
                keys += ["stopped", f"stopped-{channel}"]
            elif card.locator(".badge--green").count():
                keys += ["clean", f"clean-{channel}"]
            for key in keys:
                found.setdefault(key, []).append(href)
        older = page.locator("nav.pages a[rel=next]")
        address = f"{base_url}/{older.get_attribute('href')}" if older.count() else ""
    return found


def _choose(page: Page, category: str) -> None:
    page.locator(f"#category-{category}").check(force=True)


def _fill_rejection(page: Page) -> None:
    _choose(page, "compliance_violation")
    page.locator("#issue-guaranteed_returns_claim").check(force=True)
    page.locator("[data-sentence]").nth(1).click()
    page.fill("#note", "Returns ka promise hata do, aur **disclaimer** add karo")
    page.wait_for_timeout(200)


def _open_sheet(page: Page) -> None:
    page.click("[data-panel]")
    page.wait_for_selector("dialog[open] .chips")
    _choose(page, "tone_inappropriate")


def reject(page: Page, base_url: str, item: str) -> None:
    """Reject a draft with a chip, a sentence and a note, and wait for its answer."""
    page.goto(f"{base_url}{item}reject/")
    _fill_rejection(page)
    page.click("[data-send]")
    page.wait_for_selector("[data-live][data-running=no]", timeout=15_000)


def prepare(page: Page, base_url: str) -> list[Shot]:
    """Bring the demo into the states worth seeing; return every picture to take."""
    log_in(page, base_url, ADVISOR)
    items = _items(page, base_url)
    used: list[str] = []

    def pick(*kinds: str) -> str:
        """Return a draft of the first kind that has one left."""
        address = next(address for kind in kinds for address in items.get(kind, []) if address not in used)
        used.append(address)
        return address

    rejected = pick("stopped-whatsapp", "stopped", "whatsapp", "en")
    form = pick("stopped", "linkedin", "en")
    handed = pick("stopped", "email", "en", "mr")
    approved = pick("clean-whatsapp", "clean")
    shots = [
        Shot(f"item-{channel}", ADVISOR, ([one for one in items[channel] if one not in used] or items[channel])[-1])
        for channel in CHANNELS
        if items.get(channel)
    ]
    shots += [Shot(f"item-{language}", ADVISOR, pick(language)) for language in ("hi", "mr") if items.get(language)]
    shots += [
        Shot("item-stopped", ADVISOR, form),
        Shot("reject", ADVISOR, f"{form}reject/"),
        Shot("reject-filled", ADVISOR, f"{form}reject/", _fill_rejection),
        Shot("reject-sheet", ADVISOR, form, _open_sheet),
        Shot("edit", ADVISOR, f"{form}edit/"),
        Shot("ask", ADVISOR, f"{form}ask/"),
    ]
    reject(page, base_url, rejected)
    shots += [
        Shot("answer", ADVISOR, f"{rejected}answer/"),
        Shot("answer-ledger", ADVISOR, f"{rejected}answer/", _open_details),
        Shot("answer-versions", ADVISOR, f"{rejected}answer/", _ask_for_versions),
        Shot("item-answered", ADVISOR, rejected, _wait_for_answer),
        Shot("compare", ADVISOR, f"{rejected}compare/"),
    ]
    page.goto(f"{base_url}{approved}")
    page.click(".button--yes")
    page.wait_for_selector("#approved-title")
    page.goto(f"{base_url}{handed}ask/")
    page.fill("#reason", "Compliance team should look at the wording of the guarantee.")
    page.click("main form .button--main")
    page.wait_for_selector("#standing-title")
    shots += [
        Shot("item-approved", ADVISOR, approved),
        Shot("person", ADVISOR, f"{handed}person/"),
        Shot("item-with-person", ADVISOR, handed, _wait_for_standing),
    ]
    return [
        Shot("login", NOBODY, "/accounts/login/"),
        Shot("login-refused", NOBODY, "/accounts/login/", _wrong_password),
        Shot("password-reset", NOBODY, "/accounts/password/reset/"),
        Shot("sign-up", NOBODY, "/sign-up/"),
        Shot("drafts", ADVISOR, "/"),
        Shot("drafts-approved", ADVISOR, "/?show=approved"),
        Shot("drafts-none", ADVISOR, "/?show=being_rewritten"),
        *shots,
        Shot("settings", ADVISOR, "/settings/"),
        Shot("settings-firm", ADMINISTRATOR, "/settings/"),
        Shot("profile", ADVISOR, "/settings/profile/"),
        Shot("tokens", ADMINISTRATOR, "/settings/tokens/"),
        Shot("webhooks", ADMINISTRATOR, "/settings/webhooks/"),
        Shot("second-factor", ADVISOR, "/accounts/2fa/"),
        Shot("password-change", ADVISOR, "/accounts/password/change/"),
        Shot("logout", ADVISOR, "/accounts/logout/"),
        Shot("help", ADVISOR, "/help/"),
        Shot("dashboard", OPERATOR, "/dashboard/?range=1h"),
        Shot("not-found", ADVISOR, "/items/nothing/"),
        Shot("not-allowed", ADVISOR, "/settings/webhooks/"),
        Shot("old-form", ADVISOR, f"{form}ask/", _send_without_token),
    ]


def _wait_for_answer(page: Page) -> None:
    page.wait_for_selector("#fixed-title")


def _open_details(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((place) => { place.open = true; })")


def _ask_for_versions(page: Page) -> None:
    button = page.locator("form[action$='/versions/'] button")
    if button.count():
        button.click()
    page.wait_for_selector(".variants, #versions-title ~ p.soft[role=status]", timeout=15_000)
    page.locator("#versions-title").scroll_into_view_if_needed()


def _wait_for_standing(page: Page) -> None:
    page.wait_for_selector("#standing-title")


def _listen(page: Page, noise: list[str]) -> None:
    """Collect what the page complains of in its console."""

    def hear(line: ConsoleMessage) -> None:
        if line.type == "error":
            noise.append(line.text)

    def hear_error(error: Error) -> None:
        noise.append(str(error))

    page.on("console", hear)
    page.on("pageerror", hear_error)


def _wrong_password(page: Page) -> None:
    page.fill("input[type=email]", "nobody@sahyadri.example")
    page.fill("input[type=password]", "not the password")
    page.click("main form button[type=submit]")
    page.wait_for_selector("[role=alert]")


def _send_without_token(page: Page) -> None:
    page.locator("main form [name=csrfmiddlewaretoken]").evaluate("field => field.remove()")
    page.click("main form .button--main")
    page.wait_for_selector(".error")


@contextmanager
def _context(browser: Browser, width: int, scheme: str) -> Iterator[BrowserContext]:
    context = browser.new_context(
        viewport=ViewportSize(width=width, height=WIDTHS[width]),
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
        locale="en-IN",
        timezone_id="Asia/Kolkata",
        has_touch=width < 600,
    )
    try:
        yield context
    finally:
        context.close()


def take(page: Page, shot: Shot, base_url: str, file: Path) -> None:
    """Open a page and write its picture, not taller than TALLEST_PX."""
    page.goto(f"{base_url}{shot.path}")
    if shot.before:
        shot.before(page)
    page.wait_for_load_state("networkidle")
    height = min(int(page.evaluate("document.documentElement.scrollHeight")), TALLEST_PX)
    original = page.viewport_size
    # A fixed bar belongs at the bottom of the picture, so the window grows instead of the picture being stitched.
    if original and height > original["height"] and not page.locator("dialog[open]").count():
        page.set_viewport_size(ViewportSize(width=original["width"], height=height))
    page.screenshot(path=str(file), type="jpeg", quality=JPEG_QUALITY)
    if original:
        page.set_viewport_size(original)


def problems(page: Page) -> list[str]:
    """Return what axe calls serious or critical on the open page, and whether it scrolls sideways."""
    found = [
        f"{violation['impact']} {violation['id']}: {violation['help']} ({violation['nodes'][0]['target']})"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in GRAVE
    ]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*found, *([f"scrolls sideways by {wide} px"] if wide > 0 else [])]


def main(arguments: list[str] | None = None) -> int:
    """Take the pictures. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--only", help="a regular expression over the names")
    parser.add_argument("--out", type=Path, default=Path("docs/screens"))
    parser.add_argument("--axe", action="store_true", help="look for accessibility problems on each page")
    parser.add_argument("--width", type=int, choices=list(WIDTHS), action="append")
    parser.add_argument("--scheme", choices=SCHEMES, action="append")
    given = parser.parse_args(arguments)
    path = chromium_path()
    if path is None:
        print("No Chromium found: install Debian's chromium, or name one in JARVISH_CHROMIUM.", file=sys.stderr)
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    base_url = given.base_url.rstrip("/")
    bad = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        with _context(browser, 360, "light") as context:
            shots = prepare(context.new_page(), base_url)
        wanted = [shot for shot in shots if not given.only or re.search(given.only, shot.name)]
        for width in given.width or WIDTHS:
            for scheme in given.scheme or SCHEMES:
                bad += _take_all(browser, wanted, base_url, given.out, width, scheme, with_axe=given.axe)
        browser.close()
    print(f"{len(wanted)} pages in {given.out}; {bad} problems")
    return 1 if bad else 0


def _take_all(
    browser: Browser, shots: list[Shot], base_url: str, out: Path, width: int, scheme: str, *, with_axe: bool
) -> int:
    bad = 0
    for who in dict.fromkeys(shot.who for shot in shots):
        with _context(browser, width, scheme) as context:
            page = context.new_page()
            noise: list[str] = []
            _listen(page, noise)
            if who != NOBODY:
                log_in(page, base_url, who)
            for shot in shots:
                if shot.who != who:
                    continue
                noise.clear()
                take(page, shot, base_url, out / f"{shot.name}-{width}-{scheme}.jpg")
                found = problems(page) if with_axe else []
                found += [line for line in noise if "the server responded with a status of 4" not in line]
                for problem in found:
                    print(f"{shot.name} {width} {scheme}: {problem}", flush=True)
                bad += len(found)
    return bad


if __name__ == "__main__":
    sys.exit(main())
