"""Die at a named place when a test asks for it: what a crash leaves behind is proven with real crashes.

Outside tests `FAULTPOINTS_DIR` is None and nothing here does anything.
"""

import os
import signal
from pathlib import Path

from django.conf import settings


def faultpoint(name: str) -> None:
    """End this process as `kill -9` does, once for each file called `name.…` in FAULTPOINTS_DIR.

    A death uses its file up, so the process that is started again gets past this place.
    """
    directory: Path | None = settings.FAULTPOINTS_DIR
    if directory is None:
        return
    for order in sorted(directory.glob(f"{name}.*")):
        try:
            order.unlink()
        except FileNotFoundError:  # another process died of this one
            continue
        os.kill(os.getpid(), signal.SIGKILL)
