"""What is wrong with the fields of a request, in words: what came, where, and what is needed instead."""

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

MOST_TOLD, MOST_SIGNS = 10, 100  # errors of one body that are told, and signs of a field's name or value
_FIELDS: list[str] = []
_PATTERNS: dict[str, str] = {}
# by pydantic's kind of error and its numbers: what there must be instead
_NEEDED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), lambda _: "a whole number"),
    "int_parsing_size": lambda _: "a whole number of fewer digits",
    **dict.fromkeys(("bool_type", "bool_parsing"), lambda _: "true or false"),
    **dict.fromkeys(("string_type", "string_sub_type", "string_unicode"), lambda _: "text"),
    **dict.fromkeys(("list_type", "tuple_type"), lambda _: "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), lambda _: "an object"),
    "greater_than_equal": lambda about: f"at least {about['ge']:,}",
    "less_than_equal": lambda about: f"at most {about['le']:,}",
    "string_too_short": lambda about: f"text of at least {_many(about['min_length'], 'sign')}",
    "string_too_long": lambda about: f"text of at most {_many(about['max_length'], 'sign')}",
    "too_long": lambda about: f"a list of at most {about['max_length']:,}",
    "literal_error": lambda about: about["expected"].replace("'", ""),
    "string_pattern_mismatch": lambda about: _PATTERNS.get(about["pattern"], f"text that {about['pattern']} matches"),
}


def known_fields(*models: type[BaseModel]) -> None:
    """Fields that an unknown one may have been meant for."""
    for model in models:
        _FIELDS.extend(model.model_fields)


def known_patterns(words: Mapping[str, str]) -> None:
    """What a text is that a pattern matches, in words."""
    _PATTERNS.update(words)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The known name that is closest, as the end of a complaint; nothing where none is close."""
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def complaints(errors: Sequence[Mapping[str, Any]], offset: bool, line: int | None = None) -> str:
    """What is wrong with the first fields that something is wrong with.

    errors: as pydantic lists them, with what came or without; offset: their places begin with `body` or `query`; line:
    of the body, from 1, where each is JSON of its own.
    """
    whole = "the body" if line is None else f"line {line:,}"
    told = [_complaint(one, offset, whole) for one in errors[:MOST_TOLD]]
    told += [f"and {len(errors) - MOST_TOLD:,} more"] if len(errors) > MOST_TOLD else []
    return ("" if line is None or not errors[0]["loc"] else f"{whole}: ") + "; ".join(told)


def _complaint(error: Mapping[str, Any], offset: bool, whole: str) -> str:
    """What is wrong with one field, or with the whole; an unknown field names the closest."""
    kind, about = error["type"], error.get("ctx", {})
    loc = error["loc"][1:] if offset and len(error["loc"]) > 1 else error["loc"]
    places = [short(str(part)) for part in loc]
    field = ".".join(places) or whole
    if kind == "json_invalid":
        why = about["error"] if whole == "the body" else about["error"].replace(" at line 1 column ", " at column ")
        return f"{whole} is not JSON: {why}"
    if kind == "extra_forbidden":
        return f"unknown field {field}{did_you_mean(places[-1], _FIELDS)}"
    if kind == "missing":
        of_list = isinstance(loc[-1], int) and "input" in error
        return f"{field} is missing" + (f": {'.'.join(places[:-1])} is {_came(error['input'])}" if of_list else "")
    if kind == "too_short":  # every list that has a least length must hold something
        return f"{field} is empty, which nothing answers; leave it out if nothing is meant by it"
    if kind not in _NEEDED:
        return f"{field}: {error['msg'].removeprefix('Value error, ')}"
    needed = f"must be {_NEEDED[kind](about)}"
    return f"{field} is {_came(error['input'])}; it {needed}" if "input" in error else f"{field} {needed}"


def short(text: str) -> str:
    """The text, or the beginning of one that nobody would read to its end."""
    return text if len(text) <= MOST_SIGNS else text[:MOST_SIGNS] + "…"


def _came(value: object) -> str:
    """What came, as JSON has it; of a list how long it is, and of an object that it is one."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value):,}"
    if isinstance(value, str):
        return json.dumps(short(value), ensure_ascii=False)
    return short(json.dumps(value, default=str))


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("s" if count != 1 else "")
