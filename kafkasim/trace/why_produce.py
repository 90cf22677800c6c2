"""Why a produce was refused, not answered or given up: by which rule of which broker, and what had led to that."""

from __future__ import annotations

from collections.abc import Sequence

from kafkasim.errors import UsageError
from kafkasim.records import TopicPartition
from kafkasim.trace import facts as kinds
from kafkasim.trace import why_partition
from kafkasim.trace.arguments import partition_named
from kafkasim.trace.causes import PLUMBING, Why, answer, last, trouble_of
from kafkasim.trace.fact import Fact

TOLD = (kinds.ProduceRefused, kinds.BatchRetried, kinds.BatchFailed)
SILENCE = ("NETWORK_EXCEPTION", "REQUEST_TIMED_OUT")
FENCED = ("INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED")


def produce(facts: Sequence[Fact], subject: object) -> Why:
    """Why was the latest batch that had trouble refused, not answered or given up; or what does it still wait for?"""
    tp = partition_named(subject)
    told = last(facts, TOLD, tp=tp) or _waiting(facts, tp)
    if told is None:
        raise UsageError(f"No produce to {tp} has been refused up to then, and none waits.")
    assert isinstance(told, kinds.ProduceRefused | kinds.BatchRetried | kinds.BatchFailed | kinds.BatchSent)
    batch = told.batch_id
    before = facts if isinstance(told, kinds.BatchSent) else facts[: told.index + 1]
    sent = last(before, kinds.BatchSent, tp=tp, batch_id=batch)
    refused = last(before, kinds.ProduceRefused, tp=tp, batch_id=batch)
    stored = last(before, kinds.RecordsAppended, tp=tp, batch_id=batch, role="leader")
    failed = told if isinstance(told, kinds.BatchFailed) else None
    if isinstance(refused, kinds.ProduceRefused) and (sent is None or refused.index > sent.index):
        text = f"broker-{refused.broker} refused {batch} with {refused.error}: {refused.reason}."
        if stored is not None:
            text += f" {_is_stored(stored, 'An earlier try')}"
        steps: list[Fact | None] = [*_led_to(facts[: refused.index], tp, refused), refused]
        setting = refused.setting
    else:
        text, steps, setting = _unanswered(before, tp, batch, sent, stored)
        steps = [*steps, last(before, kinds.BatchRetried, tp=tp, batch_id=batch)]
    if failed is not None:
        steps.append(failed)
        text += f" {_gave_up(failed, sent, stored)}"
        setting = setting or (failed.setting if "=" in failed.setting else "")
    elif last(facts, kinds.BatchAcknowledged, tp=tp, batch_id=batch) is not None:
        text += " A later try was acknowledged."
    what = "is not acknowledged yet" if told is sent else "was refused" if refused in steps else "was not acknowledged"
    verb, _, rest = what.partition(" ")
    return answer(f"Why {verb} {batch} for {tp} {rest}?", text, steps, setting)


def _waiting(facts: Sequence[Fact], tp: TopicPartition) -> Fact | None:
    """The latest batch of which nothing has been heard yet."""
    sent = last(facts, kinds.BatchSent, tp=tp)
    if not isinstance(sent, kinds.BatchSent):
        return None
    heard = last(facts[sent.index :], kinds.BatchAcknowledged, tp=tp, batch_id=sent.batch_id)
    return sent if heard is None else None


def _is_stored(stored: Fact, who: str) -> str:
    assert isinstance(stored, kinds.RecordsAppended)
    return f"{who} is in the log of broker-{stored.broker} from offset {stored.base_offset} on."


def _gave_up(failed: kinds.BatchFailed, sent: Fact | None, stored: Fact | None) -> str:
    tries = sent.attempt if isinstance(sent, kinds.BatchSent) else 0
    after = f" after {tries} tries" if tries > 1 else ""
    doubt = " Its records may be in a log all the same." if not failed.definite and stored is None else ""
    return f"Its producer gave it up{after}: {failed.error} ({failed.setting}).{doubt}"


