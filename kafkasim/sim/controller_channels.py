"""The controller's lines to the brokers: a queue each, one request in flight, repeated until it is answered.

Different brokers progress independently, so for a while their pictures of the cluster differ.
Kafka: ControllerChannelManager, RequestSendThread, ControllerBrokerRequestBatch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from kafkasim.core.metadata import Metadata
from kafkasim.errors import KafkaError
from kafkasim.messages.control import LeaderAndIsrRequest, UpdateMetadataRequest
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Channel
from kafkasim.sim.host import Host

RETRY_MS = 100


class ControllerChannel:
    """The line to one broker."""

    def __init__(self, host: Host, server: str, timeout_ms: int) -> None:
        self._channel = Channel(
            host, server, request_timeout_ms=None, silence_timeout_ms=timeout_ms, reconnect_backoff_ms=RETRY_MS
        )
        self._host = host
        self._queue: deque[LeaderAndIsrRequest | UpdateMetadataRequest] = deque()
        self._busy = False

    def send(self, request: LeaderAndIsrRequest | UpdateMetadataRequest) -> None:
        """Send after everything that was sent before."""
        self._queue.append(request)
        if not self._busy:
            self._next()

    def close(self) -> None:
        """The broker is gone; what it has not received it need not know."""
        self._queue.clear()
        self._channel.close()

    def _next(self) -> None:
        self._busy = bool(self._queue)
        if self._queue:
            self._channel.send(self._queue[0], self._answered)

    def _answered(self, response: object, error: type[KafkaError] | None) -> None:
        if error is not None:
            self._host.after_ms(RETRY_MS, self._next)
            return
        if self._queue:
            self._queue.popleft()
        self._next()


class ControllerChannels:
    """The lines to all live brokers, and what goes over them in one batch."""

    def __init__(
        self, host: Host, broker: int, metadata: Metadata, broker_epochs: dict[int, int], *, timeout_ms: int
    ) -> None:
        self._host = host
        self._timeout_ms = timeout_ms
        self._broker = broker
        self._metadata = metadata
        self._broker_epochs = broker_epochs
        self._channels: dict[int, ControllerChannel] = {}

    def open(self, broker: int, server: str) -> None:
        """A broker has come."""
        self._channels[broker] = ControllerChannel(self._host, server, self._timeout_ms)

    def close(self, broker: int) -> None:
        """A broker has gone."""
        channel = self._channels.pop(broker, None)
        if channel is not None:
            channel.close()

    def close_all(self) -> None:
        """This broker is the controller no longer."""
        for broker in list(self._channels):
            self.close(broker)

    def tell(
        self, controller_epoch: int, changed: Iterable[TopicPartition], *, leader_and_isr: bool = True,
        only_to: Iterable[int] | None = None, new: bool = False,
    ) -> None:  # fmt: skip
        """Send the present state of partitions: LeaderAndIsr to their replicas, then UpdateMetadata to every broker.

        ``only_to`` limits LeaderAndIsr to these brokers; ``new`` marks partitions that never were online before.
        """
        metadata = self._metadata
        partitions = list(changed)
        if leader_and_isr:
            targets = None if only_to is None else set(only_to)
            for broker, channel in sorted(self._channels.items()):
                mine = {
                    tp: metadata.partitions[tp]
                    for tp in partitions
                    if broker in metadata.partitions[tp].replicas and (targets is None or broker in targets)
                }
                if mine:
                    leaders = {state.leader for state in mine.values()}
                    live = {one: host for one, host in metadata.brokers.items() if one in leaders}
                    channel.send(
                        LeaderAndIsrRequest(
                            self._broker, controller_epoch, self._broker_epochs[broker], mine, live, is_new=new
                        )
                    )
        self.update_metadata(controller_epoch, partitions, self._channels)

    def update_metadata(self, controller_epoch: int, partitions: Iterable[TopicPartition], to: Iterable[int]) -> None:
        """Send the list of live brokers and the state of some partitions."""
        metadata = self._metadata
        states = {tp: metadata.partitions[tp] for tp in partitions}
        configs = {tp.topic: metadata.topic_configs.get(tp.topic, {}) for tp in states}
        for broker in sorted(to):
            self._channels[broker].send(
                UpdateMetadataRequest(
                    self._broker, controller_epoch, self._broker_epochs[broker], dict(metadata.brokers), states, configs
                )
            )
