"""Training takes minutes of a core: it runs in a process of its own, politely, and one at a time."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.cache import cache

from learning.lifecycle.runs import due, retrain
from learning.models import TrainingRun
from learning.training.labels import CORPUS

logger = logging.getLogger(__name__)

# As far down as Linux lets a process step: answers go before, whatever training costs.
NICENESS: Final = 19
# Linear algebra on one thread: a second one would spin against those that answer, and gain nothing on small heads.
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_LOCK: Final = "training-under-way"


def retrain_if_due() -> bool:
    """Train in a process of its own if it is time; return whether it was. The caller's thread waits for it.

    A worker of threads would share its one interpreter, and answers with it, with minutes of arithmetic.
    """
    why = due()
    if why is None:
        return False
    logger.info("training begins", extra={"why": why})
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "train_analysis", "--register"]
    try:
        done = subprocess.run(  # noqa: S603 - our own command, without a word from outside
            command,
            capture_output=True,
            text=True,
            timeout=settings.TRAINING_LIMIT_SECONDS,
            check=False,
            env={**os.environ, **_ONE_THREAD},
        )
    except subprocess.TimeoutExpired:
        cache.delete(_LOCK)
        logger.warning("training took too long and was ended", extra={"seconds": settings.TRAINING_LIMIT_SECONDS})
        return True
    if done.returncode > 1:
        logger.warning("training failed", extra={"code": done.returncode, "error": done.stderr[-500:]})
    return True


def retrain_alone(*, say: Callable[[str], None], folder: Path = CORPUS, kept: Path | None = None) -> TrainingRun | None:
    """Train in this process at the lowest priority; None where another training is under way. Raises as retrain."""
    if not cache.add(_LOCK, os.getpid(), settings.TRAINING_LIMIT_SECONDS):
        return None
    try:
        os.nice(NICENESS)
        return retrain(say=say, folder=folder, cache=kept)
    finally:
        cache.delete(_LOCK)
