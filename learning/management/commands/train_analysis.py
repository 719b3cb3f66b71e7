"""Train the model that reads feedback and write it as a versioned artefact."""

import json
import sys
import time
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from feedback.analysis.artefact import CARD, FOLDER, WEIGHTS, save
from learning.lifecycle.process import retrain_alone
from learning.training.labels import CORPUS, LabelError
from learning.training.train import MOST_BYTES, TrainingError, train

_EXAMPLE = """
example:
  ./jarvish manage train_analysis --evaluate --output var/training/candidate

It reads the labelled messages in learning/training/corpus, keeps the encoder's vectors in var/training, and writes
analysis.npz (weights) and card.json (hashes, settings and, with --evaluate, figures on writers left out).
Two minutes on one core with vectors kept; --evaluate adds five, the first run some minutes for the vectors.

With --register it learns from the labels of this installation too, compares the result with the model in use, and
puts it on trial, in the database and not in a folder, where nobody is worse off:
  ./jarvish manage train_analysis --register

exit codes:
  0 trained and written, or on trial
  1 the model is larger than it may be and nothing is written; or, with --register, it was refused, or another
    training is under way
  2 wrong usage, or a corpus nothing can be trained on
"""


class Command(BaseCommand):
    """Train, judge, write."""

    help = "Train the model that reads feedback and write it as a versioned artefact."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own declaration is not a ClassVar

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, epilog=_EXAMPLE, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--evaluate", action="store_true", help="add figures on writers left out")
        parser.add_argument("--output", type=Path, default=FOLDER, help="folder to write to (default: the shipped one)")
        parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder with feedback_*.jsonl")
        parser.add_argument("--register", action="store_true", help="learn from people's labels, too; put it on trial")
        parser.add_argument("--json", action="store_true", help="print the card, or the comparison, as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        corpus: Path = options["corpus"]
        output: Path = options["output"]
        if not corpus.is_dir():
            raise CommandError(f"there is no folder {corpus}", returncode=2)
        if output.exists() and not output.is_dir():
            raise CommandError(f"{output} is not a folder", returncode=2)
        is_terminal = sys.stderr.isatty() and not options["json"]
        began = time.monotonic()

        def say(step: str) -> None:
            if is_terminal:
                self.stderr.write(f"{time.monotonic() - began:6.0f} s  {step}")

        if options["register"]:
            self._register(corpus, say, as_json=options["json"])
            return
        try:
            trained = train(folder=corpus, cache=settings.STATE_DIR / "training", evaluate=options["evaluate"], say=say)
        except (TrainingError, LabelError) as error:
            raise CommandError(str(error), returncode=2) from error
        raw_bytes = sum(array.nbytes for array in trained.arrays.values())
        if raw_bytes > MOST_BYTES:
            raise CommandError(f"the weights take {raw_bytes:,} bytes; at most {MOST_BYTES:,}", returncode=1)
        save(output, trained.arrays, trained.card)
        card = json.loads((output / CARD).read_text(encoding="utf-8"))
        size = (output / WEIGHTS).stat().st_size + (output / CARD).stat().st_size
        if options["json"]:
            self.stdout.write(json.dumps({**card, "bytes": size}, ensure_ascii=False))
            return
        self.stdout.write(f"trained on {card['messages']:,} messages; {size:,} bytes in {output}")
        if figures := card["unread_writers"]:
            for line in _table(figures):
                self.stdout.write(line)

    def _register(self, corpus: Path, say: Callable[[str], None], *, as_json: bool) -> None:
        try:
            run = retrain_alone(say=say, folder=corpus)
        except (TrainingError, LabelError) as error:
            raise CommandError(str(error), returncode=2) from error
        if run is None:
            raise CommandError("another training is under way", returncode=1)
        version = run.model_version
        if as_json:
            name = version.name if version else None
            self.stdout.write(json.dumps({"model": name, "outcome": run.outcome, **run.comparison}, ensure_ascii=False))
        else:
            self.stdout.write(f"{run.rows_count:,} messages, {run.new_rows_count:,} of them new. {run.outcome}")
        if version is None or version.state == version.State.REFUSED:
            raise CommandError("it was not put on trial", returncode=1)


def _table(figures: dict[str, Any]) -> list[str]:
    category = figures["category"]
    lines = [
        "",
        f"{'category, unread writers':28} {'count':>6} {'text':>6} {'surest':>7} {'dropdown':>9} {'n-grams':>8}",
    ]
    rows = {"all": category["all"], **category["languages"], **category["writers"], **category["categories"]}
    for name, row in rows.items():
        lines.append(
            f"{name:28} {row['count']:6} {row['text']['value']:6.3f} {row['text_surest_80']['value']:7.3f} "
            f"{row['with_dropdown']:9.3f} {row['ngrams_alone']:8.3f}"
        )
    lines.append(f"ECE {category['ece']:.3f}, among the first two {category['top_2']:.3f}")
    lines += [
        f"{task:10} accuracy {figures[task]['accuracy']['value']:.3f}, macro-F1 {figures[task]['macro_f1']:.3f}, "
        f"ECE {figures[task]['ece']:.3f}"
        for task in ("sentiment", "emotion", "urgency")
    ]
    return lines
