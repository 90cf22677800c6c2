"""Settings in kafka-python's words. kafka-python: kafka.admin._configs.

Left out: loggers, clients and groups as resources; synonyms, APPEND and SUBTRACT; AlterConfigs, which replaces all
settings of a resource (``incremental=False``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kafkasim.client.admin_base import AdminBase
from kafkasim.client.admin_topics import config_told
from kafkasim.client.enums import AlterConfigOp, ConfigFilterType, ConfigResourceType, ConfigSourceType
from kafkasim.client.errors import BrokerResponseError, WrongTypeError
from kafkasim.config import checks
from kafkasim.errors import ConfigError, UsageError
from kafkasim.messages.admin import ConfigEntry

Answer = dict[str, dict[str, Any]]


class ConfigResource:
    """A topic or a broker (by the text of its id), and the settings that are meant.

    ``configs`` are keys, or keys with values to alter; None means all.
    """

    def __init__(self, resource_type: ConfigResourceType | str, name: str, configs: Any = None) -> None:
        self.resource_type = ConfigResourceType.build_from(resource_type)
        self.name = name
        self.configs = configs

    def __str__(self) -> str:
        return f"ConfigResource {self.name}={self.resource_type}"

    def __repr__(self) -> str:
        return f"ConfigResource({self.resource_type}, {self.name}, {self.configs})"


class ConfigAdmin(AdminBase):
    """What an administrator does with settings."""

    def describe_configs(
        self, config_resources: Sequence[ConfigResource], include_synonyms: bool = False,
        config_filter: ConfigFilterType | str = "modified",
    ) -> Answer:  # fmt: skip
        """The settings of topics and brokers: ``{"topic": {name: {setting: {"value", "config_source", ...}}}}``.

        ``config_filter`` is "modified" for what was changed while the cluster ran, "dynamic" for what can be, "static",
        "default" or "all". Keys in a resource's ``configs`` limit the answer. A topic that is not there has no
        settings; a broker that is not there is waited for.
        """
        self._open()
        if include_synonyms:
            raise UsageError("include_synonyms=True is not modelled: leave it out.")
        which = ConfigFilterType.build_from(config_filter)
        answer: Answer = {}
        for resource in _resources(config_resources):
            named = None if resource.configs is None else list(resource.configs)
            answer.setdefault(_kind(resource), {})[str(resource.name)] = {
                name: {**config_told(entry), "synonyms": [], "config_type": entry.type, "documentation": None}
                for name, entry in self._entries(resource).items()
                if (named is None or name in named) and _is_told(entry, which)
            }
        return answer

    def _entries(self, resource: ConfigResource) -> dict[str, ConfigEntry]:
        try:
            return self._wait(self._native.describe_configs(**_where(resource)), "describe_configs()")
        except BrokerResponseError:
            return {}

    def alter_configs(
        self, config_resources: Sequence[ConfigResource], validate_only: bool = False, raise_on_unknown: bool = True,
        incremental: bool | None = None,
    ) -> Answer:  # fmt: skip
        """Change settings: ``{"topic": {name: "OK" or the error's text}}``.

        Each resource's ``configs`` map keys to values, or to ``(operation, value)``. Raises ValueError for keys that
        the resource does not have, or that no running broker takes over; ``raise_on_unknown=False`` leaves that to the
        brokers. ``validate_only`` checks and changes nothing.
        """
        self._open()
        _flags(validate_only, raise_on_unknown, incremental)
        resources = _resources(config_resources)
        for resource in resources:
            _changes(resource)
        if raise_on_unknown:
            self._check_names(resources)
        changes = [_changes(resource) for resource in resources]
        return self._altered(resources, changes, validate_only)

    def reset_configs(
        self, config_resources: Sequence[ConfigResource], validate_only: bool = False, raise_on_unknown: bool = True,
        incremental: bool | None = None,
    ) -> Answer:  # fmt: skip
        """Take settings away, those named in a resource's ``configs``, or with ``configs=[]`` all that were changed."""
        self._open()
        _flags(validate_only, raise_on_unknown, incremental)
        resources = _resources(config_resources)
        for resource in resources:
            if resource.configs is None:
                raise WrongTypeError(f"configs of {resource.name} must list settings; [] stands for all. Got None.")
        if raise_on_unknown:
            self._check_names(resources)
        changes: list[dict[str, object]] = []
        for resource in resources:
            names = list(resource.configs)
            if not names:
                entries = self._entries(resource).items()
                names = [name for name, entry in entries if _is_told(entry, ConfigFilterType.MODIFIED)]
            changes.append(dict.fromkeys(names))
        return self._altered(resources, changes, validate_only)

    def _check_names(self, resources: Sequence[ConfigResource]) -> None:
        for resource in resources:
            known = [name for name, entry in self._entries(resource).items() if not entry.is_read_only]
            unknown = [name for name in resource.configs or () if name not in known]
            if unknown:
                raise ConfigError(
                    f"Unrecognized configs: {', '.join(map(repr, unknown))} of {_kind(resource)} {resource.name!r}."
                    ' describe_configs(..., config_filter="dynamic") lists what can be altered.'
                )

    def _altered(
        self, resources: Sequence[ConfigResource], changes: Sequence[Mapping[str, object]], validate_only: bool
    ) -> Answer:
        answer: Answer = {}
        for resource, change in zip(resources, changes, strict=True):
            future = self._native.incremental_alter_configs(change, validate_only=validate_only, **_where(resource))
            error = self._error_of(future, "alter_configs()")
            answer.setdefault(_kind(resource), {})[str(resource.name)] = "OK" if error is None else str(error)
        return answer


def _flags(validate_only: bool, raise_on_unknown: bool, incremental: bool | None) -> None:
    checks.flag(validate_only, "validate_only")
    checks.flag(raise_on_unknown, "raise_on_unknown")
    if incremental is False:
        raise UsageError("incremental=False is not modelled: leave it out.")
    checks.flag(True if incremental is None else incremental, "incremental")


def _resources(given: object) -> list[ConfigResource]:
    if not isinstance(given, Sequence) or not all(isinstance(one, ConfigResource) for one in given):
        raise WrongTypeError(f"config_resources must be a list of ConfigResource. Got {checks.shown(given)}.")
    for one in given:
        if one.resource_type not in (ConfigResourceType.TOPIC, ConfigResourceType.BROKER):
            raise UsageError(f"{one.resource_type.name} has no settings here: give a TOPIC or a BROKER.")
        if isinstance(one.configs, str) or not isinstance(one.configs, Mapping | Sequence | None):
            raise WrongTypeError(f"configs must be a dict or a list of keys. Got {checks.shown(one.configs)}.")
        _where(one)
    return list(given)


def _kind(resource: ConfigResource) -> str:
    return str(resource.resource_type.name).lower()


def _where(resource: ConfigResource) -> dict[str, Any]:
    if resource.resource_type is ConfigResourceType.TOPIC:
        return {"topic": checks.topic_name(resource.name)}
    name = resource.name
    if isinstance(name, bool) or not (isinstance(name, int) or (isinstance(name, str) and name.isdecimal())):
        raise ConfigError(f"The name of a broker must be its id, as '101'. Got {checks.shown(name)}.")
    return {"broker": int(name)}


def _changes(resource: ConfigResource) -> dict[str, object]:
    if not isinstance(resource.configs, Mapping | None):
        raise WrongTypeError(
            "alter_configs requires configs as a dict of {key: (op, value)} or {key: value} (interpreted as SET). "
            f"Got {checks.shown(resource.configs)}."
        )
    return {name: _change(name, value) for name, value in (resource.configs or {}).items()}


def _change(name: str, value: object) -> object:
    if not isinstance(value, tuple):
        return value
    if len(value) != 2:
        raise ConfigError(f"A change of {name} is (operation, value). Got {checks.shown(value)}.")
    operation = AlterConfigOp.build_from(value[0])
    if operation in (AlterConfigOp.APPEND, AlterConfigOp.SUBTRACT):
        raise UsageError(f"{operation.name} of {name} is not modelled: SET the whole list.")
    return None if operation is AlterConfigOp.DELETE else value[1]


def _is_told(entry: ConfigEntry, which: ConfigFilterType) -> bool:
    modified = ConfigSourceType[entry.source].is_modified()
    return {
        ConfigFilterType.ALL: True,
        ConfigFilterType.MODIFIED: modified,
        ConfigFilterType.DEFAULT: not modified,
        ConfigFilterType.STATIC: entry.source == "STATIC_BROKER_CONFIG",
        ConfigFilterType.DYNAMIC: not entry.is_read_only,
    }[which]
