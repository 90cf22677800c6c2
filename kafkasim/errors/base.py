"""Every error of the package, of four kinds that are never mixed.

::

    KafkaSimError
    ├── ConfigError            a value that cannot be, found at the call; nothing has changed
    ├── UsageError             a call that makes no sense now or here; nothing has changed
    │   └── UnknownNameError   a name that does not exist, with the nearest ones that do
    ├── ClientKilledError      a call on a client whose program has ended, or a wait for it
    └── KafkaError             an answer of the simulated cluster, under Kafka's own name
        └── RetriableException         the same request may succeed later
            └── InvalidMetadataException   ... after the client has refreshed its metadata

The first two are about *our* arguments. A :class:`KafkaError` is a result: it is put into a response
as a class, travels to the client and is raised there, as in Kafka. Our own bugs are assertions.

Kafka: org.apache.kafka.common.protocol.Errors and org.apache.kafka.common.errors. The codes are the
protocol's; codes below -1 mark exceptions that exist only in a client and never travel.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class KafkaSimError(Exception):
    """Whatever this package raises on purpose.

    ``java_name`` is the simple name of the exception class that Kafka's Java client raises in the same
    place (None where it has none); ``cause`` is the error inside it, as in an ``ExecutionException``.
    """

    java_name: str | None = None
    cause: BaseException | None = None


class ConfigError(KafkaSimError, ValueError):
    """A value that cannot be: what it is for, what was given, what is allowed, what to do."""

    java_name = "ConfigException"

    def __init__(self, message: str, *, java_name: str | None = None, cause: BaseException | None = None) -> None:
        super().__init__(message)
        if java_name is not None:
            self.java_name = java_name
        self.cause = cause


class UsageError(KafkaSimError, RuntimeError):
    """A call that makes no sense now or here, and what to call instead."""

    java_name = "IllegalStateException"

    def __init__(self, message: str, *, java_name: str | None = None, cause: BaseException | None = None) -> None:
        super().__init__(message)
        if java_name is not None:
            self.java_name = java_name
        self.cause = cause


class UnknownNameError(UsageError, LookupError):
    """A name that does not exist here; the message lists the nearest ones."""

    java_name = "IllegalArgumentException"


class ClientKilledError(KafkaSimError, RuntimeError):
    """A call on a client that was killed, or a future that only such a client could have completed."""

    java_name = "IllegalStateException"


def unknown_name(what: str, given: object, known: Iterable[str], advice: str = "") -> UnknownNameError:
    """The error for a name that is not among ``known``: near misses first, the whole list when it is short."""
    names = sorted(known)
    near = difflib.get_close_matches(str(given), names, n=3, cutoff=0.6)
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    elif names and len(names) <= 10:
        hint = f"There is {', '.join(names)}."
    else:
        hint = f"There are {len(names)} of them." if names else "There is none yet."
    return UnknownNameError(" ".join(filter(None, [f"There is no {what} {given!r}.", hint, advice])))


class KafkaError(KafkaSimError):
    """An answer of the simulated cluster: ``code`` and ``name`` as in Kafka's protocol, ``retriable`` as in Kafka."""

    code: ClassVar[int]
    name: ClassVar[str]
    retriable: ClassVar[bool] = False
    record_errors: tuple[int, ...] = ()
    """The places of the records, within their batch, for which the whole batch was refused."""
    by_code: ClassVar[dict[int, type[KafkaError]]] = {}
    by_name: ClassVar[dict[str, type[KafkaError]]] = {}

    def __init_subclass__(cls, *, code: int | None = None, name: str | None = None, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls.java_name = cls.__name__
        if code is None or name is None:
            return
        assert name not in KafkaError.by_name, name
        cls.code, cls.name = code, name
        KafkaError.by_name[name] = cls
        if code >= -1:
            assert code not in KafkaError.by_code, code
            KafkaError.by_code[code] = cls

    def __init__(self, message: str = "", *, cause: BaseException | None = None) -> None:
        super().__init__(message or self.summary())
        self.cause = cause

    @classmethod
    def summary(cls) -> str:
        """The first sentence of the error's documentation."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class RetriableException(KafkaError):
    """The same request may succeed later."""

    retriable = True


class InvalidMetadataException(RetriableException):
    """The client's picture of the cluster is out of date: refresh it, then retry."""
