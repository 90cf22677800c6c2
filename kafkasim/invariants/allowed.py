"""What Kafka allows in a configuration: a finding that it allows is a lesson, any other one is a bug."""

from __future__ import annotations

from kafkasim.config import checks
from kafkasim.errors import ConfigError, unknown_name

PROCESSING = ("at_most_once", "at_least_once", "exactly_once", "auto_commit")


def allowed(
    *, acks: int | str = "all", enable_idempotence: bool = True, retries: int = 2**31 - 1,
    max_in_flight_requests_per_connection: int = 5,
    unclean_leader_election_enable: bool = False, power_loss: bool = False, processing: str | None = None,
    idempotent_sink: bool = False, static_members: bool = False, partitions_added: bool = False,
    records_expire: bool = False,
) -> dict[str, str]:  # fmt: skip
    """The names of findings that may occur in this configuration, each with its reason.

    The defaults are the safe ones: nothing is allowed. ``power_loss`` says that machines, not only processes, may die
    (min.insync.replicas guards new records, not those that were committed before the ISR shrank);
    ``processing`` is one of ``at_most_once``, ``at_least_once``, ``exactly_once``, ``auto_commit`` or None;
    ``records_expire`` says that retention or DeleteRecords may take records that a group has not read yet.
    """
    if acks not in ("all", "0", "1", -1, 0, 1) or isinstance(acks, bool):
        raise ConfigError(f"acks must be 0, 1 or 'all'. Got {acks!r}.")
    if processing is not None and processing not in PROCESSING:
        raise unknown_name("way of processing", processing, PROCESSING)
    checks.whole_number(retries, "retries", at_least=0)
    in_flight = checks.whole_number(
        max_in_flight_requests_per_connection, "max_in_flight_requests_per_connection", at_least=1
    )
    may: dict[str, str] = {}
    waits_for_all = acks in ("all", -1)
    if not waits_for_all:
        may["lost-write"] = f"acks={acks}: a record is acknowledged before any follower has it"
    if power_loss:
        may.setdefault("lost-write", "the last replica in sync may lose its unflushed end with its machine")
        may["inconsistent-offsets"] = "offsets that were read may be lost with a machine, and written again"
    if unclean_leader_election_enable:
        may.setdefault("lost-write", "unclean.leader.election.enable=true: a replica that lags may lead")
        may["inconsistent-offsets"] = "unclean.leader.election.enable=true: a replica that lags may lead"
        for name in ("poll-skip", "nonmonotonic-poll", "nonmonotonic-key"):
            may[name] = "a position may lie in a history that is gone"
    if not (enable_idempotence and waits_for_all) and retries and acks not in (0, "0"):
        may["duplicate"] = "enable.idempotence=false: a repeat after a lost answer is stored again"
        if in_flight > 1:
            may["nonmonotonic-send"] = "a repeat comes after requests that were sent behind it"
            may["nonmonotonic-key"] = may["nonmonotonic-send"]
    if partitions_added:
        may["nonmonotonic-key"] = "partitions were added: a key may belong to another one since"
    if processing in ("at_most_once", "auto_commit"):
        may["skipped-effect"] = may["commit-ahead"] = f"{processing}: offsets are committed before the work is done"
    if records_expire:
        gone = "records may be gone before a group has read them"
        may["skipped-effect"] = may["commit-ahead"] = gone
    if processing in ("at_least_once", "auto_commit") and not idempotent_sink:
        may["duplicate-effect"] = f"{processing}: work is done again when its commit did not get through"
    if static_members:
        may["double-ownership"] = "a static member that comes back takes over in the same generation"
    return may
