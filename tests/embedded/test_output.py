"""Log lines: prefixed on the terminal, bounded in the file, and never a reason to stop."""

import os
from pathlib import Path

from jarvish_regen.embedded.child import BACK_OFF_MAX_SECONDS, back_off_seconds
from jarvish_regen.embedded.output import LOG_MAX_BYTES, ProcessLog, Terminal


def test_lines_are_cut_where_they_end_and_not_where_the_pipe_ended(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    path = tmp_path / "web.log"
    log = ProcessLog("web", path=path, terminal=Terminal(is_quiet=False, descriptor=writer))
    half = "नमस्ते".encode()

    lines = [*log.feed(b"one\ntw"), *log.feed(b"o\r\n" + half[:4]), *log.feed(half[4:] + b"\nrest")]
    log.close()
    os.close(writer)
    shown = os.read(reader, 4_096).decode()
    os.close(reader)

    assert lines == ["one", "two", "नमस्ते"]
    assert path.read_text() == "one\ntwo\nनमस्ते\nrest\n"
    assert shown.splitlines() == [f"{'web':<16} | {line}" for line in ("one", "two", "नमस्ते", "rest")]


def test_a_reader_who_stops_reading_does_not_stop_us(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    path = tmp_path / "web.log"
    log = ProcessLog("web", path=path, terminal=Terminal(is_quiet=False, descriptor=writer))

    for _ in range(200):
        log.feed(b"x" * 3_000 + b"\n")  # far more than a pipe holds
    os.close(reader)
    log.feed(b"after\n")
    log.close()
    os.close(writer)

    assert path.stat().st_size == 200 * 3_001 + len(b"after\n")


def test_quiet_keeps_the_files_and_our_own_words(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    terminal = Terminal(is_quiet=True, descriptor=writer)
    log = ProcessLog("web", path=tmp_path / "web.log", terminal=terminal)

    log.feed(b"noise\n")
    log.close()
    terminal.say("ready")
    os.close(writer)
    shown = os.read(reader, 4_096)
    os.close(reader)

    assert shown == b"ready\n"
    assert (tmp_path / "web.log").read_text() == "noise\n"


def test_a_log_never_takes_more_than_two_files(tmp_path: Path) -> None:
    writer = os.open(os.devnull, os.O_WRONLY)
    path = tmp_path / "web.log"
    log = ProcessLog("web", path=path, terminal=Terminal(is_quiet=True, descriptor=writer))
    chunk = b"y" * 999 + b"\n"

    for _ in range(LOG_MAX_BYTES // len(chunk) * 3):
        log.feed(chunk)
    log.close()
    os.close(writer)

    assert sorted(found.name for found in tmp_path.iterdir()) == ["web.log", "web.log.1"]
    assert max(found.stat().st_size for found in tmp_path.iterdir()) <= LOG_MAX_BYTES + len(chunk)


def test_back_off_grows_and_stays_within_its_bound() -> None:
    waits = [back_off_seconds(failures) for failures in range(1, 2_000)]

    assert waits == sorted(waits)
    assert waits[0] < waits[1]
    assert waits[-1] == BACK_OFF_MAX_SECONDS
