"""What qualifiers of a statement say when it is turned round, and which of them answer a query."""

from collections.abc import Mapping

from kgdrug.biolink.hierarchy import PREFIX, ancestors, inverse

QUALIFIED = PREFIX + "qualified_predicate"
# what the model says to be above the values that graphs are said in
VALUE_PARENTS = {
    "activity": ("activity_or_abundance",),
    "binding": ("modulation",),
    "expression": ("abundance", "activity_or_abundance"),
}
_TURNED = {"subject_": "object_", "object_": "subject_"}


def turned(qualifiers: Mapping[str, str]) -> dict[str, str]:
    """The qualifiers of a statement whose subject and object are exchanged."""
    return {_other_end(name): _other_way(value) if name == QUALIFIED else value for name, value in qualifiers.items()}


def meets(said: Mapping[str, str], asked: Mapping[str, str]) -> bool:
    """Whether a statement has every qualifier that is asked for, or one below it: `expression` is an `abundance`.

    One that has more of them meets it too; one that has none meets nothing.
    """
    return bool(said) and all(name in said and value in _above(said[name]) for name, value in asked.items())


def _above(value: str) -> frozenset[str]:
    return ancestors(value) | {value, *VALUE_PARENTS.get(value, ())}


def _other_end(name: str) -> str:
    bare = name.removeprefix(PREFIX)
    start = next((end for end in _TURNED if bare.startswith(end)), "")
    return PREFIX + _TURNED.get(start, "") + bare.removeprefix(start)


def _other_way(predicate: str) -> str:
    return inverse(predicate) or predicate
