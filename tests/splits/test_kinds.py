import hashlib
from collections.abc import Callable, Iterable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.sources import load_graph
from kgdrug.splits import (
    Draw,
    Split,
    audit,
    fixed,
    given_away,
    hold_out_given,
    hold_out_pairs,
    hold_out_triples,
    pair_keys,
    save_split,
)

Fact = tuple[str, str, str]
ENDS = {"CpD": "CD", "CrC": "CC", "CtD": "CD", "DiC": "DC", "DrD": "DD"}


@st.composite
def random_facts(draw: st.DrawFn) -> list[Fact]:
    """Facts among few compounds and diseases, so that many pairs are joined by several relations."""
    size = draw(st.integers(2, 4))
    possible = [
        (head + str(i), relation, tail + str(j))
        for relation, (head, tail) in ENDS.items()
        for i in range(size)
        for j in range(size)
    ]
    treatments = [fact for fact in possible if fact[1] == "CtD"]
    return draw(st.lists(st.sampled_from(possible), max_size=30)) + draw(
        st.lists(st.sampled_from(treatments), min_size=3, max_size=10, unique=True)
    )


def facts(graph: KnowledgeGraph, triples: Iterable) -> list[Fact]:
    ids, relations = graph.entities.ids, [e.abbreviation for e in graph.metaedges]
    return [(ids[h], relations[r], ids[t]) for h, r, t in triples.tolist()]


def pair(fact: Fact) -> frozenset[str]:
    return frozenset((fact[0], fact[2]))


def sizes(split: Split) -> tuple[int, ...]:
    return len(split.train), len(split.valid), len(split.test), len(split.withheld)


def same(one: Split, other: Split) -> bool:
    return all(getattr(one, p).tolist() == getattr(other, p).tolist() for p in ("train", "valid", "test", "withheld"))


share = st.sampled_from([0.1, 0.25, 0.4])


@settings(max_examples=120, deadline=None)
@given(random_facts(), st.sampled_from([("CtD",), ("CtD", "DiC")]), share, share, st.integers(0, 9))
def test_a_held_out_pair_appears_in_no_training_relation_or_direction(build, given_facts, treats, valid, test, seed):
    graph = build(given_facts, treats)
    every = set(given_facts)
    treated = {pair(f) for f in every if f[1] in treats}
    assume(max(1, round(len(treated) * valid)) + max(1, round(len(treated) * test)) < len(treated))
    split = hold_out_pairs(graph, Draw(valid, test, seed))
    parts = {p: facts(graph, getattr(split, p)) for p in ("train", "valid", "test", "withheld")}

    held = {p: {pair(f) for f in parts[p]} for p in ("valid", "test")}
    assert not held["valid"] & held["test"]
    assert not {pair(f) for f in parts["train"]} & (held["valid"] | held["test"])
    assert held["valid"] | held["test"] <= treated

    for p in ("valid", "test"):  # every treatment of a held-out pair is asked for, and nothing else
        assert set(parts[p]) == {f for f in every if pair(f) in held[p] and f[1] in treats}
    assert set(parts["withheld"]) == {
        f for f in every if pair(f) in held["valid"] | held["test"] and f[1] not in treats
    }
    together = [f for part in parts.values() for f in part]
    assert len(together) == len(every)
    assert set(together) == every

    assert len(held["valid"]) == max(1, round(len(treated) * valid))
    assert len(held["test"]) == max(1, round(len(treated) * test))
    assert same(split, hold_out_pairs(graph, Draw(valid, test, seed)))


def treatments(count: int, also: Iterable[str] = ()) -> list[Fact]:
    """So many treated pairs, each joined by the other relations too."""
    pairs = [(f"C{i}", f"D{j}") for i in range(6) for j in range(6)][:count]
    return [(c, "CtD", d) for c, d in pairs] + [(d, r, c) if r == "DiC" else (c, r, d) for r in also for c, d in pairs]


def test_every_other_relation_of_a_held_out_pair_is_withheld(build):
    split = hold_out_pairs(build(treatments(10, ["CpD", "DiC"])), Draw(0.1, 0.2, 0))
    assert sizes(split) == (21, 1, 2, 6)


def test_at_least_one_pair_is_held_out_for_each_part(build):
    assert sizes(hold_out_pairs(build(treatments(3)), Draw(0.01, 0.01, 0))) == (1, 1, 1, 0)


def test_shares_are_of_treated_pairs_not_of_treatments(build):
    graph = build(treatments(10, ["CpD"]), ("CpD", "CtD"))
    assert sizes(hold_out_pairs(graph, Draw(0.1, 0.2, 0))) == (14, 2, 4, 0)


@pytest.mark.parametrize("hold_out", [hold_out_pairs, hold_out_triples])
def test_a_seed_repeats_its_split_and_another_seed_makes_another(build, hold_out):
    graph = build(treatments(36))
    splits = [hold_out(graph, Draw(0.2, 0.2, seed)) for seed in range(5)]
    assert all(same(split, hold_out(graph, Draw(0.2, 0.2, seed))) for seed, split in enumerate(splits))
    assert len({str(split.test.tolist()) for split in splits}) == 5
    assert len({split.digest for split in splits}) == 5
    assert splits[3].made["seed"] == 3


