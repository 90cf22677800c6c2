"""What loops and sinks are given, checked before anything runs."""

from __future__ import annotations

from typing import Any

from kafkasim.config import checks
from kafkasim.errors import ConfigError
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.consumer_records import ConsumerRecord
from kafkasim.sim.producer import Producer


def check_record(consumer: object, record: object) -> None:
    """A consumer, and a record that one has polled."""
    check_clients(consumer)
    if not isinstance(record, ConsumerRecord):
        raise ConfigError(f"record must be one that a consumer's poll() gave. Got {checks.shown(record)}.")


def check_clients(consumer: object, *producers: object) -> None:
    """Native clients: the loops run side by side with everything else."""
    if not isinstance(consumer, Consumer):
        raise ConfigError(f"consumer must be a native one, from cluster.consumer(...). Got {checks.shown(consumer)}.")
    for producer in producers:
        if not isinstance(producer, Producer):
            raise ConfigError(
                f"producer must be a native one, from cluster.producer(...). Got {checks.shown(producer)}."
            )


def check_function(given: Any, name: str) -> Any:
    """Something to call."""
    if not callable(given):
        raise ConfigError(f"{name} must be a function. Got {checks.shown(given)}.")
    return given


def check_sink(sink: object) -> None:
    """Something that works on records."""
    if isinstance(sink, type) or not callable(getattr(sink, "apply", None)):
        raise ConfigError(f"sink must be an object with a method apply(consumer, record). Got {checks.shown(sink)}.")
