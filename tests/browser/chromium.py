"""Debian's Chromium for pictures and stories: where it is and how it starts. Nothing is downloaded."""

import os
import shutil

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # A microphone that beeps, for pages that listen.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def chromium_path() -> str | None:
    """Return the browser's path: JARVISH_CHROMIUM, else `chromium` on PATH, else None."""
    return os.environ.get("JARVISH_CHROMIUM") or shutil.which("chromium")
