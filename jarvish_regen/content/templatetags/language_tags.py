"""Language names as browsers and screen readers know them."""

from django import template

register = template.Library()

# Hinglish is Hindi in Latin letters (RFC 5646, section 2.2.3).
_TAGS = {"hinglish": "hi-Latn"}


@register.filter
def html_lang(language: str) -> str:
    """Return the BCP 47 tag of one of our languages, for a `lang` attribute."""
    return _TAGS.get(language, language)
