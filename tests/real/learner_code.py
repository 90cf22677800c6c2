"""What a learner might write against ``kafka``: each function runs unchanged on a real and on a simulated cluster.

Each takes the library, the address of a broker, and the name of a topic that is new and has three partitions (a second,
``<topic>-out``, is there for what loops produce). It gives plain values: partitions, offsets, records, positions.
"""

from __future__ import annotations

from typing import Any

from tests.real import learner_admin

TRUCKS = ["truck-1", "truck-2", "truck-42", "truck-7", "truck-1", "truck-42", "truck-99", "truck-2", "truck-1"]


class Crash(Exception):
    """The program dies here."""


def keyed_produce(kafka: Any, bootstrap: str, topic: str) -> Any:
    """Records with keys go to the partitions that their keys decide, in order."""
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    sent = [
        producer.send(topic, key=truck.encode(), value=f"position {number}".encode()).get(timeout=30)
        for number, truck in enumerate(TRUCKS)
    ]
    producer.close()
    return [(where.topic == topic, where.partition, where.offset, where.serialized_key_size) for where in sent]


def chosen_partitions(kafka: Any, bootstrap: str, topic: str) -> Any:
    """A record may name its partition; headers and timestamps come back as they were sent."""
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, acks=1)
    for number in range(6):
        producer.send(
            topic, value=f"v{number}".encode(), partition=number % 3, timestamp_ms=1_700_000_000_000 + number,
            headers=[("n", str(number).encode())],
        )  # fmt: skip
    producer.flush()
    producer.close()
    consumer = _reader(kafka, bootstrap)
    consumer.assign([kafka.TopicPartition(topic, number) for number in range(3)])
    found = _poll(consumer, 6)
    consumer.close()
    return sorted((r.partition, r.offset, r.value, r.timestamp, [tuple(header) for header in r.headers]) for r in found)


def at_most_once(kafka: Any, bootstrap: str, topic: str) -> Any:
    """Commit on receipt, then work: what was in hand when the program died is lost, nothing comes twice."""
    _fill(kafka, bootstrap, topic, 6)
    done: list[bytes] = []

    def life(dies_at: bytes | None) -> None:
        consumer = _member(kafka, bootstrap, topic, "at-most-once")
        try:
            while True:
                records = _poll(consumer, 2)
                if not records:
                    return
                consumer.commit()
                for record in records:
                    if record.value == dies_at:
                        raise Crash
                    done.append(record.value)
        except Crash:
            pass
        finally:
            consumer.close(autocommit=False)

    life(b"v2")
    life(None)
    return done


def at_least_once(kafka: Any, bootstrap: str, topic: str) -> Any:
    """Work, then commit: what was done but not committed is done again, nothing is lost."""
    _fill(kafka, bootstrap, topic, 6)
    done: list[bytes] = []

    def life(dies_at: bytes | None) -> int | None:
        consumer = _member(kafka, bootstrap, topic, "at-least-once")
        try:
            while True:
                records = _poll(consumer, 2)
                if not records:
                    return int(consumer.committed(kafka.TopicPartition(topic, 0)))
                for record in records:
                    if record.value == dies_at:
                        raise Crash
                    done.append(record.value)
                consumer.commit()
        except Crash:
            return None
        finally:
            consumer.close(autocommit=False)

    life(b"v3")
    committed = life(None)
    return done, committed


def transactional_loop(kafka: Any, bootstrap: str, topic: str) -> Any:
    """Consume, transform, produce: results and offsets in one transaction; a crash between takes back both."""
    _fill(kafka, bootstrap, topic, 6)
    out = f"{topic}-out"

    def life(dies_at: bytes | None) -> None:
        consumer = _member(kafka, bootstrap, topic, "exactly-once")
        producer = kafka.KafkaProducer(
            bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, transactional_id=f"{topic}-loop",
        )  # fmt: skip
        producer.init_transactions()
        try:
            while True:
                records = _poll(consumer, 2)
                if not records:
                    return
                producer.begin_transaction()
                offsets = {}
                for record in records:
                    producer.send(out, value=record.value.upper(), partition=0)
                    next_one = kafka.structs.OffsetAndMetadata(record.offset + 1, "", -1)
                    offsets[kafka.TopicPartition(topic, record.partition)] = next_one
                producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
                producer.flush()  # else it is open whether the results are in the log before the crash
                if any(record.value == dies_at for record in records):
                    raise Crash
                producer.commit_transaction()
        except Crash:
            producer.abort_transaction()
        finally:
            producer.close()
            consumer.close(autocommit=False)

    life(b"v3")
    life(None)
    committed = _reader(kafka, bootstrap, isolation_level="read_committed")
    everything = _reader(kafka, bootstrap)
    results = []
    for reader, count in ((committed, 6), (everything, 8)):
        reader.assign([kafka.TopicPartition(out, 0)])
        reader.seek_to_beginning()
        results.append([(record.offset, record.value) for record in _poll(reader, count)])
        reader.close()
    return results


