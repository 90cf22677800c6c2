"""A chain of steps from topics to a topic, exactly once. Kafka: KafkaStreams. Left out: state, joins, windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from kafkasim.processing.arguments import check_clients, check_function
from kafkasim.processing.loops import Crash, Loop, Result, exactly_once
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.consumer_records import ConsumerRecord
from kafkasim.sim.producer import Producer


class Stream:
    """A small stream of records from the consumer's topics to one other topic, exactly once, as Kafka Streams has it.

    Steps are put in a chain; :meth:`to` ends it and gives the loop to run::

        cluster.process(ks.processing.Stream(consumer, producer).filter(is_late).map_values(bytes.upper).to("late"))
    """

    def __init__(self, consumer: Consumer, producer: Producer) -> None:
        check_clients(consumer, producer)
        self._consumer, self._producer = consumer, producer
        self._steps: list[Callable[[Any, Any], Result | None]] = []

    def map(self, function: Callable[[Any, Any], Result]) -> Self:
        """Replace each (key, value) by what ``function(key, value)`` gives; None drops the record."""
        return self._add(check_function(function, "function"))

    def map_values(self, function: Callable[[Any], bytes | None]) -> Self:
        """Replace each value by what ``function(value)`` gives; keys stay, and with them the partitions."""
        check_function(function, "function")
        return self._add(lambda key, value: (key, function(value)))

    def filter(self, keep: Callable[[Any, Any], bool]) -> Self:
        """Go on only with records for which ``keep(key, value)`` is true."""
        check_function(keep, "keep")
        return self._add(lambda key, value: (key, value) if keep(key, value) else None)

    def _add(self, step: Callable[[Any, Any], Result | None]) -> Self:
        self._steps.append(step)
        return self

    def to(self, topic: str, *, poll_ms: float = 100, crash: Crash | None = None) -> Loop:
        """Write the results to a topic: the loop, for ``cluster.process``, as ``exactly_once`` gives it."""

        def transform(record: ConsumerRecord) -> Result | None:
            pair: Result | None = (record.key, record.value)
            for step in self._steps:
                if pair is None:
                    return None
                pair = step(*pair)
            return pair

        return exactly_once(self._consumer, self._producer, transform, topic, poll_ms=poll_ms, crash=crash)