def test_every_pair_can_be_held_out(build):
    graph = build(treatments(6))
    tested = {f for seed in range(60) for f in facts(graph, hold_out_pairs(graph, Draw(0.2, 0.2, seed)).test)}
    assert tested == set(treatments(6))


def test_without_a_treatment_relation_pairs_cannot_be_held_out(build):
    with pytest.raises(UsageError, match="toy names no treatment relation; use split kind 'triples'"):
        hold_out_pairs(build(treatments(9), ()), Draw(0.1, 0.2, 0))


@pytest.mark.parametrize("hold_out", [hold_out_pairs, hold_out_triples])
@pytest.mark.parametrize(
    ("valid", "test"), [(0, 0.2), (0.1, 0), (-0.1, 0.2), (0.5, 0.5), (0.9, 0.2), (1, 0.1), (float("nan"), 0.2)]
)
def test_shares_that_leave_nothing_are_refused(build, hold_out, valid, test):
    with pytest.raises(UsageError, match=f"split.valid is {valid} and split.test {test}; both must be above 0"):
        hold_out(build(treatments(9)), Draw(valid, test, 0))


@pytest.mark.parametrize(("hold_out", "what"), [(hold_out_pairs, "treated pairs"), (hold_out_triples, "triples")])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_facts_are_refused(build, hold_out, what, count):
    with pytest.raises(UsageError, match=f"{count} {what} are too few to hold out 1 for valid and 1 for test"):
        hold_out(build(treatments(count)), Draw(0.1, 0.2, 0))
    assert len(hold_out(build(treatments(3)), Draw(0.1, 0.2, 0)).train) == 1


@settings(max_examples=60, deadline=None)
@given(given_facts=random_facts(), valid=share, test=share, seed=st.integers(0, 9))
def test_held_out_triples_and_the_others_are_all_triples_once(build, given_facts, valid, test, seed):
    graph, total = build(given_facts), len(set(given_facts))
    wanted = (max(1, round(total * valid)), max(1, round(total * test)))
    assume(sum(wanted) < total)
    split = hold_out_triples(graph, Draw(valid, test, seed))
    assert sizes(split) == (total - sum(wanted), *wanted, 0)
    together = [f for part in (split.train, split.valid, split.test) for f in facts(graph, part)]
    assert len(together) == total
    assert set(together) == set(given_facts)


@pytest.fixture
def toy(build: Callable[..., KnowledgeGraph]) -> KnowledgeGraph:
    return build(treatments(10, ["CpD", "DiC"]))


def test_given_pairs_are_held_out_over_all_relations(toy, parts_folder):
    folder = parts_folder(valid=["C0 CtD D0"], test=["C0 CtD D2", "C1 CtD D1"])
    split = hold_out_given(toy, folder)
    assert facts(toy, split.valid) == [("C0", "CtD", "D0")]
    assert facts(toy, split.test) == [("C0", "CtD", "D2"), ("C1", "CtD", "D1")]
    held = {frozenset(p) for p in (("C0", "D0"), ("C0", "D2"), ("C1", "D1"))}
    every = facts(toy, toy.triples)
    assert facts(toy, split.train) == [f for f in every if pair(f) not in held]
    assert facts(toy, split.withheld) == [f for f in every if pair(f) in held and f[1] != "CtD"]
    sums = {part: hashlib.sha256((folder / f"{part}.tsv").read_bytes()).hexdigest() for part in ("valid", "test")}
    assert split.made == {"kind": "given", "folder": str(folder), "sha256": sums}


def test_given_triples_need_no_treatment_relation(build, parts_folder):
    graph = build(treatments(4, ["CpD"]), ())
    split = hold_out_given(graph, parts_folder(valid=["C0 CpD D0"], test=["C0 CpD D1"]))
    assert facts(graph, split.test) == [("C0", "CpD", "D1")]
    assert facts(graph, split.withheld) == [("C0", "CtD", "D0"), ("C0", "CtD", "D1")]


@pytest.mark.parametrize("test", ["C0 CtD D0", "C0 CpD D0", "D0 DiC C0"])
def test_a_pair_in_both_given_parts_is_asked_for_in_test_alone_and_counted(toy, parts_folder, test):
    folder = parts_folder(valid=["C0 CtD D1", "C0 CtD D0"], test=["C1 CtD D0", test])
    split = hold_out_given(toy, folder)
    assert facts(toy, split.valid) == [("C0", "CtD", "D1")]
    assert set(facts(toy, split.test)) == {("C1", "CtD", "D0"), tuple(test.split())}
    assert not {pair(f) for f in facts(toy, split.train)} & {frozenset(p) for p in (("C0", "D0"), ("C0", "D1"))}
    assert split.passed_over == ["1 pair of valid in test too"]


