"""Settings of a ZooKeeper ensemble."""

from __future__ import annotations

from dataclasses import dataclass

from kafkasim.config.definition import Settings
from kafkasim.config.setting import boolean, integer, one_of
from kafkasim.errors import ConfigError


@dataclass(frozen=True, slots=True, init=False, repr=False)
class ZooKeeperConfig(Settings):
    """What the servers of an ensemble can be told, under ZooKeeper's names (``tickTime``, or ``tick_time``).

    ``tick_time`` and the session timeouts are in ms, the limits in ticks. The values are those of ZooKeeper's sample
    file ``zoo_sample.cfg``: in its code the default tick is 3000 ms and the two limits have none. The session
    timeouts that a client may ask for are cut to 2 and 20 ticks unless given; -1 stands for these.

    ZooKeeper: QuorumPeerConfig (3.8).
    """

    KIND = "ZooKeeper"

    tick_time: int = integer(2000, at_least=1, named="tickTime")
    init_limit: int = integer(10, at_least=1, named="initLimit")
    sync_limit: int = integer(5, at_least=1, named="syncLimit")
    min_session_timeout: int = integer(-1, at_least=-1, named="minSessionTimeout")
    max_session_timeout: int = integer(-1, at_least=-1, named="maxSessionTimeout")

    max_client_cnxns: int = integer(60, at_least=0, named="maxClientCnxns", not_modelled=True)
    jute_maxbuffer: int = integer(1_048_575, at_least=1, named="jute.maxbuffer")
    snap_count: int = integer(100_000, at_least=2, named="snapCount", not_modelled=True)
    commit_log_count: int = integer(500, at_least=1, named="commitLogCount", not_modelled=True)
    autopurge_purge_interval: int = integer(0, named="autopurge.purgeInterval", not_modelled=True)
    autopurge_snap_retain_count: int = integer(3, named="autopurge.snapRetainCount", not_modelled=True)
    global_outstanding_limit: int = integer(1000, named="globalOutstandingLimit", not_modelled=True)
    force_sync: str = one_of("yes", "yes", "no", named="forceSync", not_modelled=True)
    leader_serves: str = one_of("yes", "yes", "no", named="leaderServes", not_modelled=True)
    standalone_enabled: bool = boolean(True, named="standaloneEnabled", not_modelled=True)
    readonlymode_enabled: bool = boolean(False, named="readonlymode.enabled", not_modelled=True)
    local_sessions_enabled: bool = boolean(False, named="localSessionsEnabled", not_modelled=True)
    reconfig_enabled: bool = boolean(False, named="reconfigEnabled", not_modelled=True)
    extended_types_enabled: bool = boolean(False, named="extendedTypesEnabled", not_modelled=True)

    def _settled(self) -> dict[str, object]:
        shortest = 2 * self.tick_time if self.min_session_timeout == -1 else self.min_session_timeout
        longest = 20 * self.tick_time if self.max_session_timeout == -1 else self.max_session_timeout
        if shortest > longest:
            raise ConfigError(f"minSessionTimeout must not be above maxSessionTimeout ({longest}). Got {shortest}.")
        return {"min_session_timeout": shortest, "max_session_timeout": longest}
