"""What stands where ``import kafka`` stands on a real cluster.

A function that gets this object as ``kafka`` runs unchanged with the real kafka-python. Blocking calls let simulated
time pass; inside a ``@cluster.process``, where nothing may wait, the native clients are for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kafkasim.client import (
    admin_configs,
    admin_groups,
    admin_transactions,
    enums,
    errors,
    partitioner,
    serializer,
    structs,
)
from kafkasim.client.admin import KafkaAdminClient
from kafkasim.client.configs import (
    CooperativeStickyAssignor,
    RangePartitionAssignor,
    RoundRobinPartitionAssignor,
    StickyPartitionAssignor,
)
from kafkasim.client.consumer import KafkaConsumer
from kafkasim.client.producer import KafkaProducer
from kafkasim.errors import unknown_name
from kafkasim.records import TopicPartition
from kafkasim.sim.kernel import Kernel

if TYPE_CHECKING:
    from kafkasim.cluster import Cluster


class Namespace:
    """A module of kafka-python, as far as it exists here: ``kafka.errors``, ``kafka.admin``."""

    def __init__(self, name: str, **members: Any) -> None:
        self._name = name
        self.__dict__.update(members)

    def __getattr__(self, name: str) -> Any:
        known = [member for member in self.__dict__ if not member.startswith("_")]
        raise AttributeError(str(unknown_name(f"name in {self.__dict__.get('_name')}", name, known)))

    def __iter__(self) -> Iterator[str]:
        return (member for member in self.__dict__ if not member.startswith("_"))

    def __repr__(self) -> str:
        return f"<{self._name}: {', '.join(sorted(self))}>"


class ClientLibrary:
    """The names of kafka-python 3, bound to one simulated cluster: what stands where ``import kafka`` stands.

    ``kafka.KafkaProducer``, ``kafka.KafkaConsumer``, ``kafka.KafkaAdminClient``, ``kafka.TopicPartition``, and the
    modules ``kafka.errors``, ``kafka.admin``, ``kafka.structs``, ``kafka.partitioner``, ``kafka.serializer`` and
    ``kafka.coordinator``. Left out: asynchronous listeners.
    """

    def __init__(self, cluster: Cluster, kernel: Kernel) -> None:
        bound = {"cluster": cluster, "kernel": kernel, "__module__": "kafka"}
        self.KafkaProducer: type[KafkaProducer] = type("KafkaProducer", (KafkaProducer,), bound)
        self.KafkaConsumer: type[KafkaConsumer] = type("KafkaConsumer", (KafkaConsumer,), bound)
        self.KafkaAdminClient: type[KafkaAdminClient] = type("KafkaAdminClient", (KafkaAdminClient,), bound)
        self._cluster = cluster

    TopicPartition = TopicPartition
    TopicPartitionReplica = structs.TopicPartitionReplica
    IsolationLevel = enums.IsolationLevel
    OffsetSpec = enums.OffsetSpec
    OffsetAndMetadata = structs.OffsetAndMetadata
    ConsumerGroupMetadata = structs.ConsumerGroupMetadata
    ConsumerRebalanceListener = structs.ConsumerRebalanceListener
    Serializer = serializer.Serializer
    Deserializer = serializer.Deserializer
    DefaultSerializer = serializer.DefaultSerializer
    JsonSerializer = serializer.JsonSerializer

    errors = Namespace("kafka.errors", for_code=errors.for_code, **errors.EXPORTED)
    admin = Namespace(
        "kafka.admin",
        NewTopic=structs.NewTopic,
        NewPartitions=structs.NewPartitions,
        ConfigResource=admin_configs.ConfigResource,
        ConfigResourceType=enums.ConfigResourceType,
        ConfigFilterType=enums.ConfigFilterType,
        ConfigType=enums.ConfigType,
        ConfigSourceType=enums.ConfigSourceType,
        AlterConfigOp=enums.AlterConfigOp,
        GroupState=enums.GroupState,
        GroupType=enums.GroupType,
        MemberToRemove=admin_groups.MemberToRemove,
        OffsetSpec=enums.OffsetSpec,
        OffsetTimestamp=enums.OffsetTimestamp,
        AbortTransactionSpec=admin_transactions.AbortTransactionSpec,
        PartitionProducerState=admin_transactions.PartitionProducerState,
        ProducerState=admin_transactions.ProducerState,
        TransactionDescription=admin_transactions.TransactionDescription,
        TransactionListing=admin_transactions.TransactionListing,
        TransactionState=enums.TransactionState,
    )
    structs = Namespace(
        "kafka.structs",
        TopicPartition=TopicPartition,
        TopicPartitionReplica=structs.TopicPartitionReplica,
        OffsetAndMetadata=structs.OffsetAndMetadata,
        OffsetAndTimestamp=structs.OffsetAndTimestamp,
        ConsumerGroupMetadata=structs.ConsumerGroupMetadata,
    )
    partitioner = Namespace(
        "kafka.partitioner",
        Partitioner=partitioner.Partitioner,
        DefaultPartitioner=partitioner.DefaultPartitioner,
        StickyPartitioner=partitioner.StickyPartitioner,
        murmur2=partitioner.murmur2,
    )
    serializer = Namespace(
        "kafka.serializer",
        Serializer=serializer.Serializer,
        Deserializer=serializer.Deserializer,
        DefaultSerializer=serializer.DefaultSerializer,
        JsonSerializer=serializer.JsonSerializer,
    )
    coordinator = Namespace(
        "kafka.coordinator",
        RangePartitionAssignor=RangePartitionAssignor,
        RoundRobinPartitionAssignor=RoundRobinPartitionAssignor,
        assignors=Namespace(
            "kafka.coordinator.assignors",
            range=Namespace("kafka.coordinator.assignors.range", RangePartitionAssignor=RangePartitionAssignor),
            roundrobin=Namespace(
                "kafka.coordinator.assignors.roundrobin", RoundRobinPartitionAssignor=RoundRobinPartitionAssignor
            ),
            sticky=Namespace(
                "kafka.coordinator.assignors.sticky",
                sticky_assignor=Namespace(
                    "kafka.coordinator.assignors.sticky.sticky_assignor",
                    StickyPartitionAssignor=StickyPartitionAssignor,
                ),
            ),
            cooperative_sticky=Namespace(
                "kafka.coordinator.assignors.cooperative_sticky", CooperativeStickyAssignor=CooperativeStickyAssignor
            ),
        ),
    )

    def __getattr__(self, name: str) -> Any:
        known = [one for one in (*dir(type(self)), *self.__dict__) if not one.startswith("_")]
        raise AttributeError(str(unknown_name("name in kafka", name, known)))

    def __repr__(self) -> str:
        return f"<kafka-python's names for {self._cluster!r}>"
