"""Alarms, deadlines and futures cost the calendar as little as can be."""

from __future__ import annotations

from kafkasim.config import NetworkConfig
from kafkasim.sim.alarm import Alarm
from kafkasim.sim.deadlines import Deadlines
from kafkasim.sim.host import ClientHost
from kafkasim.sim.kernel import Kernel
from kafkasim.sim.network import Network
from tests.bench.scenes import Counter


def machine() -> tuple[Kernel, ClientHost, Counter]:
    kernel = Kernel(seed=1, start_time_ms=0)
    host = ClientHost("somewhere", kernel, Network(kernel, NetworkConfig()))
    return kernel, host, Counter(kernel)


def let_pass(kernel: Kernel, until_us: int) -> None:
    """Let time pass without the events that SimPy makes to stop at a time."""
    while kernel.env.peek() <= until_us:
        kernel.env.step()


def test_an_alarm_that_is_put_off_again_and_again_rings_once_and_takes_two_events() -> None:
    kernel, host, counter = machine()
    rung: list[int] = []
    alarm = Alarm(host, lambda: rung.append(kernel.now_us))
    for at_us in range(1_000, 2_000):
        alarm.set(at_us)
    let_pass(kernel, 5_000)
    assert rung == [1_999]
    assert counter.events == 2


def test_an_alarm_can_be_set_earlier_and_off() -> None:
    kernel, host, _ = machine()
    rung: list[int] = []
    alarm = Alarm(host, lambda: rung.append(kernel.now_us))
    alarm.set(4_000)
    alarm.set(2_000)
    kernel.run_until(3_000)
    alarm.set(3_500)
    alarm.off()
    kernel.run_until(9_000)
    assert rung == [2_000]


def test_an_alarm_of_a_machine_that_has_died_does_not_ring_and_one_that_slept_rings_late() -> None:
    kernel, host, _ = machine()
    rung: list[int] = []
    Alarm(host, lambda: rung.append(kernel.now_us)).set(2_000)
    host.pause()
    kernel.run_until(3_000)
    host.resume()
    assert rung == [], "first what has come in the meantime"
    kernel.run_until(3_000)
    assert rung == [3_000]
    Alarm(host, lambda: rung.append(kernel.now_us)).set(4_000)
    host.kill()
    kernel.run_until(9_000)
    assert rung == [3_000]


def test_a_thousand_deadlines_that_are_met_take_one_event() -> None:
    kernel, host, counter = machine()
    deadlines = Deadlines(host)
    missed: list[int] = []
    for number in range(1_000):
        deadline = deadlines.add(30.0 + number, lambda number=number: missed.append(number))
        if number != 500:
            deadline.cancel()
    let_pass(kernel, 60_000_000)
    assert missed == [500]
    assert counter.events == 2, "the first one's timer, and the one that was missed"


def test_a_future_that_nobody_waits_for_is_no_event() -> None:
    kernel, _, counter = machine()
    kernel.future("this").succeed(1)
    kernel.future("that").fail(ValueError())
    let_pass(kernel, 1_000)
    assert counter.events == 0


def test_who_waits_goes_on_after_everything_that_happens_in_the_moment() -> None:
    kernel, _, _ = machine()
    future = kernel.future("this")
    order: list[str] = []

    def waits():
        order.append((yield future))

    kernel.process(waits(), "waits")
    kernel.run_until(0)
    future.succeed("told")
    order.append("first")
    kernel.run_until(1)
    assert order == ["first", "told"]
