"""Records, as JSON has them, to types and back."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

from kgdrug.errors import UsageError

T = TypeVar("T")


def from_record(kind: type[T], record: Any) -> T:
    """What JSON holds, as a type: of dataclasses, tuples, lists, dicts, `X | None` and plain values, one in another.

    A field that the type has not is left out, so a service may be newer. A missing one is a TypeError.
    """
    to: Callable[[Any], Any] | None = _reader(cast(Any, kind))
    typed: T = record if to is None else to(record)
    return typed


@cache
def _reader(kind: Any) -> Callable[[Any], Any] | None:
    """What turns JSON into the type; None where it is that already."""
    if is_dataclass(kind):
        return _dataclass_reader(kind)
    origin, args = get_origin(kind), get_args(kind)
    each = [_reader(one) for one in args if one not in (..., NoneType)]
    first = each[0] if each else None
    if origin is dict and (of_value := each[1]):
        return lambda value: {name: of_value(one) for name, one in value.items()}
    if origin is tuple and ... not in args:
        return lambda value: tuple(one if to is None else to(one) for to, one in zip(each, value, strict=True))
    if origin in (tuple, list):
        return origin if first is None else lambda value: origin(map(first, value))
    if origin in (Union, UnionType) and (some := next(filter(None, each), None)):
        return lambda value: None if value is None else some(value)
    return None


def _dataclass_reader(kind: Any) -> Callable[[Any], Any]:
    hints, names = get_type_hints(kind), [field.name for field in fields(kind)]
    readers = [(name, reader) for name in names if (reader := _reader(hints[name])) is not None]

    def read(record: Mapping[str, Any]) -> Any:
        words = {name: record[name] for name in names if name in record}
        for name, reader in readers:
            if name in words:
                words[name] = reader(words[name])
        return kind(**words)

    return read


def to_json(words: Mapping[str, Any]) -> bytes:
    """Words that are given, as ASCII: half characters, which UTF-8 has no room for, go as escapes."""
    return json.dumps({name: word for name, word in words.items() if word is not None}, default=_plain).encode()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise UsageError(f"{value!r} is nothing that can be sent to a service")


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines as they come; the half one of a stream that broke off is left out.

    JSON ends a line at the line feed alone, and names may hold other signs that Unicode calls a line's end.
    """
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
