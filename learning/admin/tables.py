"""Figures as the desk shows them: tables, shares, languages."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> SafeString:
    """Return figures as a table, the first column naming the row; a dash where there is none."""
    if not rows:
        return format_html("{}", "–")
    titles = format_html_join("", '<th scope="col">{}</th>', ((title,) for title in head))
    lines = format_html_join(
        "",
        '<tr><th scope="row">{}</th>{}</tr>',
        ((row[0], format_html_join("", "<td>{}</td>", ((cell,) for cell in row[1:]))) for row in rows),
    )
    return format_html(
        '<div class="desk-scroll"><table class="desk-figures">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        titles,
        lines,
    )


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def language_name(code: str) -> str:
    names = {"en": _("English"), "hi": _("Hindi"), "mr": _("Marathi"), "hinglish": _("Hinglish")}
    return str(names.get(code, code))
