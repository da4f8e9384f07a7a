"""The files of this folder that are filled in."""

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from imdb_rnn.evaluation.predictions import TITLES
from imdb_rnn.evaluation.result_table import standing
from imdb_rnn.messages import markdown

_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=select_autoescape(["html"]),  # the text's own markup is shown, not obeyed
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters |= {
    "count": "{:,}".format,
    "accuracy": "{:.4f}".format,
    "markdown": markdown,
    "points": lambda share: f"{100 * share:+.2f}",
    "percent": lambda share: f"{100 * share:.1f} %",
    "standing": standing,
    "title": lambda model: TITLES[model],
}


def template(name: str) -> Template:
    """A template of this folder; what is filled in is escaped if it is an HTML page."""
    return _ENVIRONMENT.get_template(name)
