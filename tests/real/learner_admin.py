"""What a learner might administrate: as learner_code, each function runs unchanged on a real and a simulated cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def make_grow_and_delete(kafka: Any, bootstrap: str, topic: str) -> Any:
    """A topic is made with a setting of its own, described, given more partitions, and deleted."""
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap)
    name = f"{topic}-made"
    wanted = {name: {"num_partitions": 2, "replication_factor": 1, "configs": {"retention.ms": "60000"}}}
    [planned] = admin.create_topics(wanted, validate_only=True)["topics"]
    [made] = admin.create_topics(wanted, wait_for_metadata=True)["topics"]
    [again] = admin.create_topics([name], raise_errors=False)["topics"]
    told = [{key: one[key] for key in one if key not in ("name", "topic_id", "configs")} for one in (planned, made)]
    told.append(again["error_code"])
    told.append({key: made["configs"][key] for key in ("retention.ms", "cleanup.policy", "min.cleanable.dirty.ratio")})
    checked = admin.create_partitions({name: 5}, validate_only=True)
    grown = admin.create_partitions({name: 3})
    refused = admin.create_partitions({name: 3}, raise_errors=False)
    answers = [
        (one.throttle_time_ms, one.results[0].name == name, one.results[0].error_code, one.results[0].error_message)
        for one in (checked, grown, refused)
    ]
    admin.wait_for_topics([name])
    [described, missing] = admin.describe_topics([name, f"{topic}-nowhere"])
    for one in (described, missing):
        del one["name"], one["topic_id"]
        one["partitions"].sort(key=lambda part: part["partition_index"])
    is_listed = name in admin.list_topics()
    deleted = [(one["error_code"], one["error_message"]) for one in admin.delete_topics([name])["topics"]]
    gone = _error(lambda: admin.delete_topics([name]))
    admin.close()
    return told, answers, described, missing, is_listed, deleted, gone


def alter_settings(kafka: Any, bootstrap: str, topic: str) -> Any:
    """Settings of a topic are altered, refused, and taken back; what was changed is told apart from defaults."""
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap)
    kind, operation = kafka.admin.ConfigResourceType.TOPIC, kafka.admin.AlterConfigOp

    def resource(configs: Any = None) -> Any:
        return kafka.admin.ConfigResource(kind, topic, configs)

    def modified() -> Any:
        return admin.describe_configs([resource()])["topic"][topic]

    answers = [
        admin.alter_configs([resource({"retention.ms": "70000", "cleanup.policy": (operation.SET, "compact")})]),
        admin.alter_configs([resource({"retention.ms": "1"})], validate_only=True),
    ]
    first = _until(modified, lambda found: len(found) == 2)
    some = ["segment.bytes", "retention.ms", "flush.ms"]
    chosen = admin.describe_configs([resource(some)], config_filter="all")["topic"][topic]
    codes = [
        admin.alter_configs([resource(wrong)], raise_on_unknown=False)["topic"][topic][:40]
        for wrong in ({"retention.ms": "soon"}, {"retention.mss": "1"}, {"cleanup.policy": "burn"})
    ]
    names = [
        _error(lambda: admin.alter_configs([resource({"retention.mss": "1"})])),
        _error(lambda: admin.reset_configs([resource(None)])),
    ]
    answers.append(admin.alter_configs([resource({"retention.ms": ("delete", None)})]))
    second = _until(modified, lambda found: len(found) == 1)
    answers.append(admin.reset_configs([resource([])]))
    third = _until(modified, lambda found: not found)
    missing = admin.describe_configs([kafka.admin.ConfigResource("topic", "nowhere")])
    broker = kafka.admin.ConfigResource("broker", "101", ["offsets.topic.num.partitions", "min.insync.replicas"])
    brokers = [admin.describe_configs([broker], config_filter=which) for which in ("all", "static", "dynamic")]
    admin.close()
    return [one["topic"][topic] for one in answers], first, chosen, codes, names, second, third, missing, brokers


def delete_records_and_look_offsets_up(kafka: Any, bootstrap: str, topic: str) -> Any:
    """Offsets by place and by time; records deleted from the front; leaders and replicas that stay where they are."""
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap)
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for number in range(6):
        producer.send(topic, value=b"v", partition=0, timestamp_ms=1_700_000_000_000 + number).get(timeout=30)
    zero, one, nowhere = (kafka.TopicPartition(topic, 0), kafka.TopicPartition(topic, 1), kafka.TopicPartition("no", 0))
    spec = kafka.OffsetSpec

    def found(*specs: Any, **more: Any) -> list[Any]:
        return [list(admin.list_partition_offsets({zero: which, one: which}, **more).items()) for which in specs]

    places = [spec.EARLIEST, spec.LATEST, spec.MAX_TIMESTAMP, spec.EARLIEST_LOCAL, 1_700_000_000_003, 2_000_000_000_000]
    before = found(*places)
    committed = found(spec.LATEST, isolation_level="read-committed")
    deleted = [admin.delete_records({zero: 2}), admin.delete_records({one: -1})]
    after = found(spec.EARLIEST)
    names = [
        _error(lambda: admin.delete_records({zero: 7})),
        _error(lambda: admin.delete_records({nowhere: 0})),
        _error(lambda: admin.list_partition_offsets({nowhere: spec.LATEST})),
        _error(lambda: admin.list_partition_offsets({zero: "latest"})),
        _error(lambda: admin.describe_producers([nowhere])),
        _error(lambda: admin.elect_leaders(0, {"no": [0]})),
    ]
    elected = admin.elect_leaders(kafka_preferred := 0, {topic: [0, 1]}).to_dict()
    all_elected = admin.elect_leaders(kafka_preferred, [topic]).replica_election_results[0].partition_result
    moved = admin.alter_partition_reassignments(
        {zero: [101], one: None, kafka.TopicPartition(topic, 2): [102], nowhere: [101]}
    )
    moving = admin.list_partition_reassignments([zero])
    producers = admin.describe_producers([zero, one])
    states = [state._replace(producer_id=0) for state in producers[zero].active_producers]
    producer.close()
    admin.close()
    return (
        [_short(one) for one in (*before, *committed, *after)], [_short(list(one.items())) for one in deleted], names,
        sorted((part["partition_id"], part["error_code"]) for part in elected["replica_election_results"][0][
            "partition_result"]),
        sorted((part.partition_id, part.error_message) for part in all_elected),
        sorted((tp.topic == topic, tp.partition, error and error.__name__) for tp, error in moved.items()), moving,
        [tuple(state) for state in states], producers[one].active_producers,
    )  # fmt: skip


def move_groups(kafka: Any, bootstrap: str, topic: str) -> Any:
    """A group is watched with a member, which is removed; then its offsets are listed, altered, reset and deleted."""
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap)
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for number in range(6):
        producer.send(topic, value=b"v", partition=0, timestamp_ms=1_700_000_000_000 + number).get(timeout=30)
    producer.close()
    group, other = f"{topic}-group", f"{topic}-other"
    zero, one, nowhere = (kafka.TopicPartition(topic, 0), kafka.TopicPartition(topic, 1), kafka.TopicPartition("no", 0))
    place, at = kafka.OffsetAndMetadata, kafka.admin.OffsetTimestamp

    def listed(**filters: Any) -> Any:
        mine = {group: "group", other: "other"}
        found = [one for one in admin.list_groups(**filters) if one["group_id"] in mine]
        return sorted(({**one, "group_id": mine[one["group_id"]]} for one in found), key=lambda one: one["group_id"])

    def described(name: str) -> Any:
        [(_, found)] = admin.describe_groups([name]).items()
        return _without_names(found, topic)

    consumer = kafka.KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, group_instance_id="one", enable_auto_commit=False
    )
    _until(lambda: (consumer.poll(timeout_ms=500) and None) or consumer.assignment(), lambda owned: len(owned) == 3)
    seen = [listed(), described(group), described(other)]
    refused = [
        _named(admin.alter_group_offsets(group, {zero: place(4, "", -1)})),
        _named(admin.delete_group_offsets(group, [zero])),
        {key: (value["error"].__name__, value["offset"]) for key, value in _plain(
            admin.reset_group_offsets(group, {zero: 4})).items()},
        _ended(admin.delete_groups([group, other])),
        _error(lambda: admin.delete_group_offsets(other, [zero])),
    ]  # fmt: skip
    member = kafka.admin.MemberToRemove(group_instance_id="one")
    removed = [{key: kind.__name__ for key, kind in admin.remove_group_members(group, [member]).items()} for _ in "ab"]
    seen.append(described(group))
    altered = _named(admin.alter_group_offsets(
        other, {zero: place(4, "by hand", -1), one: place(0, "", None), nowhere: place(1, "", -1)}
    ))  # fmt: skip
    offsets = [_plain(admin.list_group_offsets(other)[other])]
    offsets.append(_plain(admin.list_group_offsets({other: [zero, kafka.TopicPartition(topic, 2)]})[other]))
    offsets.append(_plain(admin.list_group_offsets([f"{topic}-nobody"])[f"{topic}-nobody"]))
    spec = kafka.OffsetSpec
    for specs in ({zero: spec.EARLIEST, one: spec.LATEST}, {zero: at(1_700_000_000_002)}, {zero: 100}, {zero: 3}):
        reset = admin.reset_group_offsets(other, specs)
        offsets.append({tp.partition: (one["error"].__name__, one["offset"]) for tp, one in reset.items()})
        offsets.append(_plain(admin.list_group_offsets(other)[other]))
    seen += [
        listed(states_filter=["empty"]), listed(types_filter=["consumer"]), listed(broker_ids=[101]), described(other),
    ]  # fmt: skip
    forgotten = _named(admin.delete_group_offsets(other, [one, kafka.TopicPartition(topic, 2), nowhere]))
    offsets.append(_plain(admin.list_group_offsets(other)[other]))
    consumer.close()
    ended = _ended(admin.delete_groups([group, other]))
    admin.close()
    return seen, refused, removed, altered, offsets, forgotten, ended, listed_after(kafka, bootstrap, group)


def listed_after(kafka: Any, bootstrap: str, group: str) -> Any:
    """Whether a group is listed still."""
    with kafka.KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        return [one for one in admin.list_groups() if one["group_id"] == group]


def watch_a_transaction(kafka: Any, bootstrap: str, topic: str) -> Any:
    """A transaction is seen from outside: at its coordinator, in the partition that it writes to, and taken back."""
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap)
    name, zero = f"{topic}-tx", kafka.TopicPartition(topic, 0)
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, transactional_id=name, transaction_timeout_ms=50_000)

    def seen() -> Any:
        mine = [one for some in admin.list_transactions().values() for one in some if one.transactional_id == name]
        found = admin.describe_transactions([name])[name]
        partitions = sorted(tp.partition for tp in found.topic_partitions)
        states = admin.describe_producers([zero])[zero].active_producers
        return (
            [one.state.value for one in mine], found.state, found.coordinator_id, found.producer_epoch,
            found.transaction_timeout_ms, found.transaction_start_time_ms > 0, partitions,
            [(one.last_sequence, one.coordinator_epoch, one.current_transaction_start_offset) for one in states],
        )  # fmt: skip

    producer.init_transactions()
    sights = [seen()]
    producer.begin_transaction()
    producer.send(topic, value=b"x", partition=0).get(timeout=30)
    sights.append(seen())
    counts = [
        len([one for one in admin.list_transactions(**only).get(101, []) if one.transactional_id == name])
        for only in ({"state_filters": ["Ongoing"]}, {"state_filters": ["Empty"]}, {"producer_id_filters": [987_654]},
                     {"duration_filter_ms": 3_600_000}, {"broker_ids": [101]})
    ]  # fmt: skip
    producer.commit_transaction()
    sights.append(_until(seen, lambda found: found[0] == ["CompleteCommit"]))
    producer.begin_transaction()
    producer.send(topic, value=b"y", partition=0).get(timeout=30)
    [state] = admin.describe_producers([zero])[zero].active_producers
    spec = kafka.admin.AbortTransactionSpec(zero, state.producer_id, state.producer_epoch, state.coordinator_epoch)
    aborted = admin.abort_transaction(spec)
    sights.append(seen())
    producer.abort_transaction()
    producer.close()
    nobody = _error(lambda: admin.describe_transactions([f"{topic}-nobody"]))
    hanging = [one for one in admin.find_hanging_transactions() if one["transactional_id"] == name]
    cluster = admin.describe_cluster()
    shape = (sorted(cluster), cluster["controller_id"], cluster["authorized_operations"], sorted(cluster["brokers"][0]))
    admin.close()
    return sights, counts, aborted, nobody, hanging, shape


FUNCTIONS = [
    make_grow_and_delete, alter_settings, delete_records_and_look_offsets_up, move_groups, watch_a_transaction,
]  # fmt: skip


def _error(call: Callable[[], object]) -> str:
    """The name of the error that a call raises; of Python's own kind where that is what it is."""
    try:
        return f"no error: {call()!r}"
    except TypeError:
        return "TypeError"
    except ValueError:
        return "ValueError"
    except Exception as error:
        return type(error).__name__


