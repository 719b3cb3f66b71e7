"""What holds for every page: strict CSP, weight, ids, words marked for translation."""

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import get_template
from django.test import Client

from tests.pages.conftest import FAULTY_TEXT, Place, bring

WEIGHT_MAX_BYTES = 150_000
TEMPLATES = Path(settings.BASE_DIR, "templates")
# Names, not words: they are the same in every language.
NAMES = {"Jarvish", "Regen", "B", "s", "r", "a", "e", "SPAN"}


@pytest.fixture
def pages(place: Place) -> dict[str, str]:
    item = bring(place, FAULTY_TEXT, topic="Faulty")
    handed = bring(place, FAULTY_TEXT, topic="Handed over")
    place.browser.post(f"/items/{handed.short_id}/ask/")
    visitor = Client()
    addresses = {
        visitor: ["/accounts/login/", "/accounts/password/reset/", "/sign-up/", "/help/"],
        place.browser: [
            "/",
            "/?show=approved",
            f"/items/{item.short_id}/",
            f"/items/{item.short_id}/compare/",
            f"/items/{item.short_id}/reject/",
            f"/items/{item.short_id}/ask/",
            f"/items/{item.short_id}/answer/",
            f"/items/{handed.short_id}/",
            f"/items/{handed.short_id}/person/",
            "/settings/profile/",
            "/accounts/password/change/",
            "/accounts/logout/",
            "/accounts/2fa/",
            "/nothing/here/",
        ],
        place.desk: ["/settings/", "/settings/tokens/", "/settings/webhooks/"],
    }
    return {path: browser.get(path).content.decode() for browser, paths in addresses.items() for path in paths}


def test_no_page_holds_a_script_or_style_of_its_own(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|<script(?![^>]*\ssrc=)", page), path


def test_every_page_is_sent_with_the_strict_policy(place: Place) -> None:
    policy = place.browser.get("/")["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def _static(page: str) -> set[str]:
    found = set(re.findall(r'(?:src|href)="/static/([^"]+)"', page))
    for script in [name for name in found if name.startswith("js/")]:
        source = Path(str(finders.find(script))).read_text(encoding="utf-8")
        found |= {f"js/{name}" for name in re.findall(r'from "\./([^"]+)"', source)}
    return found


def test_every_page_weighs_at_most_150_kb_compressed(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        files = [finders.find(name) for name in _static(page)]
        assert None not in files, path
        weight = len(gzip.compress(page.encode())) + sum(
            len(gzip.compress(Path(str(file)).read_bytes())) for file in files
        )
        assert weight <= WEIGHT_MAX_BYTES, (path, weight)


def test_ids_are_unique_and_labels_lead_somewhere(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids)), path
        assert set(re.findall(r'<label[^>]*\sfor="([^"]+)"', page)) <= set(ids), path


def test_every_page_has_one_heading_and_a_title(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        assert page.count("<h1") == 1, path
        assert re.search(r"<title>\s*\S+.* · Jarvish Regen</title>", page, re.DOTALL), path


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "404.html", "413.html", "500.html"])
def test_error_pages_can_be_shown_without_a_request(name: str) -> None:
    assert "<h1>" in get_template(name).render({})


def test_every_word_in_the_templates_is_marked_for_translation() -> None:
    for path in TEMPLATES.rglob("*.html"):
        if "account/_promise" in str(path) or path.name == "redoc.html" or "drf_spectacular" in str(path):
            continue  # an English draft as example; the frames of the API documentation
        source = re.sub(
            r"{% block main_class %}.*?{% endblock %}|{% (blocktranslate|comment).*?{% end\1 %}",
            "",
            path.read_text(encoding="utf-8"),
            flags=re.DOTALL,
        )
        source = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", " ", source, flags=re.DOTALL)
        words = re.sub(r"<[^>]*>", " ", source)
        left = set(re.findall(r"[^\W\d_]+", words)) - NAMES - {"amp"}
        assert not left, (path.name, left)
        named = re.findall(r'(?:aria-label|placeholder|alt|title)="([^"]*[A-Za-z][^"]*)"', source)
        assert [words for words in named if words.strip(" {}%'") not in {"https://"}] == [], path.name


def test_scripts_stay_small_and_global_free() -> None:
    for path in Path(settings.BASE_DIR, "static", "js").glob("*.js"):
        source = path.read_text(encoding="utf-8")
        assert source.count("\n") < 150, path.name
        assert not re.search(r"\beval\(|new Function|\.innerHTML\s*\+=|window\.\w+\s*=(?!=)", source), path.name
