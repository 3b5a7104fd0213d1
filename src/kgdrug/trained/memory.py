"""What a model has worked out once, for questions to come."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class _Entry:
    """What is under a key. size: that of the key's text and of the numbers; lock: of whoever makes it."""

    made: bool = False
    value: Any = None
    size: int = 0
    lock: Lock = field(default_factory=Lock)


class Memory:
    """Things by key, of which those that were used last stay.

    most: how many things; size: how many characters of their keys and bytes of their numbers, all together; None for no
    limit. Many threads may ask: what two of them want at once is made by one.
    """

    def __init__(self, most: int | None = None, size: int | None = None) -> None:
        self.most, self.size = most, size
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, key: Hashable) -> bool:
        """Whether it is there and made."""
        with self._lock:
            entry = self._entries.get(key)
            return entry is not None and entry.made

    def of(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made under this key; whoever comes while it is being made waits. An error is kept for nobody."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
        if not entry.made:
            with entry.lock:
                if not entry.made:
                    self._make(key, entry, make)
        value: T = entry.value
        return value

    def _make(self, key: Hashable, entry: _Entry, make: Callable[[], Any]) -> None:
        try:
            entry.value = make()
        except BaseException:
            with self._lock:
                if self._entries.get(key) is entry:
                    del self._entries[key]
            raise
        entry.size = len(repr(key)) + int(getattr(entry.value, "nbytes", 0))
        with self._lock:
            entry.made = True
            self._forget()

    def _forget(self) -> None:
        """Drop the oldest until the limits are kept; the newest stays whatever its size."""
        entries = self._entries
        while len(entries) > 1 and (
            (self.most is not None and len(entries) > self.most)
            or (self.size is not None and sum(entry.size for entry in entries.values()) > self.size)
        ):
            entries.popitem(last=False)
