"""The audit of splits, beside brute force over all pairs of test and training triples."""

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary, canonical_triples
from kgdrug.sources import load_graph
from kgdrug.splits import (
    Draw,
    Split,
    audit,
    given_away,
    given_away_rows,
    hold_out_pairs,
    hold_out_triples,
    leaks,
    not_looked_for,
)
from kgdrug.splits.joined import joined_pairs
from kgdrug.splits.leaks import repeated_triples, skewed_answers, twin_answers, unseen_entities

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


def kind_by_hand(every, r, s, turned):
    """What two relations are to each other, by counting the ordered pairs of all triples that both have."""
    ours = {(h, t) for h, q, t in every if q == r}
    theirs = {(t, h) if turned else (h, t) for h, q, t in every if q == s}
    share = min(len(ours & theirs) / len(ours), len(ours & theirs) / len(theirs))
    if share < 0.8:
        return "same pair the other way round" if turned else "same pair under another relation"
    if turned:
        return "symmetric relation" if r == s else "inverse relation"
    return "duplicate relation" if share >= 0.97 else "near-duplicate relation"


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
    every = {*train, *valid, *test}
    wanted = Counter(
        (kind_by_hand(every, r, s, turned), tuple(dict.fromkeys((RELATIONS[r], RELATIONS[s]))), tuple(sorted(rows)))
        for (r, s, turned), rows in by_relations.items()
    )
    assert Counter((f.kind, f.relations, tuple(f.rows.tolist())) for f in found) == wanted
    for f in found:
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

    leaked = both["training"] | {i for rows in by_relations.values() for i in rows}
    assert given_away(audit(split)) == len(leaked)
    assert given_away_rows(split).tolist() == sorted(leaked)


