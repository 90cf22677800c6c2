"""Settings of topics and brokers that change while the cluster runs.

Whichever broker is asked writes them into ZooKeeper and leaves a notice under /config/changes; every broker watches
that, reads what has changed and applies it. Kafka: ConfigAdminManager, ZkNodeChangeNotificationListener,
ZkConfigManager, DynamicBrokerConfig. Left out: users, clients and addresses (quotas); cluster-wide broker settings.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from kafkasim.config import BrokerConfig, TopicConfig
from kafkasim.config.broker import DYNAMIC, OF_ITS_PLACE, TOPIC_NAMES
from kafkasim.config.definition import Settings
from kafkasim.core import znode_payloads as znodes
from kafkasim.core.zk_errors import NoNodeError
from kafkasim.core.zk_requests import Create, SetData
from kafkasim.errors import (
    ConfigError,
    InvalidConfigurationException,
    InvalidRequestException,
    KafkaError,
    UnknownTopicOrPartitionException,
)
from kafkasim.messages import admin
from kafkasim.sim.network import Reply
from kafkasim.trace.facts import ConfigChanged

if TYPE_CHECKING:
    from kafkasim.sim.broker import Broker

Steps = Generator[Any, Any, None]
NOTICE = f"{znodes.CONFIG_CHANGES}/config_change_"
KEPT_MS = 15 * 60_000
"""Notices older than this are deleted when the next one comes."""


class ConfigChanges:
    """One broker's settings, as they change."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._static = broker.config
        self._own: dict[str, str] = {}
        self._last = -1

    # --- reading notices -----------------------------------------------------------------------------------------

    def start(self) -> Steps:
        """Read this broker's own settings, and watch for changes. Kafka: DynamicConfigManager.startup."""
        yield from self._apply(f"brokers/{self._broker.broker_id}")
        yield from self._look()

    def _changed(self, event: object) -> None:
        self._broker.process(self._look(), "changes of settings")

    def _look(self) -> Steps:
        """Apply what is new, in its order; throw away what is old."""
        zookeeper = self._broker.zookeeper
        names = sorted((yield zookeeper.get_children(znodes.CONFIG_CHANGES, watch=self._changed)))
        new = [name for name in names if _number(name) > self._last]
        if not new:
            return
        self._last = _number(new[-1])
        for name in new:
            try:
                data, _ = yield zookeeper.get(f"{znodes.CONFIG_CHANGES}/{name}")
            except NoNodeError:
                continue
            yield from self._apply(znodes.decode(data)["entity_path"])
        for name in names:
            path = f"{znodes.CONFIG_CHANGES}/{name}"
            try:
                _, stat = yield zookeeper.get(path)
                if self._broker.kernel.now_ms - stat.ctime > KEPT_MS:
                    yield zookeeper.delete(path)
            except NoNodeError:
                continue

    def _apply(self, entity: str) -> Steps:
        config, _ = yield from self._read(entity)
        kind, _, name = entity.partition("/")
        if kind == "topics":
            self._apply_to_topic(name, config)
        elif name == str(self._broker.broker_id) and config != self._own:
            self._own = config
            self._broker.config = self._static.with_changes(**_of_brokers(config))
            for topic in self._broker.metadata.topics:
                self._apply_to_topic(topic, self._broker.metadata.topic_configs.get(topic, {}))

    def _apply_to_topic(self, topic: str, config: dict[str, str]) -> None:
        """Kafka: TopicConfigHandler.processConfigChanges."""
        broker = self._broker
        if broker.metadata.knows(topic):
            broker.metadata.topic_configs[topic] = config
        broker.replicas.configure(topic, config)
        controller = broker.controller
        if controller.is_active and controller.context.has_topic(topic):
            controller.context.topic_configs[topic] = config
            if controller.allows_unclean(topic):
                controller.enqueue(lambda: controller.partitions.trigger_online(topic))

    def _read(self, entity: str) -> Generator[Any, Any, tuple[dict[str, str], int | None]]:
        try:
            data, stat = yield self._broker.zookeeper.get(f"/config/{entity}")
        except NoNodeError:
            return {}, None
        return dict(znodes.decode(data)["config"]), stat.version

    # --- requests ------------------------------------------------------------------------------------------------

    def alter(self, request: admin.IncrementalAlterConfigsRequest, reply: Reply) -> None:
        """Change settings. Kafka: ZkAdminManager.incrementalAlterConfigs."""

        def steps() -> Steps:
            try:
                yield from self._alter(request)
            except KafkaError as error:
                reply(admin.IncrementalAlterConfigsResponse(type(error), str(error)))
            else:
                reply(admin.IncrementalAlterConfigsResponse())

        self._broker.process(steps(), "IncrementalAlterConfigs")

    def _alter(self, request: admin.IncrementalAlterConfigsRequest) -> Steps:
        entity = self._entity(request.resource_type, request.resource_name)
        before, version = yield from self._read(entity)
        wanted = {**before, **request.changes}
        config = {name: value for name, value in sorted(wanted.items()) if value is not None}
        self._check(request.resource_type, request.changes, config)
        if request.validate_only:
            return
        zookeeper, payload, path = self._broker.zookeeper, znodes.config_payload(config), f"/config/{entity}"
        yield zookeeper.multi([Create(path, payload) if version is None else SetData(path, payload, -1)])
        self._broker.kernel.journal.record(ConfigChanged(entity, tuple(config.items())))
        yield zookeeper.multi([Create(NOTICE, znodes.config_change_payload(entity), sequential=True)])

    def _entity(self, kind: str, name: str) -> str:
        if kind == admin.BROKER:
            if name != str(self._broker.broker_id):
                raise InvalidRequestException(f"Unexpected broker id, expected {self._broker.broker_id}, got {name}.")
            return f"brokers/{name}"
        if not self._broker.metadata.knows(name):
            raise UnknownTopicOrPartitionException(f"There is no topic {name!r}.")
        return f"topics/{name}"

    def _check(self, kind: str, changes: Mapping[str, str | None], config: Mapping[str, str]) -> None:
        """Refuse what a topic or a broker cannot be told; a broker takes any name that means nothing to Kafka."""
        if kind == admin.TOPIC:
            unknown = [name for name in changes if name not in TopicConfig.names()]
            if unknown:
                raise InvalidConfigurationException(f"Unknown topic config name: {unknown[0]}")
            try:
                self._broker.topic_config(config)
            except ConfigError as error:
                raise InvalidConfigurationException(f"Invalid config value: {error}") from error
        else:
            own = OF_ITS_PLACE.intersection(changes) | _of_brokers(changes).keys()
            fixed = sorted(own - DYNAMIC - set(BrokerConfig.not_modelled()))
            if fixed:
                raise InvalidRequestException(f"Cannot update these configs dynamically: {', '.join(fixed)}")
            try:
                self._static.with_changes(**_of_brokers(config))
            except ConfigError as error:
                raise InvalidRequestException(str(error)) from error

    def describe(self, request: admin.DescribeConfigsRequest) -> admin.DescribeConfigsResponse:
        """All settings in force. Kafka: ConfigHelper.describeConfigs."""
        try:
            entity = self._entity(request.resource_type, request.resource_name)
        except KafkaError as error:
            return admin.DescribeConfigsResponse(type(error), str(error))
        if request.resource_type == admin.BROKER:
            entries = [
                self._entry(name, name, value, {}, BrokerConfig, is_read_only=name not in DYNAMIC)
                for name, value in self._broker.config.describe().items()
            ]
            return admin.DescribeConfigsResponse(entries=tuple(sorted(entries, key=lambda entry: entry.name)))
        own = self._broker.metadata.topic_configs.get(entity.partition("/")[2], {})
        return admin.DescribeConfigsResponse(entries=self.of_topic(own))

    def of_topic(self, own: Mapping[str, str]) -> tuple[admin.ConfigEntry, ...]:
        """All settings of a topic that has these of its own, by name."""
        values = self._broker.topic_config(own).describe()
        return tuple(
            self._entry(name, TOPIC_NAMES.get(name, name), values[name], own, TopicConfig) for name in sorted(values)
        )

    def _entry(
        self, name: str, broker_name: str, value: object, own: Mapping[str, str], settings: type[Settings], *,
        is_read_only: bool = False,
    ) -> admin.ConfigEntry:  # fmt: skip
        if name in own:
            source = "DYNAMIC_TOPIC_CONFIG"
        elif broker_name in self._own:
            source = "DYNAMIC_BROKER_CONFIG"
        elif broker_name in self._static.explicitly_set:
            source = "STATIC_BROKER_CONFIG"
        else:
            source = "DEFAULT_CONFIG"
        is_default = source == "DEFAULT_CONFIG"
        return admin.ConfigEntry(name, _text(value), source, is_default, is_read_only, settings.type_of(name))


def _of_brokers(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of these settings is Kafka's own."""
    return {name: value for name, value in config.items() if name in BrokerConfig.names()}


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return None if value is None else str(value)
