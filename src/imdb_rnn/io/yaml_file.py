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

from imdb_rnn.errors import UserError

MAX_BYTES: Final = 2**16
MAX_DEPTH: Final = 16
MAX_VALUE_CHARACTERS: Final = 1000
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9_]+")
"""010 is 8 in YAML 1.1, as many know it, and 10 in YAML 1.2."""
_AS_DVC: Final = {
    "tag:yaml.org,2002:bool": ("tTfF", re.compile(r"(true|True|TRUE|false|False|FALSE)$")),
    "tag:yaml.org,2002:float": (
        "-+.0123456789",
        re.compile(
            r"([-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
            r"|[-+]?\.[0-9_]+([eE][-+][0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
        ),
    ),
    "tag:yaml.org,2002:int": (
        "-+0123456789",
        re.compile(r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9_]+)$"),
    ),
}
"""What a plain value begins with and looks like, where PyYAML, which reads YAML 1.1, takes it for
something else than DVC, which reads YAML 1.2: 1e-05 is a number, yes and 1:30 are text.
"""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - YAML has no narrower type
    """Read a YAML document: mappings, lists, text, numbers, booleans, dates and null.

    Raises:
        UserError: The file cannot be read, is too large, is not UTF-8 or not YAML, has a
            key twice, or uses what plain data does not need (anchors, aliases, tags).
    """
    return parse_yaml(_read_text(path), str(path))


def parse_yaml(text: str, origin: str) -> Any:  # noqa: ANN401 - YAML has no narrower type
    """Read YAML, such as DVC writes it, out of a text of any size; `origin` names it in messages.

    Raises:
        UserError: As `read_yaml`.
    """
    try:
        loader = _PlainLoader(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"U+{error.character:04X}"
        raise UserError(
            f"{origin}, line {line}: not valid YAML: the control character {character}. Delete it."
        ) from None
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UserError(f"{origin}{where}: not valid YAML: {error.problem}") from None
    except (ValueError, OverflowError):  # the parser's chr() of what "\\U..." escapes
        raise UserError(
            f"{origin}, line {loader.line + 1}: not valid YAML: an escape names no character"
        ) from None


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file. Run from the top of the project; "
            f"`git checkout {path}` restores the shipped one."
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
    if len(content) > MAX_BYTES:
        raise UserError(
            f"{path}: larger than {MAX_BYTES:,} bytes, which no parameter file needs. "
            f"`git checkout {path}` restores the shipped one."
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8 (byte {error.start}). Save the file as UTF-8."
        ) from None


class _PlainLoader(yaml.SafeLoader):
    """The safe loader without references, and with errors where it would be silent or crash.

    It takes plain values for what DVC takes them for.
    """

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
        except (ValueError, OverflowError, IndexError):  # a 13th month, or 0b without digits
            raise _error(f"{node.value!r} is no number or date", node.start_mark) from None

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """Build a dictionary; the safe loader would keep the last of several equal keys."""
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node)
            if key in lines:
                raise _error(
                    f"{key!r} is already in line {lines[key]}; keep one", key_node.start_mark
                )
            lines[key] = key_node.start_mark.line + 1
        return mapping


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Tags and patterns of plain values, by the character that they begin with."""
    resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {
        first: [(tag, pattern) for tag, pattern in known if tag not in _AS_DVC]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for tag, (first, pattern) in _AS_DVC.items():
        for character in first:
            resolvers.setdefault(character, []).append((tag, pattern))
    return resolvers


_PlainLoader.yaml_implicit_resolvers = _resolvers()


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
    if plain and _LEADING_ZERO.fullmatch(value):
        return f"{value!r}: write a number without leading zeros, or text in quotes"
    return None


def _error(problem: str, mark: Any) -> yaml.MarkedYAMLError:  # noqa: ANN401 - stubs for two marks
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
