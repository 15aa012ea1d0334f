import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pynet_tf.errors import InputError
from pynet_tf.prepare.process_pool import ordered_map


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order_and_not_far_ahead(workers):
    taken = []
    items = (taken.append(item) or item for item in range(30))
    results = ordered_map(abs, items, workers)
    for number, result in enumerate(results):
        assert result == number
        assert len(taken) <= number + 2 * workers
    assert len(taken) == 30


def test_an_exception_of_the_work_reaches_the_caller():
    with pytest.raises(ValueError, match="invalid literal"):
        list(ordered_map(int, ["1", "x", "3"], 2))


def test_a_killed_worker_is_a_clear_error():
    with pytest.raises(InputError, match="fewer --workers"):
        list(ordered_map(os._exit, [1, 1], 2))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs Linux")
def test_workers_end_when_the_main_process_is_killed(tmp_path):
    script = tmp_path / "main.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing, time
        from pynet_tf.prepare.process_pool import ordered_map

        if __name__ == "__main__":
            results = ordered_map(abs, range(10**9), 2)
            next(results)
            print(*[child.pid for child in multiprocessing.active_children()], flush=True)
            time.sleep(60)
        """)
    )
    main = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    with main:
        children = [int(pid) for pid in main.stdout.readline().split()]
        assert len(children) == 2
        main.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(_runs(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_runs(pid) for pid in children)


def test_ctrl_c_while_workers_start_is_no_traceback(tmp_path):
    script = tmp_path / "main.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing.util, os, signal, sys, time
        from multiprocessing import resource_tracker
        from pynet_tf.prepare.process_pool import ordered_map

        start = multiprocessing.util.spawnv_passfds

        def start_and_interrupt(*arguments):
            process = start(*arguments)
            # As a terminal does it: to the worker, too, which has got as far as its imports.
            time.sleep(0.1)
            os.killpg(0, signal.SIGINT)
            return process

        if __name__ == "__main__":
            results = ordered_map(abs, range(4), 2)
            resource_tracker.ensure_running()
            multiprocessing.util.spawnv_passfds = start_and_interrupt
            try:
                list(results)
            except KeyboardInterrupt:
                sys.exit(130)
        """)
    )
    ended = subprocess.run(
        [sys.executable, script], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert (ended.returncode, ended.stderr) == (130, "")


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
