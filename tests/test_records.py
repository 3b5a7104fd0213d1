"""Records of JSON become the types of the library, and go back."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import orjson
import pytest

from kgdrug import UsageError
from kgdrug.records import from_record, to_json, whole_lines


@dataclass(frozen=True)
class Leaf:
    name: str
    weight: float = 1.0


@dataclass(frozen=True)
class Tree:
    leaf: Leaf
    leaves: tuple[Leaf, ...]
    pair: tuple[str, Leaf]
    named: dict[str, list[Leaf]]
    perhaps: Leaf | None
    words: Sequence[str] = ()
    number: int | None = None


def test_json_becomes_dataclasses_one_in_another() -> None:
    tree = Tree(Leaf("a"), (Leaf("b", 2.0), Leaf("c")), ("d", Leaf("e")), {"f": [Leaf("g")]}, Leaf("h"), number=3)
    record = asdict(tree)
    assert from_record(Tree, record) == tree
    assert from_record(list[Tree], [record, record]) == [tree, tree]
    assert from_record(Tree, record | {"perhaps": None}) == replace(tree, perhaps=None)


def test_a_newer_service_may_say_more_and_must_not_say_less() -> None:
    assert from_record(Leaf, {"name": "a", "colour": "green"}) == Leaf("a")
    with pytest.raises(TypeError, match="name"):
        from_record(Leaf, {"weight": 2.0})


def test_types_become_json_and_words_that_are_not_given_are_left_out() -> None:
    tree = Tree(Leaf("a"), (Leaf("b"),), ("d", Leaf("e")), {}, None, number=3)
    sent = orjson.loads(to_json({"tree": tree, "top": np.int64(5), "row": np.arange(2), "none": None}))
    assert from_record(Tree, sent.pop("tree") | {"words": ()}) == tree
    assert sent == {"top": 5, "row": [0, 1]}
    for foreign in (..., Leaf):
        with pytest.raises(UsageError, match="nothing that can be sent"):
            to_json({"top": foreign})


def test_lines_end_at_the_line_feed_alone_and_half_ones_are_left_out() -> None:
    assert list(whole_lines([b"a\x85\r", b"b\n\n", b"c\nd"])) == [b"a\x85\rb", b"", b"c"]
