"""The base of every API view."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class ApiView(APIView):
    """A view per operation: input shape, one service, output shape. Adds the rate-limit headers of the IETF draft."""

    rate_class: str

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        limit = getattr(request._request, "rate_limit", None) if isinstance(request, Request) else None
        if limit:
            name, amount, window_seconds, remaining, reset_seconds = limit
            final["RateLimit-Policy"] = f'"{name}";q={amount};w={window_seconds}'
            final["RateLimit"] = f'"{name}";r={remaining};t={reset_seconds}'
        final["Cache-Control"] = final.get("Cache-Control", "no-store")
        return final
