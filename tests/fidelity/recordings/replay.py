"""Walks through the steps of a recording: act, look, wait, compare; the first difference ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import kafkasim as ks
from tests.fidelity.recordings import (
    admin,
    cluster_sights,
    consumer_sights,
    consumers,
    group_sights,
    log_sights,
    machines,
    partition_sights,
    producers,
    transactions,
)
from tests.fidelity.recordings.catalogue import SIGHTS, VERBS, Step
from tests.fidelity.recordings.comparing import Renaming, by_partition, by_producer, difference, shortened
from tests.fidelity.recordings.reader import remember_member_ids
from tests.fidelity.recordings.stage import AS_EVER, Conditions, NoReplicaError, Stage, TooLongError
from tests.fidelity.recordings.timing import (
    BEGIN_AT_THE_END,
    WAITED_IN_VAIN,
    WAITING_SIGHTS,
    early_ms,
    late_ms,
    poll_ms,
)

AREAS = (
    admin,
    cluster_sights,
    consumer_sights,
    consumers,
    group_sights,
    log_sights,
    machines,
    partition_sights,
    producers,
    transactions,
)
"""The files that hold verbs and sights."""
UNORDERED = ("poll", "poll_until", "poll_until_assigned", "received")
"""Verbs and sights that give records of several partitions, interleaved by chance."""
SOON_MS, LOOKS = 300, 3
"""How long a look may take that is no waiting, and how often it is tried before it may take as long as it likes."""
LOOK_MS = 1500
"""How long one look of an ``until`` may take before it is given up and tried again."""

Say = Callable[[str], object]


def names_used(recording: dict[str, Any]) -> Iterator[str]:
    """Every verb, observation and setting that a recording needs, in its order."""
    yield from recording["cluster"].get("broker_config", ())
    for step in recording["steps"]:
        yield from (step[kind] for kind in ("do", "see", "until") if kind in step)
        yield from step.get("config", ())


def replay(recording: dict[str, Any], say: Say = lambda line: None, under: Conditions = AS_EVER) -> str | None:
    """Replay a recording; what differs first, with its step and the simulated time, or None."""
    for number, step in enumerate(recording["steps"]):
        name = _name(step)
        if name and name not in (VERBS if "do" in step else SIGHTS):
            return f"step {number} {_shown(step)}: no such verb or observation is known: {name}"
    performance = Performance(recording, say, under)
    for number, step in enumerate(recording["steps"]):
        problem = performance.take(number, step)
        if problem is not None:
            return f"step {number} {_shown(step)} at {performance.seconds:.3f} s: {problem}"
    return None


class Performance:
    """One replay under way."""

    def __init__(self, recording: dict[str, Any], say: Say, under: Conditions) -> None:
        self.stage = Stage(recording, under)
        self._steps = recording["steps"]
        self._say = say
        self._names = Renaming()
        self._start_ms = self.stage.now_ms
        self._recorded_s = 0.0
        if any(_name(step) == "broker_epoch_grew" for step in self._steps):
            cluster_sights.remember_broker_epochs(self.stage)

    @property
    def seconds(self) -> float:
        """Simulated seconds since the start, as in ``at``."""
        return (self.stage.now_ms - self._start_ms) / 1000

    def take(self, number: int, step: Step) -> str | None:
        """Play one step; what differs."""
        began_ms = self.stage.now_ms
        end_ms = began_ms + 1000 * max(0.0, step.get("at", self._recorded_s) - self._recorded_s)
        self._recorded_s = step.get("at", self._recorded_s)
        try:
            if "note" in step and len(step.keys() - {"at"}) == 1:
                self._note(step)
                problem = None
            elif "do" in step:
                problem = self._act(step, end_ms)
            elif "until" in step:
                problem = self._await(step, began_ms)
            else:
                problem = self._look(step, end_ms)
        except TooLongError as error:
            problem = str(error)
        except ks.KafkaSimError as error:
            problem = f"{error.java_name or type(error).__name__}: {error}"
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        if problem is None:
            self.stage.sleep_until(end_ms)
        self._say(f"{number:4} {step.get('at', 0):8.2f} {self.seconds:8.3f}  {_shown(step)}  {problem or 'ok'}")
        return problem

    def _note(self, step: Step) -> None:
        producers.read_note(self.stage, step["note"])

    def _act(self, step: Step, end_ms: float) -> str | None:
        if step["do"] in BEGIN_AT_THE_END:
            self.stage.sleep_until(end_ms)
        if not step["do"].startswith("poll"):
            remember_member_ids(self.stage)
        try:
            result = VERBS[step["do"]](self.stage, step)
        except ks.KafkaSimError as error:
            return _compare_error(step, error)
        if "error" in step:
            return f"expected {step['error']}, got {shortened(result)}"
        if "result" not in step:
            return None
        return self._difference(step["do"], step["result"], result)

    def _look(self, step: Step, end_ms: float) -> str | None:
        name = step["see"]
        in_vain = step.get("is") == WAITED_IN_VAIN
        if name in WAITING_SIGHTS or in_vain:
            value = self._seen(name, step)
            if self.stage.now_ms < end_ms and not (in_vain and value == WAITED_IN_VAIN):
                self.stage.sleep_until(end_ms)
                value = self._seen(name, step)
        else:
            self.stage.sleep_until(end_ms)
            value = self._seen_soon(name, step)
        return self._compare(name, step, value)

    def _seen_soon(self, name: str, step: Step) -> Any:
        """What is seen by a look that was answered at once: one that asks a broker which stands still is begun anew.

        Which broker a client asks first is chance, there as here; the next look asks another one.
        """
        for _ in range(LOOKS):
            with suppress(TooLongError), self.stage.limit(SOON_MS):
                return self._seen(name, step)
        return self._seen(name, step)

    def _await(self, step: Step, began_ms: float) -> str | None:
        late = late_ms(self.stage, step, began_ms)
        while True:
            try:
                with self.stage.limit(LOOK_MS):
                    problem = self._compare(step["until"], step, self._seen(step["until"], step))
            except TooLongError as error:
                problem = str(error)
            if problem is None:
                break
            if self.stage.now_ms >= late:
                took = self.stage.now_ms - began_ms
                return f"late, not yet after {took / 1000:.2f} s (recorded {step.get('seconds')} s): {problem}"
            wait_ms = poll_ms(self.stage.now_ms - began_ms)
            self.stage.sleep_until(max(self.stage.now_ms, min(self.stage.now_ms + wait_ms, late)))
        self.stage.memory.found_ms = self.stage.now_ms
        early = early_ms(self.stage, step)
        if self.stage.now_ms < early:
            return f"too early: {(early - self.stage.now_ms) / 1000:.2f} s before two thirds of the session timeout"
        return None

    def _seen(self, name: str, step: Step) -> Any:
        try:
            return SIGHTS[name](self.stage, step)
        except NoReplicaError:
            return None
        except ks.KafkaSimError as error:
            return {"error": error.java_name}

    def _compare(self, name: str, step: Step, value: Any) -> str | None:
        if "one_of" in step:
            if any(self._difference(name, wanted, value) is None for wanted in step["one_of"]):
                return None
            return f"expected one of {shortened(step['one_of'])}, got {shortened(value)}"
        return self._difference(name, step["is"], value) if "is" in step else _true(value)

    def _difference(self, name: str, wanted: Any, got: Any) -> str | None:
        if name in UNORDERED and isinstance(wanted, list) and isinstance(got, list):
            wanted, got = by_partition(wanted), by_partition(got)
        names = self._names.copy()
        if name == "producers" and isinstance(wanted, list) and isinstance(got, list):
            wanted, got = by_producer(wanted, got, names)
        found = difference(wanted, got, names)
        if found is None:
            self._names = names
        return found


def _true(value: Any) -> str | None:
    return None if value is True else f"expected True, got {shortened(value)}"


def _name(step: Step) -> str:
    return str(step.get("do") or step.get("see") or step.get("until") or "")


def _compare_error(step: Step, error: ks.KafkaSimError) -> str | None:
    got = f"{error.java_name} ({error})"
    if "error" not in step:
        return f"expected {shortened(step['result']) if 'result' in step else 'no error'}, got {got}"
    if error.java_name != step["error"]:
        return f"expected {step['error']}, got {got}"
    cause = getattr(error.cause, "java_name", None)
    if "cause" in step and cause != step["cause"]:
        return f"expected {step['error']} caused by {step['cause']}, got {got} caused by {cause}"
    return None


def _shown(step: Step) -> str:
    if "note" in step:
        return "note"
    kind = next(kind for kind in ("do", "see", "until") if kind in step)
    rest = " ".join(f"{key}={shortened(step[key], 60)}" for key in step if key not in (kind, "at", "is", "result"))
    return f"{kind} {step[kind]} {rest}".rstrip()
