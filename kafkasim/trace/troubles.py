"""How a record came to grief: each function looks for one way in its life and tells it, with the fact that did it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kafkasim.trace import facts as kinds
from kafkasim.trace.fact import Fact
from kafkasim.trace.facts.storage import THE_LEADERS

if TYPE_CHECKING:
    from kafkasim.trace.life import Life


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, and by which fact; ``is_removal`` when nothing went wrong but its time in the log was over."""

    text: str
    fact: Fact
    is_removal: bool = False


def removed(life: Life) -> Trouble | None:
    """Its time was over: retention, compaction, DeleteRecords, the end of its topic."""
    if life.copies.topic_gone is not None:
        return Trouble("Gone with its topic, which was deleted.", life.copies.topic_gone, True)
    if life.leader is None or life.leader.leader in life.copies.holders():
        return None
    gone = life.copies.gone.get(life.leader.leader)
    match gone:
        case kinds.LogStartMoved():
            own = [one.setting for one in (gone, *life.copies.gone.values()) if isinstance(one, kinds.LogStartMoved)]
            what = next((setting for setting in own if setting != THE_LEADERS), gone.reason)
            return Trouble(f"Removed by {what}: the log starts at offset {gone.log_start_offset} now.", gone, True)
        case kinds.LogCleaned():
            return Trouble(f"Removed by compaction: {_why_compacted(life, gone)}.", gone, True)
    return None


def _why_compacted(life: Life, gone: kinds.LogCleaned) -> str:
    newer = life.successors.get(gone.broker)
    if life.sent.key is None:
        return "it has no key"
    if life.marker is not None and life.marker.outcome != "commit":
        return "its transaction was aborted"
    if newer is not None:
        return f"a newer record of its key is at offset {newer}"
    return "it is a tombstone, and delete.retention.ms is over" if life.sent.value is None else "its key was deleted"


def lost(life: Life) -> Trouble | None:
    """Its producer was told of success, and the leader does not have it."""
    leader, holders = life.leader, life.copies.holders()
    if life.acknowledged is None or (leader is not None and leader.leader in holders):
        return None
    if leader is None or not life.copies.ever:
        text = "Lost on its way: its producer was told of success before any broker had it."
        return Trouble(text, life.acknowledged)
    others = f" Only {names(holders)} had it." if holders else ""
    own = life.copies.gone.get(leader.leader)
    if own is not None:
        return Trouble(f"Lost {_how_cut(own, leader.leader)}.{others}", own)
    text = f"Lost when broker-{leader.leader} became the leader without it: {leader.reason}."
    cuts = [fact for fact in life.copies.gone.values() if isinstance(fact, kinds.LogTruncated)]
    return Trouble(text + others, cuts[-1] if cuts else leader)


def _how_cut(fact: Fact, broker: int) -> str:
    match fact:
        case kinds.UnflushedLost():
            return f"when the power of broker-{broker} failed, which had not flushed it yet (flush.messages, flush.ms)"
        case kinds.LogRecovered():
            return f"when broker-{broker} found its log damaged: {fact.reason}"
    return f"when broker-{broker} cut its log, before it became the leader: {fact.sentence}"


def doubled(life: Life) -> Trouble | None:
    """It stands twice in a log."""
    if len(life.copies.offsets()) < 2 or life.copies.doubled is None:
        return None
    answer = f" after {life.retried.error}" if life.retried is not None else ""
    return Trouble(f"Doubled when its repeat{answer} was stored again, as a new record.", life.copies.doubled)


def passed_over(life: Life) -> Trouble | None:
    """Somebody who should have worked on it did not, or did so twice."""
    for group, commit in life.passed.items():
        if group in life.noting and not any(fact.group == group for fact in life.effects):
            return Trouble(
                f"Passed over: group {group} committed offset {commit.offset} and never worked on it.", commit
            )
    applied = [fact for fact in life.effects if fact.effect == "applied"]
    repeated = [one for one in applied[1:] if one.sink == applied[0].sink and one.group == applied[0].group]
    if repeated:
        again = repeated[0]
        return Trouble(f"Worked on twice: {again.consumer} read it again, since no commit was beyond it.", again)
    again_in_group = _read_again(life)
    if again_in_group is not None:
        return again_in_group
    behind = life.started_behind
    if behind is not None and not life.read_by:
        return Trouble(f"Passed over: {behind.sentence}.", behind)
    return None


def _read_again(life: Life) -> Trouble | None:
    """Two members of one group have read it, and nobody notes what becomes of what is read."""
    first: dict[str, str] = {}
    for poll, position in life.reads:
        group = life.group_of.get(poll.consumer)
        if group is None or group in life.noting:
            continue
        if first.setdefault(group, poll.consumer) != poll.consumer:
            began = f": it starts {position.tp} at offset {position.position} ({position.reason})" if position else ""
            return Trouble(f"Read twice in group {group}, by {poll.consumer} again{began}.", poll)
    return None


def names(brokers: Iterable[int]) -> str:
    """Brokers by name, in ascending order."""
    return ", ".join(f"broker-{broker}" for broker in sorted(brokers))
