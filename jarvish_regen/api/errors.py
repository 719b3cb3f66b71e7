"""Errors on their way out of DRF, in the one shape of jarvish_regen.errors."""

import logging
from typing import Any

from django.db import OperationalError
from drf_standardized_errors.formatter import ExceptionFormatter as StandardFormatter
from drf_standardized_errors.handler import ExceptionHandler as StandardHandler
from rest_framework.exceptions import APIException

from jarvish_regen.api.codes import Code
from jarvish_regen.errors import InFlightError, InputError, JarvishError, UnavailableError, shown

logger = logging.getLogger(__name__)


class _Carrier(APIException):
    """A JarvishError on its way through DRF."""

    def __init__(self, error: JarvishError) -> None:
        super().__init__(error.detail, code=Code(error.code, given=error.given, allowed=error.allowed))
        self.status_code = error.http_status
        self.field = error.field
        if isinstance(error, UnavailableError | InFlightError):
            self.wait = 1


class ExceptionHandler(StandardHandler):
    """Turn our errors, and a database that is away, into API errors; leave the rest to DRF."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, JarvishError):
            return _Carrier(exc)
        if isinstance(exc, OperationalError):
            logger.warning("database away", extra={"error": type(exc).__name__})
            return _Carrier(UnavailableError("The database does not answer at the moment. Try again."))
        if isinstance(exc, RecursionError):
            return _Carrier(InputError("The body is nested too deeply."))
        return super().convert_known_exceptions(exc)

    def convert_unhandled_exceptions(self, exc: Exception) -> APIException:
        if not isinstance(exc, APIException):
            logger.error("unhandled error in the API", exc_info=exc)
        return super().convert_unhandled_exceptions(exc)


class ExceptionFormatter(StandardFormatter):
    """`{"type", "errors": [{"code", "detail", "field", "given", "allowed"}]}`."""

    def format_error_response(self, error_response: Any) -> dict[str, Any]:
        request = self.context.get("request")
        body = getattr(request, "_full_data", None)
        return {
            "type": str(error_response.type),
            "errors": [
                {
                    "code": str(error.code),
                    "detail": error.detail,
                    "field": getattr(self.exc, "field", None) or error.attr,
                    "given": shown(
                        error.code.given
                        if isinstance(error.code, Code) and error.code.given is not None
                        else _value_at(body, error.attr)
                    ),
                    "allowed": error.code.allowed if isinstance(error.code, Code) else None,
                }
                for error in error_response.errors
            ],
        }


def _value_at(body: Any, path: str | None) -> Any:
    if not path:
        return None
    for step in path.split("."):
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        else:
            return None
    return body
