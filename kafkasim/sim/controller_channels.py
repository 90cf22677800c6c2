"""The controller's lines to the brokers: a queue each, one request in flight, repeated until it is answered.

Different brokers progress independently, so for a while their pictures of the cluster differ. What one decision has to
say goes out in one batch: LeaderAndIsr, then UpdateMetadata, then StopReplica.
Kafka: ControllerChannelManager, RequestSendThread, ControllerBrokerRequestBatch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from kafkasim.core.controller_context import ControllerContext
from kafkasim.errors import KafkaError
from kafkasim.messages.control import (
    EPOCH_DURING_DELETE,
    LEADER_DURING_DELETE,
    LeaderAndIsrRequest,
    PartitionState,
    StopReplica,
    StopReplicaRequest,
    UpdateMetadataRequest,
)
from kafkasim.records import TopicPartition
from kafkasim.sim.channel import Channel
from kafkasim.sim.host import Host

RETRY_MS = 100

Request = LeaderAndIsrRequest | UpdateMetadataRequest | StopReplicaRequest
OnAnswer = Callable[[int, Request, Any], None]
"""Takes the broker, the request and its response."""


class ControllerChannel:
    """The line to one broker."""

    def __init__(self, host: Host, broker: int, server: str, on_answer: OnAnswer, timeout_ms: int) -> None:
        self._channel = Channel(
            host, server, request_timeout_ms=None, silence_timeout_ms=timeout_ms, reconnect_backoff_ms=RETRY_MS
        )
        self._host = host
        self._broker = broker
        self._on_answer = on_answer
        self._queue: deque[Request] = deque()
        self._busy = False

    def send(self, request: Request) -> None:
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

    def _answered(self, response: Any, error: type[KafkaError] | None) -> None:
        if error is not None:
            self._host.after_ms(RETRY_MS, self._next)
            return
        if self._queue:
            self._on_answer(self._broker, self._queue.popleft(), response)
        self._next()


class ControllerChannels:
    """The lines to all live brokers."""

    def __init__(
        self, host: Host, broker: int, context: ControllerContext, on_answer: OnAnswer, *, timeout_ms: int
    ) -> None:
        self._host = host
        self._timeout_ms = timeout_ms
        self._on_answer = on_answer
        self.broker = broker
        self.context = context
        self.lines: dict[int, ControllerChannel] = {}

    def open(self, broker: int, server: str) -> None:
        """A broker has come."""
        self.lines[broker] = ControllerChannel(self._host, broker, server, self._on_answer, self._timeout_ms)

    def close(self, broker: int) -> None:
        """A broker has gone."""
        channel = self.lines.pop(broker, None)
        if channel is not None:
            channel.close()

    def close_all(self) -> None:
        """This broker is the controller no longer."""
        for broker in list(self.lines):
            self.close(broker)


class Batch:
    """What one decision has to say to the brokers, gathered first and sent at once; later words replace earlier."""

    def __init__(self, channels: ControllerChannels, controller_epoch: int) -> None:
        self._channels = channels
        self._epoch = controller_epoch
        self._roles: dict[int, dict[TopicPartition, None]] = {}
        self._metadata: dict[int, dict[TopicPartition, None]] = {}
        self._stops: dict[int, dict[TopicPartition, bool]] = {}

    def leader_and_isr(self, brokers: Iterable[int], tp: TopicPartition) -> None:
        """Tell these brokers the role that they have, and everybody the state of the partition."""
        for broker in brokers:
            if broker in self._channels.lines:
                self._roles.setdefault(broker, {})[tp] = None
        self.update_metadata(self._channels.lines, (tp,))

    def update_metadata(self, brokers: Iterable[int], partitions: Iterable[TopicPartition]) -> None:
        """Tell these brokers who is live, and the state of some partitions."""
        which = list(partitions)
        for broker in brokers:
            if broker in self._channels.lines:
                self._metadata.setdefault(broker, {}).update(dict.fromkeys(which))

    def stop_replica(self, broker: int, tp: TopicPartition, *, delete: bool) -> None:
        """Tell a broker to fetch a partition no more, and perhaps to delete it."""
        if broker in self._channels.lines:
            stops = self._stops.setdefault(broker, {})
            stops[tp] = delete or stops.get(tp, False)

    def send(self) -> None:
        """Queue it all."""
        context, me = self._channels.context, self._channels.broker
        live = dict(context.brokers)
        states: dict[TopicPartition, PartitionState] = {}
        for broker, roles in sorted(self._roles.items()):
            mine = {tp: context.partitions[tp] for tp in roles}
            leaders = {state.leader for state in mine.values()}
            hosts = {one: host for one, host in live.items() if one in leaders}
            self._to(broker, LeaderAndIsrRequest(me, self._epoch, context.broker_epochs[broker], mine, hosts))
        for broker, which in sorted(self._metadata.items()):
            for tp in which:
                if tp not in states and tp in context.partitions:
                    states[tp] = self._announced(tp)
            told = {tp: states[tp] for tp in which if tp in states}
            configs = {tp.topic: context.topic_configs.get(tp.topic, {}) for tp in told}
            epoch = context.broker_epochs[broker]
            self._to(broker, UpdateMetadataRequest(me, self._epoch, epoch, live, told, configs, context.racks))
        for broker, stops in sorted(self._stops.items()):
            orders = {tp: StopReplica(self._stop_epoch(tp), delete) for tp, delete in stops.items()}
            self._to(broker, StopReplicaRequest(me, self._epoch, context.broker_epochs[broker], orders))

    def _announced(self, tp: TopicPartition) -> PartitionState:
        context = self._channels.context
        state = context.partitions[tp]
        return replace(state, leader=LEADER_DURING_DELETE) if tp.topic in context.deleting else state

    def _stop_epoch(self, tp: TopicPartition) -> int:
        context = self._channels.context
        if tp.topic in context.deleting or tp not in context.partitions:
            return EPOCH_DURING_DELETE
        return context.partitions[tp].leader_epoch

    def _to(self, broker: int, request: Request) -> None:
        self._channels.lines[broker].send(request)
