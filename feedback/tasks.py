"""Tasks of this floor that nobody waits for: fetch and call."""

import uuid

from celery import shared_task

from feedback import analyses, cascade, voice


@shared_task(name=voice.WRITE_TASK)
def write_down(*, voice_id: str, **kwargs: object) -> None:
    """Have a recording written down; nothing to do when it is being done, or settled."""
    voice.write_down(voice_id=uuid.UUID(voice_id))


@shared_task(name=voice.SWEEP_TASK)
def sweep_voice(**kwargs: object) -> None:
    """Ring again for recordings that were left waiting, and delete what is a day old."""
    voice.sweep()


@shared_task(name=cascade.ASK_TASK)
def ask_strong_model(*, feedback_id: str, **kwargs: object) -> None:
    """Ask a strong model about a note that the local one is unsure of."""
    cascade.ask_strong_model(uuid.UUID(feedback_id))


@shared_task(name=cascade.SWEEP_TASK)
def sweep_cascade(**kwargs: object) -> None:
    """Ring again for unsure notes that no strong model has answered."""
    cascade.sweep()


@shared_task(name=analyses.ANALYSE_TASK)
def analyse(*, feedback_id: str, **kwargs: object) -> None:
    """Understand a rejection's note; nothing to do when it is understood."""
    analyses.analyse_feedback(uuid.UUID(feedback_id))


@shared_task(name=analyses.SWEEP_TASK)
def sweep_analyses(**kwargs: object) -> None:
    """Ring again for notes that nobody has understood."""
    analyses.sweep()
