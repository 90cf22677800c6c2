"""kafkasim: a whole Kafka cluster (3.9, ZooKeeper mode) to run, to break and to understand, in simulated time.

The map of the package, top down; every arrow points down::

    views | grader       pictures and exercises, loaded on first use
    cluster              assemble a cluster, act on it, let time pass
    invariants | ledger  what must hold; what is modelled and what is not
    processing | client  loops with one delivery semantic each; kafka-python's names over the native clients
    sim                  when it happens: machines, network, brokers, ZooKeeper, clients
    faults               what can be broken
    core                 what Kafka decides: no clock, no chance, no waiting
    messages | trace     what travels; what has happened
    config               settings under Kafka's names
    records | errors

Begin with :class:`Cluster`; read ``core/`` as the textbook.
"""

from __future__ import annotations

import importlib
from typing import Any

from kafkasim import errors, faults, invariants, processing
from kafkasim.cluster import Cluster
from kafkasim.core import assignors, partitioners
from kafkasim.core.hashing import murmur2, partition_for_group, partition_for_key
from kafkasim.errors import ConfigError, KafkaError, KafkaSimError, UsageError
from kafkasim.ledger import ledger
from kafkasim.records import Record, TopicPartition
from kafkasim.sim.kernel import Future
from kafkasim.trace import Fact, Trace, facts

__version__ = "0.1.0"

__all__ = [
    "Cluster",
    "ConfigError",
    "Fact",
    "Future",
    "KafkaError",
    "KafkaSimError",
    "Record",
    "TopicPartition",
    "Trace",
    "UsageError",
    "__version__",
    "assignors",
    "errors",
    "facts",
    "faults",
    "grader",
    "invariants",
    "ledger",
    "murmur2",
    "partition_for_group",
    "partition_for_key",
    "partitioners",
    "processing",
    "views",
]

_LAZY = ("grader", "views")


def __getattr__(name: str) -> Any:
    """Load the pictures and the grader when somebody asks for them."""
    if name in _LAZY:
        return importlib.import_module(f"kafkasim.{name}")
    raise AttributeError(f"module 'kafkasim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
