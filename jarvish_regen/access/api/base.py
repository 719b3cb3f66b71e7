"""The base of every view for members of a firm."""

from functools import cached_property

from jarvish_regen.access.models import Token
from jarvish_regen.access.policy import Viewer, required_viewer
from jarvish_regen.api.views import ApiView


class FirmView(ApiView):
    """A view for members of a firm: who asks is looked up once, through person or token."""

    @cached_property
    def viewer(self) -> Viewer:
        """Who asks. Raises ForbiddenError for somebody without a place in a firm."""
        token = self.request.auth if isinstance(self.request.auth, Token) else None
        return required_viewer(self.request.user, token)
