"""A producer's requests to coordinators: one at a time, in Kafka's order of kinds, repeated after a back-off.

The coordinator of a transactional id or of a group is looked up when it is needed and forgotten when it is not reached
or is none any more. Kafka: TransactionManager (TxnRequestHandler, lookupCoordinator), Sender
(maybeSendAndPollTransactionalRequest).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafkasim.config import ProducerConfig
from kafkasim.core.backoff import backoff_ms
from kafkasim.errors import CoordinatorNotAvailableException, KafkaError, NotCoordinatorException, TimeoutException
from kafkasim.messages.data import Error
from kafkasim.messages.groups import FindCoordinatorRequest, FindCoordinatorResponse
from kafkasim.sim.host import Host
from kafkasim.sim.kernel import Future
from kafkasim.sim.network_client import NetworkClient

FIND_COORDINATOR, INIT_PRODUCER_ID, ADD_PARTITIONS_OR_OFFSETS, END_TXN, EPOCH_BUMP = range(5)
"""Which request goes first, as Kafka orders them."""


@dataclass(eq=False, slots=True)
class Ask:
    """One request: its place in the order, which coordinator it goes to (None: any broker), and what its answer does.

    ``answered`` gives the error for which to send it again, or None when it is done with.
    """

    priority: int
    coordinator: str | None
    request: Callable[[], Any]
    answered: Callable[[Any], Error]
    result: Future[Any]
    retries: int = 0
    backoff_ms: float | None = None

    @property
    def ends(self) -> bool:
        """Whether it must wait until every batch is answered."""
        return self.priority == END_TXN

    def fail(self, error: Exception) -> None:
        """It will never be answered as was hoped."""
        if not self.result.is_done():
            self.result.fail(error)


class CoordinatorAsks:
    """The requests that wait, and the one under way; ``on_free`` is called when the next one may go.

    ``on_error`` hears of an error in the search for a coordinator.
    """

    def __init__(
        self, host: Host, config: ProducerConfig, client: NetworkClient, on_free: Callable[[], None],
        on_error: Callable[[Ask, type[KafkaError]], Error],
    ) -> None:  # fmt: skip
        self.is_busy = False
        self.waiting: list[Ask] = []
        self.keys: dict[str, str] = {}
        self._host = host
        self._config = config
        self._client = client
        self._on_free = on_free
        self._on_error = on_error
        self._chance = host.kernel.rng(f"transaction retries/{host.name}")
        self._coordinators: dict[str, str] = {}

    def add(self, ask: Ask) -> Future[Any]:
        """One more; the future of its result."""
        self.waiting.append(ask)
        self._on_free()
        return ask.result

    def coordinate(self, kind: str, key: str) -> None:
        """The coordinator of that kind is from now on the one of ``key``, a transactional id or a group."""
        if self.keys.get(kind) != key:
            self.keys[kind] = key
            self._coordinators.pop(kind, None)

    def next(self) -> Ask | None:
        """The next one to go; it still waits."""
        return min(self.waiting, key=lambda one: one.priority) if self.waiting else None

    def send(self, ask: Ask) -> None:
        """Send one, after the search for its coordinator if need be."""
        if ask.coordinator is not None and ask.coordinator not in self._coordinators:
            self.waiting.append(ask)
            ask = self._find(ask.coordinator)
        server = self._client.least_loaded() if ask.coordinator is None else self._coordinators[ask.coordinator]
        self.is_busy = True

        def take(response: Any, lost: Error) -> None:
            again = lost if response is None else ask.answered(response)
            if ask.coordinator is not None and (again is lost or _is_elsewhere(again)):
                self._coordinators.pop(ask.coordinator, None)
            if again is None:
                self._free()
            else:
                self.waiting.append(ask)
                ask.retries += 1
                self._host.after_ms(self._backoff_ms(ask), self._free)

        self._client.channel(server).send(ask.request(), take)

    def _find(self, kind: str) -> Ask:
        """Kafka: FindCoordinatorHandler."""

        def answered(response: FindCoordinatorResponse) -> Error:
            if response.error is not None:
                return self._on_error(ask, response.error)
            self._coordinators[kind] = response.host
            ask.result.succeed()
            return None

        ask = Ask(
            FIND_COORDINATOR, None, lambda: FindCoordinatorRequest(self.keys[kind], key_type=kind), answered,
            Future(self._host.kernel, "FindCoordinator"),
        )  # fmt: skip
        return ask

    def _backoff_ms(self, ask: Ask) -> float:
        if ask.backoff_ms is not None:
            return ask.backoff_ms
        config = self._config
        return backoff_ms(ask.retries - 1, config.retry_backoff_ms, config.retry_backoff_max_ms, self._chance)

    def _free(self) -> None:
        self.is_busy = False
        self._on_free()


def _is_elsewhere(error: Error) -> bool:
    return error is not None and issubclass(
        error, NotCoordinatorException | CoordinatorNotAvailableException | TimeoutException
    )