# few relations that often have all pairs in common, so that every name for that comes up
alike = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=150)
@given(alike, st.lists(st.sampled_from(["copy", "turn", "mirror"]), max_size=2), st.integers(0, 99), st.randoms())
def test_what_two_relations_are_to_each_other_does_not_depend_on_what_is_drawn(facts, changes, seed, random):
    names = ["r0", "r1", "r2"]
    every = {(h, r % 3, t) for h, r, t in facts}
    for change in changes:
        if change == "mirror":
            every |= {(t, r, h) for h, r, t in every if r == 0}
        else:
            every |= {(h, 1, t) if change == "copy" else (t, 2, h) for h, r, t in every if r == 0}
    every = sorted(every)
    assume(len(every) > 2)
    tested = set(random.sample(every, len(every) // 2))
    split = split_of([t for t in every if t not in tested], tested, relations=names)
    for f in joined_pairs(split):
        r, s = names.index(f.relations[0]), names.index(f.relations[-1])
        assert f.kind in {kind_by_hand(set(every), r, s, turned) for turned in (False, True)}
        if r == s:
            assert f.kind == kind_by_hand(set(every), r, s, True)


def test_a_drawn_split_of_a_perfect_inverse_and_a_perfect_copy_names_them_so():
    pairs = [(i, (i + 1) % 60) for i in range(60)]
    facts = [(a, 0, b) for a, b in pairs] + [(b, 1, a) for a, b in pairs] + [(a, 2, b) for a, b in pairs]
    graph = split_of(facts, [], size=60).graph
    found = joined_pairs(hold_out_triples(graph, Draw(0.1, 0.2)))
    assert {(f.kind, frozenset(f.relations)) for f in found} == {
        ("inverse relation", frozenset({"knows", "likes"})),
        ("duplicate relation", frozenset({"knows", "meets"})),
        ("inverse relation", frozenset({"likes", "meets"})),
    }


def test_a_test_triple_in_valid_is_told_but_training_does_not_give_it_away():
    split = split_of([(0, 0, 1)], [(2, 0, 3), (0, 0, 1)], [(2, 0, 3)])
    assert [(f.kind, f.leak, f.rows.tolist()) for f in repeated_triples(split)] == [
        ("test triple in training", True, [0]),
        ("test triple in valid", False, [1]),
    ]
    assert given_away(audit(split)) == 1


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
    assert found[0].examples == ("vitamin b12 knows anemia (test), Vitamin B-12 (e0) knows anemia (e2) (training)",)
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


names_of = st.lists(st.sampled_from(["", "ache", "Ache", "burn", "BURN"]), min_size=6, max_size=6)


@settings(deadline=None, max_examples=150)
@given(triples, triples, names_of, st.sampled_from([3, 1 << 22]))
def test_test_pairs_that_training_joins_by_a_twin_are_found_and_no_other(train, test, given_names, at_a_time):
    names = [name or f"e{i}" for i, name in enumerate(given_names)] + ["e6", "e7"]
    split = split_of(train, test, names=names)

    def are_one(a, b):
        return a == b or bool(names[a] != f"e{a}" and names[b] != f"e{b}" and names[a].lower() == names[b].lower())

    trained = [(a, b) for a, _, b in split.train.tolist()]
    wanted = [
        i
        for i, (h, _, t) in enumerate(split.test.tolist())
        if any(
            {a, b} != {h, t} and ((are_one(a, h) and are_one(b, t)) or (are_one(b, h) and are_one(a, t)))
            for a, b in trained
        )
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaks, "_CANDIDATES", at_a_time)
        found = [f for f in twin_answers(split) if f.kind == "test triple of a twin"]
    assert [i for f in found for i in f.rows.tolist()] == wanted
    assert given_away_rows(split).tolist() == sorted({i for f in audit(split) if f.leak for i in f.rows.tolist()})


def test_a_twin_gives_away_under_another_relation_and_the_other_way_round():
    names = ["aspirin", "Aspirin", "pain", *"defgh"]
    (found, _) = twin_answers(split_of([(2, 1, 0)], [(1, 0, 2)], names=names))
    assert text_of(found) == ("test triple of a twin", ("knows",), 1, 1)
    assert found.examples == ("Aspirin knows pain (test), pain (e2) likes aspirin (e0) (training)",)


def test_a_name_that_very_many_bear_makes_no_twins_and_is_told():
    names = ["hypothetical protein"] * 3000 + ["pain"]
    found = twin_answers(split_of([(0, 0, 3000)], [(1, 0, 3000)], size=3001, names=names))
    assert [text_of(f) for f in found] == [("one name of many ids", ("knows",), 1, 1)]
    assert found[0].examples == ("3,000 entities, such as hypothetical protein (e0)",)
    assert not found[0].leak


def test_by_what_twins_could_not_be_looked_for_is_said():
    split = split_of([(0, 0, 2)], [(1, 0, 2)])
    assert not_looked_for(split) == ["names", "structures"]
    assert not_looked_for(split_of([(0, 0, 2)], [(1, 0, 2)], names=["a name", *"bcdefgh"])) == ["structures"]
    assert not_looked_for(replace(split, graph=replace(split.graph, smiles={0: "CCO"}))) == ["names"]
    assert not_looked_for(hold_out_pairs(load_graph("essential"), Draw())) in ([], ["structures"])


def skewed(test_of_popular: int, size: int = 100) -> Split:
    """20 rare tails in training, e62 to e81, 2 frequent ones, and test triples of both, 6 of them of unseen tails."""
    train = [(i % 40, 0, 60 + i % 2) for i in range(40)] + [(i, 0, 62 + i) for i in range(20)]
    test = [(40 + i % 20, 0, 60) for i in range(test_of_popular)] + [(i, 0, 90 + i) for i in range(6)]
    return split_of(train, test, size=size)


@pytest.mark.parametrize("size", [100, 100_000])
def test_answers_that_few_of_those_in_training_give_are_skewed(size):
    found = skewed_answers(skewed(18, size))
    assert [text_of(f) for f in found] == [("skewed tails", ("knows",), 18, 24)]
    assert found[0].examples == ("the 1 most frequent of 22 tails in training answer 75%: e60",)
    assert found[0].advice == "read each side beside the baselines"
    assert skewed_answers(skewed(13, size)) == []  # fewer than 20 test triples tell nothing


def test_few_distinct_answers_or_none_in_training_say_nothing_of_skew():
    test = [(i, 0, 60) for i in range(30)]
    assert skewed_answers(split_of([(i, 0, 60 + i % 19) for i in range(40)], test, size=100)) == []
    assert skewed_answers(split_of([(i, 1, 60 + i % 30) for i in range(40)], test, size=100)) == []


def skewed_treatments(build, relation):
    facts = [(f"C{i}", f"D{i % 25}") for i in range(50)] + [(f"C{i}", "D0") for i in range(50)]
    turned = relation == "DiC"
    graph = build([(d, relation, c) if turned else (c, relation, d) for c, d in facts], (relation,), 50)
    disease = graph.triples[:, 0 if turned else 2]
    rows = (disease == graph.find("D0")) & (np.arange(len(disease)) % 2 == 0)
    return Split(graph, graph.triples[~rows], graph.triples[:0], graph.triples[rows], made={"kind": "pairs"})


@pytest.mark.parametrize(
    ("relation", "kind"), [("CtD", "skewed tails"), ("DiC", "skewed heads"), ("CpD", "skewed tails")]
)
def test_skewed_treatments_of_a_typed_graph_are_advised_to_hold_out_the_skewed_end(build, relation, kind):
    split = skewed_treatments(build, relation)
    (found,) = skewed_answers(split)
    assert found.kind == kind
    assert found.advice == "read each side beside the baselines; --kind cold-disease asks without popularity"
    (again,) = skewed_answers(replace(split, made={"kind": "cold-disease"}))
    assert again.advice == "read each side beside the baselines"
    (other,) = skewed_answers(replace(split, graph=replace(split.graph, treats=())))
    assert other.advice == "read each side beside the baselines"


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
