"""How late a message is, where the clocks of two machines differ or one is set."""

import pytest

from votes.views.subscription import CREEP, Delays


def test_clocks_that_differ_are_not_taken_for_delays():
    delays = Delays()
    assert delays.of(1_000.0, 500.0, age_s=0.5) == 0.5
    assert delays.of(1_001.0, 500.5) == 0.0
    assert delays.of(1_001.0, 502.5) == pytest.approx(2.0 - 2.0 * CREEP)


def test_a_clock_that_was_set_is_a_delay_for_a_while():
    delays = Delays()
    assert delays.of(1_000.0, 1_000.0) == 0.0
    late_s = [delays.of(990.0 + n, 1_000.0 + n) for n in range(1, 300)]
    assert late_s[0] > 9
    assert (late_s == sorted(late_s, reverse=True), late_s[-1]) == (True, 0.0)


def test_a_queue_that_is_heard_at_once_is_as_late_as_it_is():
    """A process stood still for 3 s: what waited for it is heard in one go."""
    delays = Delays()
    assert delays.of(1_000.0, 1_000.0) == 0.0
    late_s = [delays.of(1_000.0 + n / 200, 1_003.0) for n in range(601)]
    assert late_s[0] == pytest.approx(3.0 - 3.0 * CREEP)
    assert late_s[300] == pytest.approx(1.5 - 3.0 * CREEP)
    assert late_s[-1] == 0.0
