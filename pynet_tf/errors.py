"""The one exception for mistakes that the user can mend."""


class InputError(ValueError):
    """A wrong file, value or setting.

    The message is one sentence that names the file or value and the remedy; the command lines
    print it as it is and exit with status 2.
    """
