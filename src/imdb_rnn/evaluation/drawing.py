"""Matplotlib without the user's settings, which would change pictures or fail its import.

All other modules take Matplotlib from here.
"""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ContextDecorator, chdir, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

_LETTERS: Final = 24
"""Of the name of a class, before it is cut."""


@contextmanager
def _settings_of_its_own() -> Iterator[None]:
    """Where an import of Matplotlib finds its own settings first, and no name of a backend."""
    package = find_spec("matplotlib")
    folder = Path(str(package.origin)).parent / "mpl-data" if package else Path()
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        with chdir(folder):  # a matplotlibrc in the working folder goes before all others
            yield
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend


with _settings_of_its_own():
    import matplotlib as mpl

from matplotlib.axes import Axes  # noqa: E402 - only now can it be imported
from matplotlib.figure import Figure  # noqa: E402 - as above
from matplotlib.ticker import LogLocator  # noqa: E402 - as above

# Of the name of a class: a picture shows boxes, a page has the letters of its reader.
warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)

if "MPLBACKEND" in os.environ:
    # A notebook that uses this package goes on to show its own figures.
    with suppress(ValueError):
        mpl.rcParams["backend"] = os.environ["MPLBACKEND"]


def plain(name: str) -> str:
    """The name of a class as a figure shows it: not too long, and never as a formula."""
    shown = " ".join(name.split())
    shown = shown if len(shown) <= _LETTERS else f"{shown[: _LETTERS - 1]}…"
    return shown.replace("$", r"\$")


def style(settings: Mapping[str, Any]) -> ContextDecorator:
    """What decorates a function that draws or writes figures.

    Args:
        settings: Of Matplotlib. All others are as it ships them, whatever the user has set.
    """
    shipped: Any = {
        name: value for name, value in mpl.rcParamsDefault.items() if not name.startswith("backend")
    }
    return mpl.rc_context(shipped | settings)


__all__ = ["Axes", "Figure", "LogLocator", "mpl", "plain", "style"]
