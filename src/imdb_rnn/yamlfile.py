"""YAML files as plain data: every key once, nothing by reference, bounded in size and depth.

The bounds are far beyond any parameter file. They keep a file that was not written for this, or
was written to do harm, from taking more than a moment and a few megabytes.
"""

import re
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node
from yaml.reader import ReaderError

from imdb_rnn.errors import InputRefusedError

MAX_BYTES: Final = 2**16
MAX_DEPTH: Final = 16
MAX_VALUE_CHARACTERS: Final = 1000
_AMBIGUOUS: Final = re.compile(
    r"[-+]?0[0-9_]+ | [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)? | (?i:yes|no|on|off)", re.VERBOSE
)
"""Plain values that YAML 1.1, which is read here, and YAML 1.2, as DVC reads it, take for different
things: 010 for 8 and for 10, 1:30 for 90 and for text, yes for true and for text.
"""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - YAML has no narrower type
    """Read a YAML document: mappings, lists, text, numbers, booleans, dates and null.

    Raises:
        InputRefusedError: The file cannot be read, is too large, is not UTF-8 or not YAML, has a
            key twice, or uses what plain data does not need (anchors, aliases, tags).
    """
    text = _read_text(path)
    try:
        loader = _PlainLoader(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"U+{error.character:04X}"
        raise InputRefusedError(
            f"{path}, line {line}: not valid YAML: the control character {character}. Delete it."
        ) from None
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputRefusedError(f"{path}{where}: not valid YAML: {error.problem}") from None
    except (ValueError, OverflowError):  # the parser's chr() of what "\\U..." escapes
        raise InputRefusedError(
            f"{path}, line {loader.line + 1}: not valid YAML: an escape names no character"
        ) from None


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputRefusedError(
            f"{path}: no such file. Run from the top of the project; "
            f"`git checkout {path}` restores the shipped one."
        ) from None
    except OSError as error:
        raise InputRefusedError(f"{path}: cannot be read: {error.strerror}.") from None
    if len(content) > MAX_BYTES:
        raise InputRefusedError(
            f"{path}: larger than {MAX_BYTES:,} bytes, which no parameter file needs. "
            f"`git checkout {path}` restores the shipped one."
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputRefusedError(
            f"{path}: not UTF-8 (byte {error.start}). Save the file as UTF-8."
        ) from None


class _PlainLoader(yaml.SafeLoader):
    """The safe loader without references, and with errors where it would be silent or crash."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Build the node of the next event, where nesting and size are still to be stopped."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs lack its type
        if problem := _problem(event, self._depth):
            raise _error(problem, event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: Node, deep: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - PyYAML's signature
        """Build a value; the safe loader lets Python's complaint about a bad one through."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError):  # a 13th month, or 0b without digits
            raise _error(f"{node.value!r} is no number or date", node.start_mark) from None

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """Build a dictionary; the safe loader would keep the last of several equal keys."""
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node)
            if key in lines:
                raise _error(
                    f"{key!r} already stands in line {lines[key]}; keep one", key_node.start_mark
                )
            lines[key] = key_node.start_mark.line + 1
        return mapping


def _problem(event: yaml.NodeEvent, depth: int) -> str | None:
    """Why a node may not stand at this depth; None if it may."""
    if event.anchor or getattr(event, "tag", None):  # an alias names its anchor
        return "anchors (&), aliases (*) and tags (!) are not used here"
    if depth == MAX_DEPTH:
        return f"nested more than {MAX_DEPTH} deep"
    return _scalar_problem(event) if isinstance(event, yaml.ScalarEvent) else None


def _scalar_problem(event: yaml.ScalarEvent) -> str | None:
    """Why text, a number or the like may not stand anywhere; None if it may."""
    value: str = event.value
    if len(value) > MAX_VALUE_CHARACTERS:
        return f"a value of more than {MAX_VALUE_CHARACTERS:,} characters"
    if _SURROGATE.search(value):
        return "an escape names half a character (U+D800 to U+DFFF)"
    plain, _ = event.implicit
    if plain and _AMBIGUOUS.fullmatch(value):
        return (
            f"{value!r} is one thing to this program and another to DVC; write true or false, a "
            "number without leading zeros and colons, or text in quotes"
        )
    return None


def _error(problem: str, mark: Any) -> yaml.MarkedYAMLError:  # noqa: ANN401 - stubs for two marks
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
