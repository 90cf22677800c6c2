"""The guards of the protocol by name: what each rule prevents can be shown by switching it off, in a test.

A guard holds always. Only :func:`switched_off` lets one go, for the length of a ``with`` block, and only tests use it:
a promise that still stands when its guard is gone was never tested.
"""

from __future__ import annotations

from kafkasim.errors import unknown_name

GUARDS = {
    "hw-waits-for-isr": "the high watermark is what everybody in sync has, not the leader's end",
    "joiner-has-everything": "a follower joins the ISR at the high watermark and this leader epoch's start, not before",
    "leader-epoch-fence": "a request from another leader epoch is refused",
    "newer-leader-epoch-only": "a role is taken up only in a newer leader epoch",
    "divergence-is-told": "a leader tells a follower where their histories part, and the follower cuts its log there",
    "min-isr-admission": "with acks=all and too few in-sync replicas nothing is appended",
    "controller-epoch-fence": "a broker refuses the requests of an older controller",
    "broker-epoch-fence": "a broker refuses requests to an earlier life of itself",
    "partition-epoch-check": "an ISR that was asked for on old knowledge is refused",
    "pending-shrink-counts": "who is to leave the ISR counts until the controller has agreed",
    "last-isr-member-stays": "the last member of an ISR stays listed when it dies",
    "clean-election": "only a member of the ISR is elected",
    "sequence-check": "a repeated batch of an idempotent producer is recognised",
}
"""What each guard says."""

_off: set[str] = set()


def holds(guard: str) -> bool:
    """Whether a guard holds: always, but in a test that has switched it off."""
    return guard not in _off


class switched_off:  # noqa: N801 - it reads as a verb: ``with switched_off("clean-election"):``
    """For tests alone: let guards go until the end of the block. Raises UnknownNameError for a name that is none."""

    def __init__(self, *guards: str) -> None:
        for guard in guards:
            if guard not in GUARDS:
                raise unknown_name("guard", guard, GUARDS)
        self._guards = guards

    def __enter__(self) -> None:
        self._before = set(_off)
        _off.update(self._guards)

    def __exit__(self, *_: object) -> None:
        _off.clear()
        _off.update(self._before)
