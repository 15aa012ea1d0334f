"""Command lines in processes of their own that start at once: to be killed, limited and watched.

Importing TensorFlow takes seconds. Here one process, the nursery, imports it with the whole library
and computes nothing, so that it can be forked: every command line is a child of it, with its own
working folder, environment, output files and limits.
"""

import contextlib
import ctypes
import dataclasses
import hashlib
import importlib
import json
import os
import resource
import runpy
import select
import signal
import stat
import subprocess
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOOLS = (
    "align_pairs",
    "build_ebb",
    "convert_megadepth",
    "convert_tf1_checkpoint",
    "make_synthetic_ebb",
)
COMMANDS = ("depth", "evaluate", "export", "inspect_data", "render", "train")
# A process number that no system gives.
NOBODY = 2**22 + 1
# What lets root write, and read, where nobody may.
_OVERRIDING = (1, 2)


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a command line ended.

    Attributes:
        status: of the exit; negative: the signal that ended it.
        seconds: that it ran.
        out: standard output.
        err: standard error.
    """

    status: int
    seconds: float
    out: str
    err: str

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.status == -signal.SIGKILL


class Running:
    """A command line that runs.

    Attributes:
        pid: its process.
        out: the file of its standard output, as far as it has come.
        err: of standard error.
    """

    def __init__(self, nursery: "Nursery", pid: int, what: str, out: Path, err: Path):
        self._nursery, self._what = nursery, what
        self.pid, self.out, self.err = pid, out, err

    def is_over(self) -> bool:
        """Tells whether it has ended, of itself or not."""
        process = os.pidfd_open(self.pid)
        try:
            return bool(select.select([process], [], [], 0)[0])
        finally:
            os.close(process)

    def send_signal(self, number: int) -> None:
        """Sends it a signal; one that has ended does not mind."""
        os.kill(self.pid, number)

    def end(self, timeout: float = 240.0, kill: bool = False) -> Ended:
        """Waits for its end. To be called once.

        Args:
            timeout: seconds until SIGKILL.
            kill: whether that is meant; else it counts as hanging, which is a failure of the test.
        """
        answer = self._nursery.order(wait=self.pid, seconds=timeout)
        out, err = (
            stream.read_text(encoding="utf-8", errors="replace") for stream in (self.out, self.err)
        )
        if answer["timed_out"] and not kill:
            raise AssertionError(f"{self._what} hangs:\n{out}\n{err}")
        return Ended(answer["status"], answer["seconds"], out, err)


class Nursery:
    """Starts command lines; see the module.

    Attributes:
        temporary: the folder that programs take for temporary files.
    """

    def __init__(self, folder: Path, environment: dict[str, str] | None = None):
        self._folder = Path(folder)
        self.temporary = self._folder / "temporary"
        self.temporary.mkdir()
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "TMPDIR": str(self.temporary),
                **(environment or {}),
            },
        )

    def start(
        self, name: str, *arguments, cwd: Path, environment: dict | None = None, **limits
    ) -> Running:
        """Starts a command line.

        Args:
            name: `pynet_tf.train`, `tools/build_ebb.py` and so on; `-c`: the first argument is
                a program.
            *arguments: of the command line.
            cwd: working folder.
            environment: variables to set, or with None to remove.
            **limits: `file_size`: bytes that a file may have; `obey_permissions`: whether to do
                without the privilege to use files and folders that are closed to all.
        """
        self._count += 1
        out, err = (self._folder / f"{stream}_{self._count}" for stream in ("out", "err"))
        # There before the child opens them, so that one can begin to read at once.
        out.touch()
        err.touch()
        arguments = [os.fsdecode(argument) for argument in map(_plain, arguments)]
        answer = self.order(
            name=name,
            arguments=arguments,
            cwd=str(cwd),
            environment=environment or {},
            out=str(out),
            err=str(err),
            limits=limits,
        )
        return Running(self, answer["pid"], f"{name} {arguments}", out, err)

    def run(self, name: str, *arguments, kill_after: float | None = None, **how) -> Ended:
        """Runs a command line to its end.

        Args:
            name: see `start`.
            *arguments: of the command line.
            kill_after: seconds until SIGKILL; None: never.
            **how: `timeout`: see `Running.end`; others: see `start`.
        """
        timeout = how.pop("timeout", 240.0) if kill_after is None else kill_after
        ended = self.start(name, *arguments, **how).end(timeout, kill=kill_after is not None)
        return ended

    def order(self, **order) -> dict:
        """Sends the nursery an order and returns its answer."""
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """Ends the nursery."""
        self._process.stdin.close()
        self._process.wait(60)


def tree(folder: Path) -> dict[str, str]:
    """Returns what is in a folder: name -> link, kind, or hash of the content; hidden ones too."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "folder"
    return found


