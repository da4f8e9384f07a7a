"""What other programs say, made fit to be shown and kept: short, and without secrets."""

import os
import re
import textwrap
from typing import Final

LONGEST: Final = 300
_HELP: Final = "dvc.org/support"  # which DVC offers below each error
SECRET_VARIABLES: Final = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_SHORTEST_SECRET: Final = 4  # a shorter one is found in too many words

_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]<>()#|~$&]")
"""What Markdown would take for more than a letter."""

# User and password of an address. Neither `/` nor `@` belongs in a password as it is, but people
# write them there; what looks like a port is none.
_USER: Final = re.compile(r"(?<=://)(?:[^\s/?#]*|[^\s:/@]+:(?!\d+[/\s])\S*)@")
_QUERY: Final = re.compile(r"(?<=\S)\?[^\s?'\"]*=[^\s'\"]*")  # may be a signature
_HEADER: Final = re.compile(r"\b(Basic|Bearer) [^'\"]+")


def shortened(text: str, most: int = LONGEST) -> str:
    """One line of at most so many characters, cut between words where it is longer."""
    line = " ".join(text.split())
    cut = textwrap.shorten(line, most, placeholder=" …")
    return cut if cut != "…" else f"{line[: most - 1]}…"  # the first word alone is too long


def printable(text: str) -> str:
    """The text with escapes for what would break the line or steer the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def markdown(text: str) -> str:
    """The text on one printable line, as Markdown shows it; also in a table."""
    return _MARKDOWN.sub(r"\\\g<0>", printable(" ".join(text.split())))


def without_secrets(text: str) -> str:
    """A text with `***` for the passwords and signatures of the addresses in it.

    Left out are also the values of MLflow's variables for a password or a token.
    """
    for name in SECRET_VARIABLES:
        secret = os.environ.get(name, "").strip()
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    text = _USER.sub("***@", text)
    text = _QUERY.sub("?***", text)
    return _HEADER.sub(r"\1 ***", text)


def of_dvc(printed: str) -> str:
    """What DVC says went wrong, fit to be shown, without a full stop.

    Args:
        printed: On its standard error.
    """
    lines = [line.removeprefix("ERROR: ") for line in printed.splitlines() if _HELP not in line]
    return shortened(without_secrets(" ".join(lines))).rstrip(".")


def reason(error: BaseException) -> str:
    """What an error says in its first line, fit to be shown; its name where it says nothing."""
    return shortened(without_secrets(str(error).strip().partition("\n")[0])) or type(error).__name__
