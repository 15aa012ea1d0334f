"""A working folder full of bad files, and what must hold whatever a command line does with one.

Cases write to one folder in it, which is removed after each; nothing else may change.
"""

import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from bad_files import MARKER
from faults import Ended, Nursery, stamps, tree

# A command line that takes longer hangs: the slowest take seconds on an idle machine.
LONGEST = 240.0
OUTPUT = "out/0"


@dataclass(frozen=True)
class Case:
    """A command line and how it has to end.

    Attributes:
        name: of the case.
        command: `pynet_tf.render` and so on.
        arguments: of it; `{out}` is its output folder.
        told: what standard error has to name.
        status: 0 done; 1 what cannot be done is named, the rest is done; 2 refused.
        made: a file in the output folder that has to be there afterwards.
        perhaps: whether it may also end with 0: then `made` has to be there, and else not.
    """

    name: str
    command: str
    arguments: str
    told: str = ""
    status: int = 2
    made: str = ""
    perhaps: bool = False

    def __str__(self) -> str:
        return f"{self.command.removeprefix('pynet_tf.')}-{self.name}"


class Place:
    """A working folder in which cases run one after the other.

    Attributes:
        nursery: that runs them.
        folder: the working folder, with a folder `out`.
    """

    def __init__(self, nursery: Nursery, folder: Path):
        self.nursery = nursery
        self.folder = folder
        self._stamps = stamps(folder)

    def run(self, case: Case) -> Ended:
        """Runs a case, checks all that has to hold, and removes the output."""
        arguments = shlex.split(case.arguments.replace("{out}", OUTPUT))
        ended = self.nursery.run(case.command, *arguments, cwd=self.folder, timeout=LONGEST)
        before, self._stamps = self._stamps, stamps(self.folder)
        output = self.folder / OUTPUT
        written = tree(output) if output.is_dir() else {}
        names = {Path(name).name for name, what in written.items() if what != "folder"}
        half = [name for name in names if name.startswith((".partial.", ".replaced."))]
        wanted = 0 if case.perhaps and ended.status == 0 else case.status
        told = "" if case.perhaps and wanted == 0 else case.told
        made = "" if case.perhaps and wanted != 0 else case.made
        sentences = re.findall("^[^:\n]+: error: ", ended.err, re.MULTILINE)
        faults = {
            f"has status {ended.status}": ended.status != wanted,
            "ends in a stack trace": "Traceback" in ended.out + ended.err,
            "says it in several sentences": wanted == 2 and len(sentences) != 1,
            "does not name the file": _printed(told) not in " ".join(ended.err.split()),
            "runs what a file holds": (self.folder / MARKER).exists(),
            f"leaves half a file: {half}": bool(half),
            "leaves something though it failed": wanted == 2 and any(map(_is_left, names)),
            "does not do its work": bool(made) and made not in written,
            "leaves what it could not do": made != case.made and case.made in written,
            **{f"changes {name}": True for name in _changed(before, self._stamps)},
        }
        shutil.rmtree(output, ignore_errors=True)
        found = [fault for fault, there in faults.items() if there]
        command = shlex.join([case.command, *arguments])
        assert not found, f"{found}: {command!a}\n{ended.out}\n{ended.err}"
        return ended


def _is_left(name: str) -> bool:
    """Tells whether a file is none of those that stay when a command line fails later on.

    These are a folder's lock, what was measured before, a run's settings and TensorBoard's log.
    """
    return name not in (".lock", "results.jsonl", "run.json") and not name.startswith("events.")


def _printed(text: str) -> str:
    """Returns a text as command lines print it: in one line; names need not be UTF-8."""
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())


def _changed(before: dict, after: dict) -> list[str]:
    """Returns the names of what has changed in a working folder but in the output folder."""
    return [
        name
        for name in before | after
        # The folder of all outputs changes with every folder in it.
        if before.get(name) != after.get(name)
        and name != os.path.dirname(OUTPUT)
        and not f"{name}/".startswith(f"{OUTPUT}/")
    ]
