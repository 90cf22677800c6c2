"""What all parts of kafka-python's admin client share: its settings, the native client below, how errors come out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from kafkasim.client.configs import ADMIN, checked, native_settings
from kafkasim.client.errors import BY_CODE, BrokerResponseError, IllegalStateError, WrongTypeError
from kafkasim.client.futures import result
from kafkasim.config import checks
from kafkasim.errors import UnknownTopicOrPartitionException, UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.kernel import Future, Kernel

if TYPE_CHECKING:
    from kafkasim.cluster import Cluster

T = TypeVar("T")
UNKNOWN_PARTITION = BY_CODE[UnknownTopicOrPartitionException.code]


class AdminBase:
    """An administrating client; ``config`` holds its settings, ``DEFAULT_CONFIG`` their defaults."""

    DEFAULT_CONFIG: ClassVar[dict[str, Any]] = ADMIN.defaults()
    cluster: ClassVar[Cluster]
    kernel: ClassVar[Kernel]

    def __init__(self, **configs: Any) -> None:
        self.config = checked(ADMIN, configs)
        self._native = self.cluster.admin(native_settings(ADMIN, configs))
        self._closed = False

    def _open(self, timeout_ms: float | None = None) -> None:
        """Refuse calls of a client that is closed, and timeouts that cannot be."""
        if self._closed:
            raise IllegalStateError("KafkaAdminClient is closed. Make a new one.")
        self._native.host.check_alive()
        if timeout_ms is not None:
            checks.milliseconds(timeout_ms, "timeout_ms")

    def _wait(self, future: Future[T], call: str, timeout_ms: float | None = None) -> T:
        """The value of a native future; KafkaTimeoutError after ``timeout_ms``, by default request_timeout_ms."""
        return result(self.kernel, future, call, timeout_ms or self.config["request_timeout_ms"])

    def _error_of(
        self, future: Future[Any], call: str, timeout_ms: float | None = None
    ) -> BrokerResponseError | None:  # fmt: skip
        """Wait for a call; the error of the cluster, if there is one."""
        try:
            self._wait(future, call, timeout_ms)
        except BrokerResponseError as error:
            return error
        return None

    def _check_known(self, partitions: Iterable[TopicPartition], call: str) -> None:
        """kafka-python looks the leaders up first, and gives up at once when a partition is not known."""
        counts: dict[str, int] = {}
        wanted = list(partitions)
        for topic in dict.fromkeys(tp.topic for tp in wanted):
            try:
                counts[topic] = len(self._wait(self._native.describe_topic(topic), call).partitions)
            except UNKNOWN_PARTITION:
                counts[topic] = 0
        unknown = [tp for tp in wanted if tp.partition >= counts[tp.topic]]
        if unknown:
            listed = ", ".join(repr(tp) for tp in unknown)
            raise UNKNOWN_PARTITION(f"The following partitions are not known: {listed}")


def raise_first(errors: Sequence[Exception | None], raise_errors: bool) -> None:
    """The first error of several, if errors are to be raised."""
    for error in errors:
        if error is not None and raise_errors:
            raise error


def outcome(error: Exception | None) -> tuple[int, str | None]:
    """Code and message of an error as an answer carries them; 0 and None where all went well."""
    return (0, None) if error is None else (getattr(error, "errno", None) or -1, str(error.args[0]))


def several(given: object, name: str, what: str) -> list[Any]:
    """What a list, a set or another collection holds; a single text or tuple is not meant as one."""
    if isinstance(given, str | bytes | TopicPartition) or not isinstance(given, Iterable):
        raise WrongTypeError(f"{name} must be a list of {what}. Got {checks.shown(given)}.")
    return list(given)


def brokers(given: object) -> list[int] | None:
    """Broker ids, checked; None stands for all."""
    if given is None:
        return None
    return [checks.whole_number(one, "a broker id", at_least=0) for one in several(given, "broker_ids", "broker ids")]


def listed(given: object, name: str) -> list[TopicPartition]:
    """Partitions, checked."""
    found = several(given, name, "TopicPartition")
    for tp in found:
        if not isinstance(tp, TopicPartition):
            raise WrongTypeError(f"{name} must be a list of TopicPartition. Got {checks.shown(tp)} in it.")
        checks.topic_name(tp.topic)
        checks.whole_number(tp.partition, f"the partition of {name}", at_least=0)
    return found


def no_choice(name: str, value: object) -> None:
    """Refuse to ask one particular broker."""
    if value is not None:
        raise UsageError(f"{name}={value!r} is not modelled: leave it out, and the right broker is looked up.")
