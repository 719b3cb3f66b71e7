"""Remember what was found out about the last few texts: on its way a text is asked about again and again."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Memory(Generic[Found]):
    """A small least-recently-used store, bounded in entries and in characters of their texts, safe between threads."""

    def __init__(self, *, entries: int, chars: int) -> None:
        self._entries = entries
        self._most_chars = chars
        self._items: OrderedDict[tuple[str, Hashable], Found] = OrderedDict()
        self._chars = 0
        self._lock = Lock()

    def of(self, text: str, circumstances: Hashable, find: Callable[[], Found]) -> Found:
        """Return what is remembered of ``text`` under ``circumstances``; ``find`` is called when nothing is."""
        key = (text, circumstances)
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
                return self._items[key]
        # Not under the lock: others need not wait for it, and twice the same work does no harm.
        found = find()
        with self._lock:
            if key not in self._items:
                self._items[key] = found
                self._chars += len(text)
                while len(self._items) > self._entries or self._chars > self._most_chars:
                    (oldest, _), _ = self._items.popitem(last=False)
                    self._chars -= len(oldest)
        return found

    def forget(self) -> None:
        """Forget all texts."""
        with self._lock:
            self._items.clear()
            self._chars = 0
