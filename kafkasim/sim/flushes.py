"""What a producer still owes an answer for, and the flushes that wait for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class Flush:
    """A flush: it is over when none of the records numbered below ``before`` is left."""

    before: int
    left: int
    finished: Callable[[], object]


class Flushes:
    """The records of one producer that are not answered yet, as numbers; those who wait are called when they are."""

    def __init__(self) -> None:
        self._open = 0
        self._waiting: list[Flush] = []

    def sent(self) -> None:
        """One more record."""
        self._open += 1

    def answered(self, number: int) -> None:
        """A record is acknowledged or has failed."""
        self._open -= 1
        for flush in list(self._waiting):
            if number < flush.before:
                flush.left -= 1
                self._look(flush)

    def wait(self, before: int, finished: Callable[[], object]) -> None:
        """Call ``finished`` when all records numbered below ``before``, the next number, are answered."""
        flush = Flush(before, self._open, finished)
        self._waiting.append(flush)
        self._look(flush)

    def _look(self, flush: Flush) -> None:
        if not flush.left:
            self._waiting.remove(flush)
            flush.finished()
