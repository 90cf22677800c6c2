"""Frozen configurations under Kafka's names and with Kafka's defaults (3.9), checked at the door."""

from kafkasim.config import checks
from kafkasim.config.admin import AdminConfig
from kafkasim.config.broker import BrokerConfig
from kafkasim.config.client import ClientConfig
from kafkasim.config.consumer import ASSIGNORS, ConsumerConfig
from kafkasim.config.definition import Settings
from kafkasim.config.network import NetworkConfig
from kafkasim.config.producer import PARTITIONERS, ProducerConfig
from kafkasim.config.topic import TopicConfig
from kafkasim.config.zookeeper import ZooKeeperConfig

__all__ = [
    "ASSIGNORS",
    "PARTITIONERS",
    "AdminConfig",
    "BrokerConfig",
    "ClientConfig",
    "ConsumerConfig",
    "NetworkConfig",
    "ProducerConfig",
    "Settings",
    "TopicConfig",
    "ZooKeeperConfig",
    "checks",
]
