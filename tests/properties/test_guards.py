"""Each guard of the protocol has a promise that stands with it and falls without it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import kafkasim as ks
from kafkasim.core import guards
from kafkasim.core.controller_context import ControllerContext
from kafkasim.core.isr_requests import answer_at_once
from kafkasim.errors import KafkaError, UnknownNameError
from kafkasim.messages.control import PartitionState, UpdateMetadataRequest, WantedIsr
from kafkasim.messages.data import FetchPosition
from kafkasim.trace.facts import RecordsAppended
from tests.core.test_partition import TP, World
from tests.properties.play import play

EXPIRED_MS = 25_000


def calm(cluster: ks.Cluster) -> None:
    """No theorem is broken and nothing acknowledged is lost or doubled."""
    assert ks.invariants.protocol(cluster.trace).names == ()
    assert ks.invariants.anomalies(cluster.trace).names == ()


def led_by_102(min_isr: int = 2, brokers: int = 3) -> ks.Cluster:
    """Partition t-0 on 101, 102, 103 with leader 102; the controller is the last broker."""
    ids = list(range(101, 101 + brokers))
    cluster = ks.Cluster(brokers=ids, first_broker=101 if brokers == 3 else ids[-1], seed=7)
    cluster.create_topic("t", assignment={0: [102, 103, 101]}, min_insync_replicas=min_isr)
    return cluster


def random_faults() -> None:
    for seed in (0, 7):
        calm(play(seed))


def a_joiner_waits() -> None:
    """103 comes back and fetches from old offsets, and its answers take long: until then it is not in the ISR."""
    cluster = led_by_102()
    producer = cluster.producer(acks="all")
    producer.send("t", "a").get()
    cluster.kill(103)
    cluster.run(for_ms=EXPIRED_MS)
    producer.send("t", "b").get()
    cluster.inject(ks.faults.Delay(102, 103, one_way=True, by_ms=2_000))
    cluster.restart(103)
    cluster.run(for_ms=10_000)
    calm(cluster)


def an_old_epoch_is_fenced() -> None:
    """A follower of an older epoch fetches: what it has is not to be believed."""
    leader = World().partition
    leader.become(PartitionState(1, 5, (1, 2, 3), 1, (1, 2, 3)), 10)
    with pytest.raises(KafkaError) as caught:
        leader.fetch(FetchPosition(0, 4), 2)
    assert caught.value.name == "FENCED_LEADER_EPOCH"


def an_old_role_is_refused() -> None:
    """A LeaderAndIsr of an earlier epoch arrives late."""
    world = World()
    world.partition.become(PartitionState(2, 5, (1, 2, 3), 1, (1, 2, 3)), 10)
    world.partition.become(PartitionState(1, 4, (1, 2, 3), 1, (1, 2, 3)), 20)
    assert [fact.leader_epoch for fact in world.told("ReplicaRoleChanged")] == [0, 5]


def too_few_in_sync_append_nothing() -> None:
    cluster = led_by_102()
    producer = cluster.producer(acks="all", retries=0, enable_idempotence=False)
    producer.send("t", "a").get()
    cluster.kill(103)
    cluster.run(for_ms=EXPIRED_MS)
    cluster.kill(101)
    cluster.run(for_ms=EXPIRED_MS)
    appended = len(cluster.trace.of(RecordsAppended, tp="t-0"))
    producer.send("t", "b")
    cluster.run(for_ms=5_000)
    assert len(cluster.trace.of(RecordsAppended, tp="t-0")) == appended


def told(cluster: ks.Cluster, controller_epoch: int, broker_epoch: int) -> str | None:
    """What broker 102 answers to a controller that says that no other broker lives."""
    broker = cluster._brokers[102]
    answers: list[object] = []
    request = UpdateMetadataRequest(101, controller_epoch, broker_epoch, {102: "broker-102"}, {}, {})
    broker.handle(request, None, answers.append)
    error = answers[0].error
    return None if error is None else error.name


def an_old_controller_is_fenced() -> None:
    cluster = led_by_102()
    broker = cluster._brokers[102]
    cluster.kill(101)
    cluster.run(for_ms=EXPIRED_MS)
    assert told(cluster, broker.controller_epoch - 1, broker.broker_epoch) == "STALE_CONTROLLER_EPOCH"


def an_earlier_life_is_not_spoken_to() -> None:
    cluster = led_by_102()
    broker = cluster._brokers[102]
    assert told(cluster, broker.controller_epoch, broker.broker_epoch - 1) == "STALE_BROKER_EPOCH"


def an_isr_of_old_knowledge_is_refused() -> None:
    """Two changes from the same state: the second would undo the first without having known it."""
    context = ControllerContext()
    context.brokers, context.broker_epochs = {1: "a", 2: "b", 3: "c"}, {1: 9, 2: 9, 3: 9}
    context.partitions[TP] = PartitionState(1, 4, (1, 2), 7, (1, 2, 3))
    answer = answer_at_once(context, TP, WantedIsr(4, (1, 3), 6))
    assert answer is not None
    assert answer.error.name == "INVALID_UPDATE_VERSION"


def who_is_to_leave_still_counts() -> None:
    """103 lags and its leader wants to let it go, but the controller cannot hear that: nothing new is committed."""
    cluster = led_by_102(brokers=4)
    producer = cluster.producer(acks=1)
    producer.send("t", "a").get()
    cluster.inject(ks.faults.Partition(102, 103))
    cluster.inject(ks.faults.Clog(102, 104))
    producer.send("t", "b").get()
    cluster.run(for_ms=50_000)
    producer.send("t", "c").get()
    cluster.run(for_ms=1_000)
    calm(cluster)


def the_last_member_leads_again() -> None:
    cluster = led_by_102()
    for broker in (103, 101, 102):
        cluster.kill(broker)
        cluster.run(for_ms=EXPIRED_MS)
    for broker in (103, 101, 102):
        cluster.restart(broker)
        cluster.run(for_ms=5_000)
    assert cluster.trace.now.leader("t-0") is not None


def only_a_member_leads() -> None:
    """103 was gone when b was acknowledged: it must not lead, not even as the only one alive."""
    cluster = led_by_102(min_isr=1)
    producer = cluster.producer(acks="all")
    producer.send("t", "a").get()
    cluster.kill(103)
    cluster.run(for_ms=EXPIRED_MS)
    producer.send("t", "b").get()
    cluster.kill(101)
    cluster.kill(102)
    cluster.run(for_ms=EXPIRED_MS)
    cluster.restart(103)
    cluster.run(for_ms=5_000)
    calm(cluster)


PROMISES: dict[str, Callable[[], None]] = {
    "hw-waits-for-isr": random_faults,
    "joiner-has-everything": a_joiner_waits,
    "leader-epoch-fence": an_old_epoch_is_fenced,
    "newer-leader-epoch-only": an_old_role_is_refused,
    "divergence-is-told": random_faults,
    "min-isr-admission": too_few_in_sync_append_nothing,
    "controller-epoch-fence": an_old_controller_is_fenced,
    "broker-epoch-fence": an_earlier_life_is_not_spoken_to,
    "partition-epoch-check": an_isr_of_old_knowledge_is_refused,
    "pending-shrink-counts": who_is_to_leave_still_counts,
    "last-isr-member-stays": the_last_member_leads_again,
    "clean-election": only_a_member_leads,
    "sequence-check": random_faults,
}


def test_every_guard_has_a_promise():
    assert set(PROMISES) == set(guards.GUARDS)
    assert len(PROMISES) >= 8


@pytest.mark.parametrize("promise", dict.fromkeys(PROMISES.values()), ids=lambda one: one.__name__)
def test_the_promise_stands_while_all_guards_hold(promise):
    promise()


@pytest.mark.parametrize("guard", PROMISES)
def test_the_promise_falls_without_its_guard(guard):
    with guards.switched_off(guard), pytest.raises((AssertionError, pytest.fail.Exception)):
        PROMISES[guard]()
    assert all(map(guards.holds, guards.GUARDS)), "it holds again"


def test_an_unknown_guard_is_refused():
    with pytest.raises(UnknownNameError, match="clean-election"), guards.switched_off("clean-elections"):
        pass
