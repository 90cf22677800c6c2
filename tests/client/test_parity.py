"""Names, arguments, defaults and errors are those of the installed kafka-python."""

from __future__ import annotations

import inspect

import pytest

from kafkasim.client import (
    admin,
    admin_configs,
    admin_groups,
    admin_transactions,
    configs,
    enums,
    errors,
    futures,
    library,
    partitioner,
    serializer,
    structs,
)
from kafkasim.client.admin import KafkaAdminClient
from kafkasim.client.consumer import KafkaConsumer
from kafkasim.client.producer import KafkaProducer
from kafkasim.cluster import Cluster
from kafkasim.errors import ConfigError, KafkaError, UsageError
from kafkasim.records import TopicPartition

kafka = pytest.importorskip("kafka", reason="kafka-python is not installed: there is nothing to compare with")
kafka_errors = pytest.importorskip("kafka.errors")
kafka_admin = pytest.importorskip("kafka.admin")
kafka_configs = pytest.importorskip("kafka.admin._configs")
kafka_structs = pytest.importorskip("kafka.structs")
kafka_partitioner = pytest.importorskip("kafka.partitioner")
kafka_future = pytest.importorskip("kafka.producer.future")
kafka_fetcher = pytest.importorskip("kafka.consumer.fetcher")

pytestmark = pytest.mark.skipif(
    kafka.__version__.split(".")[0] != "3", reason=f"compared with kafka-python 3, not {kafka.__version__}"
)

CLIENTS = [
    (KafkaProducer, kafka.KafkaProducer, configs.PRODUCER),
    (KafkaConsumer, kafka.KafkaConsumer, configs.CONSUMER),
    (KafkaAdminClient, kafka.KafkaAdminClient, configs.ADMIN),
]
CLASSES = [
    *[(ours, theirs) for ours, theirs, _ in CLIENTS],
    (futures.FutureRecordMetadata, kafka_future.FutureRecordMetadata),
    (structs.ConsumerRebalanceListener, kafka.ConsumerRebalanceListener),
    (structs.NewTopic, kafka_admin.NewTopic),
    (structs.NewPartitions, kafka_admin.NewPartitions),
    (admin_configs.ConfigResource, kafka_admin.ConfigResource),
    (admin_groups.MemberToRemove, kafka_admin.MemberToRemove),
    (partitioner.Partitioner, kafka_partitioner.Partitioner),
    (partitioner.DefaultPartitioner, kafka_partitioner.DefaultPartitioner),
    (partitioner.StickyPartitioner, kafka_partitioner.StickyPartitioner),
    (serializer.Serializer, kafka.Serializer),
    (serializer.Deserializer, kafka.Deserializer),
    (serializer.DefaultSerializer, kafka.DefaultSerializer),
    (serializer.JsonSerializer, kafka.JsonSerializer),
]
NOT_OFFERED = {
    # inner workings there, or not modelled
    KafkaProducer: {"max_usable_produce_magic"},
    KafkaConsumer: set(),
    KafkaAdminClient: {
        "alter_replica_log_dirs",
        "alter_user_scram_credentials",
        "api_versions",
        "create_acls",
        "delete_acls",
        "describe_acls",
        "describe_features",
        "describe_log_dirs",
        "describe_metadata_quorum",
        "describe_topic_partitions",
        "describe_user_scram_credentials",
        "get_broker_version_data",
        "list_config_resources",
        "update_features",
    },
    futures.FutureRecordMetadata: {"success", "failure", "chain", "rebind"},
}


def parameters(function: object) -> list[tuple[str, object, object]]:
    found = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    return [(one.name, one.kind, one.default) for one in found]


def public(cls: type) -> dict[str, object]:
    return {
        name: member for name, member in inspect.getmembers(cls, inspect.isfunction) if not name.startswith("_")
    }  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs"), CLASSES, ids=lambda cls: cls.__name__)
def test_every_public_method_takes_what_kafka_pythons_takes(ours: type, theirs: type) -> None:
    methods = public(ours)
    for name, method in methods.items():
        assert parameters(method) == parameters(getattr(theirs, name)), name
    if ours in NOT_OFFERED:
        assert set(public(theirs)) | {"max_usable_produce_magic"} >= set(methods)
        assert set(public(theirs)) - set(methods) == NOT_OFFERED[ours] - {"max_usable_produce_magic"}


