"""The same learner code gives the same records, offsets, partitions and positions on a real and a simulated cluster.

``KAFKASIM_REAL_BOOTSTRAP=host:port`` names a real broker; without it one is started where Java and Maven are there.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import kafkasim as ks
from tests.real import broker, learner_code

real_kafka = pytest.importorskip("kafka", reason="kafka-python is not installed")
pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def bootstrap() -> Iterator[str]:
    address = os.environ.get("KAFKASIM_REAL_BOOTSTRAP")
    if address:
        yield address
        return
    reason = broker.why_not()
    if reason:
        pytest.skip(f"no real broker: {reason}, and KAFKASIM_REAL_BOOTSTRAP names none")
    with broker.running() as started:
        yield started


def run(function: Callable[[Any, str, str], Any], kafka: Any, address: str, topic: str) -> Any:
    admin = kafka.KafkaAdminClient(bootstrap_servers=address)
    topics = [kafka.admin.NewTopic(topic, 3, 1), kafka.admin.NewTopic(f"{topic}-out", 3, 1)]
    admin.create_topics(topics)
    admin.close()
    return function(kafka, address, topic)


@pytest.mark.parametrize("function", learner_code.FUNCTIONS, ids=lambda function: function.__name__)
def test_the_same_code_gives_the_same_answer(function: Any, bootstrap: str) -> None:
    import kafka.admin  # the real library has it as a module of its own

    cluster = ks.Cluster(
        brokers=1, zookeepers=1, seed=7,
        broker_config={
            "offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1, "offsets.topic.num.partitions": 5,
            "transaction.state.log.num.partitions": 5, "group.initial.rebalance.delay.ms": 0,
            "auto.create.topics.enable": "false",
        },
    )  # fmt: skip
    topic = function.__name__.replace("_", "-")

    simulated = run(function, cluster.client_library(), "broker-101:9092", topic)
    really = run(function, kafka, bootstrap, f"{topic}-{uuid.uuid4().hex[:8]}")

    assert simulated == really
    assert really  # an empty answer would prove nothing
