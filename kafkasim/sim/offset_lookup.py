"""Where a consumer starts: at the committed offset, else where auto.offset.reset says, or where it was sent by seek().

Kafka: ConsumerCoordinator.initWithCommittedOffsetsIfNeeded, OffsetFetcher.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from kafkasim.config import ConsumerConfig
from kafkasim.core.subscription import Subscription
from kafkasim.errors import KafkaError
from kafkasim.messages import groups
from kafkasim.messages.data import ListOffsetsRequest, ListOffsetsResponse, PartitionOffset
from kafkasim.records import TopicPartition
from kafkasim.sim.membership import Membership
from kafkasim.sim.network_client import NetworkClient
from kafkasim.trace.facts import PositionSet

Until = Callable[[Callable[[], bool], str], Generator[Any, Any, None]]


class OffsetAndTimestamp(NamedTuple):
    """Where a search by time has ended."""

    offset: int
    timestamp: int
    leader_epoch: int


class OffsetLookup:
    """One consumer's questions about offsets; ``on_change`` is called when an answer has come."""

    def __init__(
        self, client: NetworkClient, config: ConsumerConfig, book: Subscription, membership: Membership | None,
        on_change: Callable[[], None],
    ) -> None:  # fmt: skip
        self._client = client
        self._config = config
        self._book = book
        self._membership = membership
        self._on_change = on_change
        self._read_committed = config.isolation_level == "read_committed"

    def find_positions(self) -> None:
        """Ask for every position that is not known: the committed one first."""
        missing = self._book.without_position()
        sent_somewhere = [tp for tp in missing if self._book.owned[tp].target is not None]
        self._look_up(sent_somewhere)
        missing = [tp for tp in missing if tp not in sent_somewhere]
        if not missing:
            return
        if self._membership is None:
            self._reset(missing)
        elif self._membership.coordinator is None:
            self._membership.find_coordinator()
        else:
            for tp in missing:
                self._book.owned[tp].asked = True
            request = groups.OffsetFetchRequest(self._membership.group_id, tuple(missing), True)
            self._membership.send(request, lambda response, error: self._fetched(missing, response, error))

    def is_known(self, tp: TopicPartition) -> bool:
        """Whether the position of a partition is known, or it is owned no longer; if not it is looked for."""
        if tp not in self._book.owned or self._book.owned[tp].position is not None:
            return True
        self._client.want(tp.topic)
        self.find_positions()
        self._book.raise_failure()
        return self._book.owned[tp].position is not None

    def _fetched(
        self, asked: Sequence[TopicPartition], response: groups.OffsetFetchResponse | None,
        error: type[KafkaError] | None,
    ) -> None:  # fmt: skip
        wanted = [tp for tp in asked if tp in self._book.owned and self._book.owned[tp].asked]
        if response is None or error is not None:
            self._again(wanted)
            return
        without = []
        for tp in wanted:
            if tp in response.offsets:
                self._set(tp, response.offsets[tp], f"committed by group {self._config.group_id}")
                self._book.owned[tp].last_epoch = response.leader_epochs.get(tp, -1)
            else:
                without.append(tp)
        self._reset(without)
        self._on_change()

    def _reset(self, partitions: Sequence[TopicPartition]) -> None:
        """There is no committed offset: ask for the start or the end, or let poll() fail."""
        self._book.uncommitted(partitions, self._config.auto_offset_reset)
        owned = self._book.owned
        self._look_up([tp for tp in partitions if tp in owned and owned[tp].target is not None])

    def seek(self, tp: TopicPartition, where: int, call: str) -> None:
        """Go to an offset, to EARLIEST or to LATEST."""
        self._book.owned[tp].seek(None)
        if where >= 0:
            self._set(tp, where, call)
        else:
            self._book.owned[tp].target = (where, call)
            self._look_up([tp])

    def _look_up(self, partitions: Iterable[TopicPartition]) -> None:
        """Ask for the start or the end of partitions, each leader with one request. Kafka: resetPositionsAsync."""
        by_leader: dict[int, dict[TopicPartition, tuple[int, str]]] = {}
        for tp in partitions:
            one = self._book.owned[tp]
            assert one.target is not None
            one.asked = True
            leader = self._client.leader(tp)
            if leader is None:
                self._client.refresh()
                self._again([tp])
            else:
                by_leader.setdefault(leader, {})[tp] = one.target
        for leader, targets in by_leader.items():
            request = ListOffsetsRequest({tp: where for tp, (where, _) in targets.items()}, self._read_committed)
            self._client.send(leader, request, partial(self._looked_up, targets))

    def _looked_up(
        self, targets: Mapping[TopicPartition, tuple[int, str]], response: ListOffsetsResponse | None, error: object
    ) -> None:
        failed: list[TopicPartition] = []
        for tp, (_, reason) in targets.items():
            one = self._book.owned.get(tp)
            if one is None or not one.asked:
                continue
            part = None if response is None else response.offsets[tp]
            if part is None or part.error is not None:
                failed.append(tp)
            else:
                self._set(tp, part.offset, reason)
        if failed:
            self._client.refresh()
            self._again(failed)
        self._on_change()

    def _again(self, partitions: Sequence[TopicPartition]) -> None:
        """Ask once more after the back-off."""

        def clear() -> None:
            for tp in partitions:
                if tp in self._book.owned:
                    self._book.owned[tp].asked = False
            self._on_change()

        self._client.host.after_ms(self._config.retry_backoff_ms, clear)

    def _set(self, tp: TopicPartition, offset: int, reason: str) -> None:
        self._book.owned[tp].seek(offset)
        self._client.host.kernel.journal.record(PositionSet(self._client.host.name, tp, offset, reason))

    def listed(
        self, partitions: Sequence[TopicPartition], where: int, until: Until
    ) -> Generator[Any, Any, dict[TopicPartition, int]]:
        """The start or the end of partitions, owned or not."""
        found = yield from self._ask_leaders(dict.fromkeys(partitions, where), until)
        return {tp: found[tp].offset for tp in partitions}

    def partitions_for(self, topic: str, until: Until) -> Generator[Any, Any, list[int]]:
        """The partitions of a topic, once they are known."""

        def known() -> bool:
            self._client.want(topic)
            return bool(self._client.topics.get(topic, (None, ()))[1])

        yield from until(known, "partitions_for()")
        return list(range(len(self._client.topics[topic][1])))

    def for_times(
        self, times: Mapping[TopicPartition, int], until: Until
    ) -> Generator[Any, Any, dict[TopicPartition, OffsetAndTimestamp | None]]:
        """The first record of each partition at or after a time; None where there is none."""
        found = yield from self._ask_leaders(times, until)
        return {
            tp: None if part.offset < 0 else OffsetAndTimestamp(part.offset, part.timestamp, part.leader_epoch)
            for tp, part in ((tp, found[tp]) for tp in times)
        }

    def _ask_leaders(
        self, times: Mapping[TopicPartition, int], until: Until
    ) -> Generator[Any, Any, dict[TopicPartition, PartitionOffset]]:
        found: dict[TopicPartition, PartitionOffset] = {}
        asked: dict[TopicPartition, None] = {}

        def ask(leader: int, mine: list[TopicPartition]) -> None:
            def answered(response: ListOffsetsResponse | None, error: object) -> None:
                parts = {} if response is None else response.offsets
                found.update({tp: part for tp, part in parts.items() if part.error is None})
                if failed := [tp for tp in mine if tp not in found]:
                    self._client.refresh()
                    self._client.host.after_ms(self._config.retry_backoff_ms, again, failed)
                self._on_change()

            asked.update(dict.fromkeys(mine))
            request = ListOffsetsRequest({tp: times[tp] for tp in mine}, self._read_committed)
            self._client.send(leader, request, answered)

        def again(failed: list[TopicPartition]) -> None:
            for tp in failed:
                asked.pop(tp, None)
            self._on_change()

        def all_found() -> bool:
            by_leader: dict[int, list[TopicPartition]] = {}
            for tp in times:
                if tp in found or tp in asked:
                    continue
                leader = self._client.leader(tp)
                if leader is None:
                    self._client.want(tp.topic)
                else:
                    by_leader.setdefault(leader, []).append(tp)
            for leader, mine in by_leader.items():
                ask(leader, mine)
            return len(found) == len(times)

        yield from until(all_found, "the look-up of offsets")
        return found