def test_given_parts_that_leave_valid_nothing_are_refused(toy, parts_folder):
    with pytest.raises(UsageError, match="valid lists no pair that test does not list too"):
        hold_out_given(toy, parts_folder(valid=["C0 CtD D0"], test=["D0 DiC C0"]))


def test_the_parts_of_a_split_folder_can_be_given_to_another_graph(build, toy, tmp_path):
    leaky = hold_out_triples(toy, Draw(0.2, 0.2))
    save_split(leaky, tmp_path)
    split = hold_out_given(toy, tmp_path)
    assert given_away(audit(leaky)) > given_away(audit(split)) == 0
    assert split.test.tolist() == leaky.test.tolist()
    assert split.made["sha256"] == leaky.digest
    larger = build([*treatments(12, ["CpD", "DiC"]), ("C0", "CrC", "C1")], size=9)
    assert facts(larger, hold_out_given(larger, tmp_path).test) == facts(toy, leaky.test)
    smaller = build(treatments(2, ["CpD", "DiC"]))
    with pytest.raises(BadInputError, match=r"not of the graph toy"):
        hold_out_given(smaller, tmp_path)


def test_given_parts_that_are_nowhere_are_no_split(toy):
    with pytest.raises(UsageError, match="no such split: 'nowhere'"):
        hold_out_given(toy, "nowhere")
    with pytest.raises(UsageError, match="no such split: 'nowhere'"):
        fixed("nowhere")


def test_a_given_triple_that_the_graph_lacks_is_named(toy, parts_folder):
    folder = parts_folder(valid=["C0 CtD D0"], test=["C0 CtD D1", "C0 CtD D9"])
    with pytest.raises(BadInputError, match="C0 CtD D9: not of the graph toy") as caught:
        hold_out_given(toy, folder)
    assert (caught.value.file, caught.value.line) == (folder / "test.tsv", 3)


def test_a_given_triple_of_known_names_that_is_no_fact_of_the_graph_is_named(toy, parts_folder):
    folder = parts_folder(valid=["C0 CtD D0"], test=["C0 CtD D1", "C5 CtD D5"])
    with pytest.raises(BadInputError, match="C5 CtD D5") as caught:
        hold_out_given(toy, folder)
    assert (caught.value.file, caught.value.line) == (folder / "test.tsv", 3)


def test_a_given_part_asks_for_its_own_triples_alone(toy, parts_folder):
    split = hold_out_given(toy, parts_folder(valid=["C0 CpD D0"], test=["C0 CtD D1"]))
    assert facts(toy, split.valid) == [("C0", "CpD", "D0")]
    assert facts(toy, split.test) == [("C0", "CtD", "D1")]


def test_a_given_part_that_is_missing_or_holds_nothing_is_an_error(toy, parts_folder):
    folder = parts_folder(test=["C0 CtD D1"])
    with pytest.raises(BadInputError, match="has no valid file"):
        hold_out_given(toy, folder)
    parts_folder(valid=[])
    with pytest.raises((BadInputError, UsageError), match="valid"):
        hold_out_given(toy, folder)


def test_fixed_parts_are_taken_as_they_are(parts_folder):
    parts = {
        "train": ["b r a", "a r b", "a s c"],
        "valid": ["c s a", "a s b"],
        "test": ["b s c"],
    }
    folder = parts_folder(**parts)
    split = fixed(folder)
    for part, lines in parts.items():
        assert facts(split.graph, getattr(split, part)) == [tuple(line.split()) for line in lines]
    assert len(split.withheld) == 0
    assert sorted(facts(split.graph, split.graph.triples)) == sorted(
        tuple(x.split()) for p in parts.values() for x in p
    )
    assert split.made == {"kind": "fixed", "folder": str(folder)}


def test_a_missing_fixed_part_is_an_error(parts_folder):
    with pytest.raises(BadInputError, match="has no test file"):
        fixed(parts_folder(train=["a r b"], valid=["b r a"]))


def test_a_pair_has_one_key_from_either_side_and_no_two_pairs_share_one(build):
    graph = build([(h, r, t) for r, (a, b) in ENDS.items() for h in (a + "0", a + "1") for t in (b + "0", b + "1")])
    keys = pair_keys(graph, graph.triples).tolist()
    by_pair = {}
    for key, fact in zip(keys, facts(graph, graph.triples), strict=True):
        by_pair.setdefault(pair(fact), set()).add(key)
    assert all(len(of_pair) == 1 for of_pair in by_pair.values())
    assert len(set(keys)) == len(by_pair)


def test_the_sample_graph_leaks_no_held_out_treatment():
    graph = load_graph("essential")
    split = hold_out_pairs(graph, Draw(0.1, 0.2, 0))
    trained = {pair(f) for f in facts(graph, split.train)}
    held = facts(graph, split.valid) + facts(graph, split.test)
    assert len(held) > 100
    assert {f[1] for f in held} == {"CtD"}
    assert not trained & {pair(f) for f in held}
