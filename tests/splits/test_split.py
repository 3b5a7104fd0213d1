from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.splits import Draw, Split, hold_out_pairs

FACTS = [(f"C{i}", r, f"D{j}") for i in range(4) for j in range(4) for r in ("CtD", "CpD")]
PARTS = ("train", "valid", "test", "withheld")


@pytest.fixture(scope="module")
def split(build) -> Split:
    return hold_out_pairs(build(FACTS), Draw(0.2, 0.2))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_digest_does_not_depend_on_the_order_of_the_triples(split, data):
    part = data.draw(st.sampled_from(PARTS))
    triples = getattr(split, part)
    order = data.draw(st.permutations(range(len(triples))))
    assert replace(split, **{part: triples[order]}).digest == split.digest


def test_the_digest_changes_when_a_triple_is_left_out_or_goes_to_another_part(split):
    digests = {split.digest}
    for part in PARTS:
        shorter = replace(split, **{part: getattr(split, part)[1:]})
        digests.add(shorter.digest)
        for other in set(PARTS) - {part}:
            longer = np.concatenate([getattr(split, other), getattr(split, part)[:1]])
            digests.add(replace(shorter, **{other: longer}).digest)
    assert len(digests) == 1 + 4 + 4 * 3


def test_the_digest_tells_where_one_part_ends_and_the_next_begins(split):
    triples, none = split.graph.triples, split.train[:0]
    cuts = [Split(split.graph, triples[:i], triples[i:], none) for i in range(len(triples) + 1)]
    assert len({cut.digest for cut in cuts}) == len(cuts)


def test_the_digest_is_of_the_graph_too(split, build):
    assert replace(split, graph=build(FACTS[1:])).digest != split.digest


def test_what_is_known_is_every_part_and_what_is_known_in_training_is_that_alone(split):
    every = np.concatenate([getattr(split, part) for part in PARTS])
    assert split.known.contains(every).all()
    assert split.known.contains(split.graph.triples).all()
    assert split.known_in_training.contains(split.train).all()
    for part in ("valid", "test", "withheld"):
        assert not split.known_in_training.contains(getattr(split, part)).any()


def test_a_reciprocal_of_a_held_out_triple_is_known_but_not_in_training(split):
    reciprocal = split.test[:, [2, 1, 0]] + np.array([0, split.graph.relations, 0])
    assert split.known.contains(reciprocal).all()
    assert not split.known_in_training.contains(reciprocal).any()
