"""Work spread over processes, with results in the order of the items."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from pynet_tf.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Yields `function(item)` for each item, in order, computed ahead by worker processes.

    No more than two results per worker wait at a time. The processes end with the iterator, and
    also when this process is killed.

    Args:
        function: of a module that is quick to import, as every worker imports it.
        items: each is sent to a worker.
        workers: number of processes; 1: no other process, the work is done here.

    Raises:
        InputError: the system has killed a worker.
    """
    if workers == 1:
        yield from map(function, items)
        return
    # TensorFlow does not survive a fork; a spawned process starts afresh.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)
    try:
        waiting = deque()
        for item in items:
            with _interrupted_later():
                waiting.append(pool.submit(function, item))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process was ended by the system, most likely for want of memory; run again "
            "with fewer --workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _interrupted_later() -> Iterator[None]:
    """Lets Ctrl-C wait while a worker is started: half started it would complain.

    A worker begins with the signal blocked, as it is here, and never sees it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = []
    # A thread without the block may take the signal, too; the handler runs here all the same.
    handler = signal.signal(signal.SIGINT, lambda *_: came.append(True))
    try:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    finally:
        signal.signal(signal.SIGINT, handler)
    if came:
        signal.raise_signal(signal.SIGINT)


def _begin() -> None:
    """Lets the main process alone answer Ctrl-C, and a worker end when that process is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A killed parent cannot tell its workers, and they hold both ends of their queue open.
    with contextlib.suppress(OSError):
        multiprocessing.parent_process().join()
    os._exit(1)
