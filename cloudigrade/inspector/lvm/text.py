"""The text in which LVM2 describes a volume group in, nested sections of names and values out."""

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from cloudigrade.inspector.reading import Damaged, Exhausted

DEEPEST: Final = 8
MOST_TOKENS: Final = 500_000
TOKEN: Final = re.compile(r'(?:\s++|#[^\n]*+)*+(?:("(?:[^"\\]|\\.)*+")|([^\s{}\[\]=,"#]+)|([{}\[\]=,])|$)', re.DOTALL)
NUMBER: Final = re.compile(r"-?[0-9]{1,19}")
ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)

Scalar: TypeAlias = int | str
Section: TypeAlias = dict[str, "Value"]
Value: TypeAlias = Scalar | list[Scalar] | Section

WORD, QUOTED, MARK = "word", "quoted", "mark"
Token: TypeAlias = tuple[str, str]
END: Final = (MARK, "")


def parse(text: str) -> Section:
    """Everything outside of any section, with the sections in it."""
    return _section(_tokens(text), "", 0)


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    for _ in range(MOST_TOKENS):
        found = TOKEN.match(text, position)
        if found is None:
            raise Damaged("LVM metadata: neither a name nor a value")
        if found.lastindex is None:
            return
        position = found.end()
        quoted, word, mark = found.groups()
        if quoted is not None:
            yield QUOTED, ESCAPED.sub(r"\1", quoted[1:-1])
        else:
            yield (WORD, word) if word is not None else (MARK, mark)
    raise Exhausted("LVM metadata: too many words")


def _section(tokens: Iterator[Token], end: str, depth: int) -> Section:
    if depth > DEEPEST:
        raise Exhausted("LVM metadata: sections too deep")
    section: Section = {}
    while (token := next(tokens, END)) != (MARK, end):
        if token[0] == MARK:
            raise Damaged("LVM metadata: a name is missing")
        section[token[1]] = _named(tokens, depth)
    return section


def _named(tokens: Iterator[Token], depth: int) -> Value:
    """What stands behind a name."""
    match next(tokens, END):
        case ("mark", "{"):
            return _section(tokens, "}", depth + 1)
        case ("mark", "="):
            token = next(tokens, END)
            return _array(tokens) if token == (MARK, "[") else _scalar(token)
    raise Damaged("LVM metadata: a name without a value")


def _array(tokens: Iterator[Token]) -> list[Scalar]:
    found: list[Scalar] = []
    while (token := next(tokens, END)) != (MARK, "]"):
        found.append(_scalar(token))
        token = next(tokens, END)
        if token == (MARK, "]"):
            break
        if token != (MARK, ","):
            raise Damaged("LVM metadata: a list without its end")
    return found


def _scalar(token: Token) -> Scalar:
    kind, text = token
    if kind == MARK:
        raise Damaged("LVM metadata: a value is missing")
    return int(text) if kind == WORD and NUMBER.fullmatch(text) else text
