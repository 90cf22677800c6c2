"""Bad input gets an error at the call: what, what was given, what is allowed; and nothing has changed by it."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest

import kafkasim as ks
from kafkasim.errors import ConfigError, KafkaError, UnknownNameError, UsageError
from kafkasim.sim.admin import Admin
from kafkasim.sim.consumer import Consumer
from kafkasim.sim.producer import Producer
from kafkasim.trace import Trace
from kafkasim.trace.state import State

OURS = (ConfigError, UsageError, KafkaError)
TP = ks.TopicPartition("t", 0)
NOT_NUMBERS = (math.nan, math.inf, -math.inf, True, "3", [1])


@pytest.fixture(scope="module")
def world() -> dict[str, Any]:
    cluster = ks.Cluster(brokers=3, seed=3)
    cluster.create_topic("t", partitions=2, replication_factor=2)
    producer = cluster.producer()
    producer.send("t", "v", key="k").get()
    consumer = cluster.consumer(group_id="g")
    consumer.assign([TP])
    return {
        "cluster": cluster, "producer": producer, "consumer": consumer, "admin": cluster.admin(), "trace": cluster.trace,
        "state": cluster.trace.now,
    }  # fmt: skip


NUMBERS: dict[tuple[type, str, str], Callable[[dict[str, Any], Any], Any]] = {
    (ks.Cluster, "__init__", "brokers"): lambda w, x: ks.Cluster(brokers=x),
    (ks.Cluster, "__init__", "zookeepers"): lambda w, x: ks.Cluster(zookeepers=x),
    (ks.Cluster, "__init__", "first_broker"): lambda w, x: ks.Cluster(first_broker=x),
    (ks.Cluster, "__init__", "start_time_ms"): lambda w, x: ks.Cluster(start_time_ms=x),
    (ks.Cluster, "__init__", "seed"): lambda w, x: ks.Cluster(seed=x),
    (ks.Cluster, "run", "for_ms"): lambda w, x: w["cluster"].run(for_ms=x),
    (ks.Cluster, "run", "until_ms"): lambda w, x: w["cluster"].run(until_ms=x),
    (ks.Cluster, "sleep_ms", "delay_ms"): lambda w, x: w["cluster"].sleep_ms(x),
    (ks.Cluster, "at", "at_ms"): lambda w, x: w["cluster"].at(x, ks.faults.Kill(101)),
    (ks.Cluster, "kill", "broker"): lambda w, x: w["cluster"].kill(x),
    (ks.Cluster, "restart", "broker"): lambda w, x: w["cluster"].restart(x),
    (ks.Cluster, "disk", "broker"): lambda w, x: w["cluster"].disk(x),
    (ks.Cluster, "create_topic", "partitions"): lambda w, x: w["cluster"].create_topic("n", partitions=x),
    (ks.Cluster, "create_topic", "replication_factor"): lambda w, x: w["cluster"].create_topic(
        "n", replication_factor=x
    ),
    (Producer, "send", "partition"): lambda w, x: w["producer"].send("t", "v", partition=x),
    (Producer, "load", "records"): lambda w, x: w["producer"].load("t", records=x, per_second=1),
    (Producer, "load", "per_second"): lambda w, x: w["producer"].load("t", records=1, per_second=x),
    (Producer, "load", "partition"): lambda w, x: w["producer"].load("t", records=1, per_second=1, partition=x),
    (Producer, "send", "timestamp"): lambda w, x: w["producer"].send("t", "v", timestamp=x),
    (Consumer, "poll", "timeout_ms"): lambda w, x: w["consumer"].poll(x),
    (Consumer, "position", "timeout_ms"): lambda w, x: w["consumer"].position(TP, x),
    (Consumer, "committed", "timeout_ms"): lambda w, x: w["consumer"].committed([TP], x),
    (Consumer, "offsets_for_times", "times"): lambda w, x: w["consumer"].offsets_for_times({TP: x}),
    (Consumer, "seek", "offset"): lambda w, x: w["consumer"].seek(TP, x),
    (Producer, "close", "timeout_ms"): lambda w, x: w["producer"].close(x),
    (Producer, "send_offsets_to_transaction", "offsets"): lambda w, x: w["producer"].send_offsets_to_transaction(
        {TP: x}, "g"
    ),
    (Consumer, "commit_sync", "offsets"): lambda w, x: w["consumer"].commit_sync({TP: x}).get(),
    (Consumer, "commit_async", "offsets"): lambda w, x: w["consumer"].commit_async({TP: x}),
    (Admin, "create_topic", "partitions"): lambda w, x: w["admin"].create_topic("n", partitions=x),
    (Admin, "create_topic", "replication_factor"): lambda w, x: w["admin"].create_topic("n", replication_factor=x),
    (Admin, "create_partitions", "total_count"): lambda w, x: w["admin"].create_partitions("t", x),
    (Admin, "create_partitions", "assignments"): lambda w, x: w["admin"].create_partitions("t", 3, [[x]]),
    (Admin, "alter_partition_reassignments", "reassignments"): lambda w, x: w["admin"].alter_partition_reassignments(
        {TP: [x]}
    ),
    (Admin, "describe_configs", "broker"): lambda w, x: w["admin"].describe_configs(broker=x),
    (Admin, "incremental_alter_configs", "broker"): lambda w, x: w["admin"].incremental_alter_configs({}, broker=x),
    (Admin, "delete_records", "offsets"): lambda w, x: w["admin"].delete_records({TP: x}),
    (Admin, "list_offsets", "specs"): lambda w, x: w["admin"].list_offsets({TP: x}),
    (Admin, "alter_consumer_group_offsets", "offsets"): lambda w, x: w["admin"].alter_consumer_group_offsets(
        "g", {TP: x}
    ),
    (Admin, "abort_transaction", "producer_id"): lambda w, x: w["admin"].abort_transaction(TP, x, 0),
    (Admin, "abort_transaction", "producer_epoch"): lambda w, x: w["admin"].abort_transaction(TP, 0, x),
    (Admin, "abort_transaction", "coordinator_epoch"): lambda w, x: w["admin"].abort_transaction(TP, 0, 0, x),
    (Trace, "between", "from_ms"): lambda w, x: w["trace"].between(x, 5),
    (Trace, "between", "to_ms"): lambda w, x: w["trace"].between(0, x),
    (Trace, "at", "at_ms"): lambda w, x: w["trace"].at(x),
    (Trace, "why", "at_ms"): lambda w, x: w["trace"].why("t-0", "leader", at_ms=x),
    (Trace, "story", "offset"): lambda w, x: w["trace"].story(tp="t-0", offset=x),
    (Trace, "describe", "limit"): lambda w, x: w["trace"].describe(limit=x),
}
"""Every numeric parameter of the public face, and a call that gives it."""
QUIET = {(State, what, "broker") for what in ("log_end_offset", "high_watermark", "log_start_offset")}
"""Questions about a broker that is not there answer None or 0, as every question to a State does."""


FAULT_NUMBERS = [
    (kind, field.name)
    for kind in vars(ks.faults).values()
    if dataclasses.is_dataclass(kind)
    for field in dataclasses.fields(kind)
    if {"int", "float"} & set(str(field.type).replace("|", " ").split())
]
"""Every numeric field of every fault."""


@pytest.mark.parametrize("given", [math.nan, math.inf, -math.inf, True, "3", [1], -1], ids=repr)
@pytest.mark.parametrize(("kind", "field"), FAULT_NUMBERS, ids=lambda one: getattr(one, "__name__", one))
def test_a_fault_refuses_what_is_no_number(kind, field, given):
    must = {f.name: 101 for f in dataclasses.fields(kind) if f.default is f.default_factory is dataclasses.MISSING}
    must |= {"steps": ()} if kind is ks.faults.Plan else {}
    with pytest.raises(OURS, match=field):
        kind(**(must | {field: given}))


def numeric_parameters() -> set[tuple[type, str, str]]:
    """Every parameter of the public classes whose annotation speaks of a number."""
    found = set()
    for kind in (ks.Cluster, Producer, Consumer, Admin, Trace, State):
        for name, function in inspect.getmembers(kind, inspect.isfunction):
            if name.startswith("_") and name != "__init__":
                continue
            for parameter in inspect.signature(function).parameters.values():
                words = str(parameter.annotation).replace("|", " ").replace("[", " ").replace("]", " ").split()
                if {"int", "float"} & set(words) and parameter.name not in ("assignment", "callback"):
                    found.add((kind, name, parameter.name))
    return found


def test_no_numeric_parameter_is_forgotten():
    internal = {(Producer, "__init__"), (Consumer, "__init__"), (Admin, "__init__"), (State, "__init__")}
    internal |= {(Consumer, "until"), (Trace, "__init__")}
    parameters = {one for one in numeric_parameters() if one[:2] not in internal}
    assert parameters <= set(NUMBERS) | QUIET, parameters - set(NUMBERS) - QUIET


@pytest.mark.parametrize("given", NOT_NUMBERS, ids=repr)
@pytest.mark.parametrize("parameter", NUMBERS, ids=lambda one: f"{one[0].__name__}.{one[1]}.{one[2]}")
def test_what_is_no_number_is_refused_and_named(world, parameter, given):
    if parameter == (ks.Cluster, "__init__", "brokers") and given == [1]:
        pytest.skip("a list of broker ids is what brokers may be")
    facts, now_ms = len(world["trace"]), world["cluster"].now_ms
    with pytest.raises(OURS) as caught:
        NUMBERS[parameter](world, given)
    assert str(given).strip("[]'") in str(caught.value), "the message names what was given"
    assert len(world["trace"]) <= facts + (2 if parameter[1] in ("commit_sync", "commit_async") else 0)
    assert world["cluster"].now_ms == now_ms


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda w: ks.Cluster(-1), ConfigError, "brokers"),
        (lambda w: ks.Cluster([1, 1]), ConfigError, "must differ"),
        (lambda w: ks.Cluster([-1]), ConfigError, "a broker id"),
        (lambda w: ks.Cluster("three"), ConfigError, "whole number"),
        (lambda w: ks.Cluster(10_000), ConfigError, "1000"),
        (lambda w: ks.Cluster(racks=["a"]), ConfigError, "one rack for each of the 3 brokers"),
        (lambda w: ks.Cluster(seed=-1), ConfigError, "seed"),
        (lambda w: ks.Cluster(broker_config={"num.partition": 3}), ConfigError, "num.partitions"),
        (lambda w: ks.Cluster(truncation="high_watermark"), UnknownNameError, "high-watermark"),
        (lambda w: ks.Cluster(truncation=7), ConfigError, "start_of_following"),  # type: ignore[arg-type]
        (lambda w: ks.Cluster(zookeeper_config={"ticktime": 3}), ConfigError, "tickTime"),
        (lambda w: ks.Cluster(first_broker=9), UnknownNameError, "broker-101"),
        (lambda w: w["cluster"].kill("broker-10"), UnknownNameError, "Did you mean broker-10"),
        (lambda w: w["cluster"].kill(7), UnknownNameError, "no broker '7'"),
        (lambda w: w["cluster"].restart(101), UsageError, "is running"),
        (lambda w: w["cluster"].power_loss("broker-10"), UnknownNameError, "Did you mean broker-10"),
        (lambda w: w["cluster"].pause("zookeper-1"), UnknownNameError, "Did you mean zookeeper-1"),
        (lambda w: w["cluster"].resume(101), UsageError, "not paused"),
        (lambda w: w["cluster"].stop("brker-101"), UnknownNameError, "Did you mean broker-101"),
        (lambda w: w["cluster"].stop(w["producer"]), UsageError, "is a client"),
        (lambda w: w["cluster"].start(101), UsageError, "is running"),
        (lambda w: w["cluster"].inject(None), ConfigError, "ks.faults"),
        (lambda w: w["cluster"].inject(ks.faults.DiskFull("broker-10")), UnknownNameError, "Did you mean broker-10"),
        (lambda w: w["cluster"].inject(ks.faults.Mend(101)), UsageError, "Nothing is wrong"),
        (lambda w: w["cluster"].inject(ks.faults.ExpireSession("zookeeper-1")), UsageError, "hits brokers"),
        (lambda w: ks.faults.SlowDisk(101, by_ms=math.nan), ConfigError, "by_ms"),
        (lambda w: ks.faults.CrashLoop(101, up_ms=-1), ConfigError, "up_ms"),
        (lambda w: w["cluster"].inject(ks.faults.Partition([], 101)), ConfigError, "name a machine each"),
        (lambda w: w["cluster"].inject(ks.faults.Kill(math.nan)), UnknownNameError, "no machine nan"),
        (lambda w: ks.faults.Plan([(math.nan, ks.faults.Kill(101))], 10), ConfigError, "at_ms of a step"),
        (lambda w: ks.faults.Plan([(True, ks.faults.Kill(101))], 10), ConfigError, "at_ms of a step"),
        (lambda w: ks.faults.Plan([(11, ks.faults.Kill(101))], 10), ConfigError, "within for_ms=10"),
        (lambda w: ks.faults.Plan([(1, "Kill")], 10), ConfigError, "one of ks.faults"),
        (lambda w: ks.faults.Plan([ks.faults.Kill(101)], 10), ConfigError, "a pair"),
        (lambda w: ks.faults.Plan([(1, ks.faults.Kill(101), 2)], 10), ConfigError, "a pair"),
        (lambda w: ks.faults.Plan("Kill", 10), ConfigError, "a list of pairs"),
        (lambda w: ks.faults.Plan(ks.faults.Kill(101), 10), ConfigError, "a list of pairs"),
        (
            lambda w: w["cluster"].inject(ks.faults.Plan([(1, ks.faults.Kill(7))], 10)),
            UnknownNameError,
            "no broker '7'",
        ),
        (lambda w: ks.faults.plan(1, kinds=["SlowDisc"]), UnknownNameError, "Did you mean SlowDisk"),
        (lambda w: w["cluster"].run(), ConfigError, "for_ms=... or until_ms"),
        (lambda w: w["cluster"].run(for_ms=1, until_ms=2), ConfigError, "for_ms=... or until_ms"),
        (lambda w: w["cluster"].run(for_ms=-1), ConfigError, "for_ms"),
        (lambda w: w["cluster"].run(until_ms=0), ConfigError, "lies in the past"),
        (lambda w: w["cluster"].at(0, ks.faults.Kill(101)), ConfigError, "lies in the past"),
        (lambda w: w["cluster"].at(10**9, "kill"), ConfigError, "a fault of ks.faults or a function"),
        (lambda w: w["cluster"].at(10**9, ks.faults.Kill("brokr-101")), UnknownNameError, "Did you mean broker-101"),
        (lambda w: w["cluster"].process(7), ConfigError, "generator function"),
        (lambda w: w["cluster"].process(lambda: 7), ConfigError, "`yield`"),
        (lambda w: w["cluster"].create_topic(5), ConfigError, "topic must be a text"),
        (lambda w: w["cluster"].producer(ack=1), ConfigError, "acks"),
        (lambda w: w["cluster"].producer(acks=2), ConfigError, "one of all"),
        (lambda w: w["cluster"].producer({"linger.ms": -1}), ConfigError, "linger.ms"),
        (lambda w: w["cluster"].producer(bootstrap_servers=["nowhere:9092"]), ConfigError, "broker-101:9092"),
        (lambda w: w["cluster"].producer("acks=1"), ConfigError, "config must be a dict"),
        (lambda w: w["cluster"].producer(enable_idempotence=True, acks=1), ConfigError, "Must set acks to all"),
        (lambda w: w["cluster"].consumer("t"), ConfigError, "group_id"),
        (lambda w: w["cluster"].consumer(group_idd="g"), ConfigError, "group.id"),
        (lambda w: w["cluster"].consumer(group_id="g", auto_offset_reset="earlist"), ConfigError, "earliest"),
        (lambda w: w["producer"].send("a b", "v"), KafkaError, "a b"),
        (lambda w: w["producer"].send("t", 7), ConfigError, "value must be bytes, a text or None"),
        (lambda w: w["producer"].send("t", "v", key=1.5), ConfigError, "key must be bytes"),
        (lambda w: w["producer"].send("t", "v", partition=-1), ConfigError, "partition"),
        (lambda w: w["producer"].send("t", "v", headers={"a": b"b"}), ConfigError, "headers must be a list"),
        (lambda w: w["producer"].send("t", "v", headers=[("a", "b")]), ConfigError, "headers must be a list"),
        (lambda w: w["consumer"].subscribe("t"), ConfigError, "topics"),
        (lambda w: w["consumer"].subscribe(["t"]), UsageError, "mutually exclusive"),
        (lambda w: w["consumer"].assign("t-0"), ConfigError, "list of TopicPartition"),
        (lambda w: w["consumer"].assign([7]), ConfigError, "A partition is a TopicPartition"),
        (lambda w: w["consumer"].seek(ks.TopicPartition("t", 1), 0), UsageError, "it owns t-0"),
        (lambda w: w["consumer"].seek(TP, -1), ConfigError, "offset"),
        (lambda w: w["consumer"].commit_sync("t-0").get(), ConfigError, "offsets must map"),
        (lambda w: w["consumer"].poll(-1), ConfigError, "timeout_ms"),
        (lambda w: w["cluster"].consumer().poll(), UsageError, "nothing to poll"),
        (lambda w: w["cluster"].consumer().commit_sync().get(), ConfigError, "needs a group"),
        (lambda w: w["admin"].create_topic("n", 1, 1, assignment={0: [101]}), ConfigError, "not both"),
        (lambda w: w["admin"].create_topic("n", assignment=[[101]]), ConfigError, "assignment must map"),
        (lambda w: w["admin"].create_topic("n", assignment={0: "101"}), ConfigError, "list of broker ids"),
        (lambda w: w["admin"].elect_leaders("prefered", [TP]), ConfigError, "preferred"),
        (lambda w: w["admin"].elect_leaders("preferred", TP), ConfigError, "list of TopicPartition"),
        (lambda w: w["admin"].elect_leaders("preferred", ["t-0"]), ConfigError, "A partition is a TopicPartition"),
        (lambda w: w["admin"].alter_partition_reassignments([TP]), ConfigError, "must map partitions"),
        (lambda w: w["admin"].alter_partition_reassignments({TP: 101}), ConfigError, "list of broker ids"),
        (lambda w: w["admin"].describe_configs(), ConfigError, "either topic=... or broker=..."),
        (lambda w: w["admin"].describe_configs(topic="t", broker=101), ConfigError, "either topic=... or broker=..."),
        (lambda w: w["admin"].incremental_alter_configs("a=b", topic="t"), ConfigError, "dict of settings"),
        (lambda w: w["admin"].delete_records([TP]), ConfigError, "must map partitions to offsets"),
        (lambda w: w["admin"].delete_records({TP: -2}), ConfigError, "the offset of t-0"),
        (lambda w: w["admin"].list_offsets({TP: "newest"}), ConfigError, "what is looked for"),
        (lambda w: w["admin"].list_offsets({TP: -1}), ConfigError, "a time in ms"),
        (lambda w: w["admin"].list_offsets({TP: 0}, isolation_level="committed"), ConfigError, "isolation_level"),
        (lambda w: w["admin"].describe_producers([7]), ConfigError, "A partition is a TopicPartition"),
        (lambda w: w["admin"].describe_topic("a b"), KafkaError, "a b"),
        (lambda w: w["admin"].describe_topic("nowhere").get(), KafkaError, "no topic 'nowhere'"),
        (lambda w: w["cluster"].disk(101).replica("t-7"), UnknownNameError, "Did you mean t-1 or t-0"),
        (lambda w: w["cluster"].disk(101).replica(7), ConfigError, "such as 'orders-0'"),
        (lambda w: ks.ledger("modeled"), UnknownNameError, "modelled"),
    ],
)
def test_calls_that_make_no_sense_are_told_so(world, call, error, message):
    with pytest.raises(error) as caught:
        call(world)
    assert message in str(caught.value), str(caught.value)


def test_waiting_inside_a_process_is_refused_with_the_way_out():
    cluster = ks.Cluster(brokers=1, seed=1)
    producer = cluster.producer()

    @cluster.process
    def impatient():
        yield cluster.sleep_ms(1)
        producer.send("t", "v").get()

    with pytest.raises(UsageError, match="Write `yield` before") as caught:
        cluster.run(for_ms=10)
    assert "impatient" in caught.value.__notes__[0]


def test_what_is_no_future_cannot_be_yielded():
    cluster = ks.Cluster(brokers=1, seed=1)

    @cluster.process
    def confused():
        yield 5

    with pytest.raises(UsageError, match=r"yields futures\. Got 5\.") as caught:
        cluster.run(for_ms=10)
    assert "confused" in caught.value.__notes__[0]


def test_what_can_never_be_done_says_so_instead_of_waiting_for_ever():
    cluster = ks.Cluster(brokers=1, seed=1)
    producer = cluster.producer()
    producer.close().get()
    with pytest.raises(UsageError, match="is closed"):
        producer.send("t", "v")
    with pytest.raises(UsageError, match="can never be done"):
        cluster._kernel.future("this").get()


def test_a_learners_own_mistake_in_a_process_is_theirs_to_see():
    cluster = ks.Cluster(brokers=1, seed=1)

    @cluster.process
    def wrong():
        yield cluster.sleep_ms(5)
        raise ZeroDivisionError("my own")

    with pytest.raises(ZeroDivisionError, match="my own") as caught:
        cluster.run(for_ms=10)
    assert caught.value.__notes__ == ["(raised in wrong at 1005 ms of simulated time)"]
