"""Keep the compiled pack between processes: compiling seven hundred patterns takes seconds, reading them back does not.

The file is a pickle, so it is trusted only as far as the sources beside it: it lies in a directory of the state that
nobody else may enter, belongs to whoever runs the process, and is named after a hash of the pack, of this package's own
code and of the interpreter. Anything unreadable is compiled afresh.
"""

import hashlib
import os
import pickle
import sys
from functools import cached_property
from pathlib import Path
from typing import Final

import regex

from .model import Pack
from .reader import parse_pack

_SOURCES: Final = Path(__file__).parent


def load_compiled(directory: Path, content: bytes) -> Pack:
    """Return the pack with this content, from the directory if it was compiled there before, else compiled and kept.

    Raises:
        PackError: the pack is not right. A directory that cannot be written costs time, never the pack.
    """
    kept = directory / f"pack-{_fingerprint(content)}.pickle"
    pack = _read(kept)
    if pack is None:
        pack = parse_pack(content)
        # Computed at first use; kept as well, so that no first text has to wait for them.
        for name, computed in vars(Pack).items():
            if isinstance(computed, cached_property):
                getattr(pack, name)
        _write(kept, pack)
    return pack


def _fingerprint(content: bytes) -> str:
    digest = hashlib.sha256(f"{sys.version} {regex.__version__}".encode())
    digest.update(content)
    for source in sorted(_SOURCES.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:32]


def _read(kept: Path) -> Pack | None:
    try:
        status = kept.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o077:
            return None
        found = pickle.loads(kept.read_bytes())  # noqa: S301  ours alone: checked just above
    except Exception:  # whatever is wrong with a cache, the source is at hand
        return None
    return found if isinstance(found, Pack) else None


def _write(kept: Path, pack: Pack) -> None:
    own = kept.with_suffix(f".{os.getpid()}")
    try:
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            pickle.dump(pack, out, protocol=5)
        own.replace(kept)
    except OSError:
        own.unlink(missing_ok=True)
