"""The compiled pack that is kept between processes is the pack that is written down, or it is not used."""

from pathlib import Path

from jarvish_regen.content.compliance.check import TextContext, check
from jarvish_regen.content.compliance.compiled import load_compiled
from jarvish_regen.content.compliance.pack import RULES_PATH, load_pack

CONTENT = RULES_PATH.read_bytes()
TEXT = "Is fund mein 15% ki full garanti hai. पक्का मुनाफा!"


def test_kept_pack_finds_what_the_written_one_finds(tmp_path: Path) -> None:
    context = TextContext("whatsapp", "hinglish", "MFD", "ARN-123456")
    load_compiled(tmp_path, CONTENT)

    kept = load_compiled(tmp_path, CONTENT)

    assert check(TEXT, context, kept) == check(TEXT, context, load_pack())


def test_a_changed_pack_is_compiled_afresh(tmp_path: Path) -> None:
    load_compiled(tmp_path, CONTENT)

    changed = load_compiled(tmp_path, CONTENT.replace(b'pack_version: "', b'pack_version: "x'))

    assert changed.version.startswith("x")


def test_a_broken_file_is_not_used(tmp_path: Path) -> None:
    load_compiled(tmp_path, CONTENT)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"nonsense")

    assert load_compiled(tmp_path, CONTENT).sha256 == load_pack().sha256


def test_a_file_that_others_can_write_is_not_used(tmp_path: Path) -> None:
    load_compiled(tmp_path, CONTENT)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"nonsense")
    kept.chmod(0o666)

    load_compiled(tmp_path, CONTENT)

    assert kept.stat().st_mode & 0o777 == 0o600
