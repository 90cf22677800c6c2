"""A rebalance listener whose methods may wait, as kafka-python's may: commit() inside on_partitions_revoked.

The native consumer waits for what its listener returns. So the call is put off until the simulation stands still, made
there, and only then the consumer goes on. kafka-python logs the error of a listener and goes on, too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from kafkasim.client.structs import ConsumerRebalanceListener
from kafkasim.records import TopicPartition
from kafkasim.sim.kernel import Future, Kernel

log = logging.getLogger(__name__)


class Listening:
    """What stands between the native consumer and a program's listener."""

    def __init__(self, kernel: Kernel, listener: ConsumerRebalanceListener) -> None:
        self._kernel = kernel
        self._listener = listener
        self._calls: list[tuple[Callable[[Any], object], list[TopicPartition], Future[None]]] = []
        self._wake: Callable[[], object] = lambda: None

    def on_partitions_revoked(self, partitions: list[TopicPartition]) -> Future[None]:
        return self._put_off(self._listener.on_partitions_revoked, partitions)

    def on_partitions_assigned(self, partitions: list[TopicPartition]) -> Future[None]:
        return self._put_off(self._listener.on_partitions_assigned, partitions)

    def on_partitions_lost(self, partitions: list[TopicPartition]) -> Future[None]:
        return self._put_off(self._listener.on_partitions_lost, partitions)

    def _put_off(self, function: Callable[[Any], object], partitions: list[TopicPartition]) -> Future[None]:
        heard: Future[None] = Future(self._kernel, "the rebalance listener")
        self._calls.append((function, partitions, heard))
        self._wake()
        return heard

    def until(self, future: Future[Any]) -> None:
        """Let time pass until a future is done, and call the listener whenever it is to be called."""
        while not future.is_done():
            turn: Future[None] = Future(self._kernel, "the listener's turn")

            def wake(*_: object, turn: Future[None] = turn) -> None:
                if not turn.is_done():
                    turn.succeed()

            self._wake = wake
            future.then(wake)
            if not self._calls:
                self._kernel.run_until_done(turn)
            self.call()

    def call(self) -> None:
        """Make the calls that were put off."""
        while self._calls:
            function, partitions, heard = self._calls.pop(0)
            try:
                function(partitions)
            except Exception:
                log.exception("The rebalance listener failed; nothing is stopped by that.")
            heard.succeed()
