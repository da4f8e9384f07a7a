"""Generated blocks of a Markdown document, between `<!-- NAME -->` and `<!-- /NAME -->`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from imdb_rnn.io.atomic import replacing


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def filled_in(text: str, blocks: Mapping[str, str]) -> str:
    """The document with new contents between the markers.

    Raises:
        ValueError: It has no markers of that name.
    """
    for name, content in blocks.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"the document has no block {name!r}")
        text = pattern.sub((begin + content + end).replace("\\", r"\\"), text)
    return text


def fill_in(document: Path, blocks: Mapping[str, str]) -> None:
    """Replace the blocks in a file."""
    text = filled_in(document.read_text(encoding="utf-8"), blocks)
    with replacing(document) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
