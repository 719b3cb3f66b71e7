"""Compute the mean vector that is taken off every vector, from the demo drafts and from files of texts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jarvish_regen.content.demo.loader import demo_drafts
from jarvish_regen.language.embedder import MEAN_PATH, raw_vectors, save_mean, shortened
from jarvish_regen.language.sentences import sentences


class Command(BaseCommand):
    help = (
        "Compute the mean vector from the demo drafts' sentences and feedback, and from JSON lines with a field "
        '"text". Example: ./jarvish manage compute_mean_vector feedback.jsonl contents.jsonl'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="JSON lines with a field text")
        parser.add_argument("--output", type=Path, default=MEAN_PATH, help="where to write (the shipped file)")
        parser.add_argument("--every", type=int, default=1, help="take every n-th line of the files")

    def handle(self, *args: Any, **options: Any) -> None:
        texts: list[str] = []
        for draft in demo_drafts():
            texts += [one.text for one in sentences(draft["text"])]
            texts.append(draft.get("rejection", {}).get("note", ""))
        for path in options["files"]:
            try:
                lines = path.read_text(encoding="utf-8").splitlines()[:: options["every"]]
                texts += [str(json.loads(line)["text"]) for line in lines if line.strip()]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise CommandError(f"{path} is no file of JSON lines with a field text: {error}") from error
        wanted = sorted({short for text in texts if (short := shortened(text))})
        total = np.zeros(0, np.float64)
        for at in range(0, len(wanted), 32):
            vectors = raw_vectors(wanted[at : at + 32]).astype(np.float64).sum(axis=0)
            total = vectors if not total.size else total + vectors
            if self.stderr.isatty():
                self.stderr.write(f"\r{min(at + 32, len(wanted))} of {len(wanted)}", ending="")
        save_mean(options["output"], (total / len(wanted)).astype(np.float32), count=len(wanted))
        self.stdout.write(f"Mean of {len(wanted)} texts written to {options['output'].name}.")
