"""What producer, consumer and admin share: lines to the brokers, and the client's own picture of the cluster.

A client knows some addresses at first. Any broker that answers tells it the whole cluster; from then on it talks to
each leader directly, and asks again whenever an answer shows that its picture is out of date.
Kafka: NetworkClient, Metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from kafkasim.config.client import ClientConfig
from kafkasim.core.backoff import backoff_ms
from kafkasim.errors import InvalidTopicException, KafkaError, TimeoutException
from kafkasim.messages.data import MetadataRequest, MetadataResponse, PartitionMetadata
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Answer, Channel
from kafkasim.sim.host import Host
from kafkasim.sim.waiting import Waiting
from kafkasim.trace.facts import MetadataLearned


class NetworkClient:
    """One client's connections and metadata.

    A request is given up ``late_ms`` after request.timeout.ms. ``topics`` maps the topics that the client has asked
    about to their error or partitions; ``on_update`` is called after each new picture. With a pattern
    (:meth:`want_all`) it asks about all topics and keeps those that match. A consumer without a group has no thread of
    heartbeats and ``hears_only_in`` its calls: what has come between them is noticed in the next one.
    """

    def __init__(
        self, host: Host, bootstrap: Sequence[str], config: ClientConfig, *, auto_create: bool,
        on_update: Callable[[], None], late_ms: int = 0, hears_only_in: Waiting | None = None,
    ) -> None:  # fmt: skip
        self.host = host
        self.nodes: dict[int, str] = {}
        self.controller_id = -1
        self.topics: dict[str, tuple[type[KafkaError] | None, tuple[PartitionMetadata, ...]]] = {}
        self.brokers_known = False
        self.pictures = 0
        self._bootstrap = tuple(bootstrap)
        self._config = config
        self._request_timeout_ms = config.request_timeout_ms + late_ms
        self._max_age_us = config.metadata_max_age_ms * 1000
        self._auto_create = auto_create
        self._on_update = on_update
        self._wanted: dict[str, None] = {}
        self._pattern: Callable[[str], object] | None = None
        self.all_known = False
        self._channels: dict[str, Channel] = {}
        self._first_channels: list[Channel] = []
        self._chance = host.kernel.rng(f"least loaded/{host.name}")
        self._asking = False
        self._again = False
        self._fruitless = 0
        self._updated_at_us = 0
        self._unanswered = False
        self._owed = False
        self.more_lines: dict[str, list[Channel]] = {}
        """What else this client has to do with brokers: a consumer's fetches have lines of their own."""
        self._hears_only_in = hears_only_in
        if hears_only_in is not None:
            hears_only_in.on_call = self._catch_up

    # --- lines to brokers ----------------------------------------------------------------------------------

    def channel(self, server: str) -> Channel:
        """The line to a machine."""
        if server not in self._channels:
            self._channels[server] = Channel(
                self.host, server, request_timeout_ms=self._request_timeout_ms,
                reconnect_backoff_ms=self._config.reconnect_backoff_ms,
                reconnect_backoff_max_ms=self._config.reconnect_backoff_max_ms, on_failure=self._line_lost,
            )  # fmt: skip
        return self._channels[server]

    def send(self, node: int, request: Any, answer: Answer) -> None:
        """Send a request to a broker."""
        self.channel(self.nodes[node]).send(request, answer)

    def _line_lost(self) -> None:
        """A broker does not answer: perhaps another leads now. Kafka: NetworkClient.processDisconnection."""
        if self.brokers_known:
            self.refresh_in_use()

    def least_loaded(self) -> str:
        """The machine to ask when any will do. Kafka: NetworkClient.leastLoadedNode."""
        servers = list(self.nodes.values()) or list(self._bootstrap)
        start = self._chance.randrange(len(servers))
        order = servers[start:] + servers[:start]
        lines = {server: [self.channel(server), *self.more_lines.get(server, ())] for server in order}
        ready = [server for server in order if any(line.is_ready for line in lines[server])]
        if ready:
            return min(ready, key=lambda server: sum(line.in_flight for line in lines[server]))
        return min(order, key=lambda server: self.channel(server).last_tried_us)

    def close(self) -> None:
        """Hang up everywhere."""
        for channel in (*self._first_channels, *self._channels.values()):
            channel.close()

    # --- the picture of the cluster ----------------------------------------------------------------------------

    def leader(self, tp: TopicPartition) -> int | None:
        """The leader of a partition as known here; None when there is none or nothing is known."""
        _, partitions = self.topics.get(tp.topic, (None, ()))
        if tp.partition >= len(partitions):
            return None
        leader = partitions[tp.partition].leader
        return leader if leader in self.nodes else None

    def leader_epoch(self, tp: TopicPartition) -> int:
        """The leader epoch of a partition as known here; -1 when nothing is known."""
        _, partitions = self.topics.get(tp.topic, (None, ()))
        return partitions[tp.partition].leader_epoch if tp.partition < len(partitions) else -1

    def learn_leader(self, tp: TopicPartition, leader: int, epoch: int) -> int | None:
        """An error answer has named the leader of an epoch (KIP-951); gives the leader as it is known now."""
        error, known = self.topics.get(tp.topic, (None, ()))
        if tp.partition < len(known) and known[tp.partition].leader_epoch < epoch and leader in self.nodes:
            changed = replace(known[tp.partition], error=None, leader=leader, leader_epoch=epoch)
            self.topics[tp.topic] = (error, (*known[: tp.partition], changed, *known[tp.partition + 1 :]))
            self.pictures += 1
            self.host.kernel.journal.because(MetadataLearned(self.host.name, self._leaders()))
        return self.leader(tp)

    def unknown_topic(self, topic: str, block_ms: int | None = None) -> TimeoutException:
        """The error of who waits for a topic in vain; the cause is what brokers said of it, if they said anything.

        Kafka: KafkaProducer.waitOnMetadata.
        """
        after = "" if block_ms is None else f" after {block_ms} ms"
        error, _ = self.topics.get(topic, (None, ()))
        cause = None if error is None else error()
        return TimeoutException(f"Topic {topic} not present in metadata{after}.", cause=cause)

    def want(self, *topics: str) -> None:
        """Keep these topics in the picture; ask at once about new ones, and when the picture is too old."""
        new = [topic for topic in topics if topic not in self._wanted]
        self._wanted.update(dict.fromkeys(new))
        too_old = self.host.kernel.now_us - self._updated_at_us > self._max_age_us
        if new or too_old or not self.brokers_known:
            self.refresh()

    def want_all(self, pattern: Callable[[str], object] | None) -> None:
        """Keep all topics in the picture that match, or with None only those that are wanted by name.

        ``all_known`` tells whether an answer about all topics has come since.
        """
        self._pattern, self.all_known = pattern, False
        if pattern is not None:
            self.refresh()

    @property
    def expires_us(self) -> int:
        """When the picture is too old, and :meth:`want` asks for a new one."""
        return self._updated_at_us + self._max_age_us + 1

    @property
    def is_outdated(self) -> bool:
        """Whether the picture is older than metadata.max.age.ms while brokers answer: a new one comes at once.

        Kafka's sender thread asks for a new picture whenever the old one has expired, with or without records to send.
        Here it is asked for when somebody wants to look at it. Kafka: NetworkClient.DefaultMetadataUpdater.
        """
        return not self._unanswered and self.host.kernel.now_us > self._updated_at_us + self._max_age_us

    def refuse_impossible(self, topics: Iterable[str]) -> None:
        """Raise what the brokers have said of names that no topic can have. Kafka: Metadata.maybeThrowAnyException."""
        bad = [topic for topic in topics if self.topics.get(topic, (None,))[0] is InvalidTopicException]
        if bad:
            raise InvalidTopicException(f"Invalid topics: {bad}.")

    def forget(self, topic: str) -> None:
        """Ask about a topic no longer."""
        self._wanted.pop(topic, None)
        self.topics.pop(topic, None)
        self.pictures += 1

    def refresh(self) -> None:
        """The picture is out of date: ask again, not more often than the back-off allows."""
        if self._asking:
            self._again = True
            return
        self._asking = True
        delay_ms = 0
        if self._fruitless:
            initial_ms, max_ms = self._config.retry_backoff_ms, self._config.retry_backoff_max_ms
            delay_ms = backoff_ms(self._fruitless - 1, initial_ms, max_ms, self._chance)
        self.host.after_ms(delay_ms, self._ask)

    def refresh_in_use(self) -> None:
        """Ask again because of an error, in the next call when this client does nothing outside of its calls."""
        if self._hears_only_in is not None and not self._hears_only_in.is_busy:
            self._owed = True
        else:
            self.refresh()

    def _catch_up(self) -> None:
        if self._owed:
            self._owed = False
            self.refresh()

    def _ask(self) -> None:
        self._again = False
        about_all = self._pattern is not None
        request = MetadataRequest(None if about_all else tuple(self._wanted), self._auto_create)
        self.channel(self.least_loaded()).send(request, partial(self._answered, about_all))

    def _answered(
        self, about_all: bool, response: MetadataResponse | None, error: type[KafkaError] | None
    ) -> None:  # fmt: skip
        self._asking = False
        self._unanswered = response is None
        if response is None:
            self._fruitless += 1
            self.refresh_in_use()
            return
        before = self._leaders()
        self.pictures += 1
        if response.brokers:
            if not self.brokers_known:
                self._leave_first_channels()
            self.nodes = dict(response.brokers)
            self.brokers_known = True
        self.controller_id = response.controller_id
        told = response.topics
        if about_all and self._pattern is not None:
            told = {topic: one for topic, one in told.items() if topic in self._wanted or self._pattern(topic)}
            self.topics = {topic: one for topic, one in self.topics.items() if topic in told}
            self.all_known = True
        for topic, (problem, partitions) in told.items():
            known = self.topics.get(topic, (None, ()))[1]
            self.topics[topic] = (problem, self._newer(known, partitions))
        self._updated_at_us = self.host.kernel.now_us
        leaders = self._leaders()
        if leaders != before:
            self._fruitless = 0
            self.host.kernel.journal.because(MetadataLearned(self.host.name, leaders))
        else:
            self._fruitless += 1
        self._on_update()
        missing = any(
            problem is not None or any(part.error is not None for part in partitions)
            for problem, partitions in self.topics.values()
        )
        if self._again or missing:
            self.refresh()

    def _leave_first_channels(self) -> None:
        """A bootstrap address is no broker yet: the brokers that it tells of get connections of their own.

        So a client is ready to ask only those brokers that it has had to do with. Kafka: Cluster.bootstrap, whose nodes
        have ids of their own, below zero.
        """
        self._first_channels = list(self._channels.values())
        self._channels = {}

    @staticmethod
    def _newer(
        known: tuple[PartitionMetadata, ...], told: tuple[PartitionMetadata, ...]
    ) -> tuple[PartitionMetadata, ...]:
        """An answer with an older leader epoch than one seen before is not believed."""
        return tuple(
            known[number] if number < len(known) and known[number].leader_epoch > part.leader_epoch else part
            for number, part in enumerate(told)
        )

    def _leaders(self) -> tuple[str, ...]:
        return tuple(
            f"{topic}-{number} on {part.leader}"
            for topic, (_, partitions) in self.topics.items()
            for number, part in enumerate(partitions)
        )
