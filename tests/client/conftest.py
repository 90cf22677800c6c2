"""A cluster with one topic of three partitions, and its client library."""

from __future__ import annotations

import pytest

from kafkasim.client.library import ClientLibrary
from kafkasim.cluster import Cluster


@pytest.fixture
def cluster() -> Cluster:
    made = Cluster(brokers=3, seed=7)
    made.create_topic("truck_gps", partitions=3, replication_factor=3, min_insync_replicas=2)
    return made


@pytest.fixture
def kafka(cluster: Cluster) -> ClientLibrary:
    return cluster.client_library()
