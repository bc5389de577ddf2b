"""The number of blobs in flight: more while they arrive in time, fewer when they queue."""

from guacr.session.streams.window import QUEUE_DELAY, WINDOW_MAX, WINDOW_MIN, Window


class Link:
    """A link that takes `rate` blobs a second one after the other, and as long again to answer."""

    def __init__(self, rate: float, round_trip: float) -> None:
        self.window = Window()
        self.largest = 0
        self._rate = rate
        self._round_trip = round_trip
        self._arrivals: list[float] = []
        self._free_at = 0.0

    def run(self, blobs: int) -> float:
        """Send blobs as the window allows; the seconds that it took."""
        now, sent = self._free_at, 0
        while sent < blobs or self._arrivals:
            while sent < blobs and self.window.room > 0:
                self._free_at = max(now, self._free_at) + 1 / self._rate
                self._arrivals.append(self._free_at + self._round_trip)
                self.window.sent(now)
                sent += 1
            self.largest = max(self.largest, self.window.in_flight)
            now = self._arrivals.pop(0)
            self.window.acknowledged(now)
        return now


def test_a_long_fast_link_is_filled() -> None:
    link = Link(rate=100_000, round_trip=0.1)
    seconds = link.run(1000)
    assert link.largest == WINDOW_MAX
    assert seconds < 1000 * 0.1 / 25, "one blob a round trip would take 100 s"


def test_a_slow_link_holds_no_long_queue() -> None:
    link = Link(rate=15, round_trip=0.02)  # a megabit a second
    seconds = link.run(300)
    assert seconds < 300 / 15 * 1.05, "the link is in use all the time"
    assert link.largest <= WINDOW_MIN + 2 + QUEUE_DELAY * 15


def test_a_link_that_becomes_longer_is_filled_again() -> None:
    link = Link(rate=100_000, round_trip=0.1)
    link.run(10)
    link._round_trip = 0.3
    link.largest = 0
    seconds = link.run(2000)
    assert link.largest == WINDOW_MAX
    assert seconds < 20


def test_acknowledgements_too_many_change_nothing() -> None:
    window = Window()
    window.acknowledged(1.0)
    assert (window.size, window.in_flight) == (WINDOW_MIN, 0)
    assert window.room == WINDOW_MIN
    window.sent(1.0, WINDOW_MIN)
    assert (window.in_flight, window.room) == (WINDOW_MIN, 0)
