"""A class of settings: what the configurations of producers, topics, brokers and all others share.

Such a class is a frozen dataclass whose fields are declared with the sorts of :mod:`kafkasim.config.setting`::

    @dataclass(frozen=True, slots=True, init=False, repr=False)
    class ProducerConfig(Settings):
        KIND = "producer"

        linger_ms: int = long(0, at_least=0)

A setting goes by Kafka's name, ``linger.ms``, or by its field's, ``linger_ms``. Classes that derive from these name
their parent instead of calling ``super()``, which a dataclass with slots does not support.

Kafka: org.apache.kafka.common.config.AbstractConfig (originals, postProcessParsedConfig).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Self

from kafkasim.config import checks
from kafkasim.config.setting import Setting
from kafkasim.errors import ConfigError


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Settings:
    """What all classes of settings share; two are equal when all their values are."""

    KIND: ClassVar[str] = ""
    ELSEWHERE: ClassVar[Mapping[str, str]] = {}
    """Names that Kafka uses for the same things elsewhere -> the names that they have here."""

    _given: dict[str, object] = field(init=False, compare=False)

    def __init__(self, /, **given: object) -> None:
        self._fill(_defaults(type(self)), _read(type(self), given))

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> Self:
        """The settings that a mapping of names to values asks for, with Kafka's defaults for the rest."""
        return cls(**checked_mapping(cls, given))

    def with_changes(self, /, **changes: object) -> Self:
        """A copy with some settings changed, checked as if it had been asked for in one go."""
        made = object.__new__(type(self))
        made._fill(self._inherited(), {**self._given, **_read(type(self), changes)})
        return made

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Kafka's names of all settings, in the order of their definition."""
        return tuple(setting.name for setting in _settings(cls).values())

    @classmethod
    def type_of(cls, name: str) -> str:
        """Kafka's word for the type of a setting: INT, LONG, BOOLEAN, LIST, ... Kafka: ConfigDef.Type."""
        return _settings(cls)[_fields_by_name(cls)[name]].type

    @classmethod
    def not_modelled(cls) -> tuple[str, ...]:
        """The names of the settings that take nothing but their default here."""
        return tuple(setting.name for setting in _settings(cls).values() if not setting.modelled)

    @property
    def explicitly_set(self) -> frozenset[str]:
        """Kafka's names of the settings that the user gave; Kafka treats some of them other than equal defaults."""
        settings = _settings(type(self))
        return frozenset(settings[attribute].name for attribute in self._given)

    def describe(self) -> dict[str, object]:
        """Every setting's value by Kafka's name, in the order of their definition."""
        return {setting.name: getattr(self, attribute) for attribute, setting in _settings(type(self)).items()}

    def values(self) -> dict[str, object]:
        """Every setting's value by field."""
        return {attribute: getattr(self, attribute) for attribute in _settings(type(self))}

    def __repr__(self) -> str:
        parts = []
        for attribute, setting in _settings(type(self)).items():
            value = getattr(self, attribute)
            if value is not setting.default and value != setting.default:
                parts.append(f"{attribute}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def _inherited(self) -> dict[str, object]:
        """The values, by field, of what is not given."""
        return _defaults(type(self))

    def _settled(self) -> dict[str, object]:
        """What Kafka changes silently, by field, when settings meet; ConfigError where they contradict each other."""
        return {}

    def _fill(self, inherited: Mapping[str, object], given: dict[str, object]) -> None:
        for attribute, value in {**inherited, **given}.items():
            object.__setattr__(self, attribute, value)
        object.__setattr__(self, "_given", given)
        for attribute, value in self._settled().items():
            object.__setattr__(self, attribute, value)


_declared: dict[type[Settings], dict[str, Setting]] = {}


def _settings(cls: type[Settings]) -> dict[str, Setting]:
    """The settings of a class by field, collected when they are first asked for."""
    if cls not in _declared:
        found: dict[str, Setting] = {}
        for spec in fields(cls):
            if "setting" in spec.metadata:
                setting: Setting = spec.metadata["setting"]
                found[spec.name] = replace(setting, name=setting.name or spec.name.replace("_", "."))
        _declared[cls] = found
    return _declared[cls]


def _fields_by_name(cls: type[Settings]) -> dict[str, str]:
    """Every accepted name of a setting -> its field."""
    found: dict[str, str] = {}
    for attribute, setting in _settings(cls).items():
        for name in filter(None, (attribute, setting.name, setting.also)):
            assert found.setdefault(name, attribute) == attribute, name
    return found


def _defaults(cls: type[Settings]) -> dict[str, object]:
    return {attribute: setting.default for attribute, setting in _settings(cls).items()}


def _read(cls: type[Settings], given: Mapping[str, object]) -> dict[str, object]:
    """The values that were given, by field."""
    known, settings = _fields_by_name(cls), _settings(cls)
    found: dict[str, object] = {}
    for name, value in given.items():
        attribute = known.get(name)
        if attribute is None:
            raise _no_such_setting(cls, name)
        if attribute in found:
            twice = sorted(spelling for spelling in given if known.get(spelling) == attribute)
            raise ConfigError(f"{settings[attribute].name} is given twice, as {' and '.join(twice)}. Give it once.")
        found[attribute] = settings[attribute].accept(value)
    return found


def checked_mapping(cls: type[Settings], given: Mapping[str, object]) -> dict[str, object]:
    """A copy of what was given for a class of settings, once it is known to be a mapping with names for keys."""
    example = cls.names()[0]
    if not isinstance(given, Mapping):
        raise checks.wrong(f"The {cls.KIND} settings", f"a mapping such as {{{example!r}: ...}}", given)
    for name in given:
        if not isinstance(name, str):
            raise checks.wrong(f"The name of a {cls.KIND} setting", f"a text such as {example!r}", name)
    return dict(given)


def _no_such_setting(cls: type[Settings], name: str) -> ConfigError:
    if _plain(name) in cls.ELSEWHERE:
        near: Sequence[str] = [cls.ELSEWHERE[_plain(name)]]
    else:
        plain = {_plain(known): known for known in cls.names()}
        near = [plain[found] for found in difflib.get_close_matches(_plain(name), plain, n=3, cutoff=0.6)]
    if near:
        hint = f"Did you mean {' or '.join(map(repr, near))}?"
    else:
        hint = f"{cls.__name__}.names() lists the {len(cls.names())} there are."
    return ConfigError(f"There is no {cls.KIND} setting {checks.shown(name)}. {hint}")


def _plain(name: str) -> str:
    return name.lower().replace("_", ".")
