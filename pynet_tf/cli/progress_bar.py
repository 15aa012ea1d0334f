"""Long work on a terminal and in a log: how far it is, and the time left."""

import collections
import sys
import time
from collections.abc import Callable, Iterable, Iterator


def stage(what: str) -> None:
    """Says what is done next, where it takes long and has no parts to count."""
    print(what, file=sys.stderr, flush=True)


def progress(
    items: Iterable,
    total: int,
    label: str,
    note: Callable[[], str] = str,
    every: float = 10.0,
    first: int = 0,
) -> Iterator:
    """Yields the items, showing how far it is and, once it is known, the time left.

    On a terminal a bar; elsewhere (a log file, a pipe) a plain line at most every `every`
    seconds and one at the end.

    Args:
        items: what to go through.
        total: how many there are, with those that were done before.
        label: what is being done, e.g. `rendering`.
        note: gives a few words on the state of things, shown behind the figures.
        every: seconds between plain lines.
        first: how many were done before.
    """
    pace = _Pace()
    if sys.stderr.isatty():
        from tqdm import tqdm

        form = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
        with tqdm(items, label, total, initial=first, dynamic_ncols=True, bar_format=form) as bar:
            for done, item in enumerate(bar, first + 1):
                yield item
                pace.passed(time.monotonic())
                words = [pace.left(total - done), note()]
                bar.set_postfix_str(", ".join(filter(None, words)), refresh=False)
        return
    shown = time.monotonic()
    for done, item in enumerate(items, first + 1):
        yield item
        now = time.monotonic()
        pace.passed(now)
        if done == total or now - shown >= every:
            shown = now
            left = f", {words}" if done < total and (words := pace.left(total - done)) else ""
            print(
                f"{label}: {done} of {total}{left} {note()}".rstrip(), file=sys.stderr, flush=True
            )


class _Pace:
    """Tells how much time is left, once that means something.

    The first items take longest: a network is built, a cache is cold. And items come unevenly,
    several at once from several processes. So nothing is told before the first and the second
    half of the items that have been measured agree on the pace.
    """

    # Never measured; the fewest measured; the most, of a long run the latest.
    SKIPPED, FEWEST, MOST = 2, 6, 2000
    SECONDS = 3.0
    AGREEING = 1.5

    def __init__(self):
        self._skipped = 0
        self._times: collections.deque[float] = collections.deque(maxlen=self.MOST)
        self._known = False

    def passed(self, now: float) -> None:
        """Takes in that an item is done, at a time in seconds."""
        if self._skipped < self.SKIPPED:
            self._skipped += 1
        else:
            self._times.append(now)

    def left(self, items: int) -> str:
        """Returns the time that so many items take, as `12 min left`, or nothing."""
        measured = len(self._times) - 1
        if measured < self.FEWEST or self._times[-1] - self._times[0] < self.SECONDS:
            return ""
        if not self._known:
            middle = measured // 2
            halves = (
                (self._times[middle] - self._times[0]) / middle,
                (self._times[-1] - self._times[middle]) / (measured - middle),
            )
            self._known = max(halves) <= self.AGREEING * min(halves)
        seconds = (self._times[-1] - self._times[0]) / measured
        return f"{duration(seconds * items)} left" if self._known else ""


def duration(seconds: float) -> str:
    """Returns a time as a person would say it: `45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
