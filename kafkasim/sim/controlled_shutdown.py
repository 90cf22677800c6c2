"""A broker stops in good order: the controller first gives what it leads to others and takes it out of every ISR.

Kafka: KafkaServer.controlledShutdown, KafkaController.doControlledShutdown.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from kafkasim.core import znode_payloads as znodes
from kafkasim.core.zk_errors import NoNodeError
from kafkasim.errors import BrokerNotAvailableException, KafkaError, NotControllerException, StaleBrokerEpochException
from kafkasim.messages.control import ControlledShutdownRequest, ControlledShutdownResponse
from kafkasim.sim.channel import Channel
from kafkasim.sim.network import Reply

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker
    from kafkasim.sim.controller import Controller

Steps = Generator[Any, Any, None]


def leave_leaderships(broker: Broker) -> Steps:
    """Ask the controller to take over, controlled.shutdown.max.retries times; then the broker goes anyway."""
    config = broker.config
    if not config.controlled_shutdown_enable:
        return
    for left in reversed(range(config.controlled_shutdown_max_retries)):
        try:
            data, _ = yield broker.zookeeper.get(znodes.CONTROLLER)
            data, _ = yield broker.zookeeper.get(znodes.broker_path(znodes.decode(data)["brokerid"]))
        except NoNodeError:
            pass
        else:
            response = yield from _ask(broker, znodes.decode(data)["host"])
            if response is not None and response.error is None and not response.remaining:
                return
        if left:
            yield broker.sleep_ms(config.controlled_shutdown_retry_backoff_ms)


def _ask(broker: Broker, controller: str) -> Generator[Any, Any, ControlledShutdownResponse | None]:
    channel = Channel(broker, controller, request_timeout_ms=broker.config.controller_socket_timeout_ms)
    answer = broker.kernel.future("the answer to ControlledShutdown")

    def answered(response: ControlledShutdownResponse | None, error: type[KafkaError] | None) -> None:
        answer.succeed(response)

    channel.send(ControlledShutdownRequest(broker.broker_id, broker.broker_epoch), answered)
    response = yield answer
    channel.close()
    return response  # type: ignore[no-any-return]


class ControlledShutdown:
    """The controller's side."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def handle(self, request: ControlledShutdownRequest, reply: Reply) -> None:
        """Give the broker's leaderships away."""
        refused = ControlledShutdownResponse(NotControllerException)
        self._controller.ask(lambda: self._shut_down(request, reply), lambda: reply(refused))

    def _shut_down(self, request: ControlledShutdownRequest, reply: Reply) -> Steps:
        controller, context, broker = self._controller, self._controller.context, request.broker_id
        if broker not in context.broker_epochs:
            reply(ControlledShutdownResponse(BrokerNotAvailableException))  # it stops before it was registered
            return
        if context.broker_epochs[broker] != request.broker_epoch:
            reply(ControlledShutdownResponse(StaleBrokerEpochException))
            return
        context.shutting_down[broker] = None
        shared = [
            tp
            for tp in context.replicas_on(broker)
            if len(context.assignments[tp].replicas) > 1
            and tp in context.partitions
            and tp.topic not in context.deleting
        ]
        led = [tp for tp in shared if context.is_led_by(broker, tp)]
        followed = [tp for tp in shared if not context.is_led_by(broker, tp)]
        yield from controller.partitions.elect(led, controller.partitions.shutting_down)
        reason = "broker-{broker} is shutting down"
        yield from controller.replicas.offline({broker: followed}, reason, "controlled.shutdown.enable=true")
        remaining = tuple(tp for tp in shared if context.is_led_by(broker, tp))
        reply(ControlledShutdownResponse(None, remaining))
