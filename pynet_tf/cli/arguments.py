"""The arguments of command lines: how they are read, and what is said of wrong ones."""

import argparse
import difflib
import itertools
import math
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from pynet_tf.cli.home import is_homeless

# More digits are in no range, and take long to read.
_WHOLE = re.compile("-?[0-9]{1,18}")
# Two numbers of which the first is below 0, which argparse takes for a flag.
_BELOW_ZERO = re.compile(r"-[0-9.]+,[-0-9.]*")


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows every default that is typed, and keeps the line breaks of the description."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, []) or action.nargs == 0:
            return action.help
        if isinstance(action.default, tuple):
            # As it is typed.
            return f"{action.help} (default: {','.join(map(str, action.default))})"
        return super()._get_help_string(action)

    def _get_default_metavar_for_optional(self, action: argparse.Action) -> str:
        return getattr(action.type, "metavar", super()._get_default_metavar_for_optional(action))


class Parser(argparse.ArgumentParser):
    """The parser of every command line: shows defaults, says what is wrong, knows the home folder.

    A `~` at the beginning of an argument, or of a value in `--flag=~/x`, where most shells leave
    it as it is, stands for the home folder.
    """

    def __init__(self, **options):
        super().__init__(**{"formatter_class": HelpFormatter} | options)

    def parse_known_args(self, args=None, namespace=None):
        """Parses as argparse does, after the home folder has been put in.

        What argparse would take for something else, or report last, is refused first: flags that
        there are not, and values that are empty, which a path would take for this folder.
        """
        arguments = list(sys.argv[1:] if args is None else args)
        flags = arguments[: arguments.index("--")] if "--" in arguments else arguments
        if self._subparsers is not None:
            # They look at theirs.
            flags = []
        for text in (text for text in flags if text.startswith("--")):
            flag, equals, value = text.partition("=")
            if not any(known.startswith(flag) for known in self._option_string_actions):
                near = difflib.get_close_matches(flag, self._option_string_actions, 1)
                self.error(f"there is no flag {flag}{f'; try {near[0]}' if near else ''}")
            if equals and not value:
                self._refuse_empty(flag)
        for before, text in itertools.pairwise(["", *arguments]):
            if not text:
                is_value = before.startswith("-") and before != "--"
                self._refuse_empty(before if is_value else "an argument")
        arguments = _joined([self._at_home(text) for text in arguments])
        return super().parse_known_args(arguments, namespace)

    def error(self, message: str) -> NoReturn:
        """Ends with a sentence on what is wrong, and not with a page of usage."""
        name, message = self.prog.removeprefix("python ").removeprefix("-m "), message.split()
        self.exit(2, f"{name}: error: {' '.join(message)}; see {self.prog} --help\n")

    def _refuse_empty(self, what: str) -> NoReturn:
        self.error(f"{what} is empty, perhaps by a variable that is not set; give a value")

    def _at_home(self, text: str) -> str:
        flag, equals, value = text.partition("=") if text.startswith("-") else ("", "", text)
        if not value.startswith("~"):
            return text
        expanded = os.path.expanduser(value)
        if expanded.split("/")[0] == "~" or (value[1:2] in ("", "/") and is_homeless()):
            self.error(f"{text}: this user has no home folder; write the path without ~")
        return flag + equals + expanded


def _joined(arguments: list[str]) -> list[str]:
    """Joins pairs of numbers that begin with a minus to the flags before them."""
    result: list[str] = []
    for text in arguments:
        if _BELOW_ZERO.fullmatch(text) and result and result[-1].startswith("--"):
            text = f"{result.pop()}={text}"
        result.append(text)
    return result


def whole(least: int | None = None, most: int | None = None) -> Callable[[str], int]:
    """Returns what takes a whole number of a range; raises `argparse.ArgumentTypeError`."""

    def take(text: str) -> int:
        value = int(text) if _WHOLE.fullmatch(text) else None
        return _within(text, value, least, most, "a whole number")

    take.metavar = "N"
    return take


def number(least: float | None = None, most: float | None = None) -> Callable[[str], float]:
    """Returns what takes a finite number of a range; raises `argparse.ArgumentTypeError`."""

    def take(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        value = value if math.isfinite(value) else None
        return _within(text, value, least, most, "a number")

    take.metavar = "N"
    return take


def _within(text: str, value: float | None, least: float | None, most: float | None, what: str):
    low, high = (-math.inf if least is None else least), (math.inf if most is None else most)
    if value is not None and low <= value <= high:
        return value
    if least is not None:
        what += f" from {least:g} to {most:g}" if most is not None else f" of {least:g} or more"
    raise argparse.ArgumentTypeError(f"{text!r} is not {what}")


def utf8_path(text: str) -> Path:
    """Takes an argument that TensorFlow is to read from or write to: its names are UTF-8.

    Raises:
        argparse.ArgumentTypeError: this one is not, or Python takes names for something else.
    """
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8" and not text.isascii():
        raise argparse.ArgumentTypeError(
            f"TensorFlow needs {text!r} in UTF-8 and this locale has {encoding}; put PYTHONUTF8=1 "
            "before the command, or choose a name without accents"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not UTF-8, as TensorFlow needs it; rename it, or choose another name"
        ) from error
    return Path(text)
