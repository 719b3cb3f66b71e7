"""Formatted notes: one short allow-list, shared by the editor, the API and the page.

Sanitise on write and on render; nothing else may put a note's HTML on a page.
"""

import html
from html.parser import HTMLParser

import nh3
import regex

TAGS = frozenset({"p", "strong", "em", "ul", "ol", "li", "blockquote", "a", "br"})
URL_SCHEMES = frozenset({"http", "https", "mailto"})
_ABSOLUTE = regex.compile(r"(?:https?://|mailto:)", regex.IGNORECASE)
_BOLD = regex.compile(r"\*\*([^*\n]+)\*\*")
_LIST_MARK = "- "
_BLOCKS = frozenset({"p", "blockquote", "ul", "ol", "li"})
_BLANK_LINES = regex.compile(r"\n{3,}")
_SPACES = regex.compile(r"[ \t\r\n\f]+")


def sanitise(source: str) -> str:
    """Return the HTML with only the allowed tags, and links only to http, https and mailto addresses, with
    ``rel="noopener"``.

    Text of removed tags stays, scripts and styles go with their content. Idempotent. NUL and lone surrogates, which
    HTML cannot carry, become U+FFFD.
    """
    return nh3.clean(
        _carriable(source),
        tags=set(TAGS),
        attributes={"a": {"href"}},
        attribute_filter=_keep_absolute_links,
        url_schemes=set(URL_SCHEMES),
        link_rel="noopener",
        strip_comments=True,
    )


def from_plain(text: str) -> str:
    """Return the sanitised HTML of a plain note that may use ``**bold**`` and lines that start with ``- ``.

    An empty line starts a paragraph, a single line break is kept.
    """
    blocks: list[str] = []
    paragraph: list[str] = []
    points: list[str] = []

    def close() -> None:
        if paragraph:
            blocks.append(f"<p>{'<br>'.join(paragraph)}</p>")
            paragraph.clear()
        if points:
            blocks.append("<ul>" + "".join(f"<li>{point}</li>" for point in points) + "</ul>")
            points.clear()

    for raw in text.splitlines():
        line = raw.strip()
        is_point = line.startswith(_LIST_MARK)
        if not line or is_point != bool(points):
            close()
        if is_point:
            points.append(_inline(line.removeprefix(_LIST_MARK).strip()))
        elif line:
            paragraph.append(_inline(line))
    close()
    return sanitise("".join(blocks))


def to_text(source: str) -> str:
    """Return what the HTML says, as plain text: a line per paragraph and line break, ``- `` and ``1. `` before list
    points.
    """
    reader = _TextReader()
    reader.feed(sanitise(source))
    reader.close()
    lines = "\n".join(line.strip() for line in "".join(reader.parts).split("\n"))
    return _BLANK_LINES.sub("\n\n", lines).strip()


def _keep_absolute_links(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "rel":
        return value  # nh3's own: it is not among the attributes a note may bring
    # nh3 lets relative addresses through; in a note they would point into our own pages.
    return value if tag == "a" and attribute == "href" and _ABSOLUTE.match(value.strip()) else None


def _inline(line: str) -> str:
    return _BOLD.sub(r"<strong>\1</strong>", html.escape(line, quote=False))


def _carriable(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _TextReader(HTMLParser):
    """Collects the text of sanitised HTML; line breaks wait until there is something to put after them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._counters: list[int | None] = []  # of the open lists; None where points have no number
        self._breaks = 0
        self._just_marked = False  # the editor wraps a point in a paragraph: no break after its mark

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.parts.append("\n")
        elif tag == "li":
            self._breaks = max(self._breaks, 1)
            self._write(self._mark())
            self._just_marked = True
        else:
            self._separate(tag)
        if tag in {"ul", "ol"}:
            self._counters.append(0 if tag == "ol" else None)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"ul", "ol"} and self._counters:
            self._counters.pop()
        self._separate(tag)

    def handle_data(self, data: str) -> None:
        said = _SPACES.sub(" ", data)
        if said.strip() or not self._breaks:
            self._write(said)

    def _separate(self, tag: str) -> None:
        """Ask for an empty line around a block, for a mere line break inside a list."""
        if tag in _BLOCKS and not self._just_marked:
            self._breaks = max(self._breaks, 1 if self._counters else 2)

    def _write(self, said: str) -> None:
        if self.parts and self._breaks:
            self.parts.append("\n" * self._breaks)
        self._breaks = 0
        self._just_marked = False
        self.parts.append(said)

    def _mark(self) -> str:
        if not self._counters or self._counters[-1] is None:
            return _LIST_MARK
        self._counters[-1] += 1
        return f"{self._counters[-1]}. "
