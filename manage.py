#!/usr/bin/env python
"""Run a management command with the product's settings."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jarvish_regen.settings")
    from django.core.management import execute_from_command_line  # as above

    import jarvish_regen.celery  # noqa: F401  settings must be named first; the command may ring

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