def test_what_the_admin_client_leaves_out_says_so_and_why() -> None:
    assert set(admin.LEFT_OUT) == NOT_OFFERED[KafkaAdminClient]
    client = Cluster(brokers=1, zookeepers=1).client_library().KafkaAdminClient()
    for name in NOT_OFFERED[KafkaAdminClient]:
        with pytest.raises(UsageError, match=rf"KafkaAdminClient\.{name}\(\) is not modelled\. [A-Z].*\."):
            getattr(client, name)("whatever", is_given=True)
    with pytest.raises(AttributeError, match="create_topics"):
        client.create_topic("t")


ENUMS = [
    (enums.IsolationLevel, kafka.IsolationLevel),
    (enums.OffsetSpec, kafka.OffsetSpec),
    (enums.ConfigResourceType, kafka_admin.ConfigResourceType),
    (enums.ConfigFilterType, kafka_configs.ConfigFilterType),
    (enums.AlterConfigOp, kafka_admin.AlterConfigOp),
    (enums.ConfigType, kafka_admin.ConfigType),
    (enums.ConfigSourceType, kafka_admin.ConfigSourceType),
    (enums.GroupState, kafka_admin.GroupState),
    (enums.GroupType, kafka_admin.GroupType),
    (enums.TransactionState, kafka_admin.TransactionState),
]


@pytest.mark.parametrize(("ours", "theirs"), ENUMS, ids=lambda one: one.__name__)
def test_enumerations_have_the_same_members_and_are_built_from_the_same_spellings(ours, theirs) -> None:
    assert [(one.name, one.value, str(one)) for one in ours] == [(one.name, one.value, str(one)) for one in theirs]
    for member in theirs:
        for spelling in (member.value, member.name, member.name.lower().replace("_", "-"), f" {member.name} "):
            assert ours.build_from(spelling).name == theirs.build_from(spelling).name
        assert ours.value_for(member.name.lower()) == theirs.value_for(member.name.lower())
    for wrong in ("nothing", None):
        with pytest.raises(ValueError, match=f"Unrecognized {theirs.__name__}"):
            theirs.build_from(wrong)
        with pytest.raises(
            ConfigError, match=f"Unrecognized {theirs.__name__}.*There are {ours(next(iter(ours))).name}"
        ):
            ours.build_from(wrong)


NO_USERS = {
    "ACL", "ACLFilter", "ACLOperation", "ACLPermissionType", "ACLResourcePatternType", "ResourceType",
    "ResourcePattern", "ResourcePatternFilter", "ScramMechanism", "UserScramCredentialDeletion",
    "UserScramCredentialUpsertion", "UpdateFeatureType",
}  # fmt: skip
"""What only calls that are left out take: users, their rights, and features of versions."""


def test_the_modules_have_the_same_names() -> None:
    offered = set(library.ClientLibrary.admin)
    assert set(kafka_admin.__all__) - {"KafkaAdminClient"} - offered == NO_USERS
    here = {name for name in dir(library.ClientLibrary(Cluster(brokers=1, zookeepers=1), None)) if name[0].isupper()}  # type: ignore[arg-type]
    assert set(kafka.__all__) - here == {"AsyncConsumerRebalanceListener"}


@pytest.mark.parametrize(
    "cls",
    [
        structs.NewTopic,
        structs.NewPartitions,
        admin_configs.ConfigResource,
        admin_groups.MemberToRemove,
        serializer.DefaultSerializer,
    ],
)
def test_what_a_program_makes_itself_is_made_alike(cls: type) -> None:
    theirs = getattr(kafka_admin, cls.__name__, None) or getattr(kafka, cls.__name__)
    assert parameters(cls.__init__) == parameters(theirs.__init__)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (futures.RecordMetadata, kafka_future.RecordMetadata),
        (structs.ConsumerRecord, kafka_fetcher.ConsumerRecord),
        (structs.OffsetAndMetadata, kafka.OffsetAndMetadata),
        (structs.OffsetAndTimestamp, kafka_structs.OffsetAndTimestamp),
        (structs.TopicPartitionReplica, kafka.TopicPartitionReplica),
        (admin_transactions.AbortTransactionSpec, kafka_admin.AbortTransactionSpec),
        (admin_transactions.PartitionProducerState, kafka_admin.PartitionProducerState),
        (admin_transactions.ProducerState, kafka_admin.ProducerState),
        (admin_transactions.TransactionDescription, kafka_admin.TransactionDescription),
        (admin_transactions.TransactionListing, kafka_admin.TransactionListing),
        (structs.ConsumerGroupMetadata, kafka.ConsumerGroupMetadata),
        (TopicPartition, kafka.TopicPartition),
    ],
    ids=lambda cls: cls.__name__,
)
def test_tuples_have_the_same_fields(ours: type, theirs: type) -> None:
    assert ours._fields == theirs._fields  # type: ignore[attr-defined]
    assert ours._field_defaults == theirs._field_defaults  # type: ignore[attr-defined]


