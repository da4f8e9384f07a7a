"""The one exception that ends a command with a sentence instead of a traceback."""


class InputRefusedError(Exception):
    """The user's input cannot be used; the message says what, where, and what to do.

    Commands print the message and exit with code 2. Anything else that goes wrong is a bug or a
    fault of the machine and keeps its traceback (exit code 1).
    """
