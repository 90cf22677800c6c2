"""The stage of a replay: one simulated cluster, its clients by name, and what is remembered of the steps before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import kafkasim as ks

ADMIN = {"client.id": "harness", "request.timeout.ms": 8000, "default.api.timeout.ms": 20_000}
ZOOKEEPER = {"tickTime": 2000, "initLimit": 10, "syncLimit": 5}
LONGEST_MS = 200_000
"""No call of a recording takes longer; one that does has no end."""


class TooLongError(Exception):
    """A call did not end in its time."""


class NoReplicaError(LookupError):
    """A broker's disk has no folder of this replica: nothing is seen there."""


@dataclass(frozen=True)
class Conditions:
    """What a recording says nothing of, and must not hang on: the seed, settings of the network, signs of life computed.

    Unless ``lazy``, all that an idle client says is a message, as it was in the real cluster.
    """

    seed: int = 7
    network: Mapping[str, object] = field(default_factory=dict)
    lazy: bool = False


AS_EVER = Conditions()


@dataclass
class Memory:
    """What summing-up observations need of the steps before; times are simulated, in ms."""

    kills: dict[object, float] = field(default_factory=dict)
    """Broker ids and names that are dead or stand still -> since when."""
    kill_ms: float = 0.0
    """The last time that anything was killed or paused."""
    pause_ms: float = 0.0
    send_ms: float = 0.0
    found_ms: float = 0.0
    sends_of: tuple[str, str] = ("", "")
    """Whose sends ``sent`` tells of: the producer and the topic of the latest entries that send."""
    sent: list[tuple[str | None, int]] = field(default_factory=list)
    """Key and partition of the records that these entries sent."""
    member_ids: dict[str, str] = field(default_factory=dict)
    broker_epochs: dict[int, int] = field(default_factory=dict)
    group_timeouts_ms: list[int] = field(default_factory=list)
    refreshes_ms: list[int] = field(default_factory=list)

    def fell(self, who: object, now_ms: float) -> None:
        """Somebody was killed or paused."""
        self.kills[who] = self.kill_ms = now_ms

    def rose(self, who: object) -> None:
        """Somebody was started or resumed."""
        self.kills.pop(who, None)


class Stage:
    """Everything that a step can act on or look at."""

    def __init__(self, recording: dict[str, Any], under: Conditions = AS_EVER) -> None:
        setting = recording["cluster"]
        self.broker_config: dict[str, Any] = dict(setting.get("broker_config", {}))
        arguments: dict[str, Any] = {
            "brokers": list(range(1, setting["brokers"] + 1)),
            "zookeepers": setting.get("zookeepers", 1),
            "racks": setting.get("racks"),
            "broker_config": self.broker_config,
            "zookeeper_config": ZOOKEEPER,
            "first_broker": setting.get("first_broker"),
            "network": under.network,
            "eager": not under.lazy,
            "seed": under.seed,
        }
        self.cluster = ks.Cluster(**arguments, start_time_ms=_start_time_ms(recording["steps"], arguments))
        self.racks: dict[int, str] = dict(zip(arguments["brokers"], setting.get("racks") or [], strict=False))
        self.admin = self.cluster.admin(ADMIN)
        self.clients: dict[str, Any] = {}
        """Producers, and consumers as a :class:`Reader`, by name."""
        self.sends: dict[tuple[str, str], Any] = {}
        self.callbacks: list[tuple[str, str]] = []
        self.memory = Memory()
        self._zookeeper: Any = None

    # --- time ------------------------------------------------------------------------------------------------

    @property
    def now_ms(self) -> float:
        """Simulated time."""
        return self.cluster.now_ms

    def sleep_until(self, at_ms: float) -> None:
        """Let time pass up to a moment, if it has not come yet."""
        if at_ms > self.now_ms:
            self.cluster.run(until_ms=at_ms)

    @contextmanager
    def limit(self, within_ms: float = LONGEST_MS) -> Iterator[None]:
        """What happens inside must end in this time."""
        over: list[bool] = []

        def give_up() -> None:
            if not over:
                raise TooLongError(f"no answer within {within_ms / 1000:g} s")

        self.cluster.at(self.now_ms + within_ms, give_up)
        try:
            yield
        finally:
            over.append(True)

    def get(self, answer: Any, within_ms: float = LONGEST_MS) -> Any:
        """Wait for a future; anything else is an answer already."""
        if not isinstance(answer, ks.Future):
            return answer
        with self.limit(within_ms):
            return answer.get()

    # --- windows ---------------------------------------------------------------------------------------------

    @property
    def zookeeper(self) -> Any:
        """A ZooKeeper client of the harness, opened when it is needed first."""
        if self._zookeeper is None:
            self._zookeeper = self.cluster.zookeeper.client(retries=True)
            start = getattr(self._zookeeper, "start", None)
            if start is not None:
                self.get(start())
        return self._zookeeper

    def znode(self, path: str) -> tuple[Any, Any] | None:
        """A znode's data, read as JSON where it is, and its stat; None when there is none."""
        try:
            data, stat = self.get(self.zookeeper.get(path))
        except ks.KafkaSimError as error:
            if error.java_name == "NoNodeException":
                return None
            raise
        text = (data or b"").decode()
        if not text:
            return None, stat
        try:
            return json.loads(text), stat
        except ValueError:
            return text, stat

    def state(self, tp: str) -> tuple[dict[str, Any], Any] | None:
        """The state znode of a partition."""
        topic, number = named(tp)
        return self.znode(f"/brokers/topics/{topic}/partitions/{number}/state")

    def replica(self, step: Mapping[str, Any], broker: int | None = None) -> Any:
        """A replica's folder on a broker's disk; None when it has none."""
        disk = self.cluster.disk(step["broker"] if broker is None else broker)
        tp = named(step["tp"])
        return disk.replica(tp) if tp in disk.partitions else None

    def addresses(self, step: Mapping[str, Any]) -> dict[str, object]:
        """The setting of a client that knows some brokers only."""
        if "bootstrap" not in step:
            return {}
        return {"bootstrap.servers": ",".join(f"broker-{broker}:9092" for broker in step["bootstrap"])}


def named(tp: str) -> ks.TopicPartition:
    """The partition that a text such as ``orders-0`` names."""
    topic, _, number = tp.rpartition("-")
    return ks.TopicPartition(topic, int(number))


def text(value: bytes | None) -> str | None:
    """A key or value as recordings write it."""
    return None if value is None else value.decode()


def _start_time_ms(steps: list[dict[str, Any]], arguments: dict[str, Any]) -> int:
    """The wall clock at the start: the first ``clock`` sets it, else it lies after every explicit timestamp."""
    clock = next((step for step in steps if step.get("see") == "clock"), None)
    if clock is not None:
        ready_ms = ks.Cluster(**arguments).now_ms
        return int(clock["is"]) - round(ready_ms + 1000 * clock["at"])
    stamps = [stamp for step in steps for stamp in _timestamps(step)]
    return max(stamps, default=1_700_000_000_000) + 1


def _timestamps(step: dict[str, Any]) -> Iterator[int]:
    for record in [step, *step.get("records", ())]:
        if "do" in step and "timestamp" in record:
            yield int(record["timestamp"])