def stamps(folder: Path) -> dict[str, tuple]:
    """Returns name -> kind, size and times of all that is in a folder: equal if untouched."""
    found = {}
    for parent, folders, others in os.walk(folder):
        for name in (*folders, *others):
            path = os.path.join(parent, name)
            status = os.lstat(path)
            found[os.path.relpath(path, folder)] = (
                status.st_mode,
                status.st_ino,
                status.st_size if stat.S_ISREG(status.st_mode) else 0,
                status.st_mtime_ns,
            )
    return found


def _plain(argument) -> str | bytes:
    return argument if isinstance(argument, (str, bytes)) else str(argument)


def _serve() -> None:
    """The nursery: follows one order after the other."""
    orders, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    _redirect(0, os.devnull)
    os.dup2(2, 1)
    mains = _load()
    begun: dict[int, float] = {}
    for line in orders:
        order = json.loads(line)
        if "wait" in order:
            answer = _wait(order["wait"], order["seconds"], begun.pop(order["wait"]))
        else:
            answer = {"pid": _start(mains, order)}
            begun[answer["pid"]] = time.monotonic()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    # Of tests that failed.
    for child in begun:
        os.kill(child, signal.SIGKILL)


def _load() -> dict:
    sys.path.insert(0, str(ROOT / "tools"))
    from pynet_tf import cli

    cli.import_tensorflow()
    for path in sorted((ROOT / "pynet_tf").rglob("*.py")):
        if path.name == "__main__.py":
            continue
        with contextlib.suppress(ImportError):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    with contextlib.suppress(ImportError):
        importlib.import_module("cv2")
    mains = {f"tools/{tool}.py": importlib.import_module(tool).main for tool in TOOLS}
    for command in COMMANDS:
        name = f"pynet_tf.{command}"
        mains[name] = importlib.import_module(f"{name}.command").main
    return mains


def _start(mains: dict, order: dict) -> int:
    child = os.fork()
    if not child:
        _be_command_line(mains, order)
    return child


def _wait(child: int, seconds: float, begun: float) -> dict:
    ended = os.pidfd_open(child)
    left = max(0.0, begun + seconds - time.monotonic())
    timed_out = not select.select([ended], [], [], left)[0]
    if timed_out:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(ended)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - begun,
        "timed_out": timed_out,
    }


def _be_command_line(mains: dict, order: dict) -> None:
    status = 1
    try:
        os.setsid()
        _redirect(1, order["out"])
        _redirect(2, order["err"])
        sys.stdout, sys.stderr = (os.fdopen(os.dup(number), "w") for number in (1, 2))
        os.chdir(order["cwd"])
        for variable, value in order["environment"].items():
            os.environ.pop(variable, None)
            if value is not None:
                os.environ[variable] = value
        limits = order["limits"]
        if limits.get("obey_permissions"):
            _drop_privilege()
        if "file_size" in limits:
            # Writing beyond this fails as on a full disk.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_size"],) * 2)
        _run(mains, order["name"], order["arguments"])
        status = 0
    except SystemExit as ended:
        # A text is what went wrong.
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        status = 1 if isinstance(ended.code, str) else ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _run(mains: dict, name: str, arguments: list[str]) -> None:
    from pynet_tf import cli

    if name in mains:
        cli.run(lambda: mains[name](arguments), name)
    elif name == "-c":
        program, *sys.argv[1:] = arguments
        exec(program, {"__name__": "__main__"})
    else:
        sys.argv = [name, *arguments]
        sys.path.insert(0, str((ROOT / name).parent))
        runpy.run_path(str(ROOT / name), run_name="__main__")


def _redirect(number: int, path: str) -> None:
    flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    file = os.open(path, flags)
    os.dup2(file, number)
    os.close(file)


def _drop_privilege() -> None:
    """Takes from root what lets it write and read anywhere (capset(2)); others do not have it."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    for kind in range(3):
        sets[kind] &= ~sum(1 << privilege for privilege in _OVERRIDING)
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    _serve()
