"""Command lines in processes of their own that start at once: to be killed, limited and watched.

Importing TensorFlow takes seconds. Here one process, the nursery, imports it with the whole library
and computes nothing, so that it can be forked: every command line is a child of it, with its own
working folder, output files and limits.
"""

import contextlib
import ctypes
import dataclasses
import hashlib
import importlib
import json
import os
import resource
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
_OVERRIDE_PERMISSIONS = 1


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


class Nursery:
    """Starts command lines; see the module.

    Attributes:
        temporary: the folder that programs take for temporary files.
    """

    def __init__(self, folder: Path):
        self._folder = Path(folder)
        self.temporary = self._folder / "temporary"
        self.temporary.mkdir()
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary)},
        )

    def run(
        self,
        name: str,
        *arguments,
        cwd: Path,
        kill_after: float | None = None,
        timeout: float = 120.0,
        **limits,
    ) -> Ended:
        """Runs a command line to its end.

        Args:
            name: `pynet_tf.train`, `tools/build_ebb.py` and so on.
            *arguments: of the command line.
            cwd: working folder.
            kill_after: seconds until SIGKILL; None: never.
            timeout: seconds until it counts as hanging, which is a failure of the test.
            **limits: `file_size`: bytes that a file may have; `obey_permissions`: whether to do
                without the privilege to write to folders that are closed to all; `open_files`.
        """
        order = {
            "name": name,
            "arguments": [os.fsdecode(argument) for argument in map(_plain, arguments)],
            "cwd": str(cwd),
            "out": str(self._folder / "out"),
            "err": str(self._folder / "err"),
            "seconds": timeout if kill_after is None else kill_after,
            "limits": limits,
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        out, err = (
            (self._folder / stream).read_text(encoding="utf-8", errors="replace")
            for stream in ("out", "err")
        )
        ended = Ended(answer["status"], answer["seconds"], out, err)
        if kill_after is None and answer["timed_out"]:
            raise AssertionError(f"{name} {arguments} hangs:\n{out}\n{err}")
        return ended

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
    """The nursery: runs one order after the other."""
    orders, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    _redirect(0, os.devnull)
    os.dup2(2, 1)
    mains = _load()
    for line in orders:
        order = json.loads(line)
        answers.write(json.dumps(_run(mains, order)) + "\n")
        answers.flush()


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


def _run(mains: dict, order: dict) -> dict:
    begun = time.monotonic()
    child = os.fork()
    if not child:
        _be_command_line(mains, order)
    ended = os.pidfd_open(child)
    timed_out = not select.select([ended], [], [], order["seconds"])[0]
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
        limits = order["limits"]
        if limits.get("obey_permissions"):
            _drop_privilege()
        if "file_size" in limits:
            # Writing beyond this fails as on a full disk.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_size"],) * 2)
        from pynet_tf import cli

        main = mains[order["name"]]
        cli.run(lambda: main(order["arguments"]), order["name"])
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _redirect(number: int, path: str) -> None:
    flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    file = os.open(path, flags)
    os.dup2(file, number)
    os.close(file)


def _drop_privilege() -> None:
    """Takes from root what lets it write anywhere (capset(2)); others do not have it."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    for kind in range(3):
        sets[kind] &= ~(1 << _OVERRIDE_PERMISSIONS)
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    _serve()
