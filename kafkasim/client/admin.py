"""KafkaAdminClient with kafka-python's arguments and answers. kafka-python: kafka.admin.

Its calls are in admin_topics, admin_partitions, admin_configs, admin_groups and admin_transactions; what it does not
offer says why. Answers have the shape of kafka-python's.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from kafkasim.client.admin_configs import ConfigAdmin
from kafkasim.client.admin_groups import GroupAdmin
from kafkasim.client.admin_topics import TopicAdmin
from kafkasim.client.admin_transactions import TransactionAdmin
from kafkasim.client.refusals import refusing

CLUSTER_OPERATIONS = [
    "CREATE", "ALTER", "DESCRIBE", "CLUSTER_ACTION", "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "IDEMPOTENT_WRITE",
]  # fmt: skip
NO_USERS = "The simulated cluster knows no users: everybody may do everything."
NO_KRAFT = "The cluster keeps its metadata in ZooKeeper, where a real broker does not support this call either."
NO_VERSIONS = "All brokers are of Kafka 3.9, and versions of the protocol are not modelled."
LEFT_OUT = {
    "create_acls": NO_USERS,
    "delete_acls": NO_USERS,
    "describe_acls": NO_USERS,
    "alter_user_scram_credentials": NO_USERS,
    "describe_user_scram_credentials": NO_USERS,
    "describe_metadata_quorum": NO_KRAFT,
    "describe_topic_partitions": f"{NO_KRAFT} Call describe_topics().",
    "list_config_resources": f"{NO_KRAFT} Call list_topics() or describe_cluster().",
    "describe_features": NO_VERSIONS,
    "update_features": NO_VERSIONS,
    "api_versions": NO_VERSIONS,
    "get_broker_version_data": NO_VERSIONS,
    "describe_log_dirs": "A broker has one log directory: look into it with cluster.disk(broker).",
    "alter_replica_log_dirs": "A broker has one log directory.",
}
"""What kafka-python's client can do besides, and why this one cannot."""


class KafkaAdminClient(TopicAdmin, ConfigAdmin, GroupAdmin, TransactionAdmin):
    """An administrating client; ``config`` holds its settings, ``DEFAULT_CONFIG`` their defaults.

    Calls block and let simulated time pass. They raise the cluster's errors under kafka-python's names, and
    KafkaTimeoutError when nobody has answered after ``timeout_ms``, by default request_timeout_ms.
    """

    def describe_cluster(self) -> dict[str, Any]:
        """``cluster_id``, ``controller_id`` (-1: none is known) and the live ``brokers``, ids ascending."""
        self._open()
        found = self._wait(self._native.describe_cluster(), "describe_cluster()")
        return {
            "cluster_id": found.cluster_id,
            "controller_id": -1 if found.controller_id is None else found.controller_id,
            "brokers": [
                {"broker_id": node.id, "host": node.host, "port": node.port, "rack": node.rack} for node in found.nodes
            ],
            "authorized_operations": list(CLUSTER_OPERATIONS),
        }

    def close(self) -> None:
        """Hang up; calling it again does nothing."""
        if not self._closed:
            self._closed = True
            self._native.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return refusing(self, name, LEFT_OUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.close()