def _until(look: Callable[[], Any], is_there: Callable[[Any], bool]) -> Any:
    """Look again until something has happened: what is changed is known to all a little later."""
    for _ in range(200):
        found = look()
        if is_there(found):
            break
    return found


def _ended(outcomes: dict[str, str]) -> list[str]:
    return [outcome for _, outcome in sorted(outcomes.items())]


def _plain(offsets: Any) -> Any:
    return {tp.partition: tuple(one) if isinstance(one, tuple) else one for tp, one in sorted(offsets.items())}


def _named(errors: Any) -> Any:
    """The names of errors by partition, in order."""
    return sorted((tp.partition, kind.__name__) for tp, kind in errors.items())


def _short(found: Any) -> Any:
    return sorted((tp.partition, tuple(one) if isinstance(one, tuple) else one) for tp, one in found)


def _without_names(group: Any, topic: str) -> Any:
    """A described group without what differs from run to run: names, addresses and ids."""
    members = [
        {**one, "member_id": "", "client_host": "", "client_id": "",
         "member_metadata": one["member_metadata"] and {**one["member_metadata"], "topics": len(
             one["member_metadata"]["topics"])},
         "member_assignment": one["member_assignment"] and [
             (part["topic"] == topic, part["partitions"]) for part in one["member_assignment"]["assigned_partitions"]]}
        for one in group["members"]
    ]  # fmt: skip
    return {**group, "group_id": "", "members": members}
