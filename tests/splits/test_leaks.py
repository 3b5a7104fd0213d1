"""The audit of splits, beside brute force over all pairs of test and training triples."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary, canonical_triples
from kgdrug.sources import load_graph
from kgdrug.splits import Draw, Split, audit, given_away, hold_out_pairs, hold_out_triples
from kgdrug.splits.leaks import (
    joined_pairs,
    repeated_triples,
    skewed_answers,
    twin_answers,
    unseen_entities,
)

RELATIONS = ("knows", "likes", "meets")


def split_of(train, test, valid=(), size=8, relations=RELATIONS, names=None) -> Split:
    """A split of an untyped graph; its triples are written `(head, relation, tail)` as numbers."""
    parts = [np.array(sorted(set(part)), np.int64).reshape(-1, 3) for part in (train, valid, test)]
    graph = KnowledgeGraph(
        Vocabulary([f"e{i}" for i in range(size)], names),
        (EntityType("thing", 0, size),),
        tuple(Metaedge(name, "thing", name, "thing") for name in relations),
        canonical_triples(np.concatenate(parts), size),
    )
    return Split(graph, *parts)


def text_of(finding):
    return finding.kind, finding.relations, finding.count, finding.of


triples = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 5)), max_size=25)


@settings(deadline=None, max_examples=150)
@given(triples, triples, triples)
def test_every_test_triple_that_training_gives_away_is_found_and_no_other(train, valid, test):
    split = split_of(train, test, valid)
    train, valid, test = ([tuple(t) for t in part.tolist()] for part in (split.train, split.valid, split.test))
    by_relations = defaultdict(set)
    for i, (h, r, t) in enumerate(test):
        for a, s, b in train:
            if {a, b} == {h, t} and (a, s, b) != (h, r, t):
                by_relations[r, s, (a, b) != (h, t)].add(i)
    found = joined_pairs(split)
    assert sum(map(len, by_relations.values())) == sum(f.count for f in found)
    wanted = defaultdict(list)
    for (r, s, _), rows in by_relations.items():
        wanted[tuple(dict.fromkeys((RELATIONS[r], RELATIONS[s])))].append(sorted(rows))
    for f in found:
        assert f.rows.tolist() in wanted[f.relations]
        assert f.of == sum(r == RELATIONS.index(f.relations[0]) for _, r, _ in test)
        assert f.count == len(f.rows)

    both = {part: {i for i, triple in enumerate(test) if triple in other} for part, other in
            (("training", train), ("valid", valid))}  # fmt: skip
    for part, rows in both.items():
        of_part = [f for f in repeated_triples(split) if f.kind.endswith(part)]
        assert sorted(i for f in of_part for i in f.rows.tolist()) == sorted(rows)

    seen = {end for h, _, t in train for end in (h, t)}
    unseen = [i for i, (h, _, t) in enumerate(test) if not {h, t} <= seen]
    assert sorted(i for f in unseen_entities(split) for i in f.rows.tolist()) == unseen

    leaked = both["training"] | both["valid"] | {i for rows in by_relations.values() for i in rows}
    assert given_away(audit(split)) == len(leaked)


CHAIN = [(i, i + 1) for i in range(7)]


@pytest.mark.parametrize(
    ("train", "kind", "relations"),
    [
        ([(b, 1, a) for a, b in CHAIN], "inverse relation", ("knows", "likes")),
        ([(a, 1, b) for a, b in CHAIN], "duplicate relation", ("knows", "likes")),
        ([(a, 1, b) for a, b in CHAIN[:6]], "near-duplicate relation", ("knows", "likes")),
        ([(a, 1, b) for a, b in CHAIN[:3]], "same pair under another relation", ("knows", "likes")),
        ([(b, 1, a) for a, b in CHAIN[:3]], "same pair the other way round", ("knows", "likes")),
        ([(a, 1, b) for a in range(8) for b in range(8)], "same pair under another relation", ("knows", "likes")),
    ],
)
def test_what_two_relations_have_in_common_names_the_leak(train, kind, relations):
    split = split_of([(a, 0, b) for a, b in CHAIN[2:]] + train, [(a, 0, b) for a, b in CHAIN[:2]])
    found = {f.kind: f for f in joined_pairs(split)}
    assert text_of(found[kind]) == (kind, relations, 2, 2)
    assert found[kind].examples[0] in (
        "e0 knows e1 (test), e0 likes e1 (training)",
        "e0 knows e1 (test), e1 likes e0 (training)",
    )


def test_a_relation_that_is_its_own_inverse_is_symmetric():
    train = [(b, 0, a) for a, b in CHAIN] + [(a, 0, b) for a, b in CHAIN[2:]]
    (found,) = joined_pairs(split_of(train, [(0, 0, 1)]))
    assert text_of(found) == ("symmetric relation", ("knows",), 1, 1)
    (found,) = joined_pairs(split_of([(1, 0, 0), *((a, 0, b) for a, b in CHAIN[2:])], [(0, 0, 1)]))
    assert text_of(found) == ("same pair the other way round", ("knows",), 1, 1)


def test_a_self_loop_is_no_pair_the_other_way_round():
    split = split_of([(0, 0, 0), (0, 1, 0)], [(0, 0, 0)])
    assert [text_of(f) for f in joined_pairs(split)] == [("duplicate relation", ("knows", "likes"), 1, 1)]
    assert [text_of(f) for f in repeated_triples(split)] == [("test triple in training", ("knows",), 1, 1)]


def test_a_treatment_of_a_twin_gives_a_treatment_away():
    names = ["Vitamin B-12", "vitamin b12", "anemia", "Anaemia", "asthma", "e5", "e6", "e7"]
    split = split_of([(0, 0, 2), (5, 0, 4)], [(1, 0, 2), (5, 0, 2)], names=names)
    found = twin_answers(split)
    assert [text_of(f) for f in found] == [
        ("test triple of a twin", ("knows",), 1, 2),
        ("two ids with one name", ("knows",), 1, 2),
    ]
    assert [f.leak for f in found] == [True, False]
    assert found[0].examples == ("vitamin b12 knows anemia (test), Vitamin B-12 (e0) and anemia (e2) (training)",)
    assert given_away(found) == 1


def test_a_stereoisomer_is_told_of_but_is_no_leak():
    split = split_of([(0, 0, 2)], [(1, 0, 2)], names=["quinine", "quinidine", "malaria", *"defgh"])
    mirrored = {0: "C[C@H](O)C(=O)O", 1: "C[C@@H](O)C(=O)O"}
    found = twin_answers(replace(split, graph=replace(split.graph, smiles=mirrored)))
    assert [(f.kind, f.leak) for f in found] == [
        ("test triple of a stereoisomer", False),
        ("two ids with one InChIKey skeleton", False),
    ]


def test_twins_that_no_test_triple_is_about_are_no_finding():
    names = ["Vitamin B-12", "vitamin b12", *(f"thing {i}" for i in "abcdef")]
    assert twin_answers(split_of([(0, 0, 2)], [(3, 0, 4)], names=names)) == []


def test_answers_that_few_entities_give_are_skewed():
    train = [(i % 40, 0, 60 + i % 2) for i in range(40)] + [(i, 0, 62 + i) for i in range(20)]
    test = [(40 + i % 20, 0, 60 + i % 2) for i in range(18)] + [(i, 0, 90 + i) for i in range(6)]
    found = skewed_answers(split_of(train, test, size=100))
    assert [text_of(f) for f in found] == [("skewed tails", ("knows",), 18, 24)]
    assert found[0].examples[0].startswith("the 5 most frequent of 100 tails answer 75%: e60, e61, ")
    assert skewed_answers(split_of(train, test[:17], size=100)) == []  # too few to tell


def test_a_split_by_pairs_gives_nothing_away_and_one_by_triples_does():
    graph = load_graph("essential")
    assert given_away(audit(hold_out_pairs(graph, Draw()))) == 0
    found = audit(hold_out_triples(graph, Draw()))
    assert given_away(found) > 0
    assert [f.leak for f in found] == sorted((f.leak for f in found), reverse=True)
    assert ("CuG", "CbG") in [f.relations for f in found if f.kind == "same pair under another relation"]


def test_pairs_are_advised_where_treatments_leak(build):
    graph = build([("C0", "CtD", "D0"), ("C0", "CpD", "D0"), ("C1", "CpD", "D1"), ("C1", "CtD", "D1")])
    test = np.array([0, 3])  # C0 palliates D0, C1 treats D1
    rows = np.isin(np.arange(4), test)
    split = Split(graph, graph.triples[~rows], graph.triples[:0], graph.triples[rows])
    advice = {f.relations[0]: f.advice for f in joined_pairs(split)}
    assert advice["CtD"] == "hold out whole pairs: kgdrug split GRAPH --kind pairs"
    assert "--kind given" in advice["CpD"]


def test_nothing_in_test_is_nothing_to_find():
    assert audit(split_of([(0, 0, 1)], [])) == []
    assert audit(replace(hold_out_pairs(load_graph("essential"), Draw()), test=np.empty((0, 3), np.int64))) == []