def commit_and_resume(kafka: Any, bootstrap: str, topic: str) -> Any:
    """A second member of the group goes on where the first one committed."""
    _fill(kafka, bootstrap, topic, 5)
    tp = kafka.TopicPartition(topic, 0)
    first = _member(kafka, bootstrap, topic, "resume", max_poll_records=3)
    seen = [record.value for record in _poll(first, 3)]
    position = first.position(tp)
    first.commit()
    first.close()
    second = _member(kafka, bootstrap, topic, "resume")
    rest = [record.value for record in _poll(second, 2)]
    committed = second.committed(tp)
    second.close(autocommit=False)
    return seen, position, rest, committed


def seek_and_replay(kafka: Any, bootstrap: str, topic: str) -> Any:
    """A reader may go back and read again; the log's beginning and end can be asked for."""
    _fill(kafka, bootstrap, topic, 5)
    tp = kafka.TopicPartition(topic, 0)
    consumer = _reader(kafka, bootstrap)
    consumer.assign([tp])
    consumer.seek_to_beginning(tp)
    first = [(record.offset, record.value) for record in _poll(consumer, 5)]
    consumer.seek(tp, 3)
    again = [(record.offset, record.value) for record in _poll(consumer, 2)]
    consumer.seek_to_end(tp)
    ends = (consumer.beginning_offsets([tp])[tp], consumer.end_offsets([tp])[tp], consumer.position(tp))
    consumer.close()
    return first, again, ends


def errors_have_names(kafka: Any, bootstrap: str, topic: str) -> Any:
    """What is refused is refused under the same name."""
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, max_block_ms=2000, max_request_size=1000)
    names = []
    for send in (
        lambda: producer.send(f"{topic}-nowhere", b"x").get(timeout=10),
        lambda: producer.send(topic, b"x" * 2000).get(timeout=10),
        lambda: producer.send(topic, b"x", partition=17).get(timeout=10),
    ):
        try:
            names.append(("sent", send().offset))
        except ValueError:
            names.append(("refused", "ValueError"))
        except Exception as error:
            names.append(("error", type(error).__name__))
    producer.close()
    return names


def pattern_and_notes(kafka: Any, bootstrap: str, topic: str) -> Any:
    """Topics are found by a pattern, also one that comes later; a note lies beside a committed offset."""
    _fill(kafka, bootstrap, topic, 3)
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=bootstrap, group_id=f"{topic}-pattern", auto_offset_reset="earliest", metadata_max_age_ms=1500,
    )  # fmt: skip
    consumer.subscribe(pattern=f"^{topic}")

    def names() -> list[str]:
        return sorted(name[len(topic) :] for name in consumer.subscription() or ())

    seen = [names()]
    records = _poll(consumer, 3)
    seen.append(names())
    tp = kafka.TopicPartition(topic, 0)
    seen += [consumer.position(tp), consumer.highwater(tp), len(consumer.assignment())]
    consumer.commit({tp: kafka.OffsetAndMetadata(2, "two of three", -1)})
    seen += [consumer.committed(tp), consumer.committed(tp, metadata=True)[:2]]
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics({f"{topic}-later": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    _fill(kafka, bootstrap, f"{topic}-later", 1)
    later = _poll(consumer, 1)
    seen += [names(), len(consumer.assignment())]
    for call in (lambda: consumer.subscribe([topic]), lambda: consumer.assign([tp]),
                 lambda: consumer.subscribe([topic], pattern="x"), consumer.subscribe):  # fmt: skip
        try:
            seen.append(call())
        except ValueError:
            seen.append("ValueError")
        except Exception as error:
            seen.append(type(error).__name__)
    consumer.close(autocommit=False)
    again = _member(kafka, bootstrap, topic, "pattern")
    seen.append(again.committed(tp))
    again.close()
    return seen, [(record.offset, record.value) for record in (*records, *later)]


FUNCTIONS = [
    keyed_produce, chosen_partitions, at_most_once, at_least_once, transactional_loop, commit_and_resume,
    seek_and_replay, errors_have_names, pattern_and_notes, *learner_admin.FUNCTIONS,
]  # fmt: skip


def _fill(kafka: Any, bootstrap: str, topic: str, count: int) -> None:
    """``count`` records in partition 0."""
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for number in range(count):
        producer.send(topic, value=f"v{number}".encode(), partition=0).get(timeout=30)
    producer.close()


def _member(kafka: Any, bootstrap: str, topic: str, group: str, **settings: Any) -> Any:
    """A member of a group of this topic's own, with the reading position in its own hands."""
    settings = {"max_poll_records": 2, **settings}
    return kafka.KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=f"{topic}-{group}", auto_offset_reset="earliest",
        enable_auto_commit=False, **settings,
    )  # fmt: skip


def _reader(kafka: Any, bootstrap: str, **settings: Any) -> Any:
    """A consumer without a group."""
    return kafka.KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None, **settings)


def _poll(consumer: Any, count: int) -> list[Any]:
    """Poll until ``count`` records have come, or nothing has come for a while."""
    found: list[Any] = []
    silent = 0
    while len(found) < count and silent < 10:
        batches = consumer.poll(timeout_ms=500)
        records = [record for records in batches.values() for record in records]
        found += records
        silent = 0 if records else silent + 1
    return found
