"""Producer ids: blocks of 1000 that the controller gives out, each noted in ZooKeeper before anybody uses it.

Kafka: RPCProducerIdManager (a broker's side), ZkProducerIdManager (the controller's).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from kafkasim.core import znode_payloads as znodes
from kafkasim.core.zk_errors import BadVersionError
from kafkasim.errors import KafkaError, NotControllerException, StaleBrokerEpochException
from kafkasim.messages.control import AllocateProducerIdsRequest, AllocateProducerIdsResponse
from kafkasim.sim.channel import Channel
from kafkasim.sim.network import Reply

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker
    from kafkasim.sim.controller import Controller

PREFETCH_AT = znodes.PRODUCER_ID_BLOCK // 10
"""With so few ids left the next block is asked for."""
RETRY_MS = 50


class ProducerIds:
    """The ids that one broker has in hand."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._ids: deque[int] = deque()
        self._asking = False

    def take(self) -> int | None:
        """The next id; None while there is none, and a block has been asked for."""
        if len(self._ids) <= PREFETCH_AT:
            self._ask()
        return self._ids.popleft() if self._ids else None

    def _ask(self) -> None:
        if self._asking:
            return
        self._asking = True
        broker = self._broker
        controller = broker.metadata.brokers.get(broker.metadata.controller_id)
        if controller is None:
            broker.after_ms(RETRY_MS, self._again)
            return
        channel = Channel(broker, controller, request_timeout_ms=broker.config.request_timeout_ms)

        def answered(response: AllocateProducerIdsResponse | None, error: type[KafkaError] | None) -> None:
            channel.close()
            if response is None or response.error is not None:
                broker.after_ms(RETRY_MS, self._again)
                return
            self._asking = False
            self._ids.extend(range(response.start, response.start + response.count))

        channel.send(AllocateProducerIdsRequest(broker.broker_id, broker.broker_epoch), answered)

    def _again(self) -> None:
        self._asking = False
        if len(self._ids) <= PREFETCH_AT:
            self._ask()


class ProducerIdBlocks:
    """The active controller gives blocks out."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def handle(self, request: AllocateProducerIdsRequest, reply: Reply) -> None:
        """The next block of 1000 ids for a broker."""
        refused = AllocateProducerIdsResponse(NotControllerException)
        self._controller.ask(lambda: self._allocate(request, reply), lambda: reply(refused))

    def _allocate(self, request: AllocateProducerIdsRequest, reply: Reply) -> Generator[Any, Any, None]:
        controller = self._controller
        if controller.context.broker_epochs.get(request.broker_id) != request.broker_epoch:
            reply(AllocateProducerIdsResponse(StaleBrokerEpochException))
            return
        while True:
            data, stat = yield controller.zookeeper.get(znodes.PRODUCER_IDS)
            start = int(znodes.decode(data)["block_end"]) + 1 if data else 0
            payload = znodes.producer_id_block_payload(request.broker_id, start)
            try:
                yield controller.zookeeper.set(znodes.PRODUCER_IDS, payload, stat.version)
            except BadVersionError:
                continue
            reply(AllocateProducerIdsResponse(None, start, znodes.PRODUCER_ID_BLOCK))
            return
