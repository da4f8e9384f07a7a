"""The one exception that ends a command with a sentence instead of a traceback."""


class InputRefusedError(Exception):
    """The user's input cannot be used; the message says what, where, and what to do.

    Commands print the message and exit with code 2. A file that a stage cannot read or write (a
    full disk, missing permissions) ends in a sentence and exit code 1; anything else that goes
    wrong is a bug and keeps its traceback.
    """
