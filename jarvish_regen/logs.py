"""Log lines: a constant message, so that it can be counted, and the fields that were passed with it."""

import logging

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class FieldFormatter(logging.Formatter):
    """Format a record as `time LEVEL logger message key=value …`. Fields hold ids and lengths, never texts."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        fields = {key: value for key, value in vars(record).items() if key not in _STANDARD and not key.startswith("_")}
        if not fields or record.name.startswith(("uvicorn", "celery", "django")):
            return line
        head, *rest = line.split("\n", 1)
        return "\n".join([head + "".join(f" {key}={value}" for key, value in sorted(fields.items())), *rest])