def _unanswered(
    facts: Sequence[Fact], tp: TopicPartition, batch: str, sent: Fact | None, stored: Fact | None
) -> tuple[str, list[Fact | None], str]:
    """What stood in the way of an answer: the text, the steps and the setting."""
    until = facts
    if isinstance(sent, kinds.BatchSent):
        ends = [one for one in facts[sent.index :] if isinstance(one, TOLD) and one.batch_id == batch]
        until = facts[: ends[0].index] if ends else facts
    leader = sent.leader if isinstance(sent, kinds.BatchSent) else _known_leader(facts, tp, batch.rpartition("/")[0])
    if leader < 0:
        return f"{batch} was never sent: its producer knew of no leader of {tp}.", [], ""
    name = f"broker-{leader}"
    trouble = trouble_of(until, name)
    error = ends[0].error if isinstance(sent, kinds.BatchSent) and ends else "NETWORK_EXCEPTION"
    what = f"{name} has not answered {batch}" if sent is not None else f"{batch} was never sent to {name}"
    if error not in SILENCE:
        what = f"{name} has answered {batch} with {error}"
    if trouble is not None:
        return f"{what}: {trouble.sentence}.", [trouble, stored], ""
    if stored is None:
        return f"{what}.", [sent], ""
    why = why_partition.high_watermark(until, tp)
    text = f"{_is_stored(stored, batch)} Nobody has confirmed it, as it was not committed: {why.text}"
    return text, [*(one for one in why.steps if not isinstance(one, PLUMBING)), stored], why.setting


def _known_leader(facts: Sequence[Fact], tp: TopicPartition, producer: str) -> int:
    """Who leads the partition as far as a producer has learned; -1 for nobody."""
    learned = last(facts, kinds.MetadataLearned, client=producer)
    told = learned.leaders if isinstance(learned, kinds.MetadataLearned) else ()
    found = [int(one.rpartition(" on ")[2]) for one in told if one.startswith(f"{tp} on ")]
    return found[0] if found else -1


def _led_to(facts: Sequence[Fact], tp: TopicPartition, refused: kinds.ProduceRefused) -> list[Fact | None]:
    """What had to happen for a broker to refuse a batch with this error."""
    if refused.error == "NOT_ENOUGH_REPLICAS":
        return [step for step in why_partition.isr(facts, tp).steps if not isinstance(step, PLUMBING)]
    if refused.error == "NOT_LEADER_OR_FOLLOWER":
        return [step for step in why_partition.leader(facts, tp).steps if not isinstance(step, PLUMBING)]
    if refused.error == "KAFKA_STORAGE_ERROR":
        return [trouble_of(facts, f"broker-{refused.broker}")]
    producer = refused.batch_id.rpartition("/")[0]
    if refused.error in FENCED:
        return [_rival(facts, producer)]
    if refused.error == "OUT_OF_ORDER_SEQUENCE_NUMBER":
        return [last(facts, kinds.LogTruncated, tp=tp), last(facts, kinds.BatchFailed, tp=tp, producer=producer)]
    return []


def _rival(facts: Sequence[Fact], producer: str) -> Fact | None:
    """Who has raised the epoch of a producer's id: another producer, or the coordinator that aborted for it."""
    own = last(facts, (kinds.ProducerIdObtained, kinds.ProducerEpochBumped), producer=producer)
    if not isinstance(own, kinds.ProducerIdObtained | kinds.ProducerEpochBumped):
        return None
    for fact in facts[own.index + 1 :]:
        if isinstance(fact, kinds.ProducerIdObtained | kinds.TransactionChanged):
            epoch = fact.epoch if isinstance(fact, kinds.ProducerIdObtained) else fact.producer_epoch
            if fact.producer_id == own.producer_id and epoch > own.epoch:
                return fact
    return None
