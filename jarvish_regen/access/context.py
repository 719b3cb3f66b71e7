"""Template context: who looks at the page."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from jarvish_regen.access.policy import viewer_of


def viewer(request: HttpRequest) -> dict[str, Any]:
    """Give templates `viewer`; it is looked up only by pages that use it."""
    return {"viewer": SimpleLazyObject(lambda: viewer_of(request.user) if hasattr(request, "user") else None)}