@pytest.mark.parametrize(("ours", "theirs", "known"), CLIENTS, ids=lambda one: getattr(one, "__name__", ""))
def test_every_setting_has_kafka_pythons_name_and_default(
    ours: type[KafkaProducer], theirs: type[KafkaProducer], known: configs.Known
) -> None:
    assert set(ours.DEFAULT_CONFIG) == set(theirs.DEFAULT_CONFIG)
    for name, default in theirs.DEFAULT_CONFIG.items():
        own = ours.DEFAULT_CONFIG[name]
        if own is configs.NOT_HERE:
            assert name in known.fixed
        elif name == "partitioner":
            assert type(own).__name__ == type(default).__name__
        elif name == "partition_assignment_strategy":
            assert [(one.__name__, one.name) for one in own] == [(one.__name__, one.name) for one in default]
        elif name == "client_id" and default is not None:
            assert own.rpartition("-")[0] == default.rpartition("-")[0]
        else:
            assert (own, type(own)) == (default, type(default)), name


@pytest.mark.parametrize("known", [known for _, _, known in CLIENTS], ids=lambda known: known.kind)
def test_what_is_not_modelled_is_refused_unless_it_is_the_default(known: configs.Known) -> None:
    for name, default in known.fixed.items():
        if default is not configs.NOT_HERE:
            assert configs.checked(known, {name: default})[name] == default
        with pytest.raises(UsageError, match=name):
            configs.checked(known, {name: "something else"})


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"Unrecognized configs: .*Did you mean linger_ms\?"):
        configs.checked(configs.PRODUCER, {"linger": 5})


def test_every_error_of_kafka_python_exists_and_judges_alike() -> None:
    theirs = {
        name: cls
        for name, cls in inspect.getmembers(kafka_errors, inspect.isclass)
        if issubclass(cls, Exception)
    }  # fmt: skip
    assert set(theirs) == set(errors.EXPORTED)
    for name, cls in theirs.items():
        own = errors.EXPORTED[name]
        assert own.__name__ == cls.__name__
        assert (own.retriable, own.invalid_metadata) == (cls.retriable, cls.invalid_metadata), name
        assert getattr(own, "errno", None) == getattr(cls, "errno", None), name
        if getattr(cls, "errno", None) is not None:
            assert own.message == cls.message, name  # type: ignore[attr-defined]
        bases = {base.__name__ for base in cls.__mro__ if base.__module__ == "kafka.errors"}
        assert {base.__name__ for base in own.__mro__ if base.__module__ == errors.__name__} >= bases - {name}, name
        if name not in ("LogTruncationError", "CommitFailedError"):
            assert str(own("why")) == str(cls("why"))
            assert str(own()) == str(cls())


@pytest.mark.parametrize("code", sorted(KafkaError.by_code))
def test_every_error_of_the_cluster_has_kafka_pythons_name(code: int) -> None:
    native = KafkaError.by_code[code]
    assert errors.for_code(code).__name__ == kafka_errors.for_code(code).__name__
    translated = errors.translated(native("a text of the client's own"))
    assert isinstance(translated, errors.KafkaError)
    assert (translated.java_name, translated.cause.__class__) == (native.java_name, native)
    if native not in errors.IN_THE_CLIENT:
        assert type(translated) is errors.for_code(code)


def test_a_code_that_nobody_knows_is_an_unknown_error() -> None:
    assert issubclass(errors.for_code(999), errors.BY_CODE[-1])
    assert errors.for_code(999).errno == 999


@pytest.mark.parametrize("data", [b"", b"a", b"order-42", bytes(range(256))])
def test_keys_are_hashed_alike(data: bytes) -> None:
    assert partitioner.murmur2(data) == kafka_partitioner.murmur2(data)
