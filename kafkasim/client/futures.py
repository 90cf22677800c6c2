"""Waiting, as kafka-python waits: a call blocks, and meanwhile simulated time passes.

kafka-python's futures say whether they are done in attributes and hand their value to callbacks; errors of a callback
are logged and stop nothing. Left out: chaining and completing a future by hand.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from kafkasim.client.errors import KafkaTimeoutError, RetriableError, translated
from kafkasim.config import checks
from kafkasim.errors import UsageError
from kafkasim.records import TopicPartition
from kafkasim.sim.kernel import Future as NativeFuture
from kafkasim.sim.kernel import Kernel

T = TypeVar("T")

log = logging.getLogger(__name__)


class RecordMetadata(NamedTuple):
    """Where a record went. ``offset`` is -1 with acks=0, ``timestamp`` in ms; ``checksum`` is always None."""

    topic: str
    partition: int
    topic_partition: TopicPartition
    offset: int
    timestamp: int
    checksum: None
    serialized_key_size: int
    serialized_value_size: int
    serialized_header_size: int


def finished(kernel: Kernel, future: NativeFuture[Any], call: str, timeout_ms: float | None = None) -> bool:
    """Let time pass until a future is done and all its callbacks have run; False when ``timeout_ms`` is over first."""
    over: NativeFuture[None] = NativeFuture(kernel, call, None if future.is_done() else future.owner)

    def finish(*_: object) -> None:
        if not over.is_done():
            over.succeed()

    future.then(finish)
    if over.is_done():
        return True
    if kernel.is_running:
        raise UsageError(
            f"{call} waits, and nothing inside a @cluster.process or a callback may. Use the native clients there"
            " (cluster.producer(), cluster.consumer(), cluster.admin()) and yield their futures."
        )
    timer = None if timeout_ms is None else kernel.after_ms(timeout_ms, finish)
    kernel.run_until_done(over)
    if timer is not None:
        timer.cancel()
    return future.is_done()


def result(kernel: Kernel, future: NativeFuture[T], call: str, timeout_ms: float | None = None) -> T:
    """The value of a future, waited for; kafka-python's error if it fails, KafkaTimeoutError when time is over."""
    if not finished(kernel, future, call, timeout_ms):
        raise KafkaTimeoutError(f"{call} was not done after {timeout_ms:g} ms.")
    if future.error is not None:
        raise translated(future.error) from future.error
    return future.result()


def milliseconds(timeout: object, name: str = "timeout") -> float | None:
    """A timeout in seconds as milliseconds; None and infinity mean to wait for ever."""
    if timeout is None or timeout == float("inf"):
        return None
    return checks.milliseconds(timeout, name) * 1000


class Future:
    """kafka-python's future over a native one; ``convert`` makes its value. Nothing listens before a callback does."""

    def __init__(
        self, kernel: Kernel, native: NativeFuture[Any], call: str, convert: Callable[[Any], Any] = lambda value: value
    ) -> None:
        self._kernel, self._native, self._call, self._convert = kernel, native, call, convert
        self._callbacks: list[Callable[[Any], object]] = []
        self._errbacks: list[Callable[[Any], object]] = []
        self._outcome: tuple[Any, BaseException | None] | None = None
        self._is_listening = False

    @property
    def is_done(self) -> bool:
        """Whether there is a value or an error, and all callbacks have heard of it."""
        return self._native.is_done() and not self._is_listening

    @property
    def value(self) -> Any:
        """What the call gave; None before that, and on failure."""
        return self._settled()[0]

    @property
    def exception(self) -> BaseException | None:
        """Why it failed, if it did."""
        return self._settled()[1]

    def _settled(self) -> tuple[Any, BaseException | None]:
        native = self._native
        if self._outcome is None and native.is_done():
            error = native.error
            self._outcome = (self._convert(native.result()), None) if error is None else (None, translated(error))
        return self._outcome or (None, None)

    def _tell_all(self, native: NativeFuture[Any]) -> None:
        self._is_listening = False
        for function in self._callbacks if self.exception is None else self._errbacks:
            self._tell(function)
        self._callbacks, self._errbacks = [], []

    def _tell(self, function: Callable[[Any], object]) -> None:
        try:
            function(self.value if self.exception is None else self.exception)
        except Exception:
            log.exception("A callback of %s failed; nothing else is stopped by that.", self._call)

    def succeeded(self) -> bool:
        """Whether there is a value."""
        return self.is_done and self.exception is None

    def failed(self) -> bool:
        """Whether there is an error."""
        return self.is_done and self.exception is not None

    def retriable(self) -> bool:
        """Whether it failed with an error after which the same call may succeed."""
        return self.is_done and isinstance(self.exception, RetriableError)

    def add_callback(self, f: Callable[..., object], *args: Any, **kwargs: Any) -> Future:
        """Call ``f(*args, value, **kwargs)`` on success, at once if it has come already."""
        return self._add(self._callbacks, self.succeeded(), f, args, kwargs)

    def add_errback(self, f: Callable[..., object], *args: Any, **kwargs: Any) -> Future:
        """Call ``f(*args, exception, **kwargs)`` on failure, at once if it has come already."""
        return self._add(self._errbacks, self.failed(), f, args, kwargs)

    def add_both(self, f: Callable[..., object], *args: Any, **kwargs: Any) -> Future:
        """Call ``f`` either way, with the value or the exception."""
        self.add_callback(f, *args, **kwargs)
        self.add_errback(f, *args, **kwargs)
        return self

    def _add(
        self, functions: list[Callable[[Any], object]], is_now: bool, f: Callable[..., object], args: Any, kwargs: Any
    ) -> Future:
        function = functools.partial(f, *args, **kwargs)
        if is_now:
            self._tell(function)
        elif not self.is_done:
            functions.append(function)
            if not self._is_listening:
                self._is_listening = True
                self._native.then(self._tell_all)
        return self


class FutureRecordMetadata(Future):
    """What send() returns: the way to know where a record went."""

    def get(self, timeout: float | None = None) -> RecordMetadata:
        """Let time pass until the record is answered: its RecordMetadata, or its error is raised.

        Waits at most ``timeout`` seconds, then KafkaTimeoutError: the record may still arrive.
        """
        timeout_ms = milliseconds(timeout)
        if not self.is_done and not finished(self._kernel, self._native, self._call, timeout_ms):
            raise KafkaTimeoutError(f"Timeout after waiting for {timeout} secs.")
        if self.exception is not None:
            raise self.exception
        assert isinstance(self.value, RecordMetadata)
        return self.value
