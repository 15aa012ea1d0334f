"""The arguments of command lines: how they are read, and what is said of wrong ones."""

import argparse
import os
import sys
from pathlib import Path

from pynet_tf.cli.home import is_homeless


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows every default that there is, and keeps the line breaks of the description."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default == []:
            return action.help
        if isinstance(action.default, tuple):
            # As it is typed.
            return f"{action.help} (default: {','.join(map(str, action.default))})"
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """The parser of every command line: shows defaults, and knows the home folder.

    A `~` at the beginning of an argument, or of a value in `--flag=~/x`, where most shells leave
    it as it is, stands for the home folder.
    """

    def __init__(self, **options):
        super().__init__(**{"formatter_class": HelpFormatter} | options)

    def parse_known_args(self, args=None, namespace=None):
        """Parses as argparse does, after the home folder has been put in."""
        arguments = sys.argv[1:] if args is None else args
        return super().parse_known_args([self._at_home(text) for text in arguments], namespace)

    def _at_home(self, text: str) -> str:
        flag, equals, value = text.partition("=") if text.startswith("-") else ("", "", text)
        if not value.startswith("~"):
            return text
        expanded = os.path.expanduser(value)
        if expanded.split("/")[0] == "~" or (value[1:2] in ("", "/") and is_homeless()):
            self.error(f"{text}: this user has no home folder; write the path without ~")
        return flag + equals + expanded


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
