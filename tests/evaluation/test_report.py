"""The report on one model beside its baselines."""

import json
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from kgdrug.errors import UsageError
from kgdrug.evaluation import (
    INTERVALS,
    METRICS,
    Pairs,
    PairScores,
    baselines,
    evaluate,
    evaluate_pairs,
    measured,
    metrics,
    rank_triples,
)
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.graph.graph import canonical_triples
from kgdrug.models import Candidates, TableModel
from kgdrug.splits import Split

COMPOUNDS, DISEASES = 20, 30
BASELINES = {"degree", "degree_product", "shared_neighbours", "random"}
SIDES = ("both", "head", "tail")


def make_split(types: tuple[EntityType, ...], edges: tuple[Metaedge, ...], share: float) -> Split:
    """A random part of everything that fits, one in five triples held out; low indices stand in most triples."""
    rng = np.random.default_rng(0)
    ranges = {t.name: t.range for t in types}
    triples = [
        (h, r, t)
        for r, edge in enumerate(edges)
        for h in ranges[edge.head_type]
        for t in ranges[edge.tail_type]
        if rng.random() < share * 4 / (1 + t - ranges[edge.tail_type].start) ** 0.5
    ]
    ids = Vocabulary(f"e{i}" for i in range(types[-1].stop))
    graph = KnowledgeGraph(ids, types, edges, np.array(triples, np.int64))
    part = rng.permutation(len(triples)) % 10
    return Split(graph, graph.triples[part > 1], graph.triples[part == 0], graph.triples[part == 1])


@pytest.fixture(scope="module")
def split() -> Split:
    types = (EntityType("Compound", 0, COMPOUNDS), EntityType("Disease", COMPOUNDS, COMPOUNDS + DISEASES))
    edges = (
        Metaedge("CpD", "Compound", "palliates", "Disease"),
        Metaedge("CrC", "Compound", "resembles", "Compound"),
        Metaedge("CtD", "Compound", "treats", "Disease"),
    )
    return make_split(types, edges, 0.2)


@pytest.fixture(scope="module")
def treating(split: Split) -> Split:
    """The same, and CtD means treatment."""
    return replace(split, graph=replace(split.graph, treats=("CtD",)))


@pytest.fixture(scope="module")
def untyped() -> Split:
    return make_split((EntityType("Entity", 0, 30),), (Metaedge("likes", "Entity", "likes", "Entity"),), 0.2)


def create(split: Split) -> TableModel:
    return TableModel.create("distmult", len(split.graph.entities), split.graph.relations, 4, 0)


class Oracle:
    """Scores of one where the split holds the fact in any part."""

    def __init__(self, split: Split) -> None:
        self.split, self.truth = split, {tuple(t) for t in split.graph.triples.tolist()}

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        m, entities = self.split.graph.relations, range(len(self.split.graph.entities))
        return torch.tensor(
            [
                [float(((h, r, e) if r < m else (e, r - m, h)) in self.truth) for e in entities]
                for h, r in queries.tolist()
            ]
        )[:, candidates]


def test_a_report_has_the_documented_keys_and_no_others(split: Split) -> None:
    report = evaluate(create(split), split)
    rows = ("by_metaedge", "by_degree", "by_disease")
    parts = {"pairs", "popularity", "baselines", "baselines_by_side", *rows, *(f"baselines_{part}" for part in rows)}
    assert set(report) == {*SIDES, *parts, "candidates"}
    assert set(report["baselines"]) == BASELINES
    assert set(report["baselines_by_side"]) == {"head", "tail"}
    assert all(set(by_name) == BASELINES for by_name in report["baselines_by_side"].values())
    assert set(report["by_metaedge"]) == {"CpD", "CrC", "CtD"}
    tables = [report[side] for side in SIDES] + [*report["by_metaedge"].values(), *report["baselines"].values()]
    tables += [table for by_name in report["baselines_by_side"].values() for table in by_name.values()]
    tables += report["by_degree"].values()
    assert all(set(table) == {*METRICS, *INTERVALS} for table in tables)
    assert all(table["mrr_low"] <= table["mrr"] <= table["mrr_high"] for table in tables)


def test_a_report_is_json_without_nan(split: Split) -> None:
    report = evaluate(create(split), split)
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_a_report_on_no_test_triples_says_none_where_it_knows_nothing(split: Split) -> None:
    nothing = Split(split.graph, split.train, split.valid, split.test[:0])
    report = evaluate(create(split), nothing)
    assert report["both"] == dict.fromkeys([*METRICS, *INTERVALS]) | {"queries": 0}
    for part in ("by_metaedge", "by_degree", "baselines_by_metaedge", "baselines_by_degree"):
        assert report[part] == {}
    for part in ("pairs", "popularity", "by_disease", "baselines_by_disease"):
        assert report[part] is None
    json.dumps(report, allow_nan=False)


def test_the_numbers_of_a_report_are_those_of_the_test_triples(split: Split) -> None:
    model = create(split)
    report = evaluate(model, split)
    ranks = rank_triples(model, split.test, split.known, split.graph)
    parts = {"both": ranks, "head": ranks[ranks.head_side], "tail": ranks[~ranks.head_side]}
    for side, expected in zip(parts, measured(list(parts.values())), strict=True):
        assert report[side] == expected
    treats = ranks.relation == split.graph.relation("CtD")
    assert report["by_metaedge"]["CtD"] == measured([ranks[treats]])[0]
    assert report["both"]["queries"] == 2 * len(split.test)
    assert sum(table["queries"] for table in report["by_metaedge"].values()) == 2 * len(split.test)


@pytest.mark.parametrize("candidates", ["typed", "all"])
def test_a_report_says_which_candidates_were_ranked(candidates: str, split: Split, untyped: Split) -> None:
    assert evaluate(create(split), split, candidates)["candidates"] == candidates
    assert evaluate(create(untyped), untyped, candidates)["candidates"] == "all"


def test_all_candidates_are_more_than_typed_ones(split: Split) -> None:
    report = {candidates: evaluate(create(split), split, candidates) for candidates in ("typed", "all")}
    assert report["all"]["both"]["mean_rank"] > report["typed"]["both"]["mean_rank"]
    random = {candidates: report[candidates]["baselines"]["random"]["mean_rank"] for candidates in report}
    assert random["all"] > 1.5 * random["typed"]


def test_who_knows_the_graph_is_perfect(split: Split) -> None:
    both = evaluate(Oracle(split), split)["both"]
    assert (both["mrr"], both["hits_at_1"], both["amri"]) == (1, 1, 1)


def test_degree_counts_how_often_a_candidate_answers_the_relation_in_training(split: Split) -> None:
    m, n = split.graph.relations, len(split.graph.entities)
    answers = Counter((r, t) for _, r, t in split.train.tolist())
    answers += Counter((r + m, h) for h, r, _ in split.train.tolist())
    queries = [[h, r] for h in (0, 5, 21) for r in range(2 * m)]
    degree = baselines(split.train, n, m)["degree"]
    expected = [[answers[r, e] for e in range(n)] for _, r in queries]
    assert degree.scores(torch.tensor(queries), slice(0, n)).tolist() == expected
    assert degree.scores(torch.tensor(queries), slice(7, 20)).tolist() == [row[7:20] for row in expected]
    some = torch.tensor([30, 2, 2])
    assert degree.scores(torch.tensor(queries), some).tolist() == [[row[i] for i in (30, 2, 2)] for row in expected]


def test_the_baselines_know_nothing_of_held_out_answers(split: Split) -> None:
    treats = split.graph.triples[:, 1] == split.graph.relation("CtD")
    unseen = Split(split.graph, split.graph.triples[~treats], split.valid, split.graph.triples[treats])
    report = evaluate(create(unseen), unseen)
    assert report["baselines"]["degree"]["amri"] == pytest.approx(0)  # nobody answers a relation that training lacks


@pytest.fixture(scope="module")
def large() -> Split:
    types = (EntityType("Compound", 0, 80), EntityType("Disease", 80, 130))
    return make_split(types, (Metaedge("CtD", "Compound", "treats", "Disease"),), 0.3)


def test_popular_diseases_are_beyond_chance(large: Split) -> None:
    assert evaluate(create(large), large)["baselines_by_side"]["tail"]["degree"]["amri"] > 0.2


def test_random_scores_of_many_questions_have_an_amri_of_zero(large: Split) -> None:
    random = baselines(large.train, len(large.graph.entities), 1)["random"]
    result = metrics(rank_triples(random, large.graph.triples, large.known, large.graph))
    assert result["queries"] > 1000
    assert abs(result["amri"]) < 0.05


def test_random_scores_are_spread_over_all_candidates_and_differ_between_questions(split: Split) -> None:
    random = baselines(split.train, len(split.graph.entities), split.graph.relations)["random"]
    first, second = (random.scores(torch.tensor([[0, 0], [0, 0]]), slice(20, 50)) for _ in range(2))
    assert first.shape == (2, 30)
    assert len(torch.cat([first, second]).unique()) > 100
    assert random.scores(torch.tensor([[0, 0]]), torch.tensor([3, 1])).shape == (1, 2)


def test_a_report_repeats_to_the_bit(split: Split) -> None:
    assert evaluate(create(split), split) == evaluate(create(split), split)


def test_degree_product_and_shared_neighbours_are_counted_as_by_hand(split: Split) -> None:
    n, m = len(split.graph.entities), split.graph.relations
    joined = [(h, t) for h, _, t in split.train.tolist()]
    degree = Counter(end for pair in joined for end in pair)
    near = {e: {t for h, t in joined if h == e} | {h for h, t in joined if t == e} for e in range(n)}
    models, queries = baselines(split.train, n, m), torch.tensor([[0, 2], [5, 0], [31, 5]])
    product_of = models["degree_product"].scores(queries, slice(3, n))
    assert product_of.tolist() == [[degree[h] * degree[e] for e in range(3, n)] for h in (0, 5, 31)]
    shared = models["shared_neighbours"].scores(queries, slice(3, n))
    assert shared.tolist() == [[len(near[h] & near[e]) for e in range(3, n)] for h in (0, 5, 31)]
    few = models["shared_neighbours"].scores(queries, torch.tensor([7, 40]))
    assert few.tolist() == [[len(near[h] & near[e]) for e in (7, 40)] for h in (0, 5, 31)]


def test_by_degree_goes_by_how_often_the_answer_answers_the_relation_in_training(split: Split) -> None:
    m = split.graph.relations
    answers = Counter((r, t) for _, r, t in split.train.tolist())
    answers += Counter((r + m, h) for h, r, _ in split.train.tolist())
    asked = [answers[r, t] for _, r, t in split.test.tolist()] + [answers[r + m, h] for h, r, _ in split.test.tolist()]
    report = evaluate(create(split), split)["by_degree"]
    bounds = {"0": (0, 0), "1": (1, 1), "2-4": (2, 4), "5-9": (5, 9), "10 or more": (10, 1000)}
    expected = {name: sum(low <= count <= high for count in asked) for name, (low, high) in bounds.items()}
    assert {name: table["queries"] for name, table in report.items()} == {k: v for k, v in expected.items() if v}


def test_the_macro_mean_is_over_the_diseases_that_compounds_are_asked_for(treating: Split) -> None:
    ranks = rank_triples(create(treating), treating.test, treating.known, treating.graph)
    of_disease: dict[int, list[float]] = {}
    for (_, r, t), rank in zip(treating.test.tolist(), ranks.rank[len(treating.test) :].tolist(), strict=True):
        if r == 2:
            of_disease.setdefault(t, []).append(1 / rank)
    report = evaluate(create(treating), treating)["by_disease"]
    assert report["mrr"] == pytest.approx(np.mean([np.mean(values) for values in of_disease.values()]))
    assert report["groups"] == len(of_disease)


def test_the_baselines_of_a_row_are_asked_the_same_queries_as_the_model(treating: Split) -> None:
    report, m, count = evaluate(create(treating), treating), treating.graph.relations, len(treating.test)
    answers = Counter((r, t) for _, r, t in treating.train.tolist())
    answers += Counter((r + m, h) for h, r, _ in treating.train.tolist())
    starts = {"0": 0, "1": 1, "2-4": 2, "5-9": 5, "10 or more": 10}

    def bucket(times: int) -> str:
        return [name for name, start in starts.items() if start <= times][-1]

    for name, baseline in baselines(treating.train, len(treating.graph.entities), m).items():
        rank = rank_triples(baseline, treating.test, treating.known, treating.graph).rank
        by_metaedge, by_degree, by_disease = ({} for _ in range(3))
        for (h, r, t), tail_rank, head_rank in zip(treating.test.tolist(), rank[:count], rank[count:], strict=True):
            for row, table in ((treating.graph.metaedges[r].abbreviation, by_metaedge),
                               (bucket(answers[r, t]), by_degree)):  # fmt: skip
                table.setdefault(row, []).append(1 / tail_rank)
            by_metaedge[treating.graph.metaedges[r].abbreviation].append(1 / head_rank)
            by_degree.setdefault(bucket(answers[r + m, h]), []).append(1 / head_rank)
            if r == 2:
                by_disease.setdefault(t, []).append(1 / head_rank)
        for part, expected in (("by_metaedge", by_metaedge), ("by_degree", by_degree)):
            assert set(report[f"baselines_{part}"]) == set(report[part]) == set(expected)
            for row, values in expected.items():
                assert report[f"baselines_{part}"][row][name] == {"mrr": pytest.approx(np.mean(values))}
        macro = report["baselines_by_disease"][name]
        assert macro["mrr"] == pytest.approx(np.mean([np.mean(values) for values in by_disease.values()]))
        assert macro["mrr_low"] <= macro["mrr"] <= macro["mrr_high"]
        assert set(macro) == set(report["by_disease"])


def test_pairs_are_the_held_out_treatments_against_all_that_no_part_holds(treating: Split) -> None:
    report = evaluate(create(treating), treating)["pairs"]
    held = {p: {(h, t) for h, r, t in getattr(treating, p).tolist() if r == 2} for p in ("train", "valid", "test")}
    unknown = COMPOUNDS * DISEASES - len(set.union(*held.values()))
    assert report["counts"] == {
        "positives": len(held["test"]),
        "negatives": unknown,
        "diseases": len({t for _, t in held["test"]}),
        "compounds": len({h for h, _ in held["test"]}),
    }
    assert set(report["baselines"]) == BASELINES
    assert "by_disease" not in report["baselines"]["degree"]
    assert sum(values["positives"] for values in report["by_disease"].values()) == len(held["test"])
    perfect = evaluate(Oracle(treating), treating)["pairs"]
    assert (perfect["auroc"], perfect["auprc"], perfect["auroc_matched"]) == (1, 1, 1)


def test_a_metaedge_that_has_the_disease_as_its_head_is_read_the_other_way_round(treating: Split) -> None:
    """The same split with `CtD` as `DtC`: what is said of compounds and diseases stays the same."""
    graph, m = treating.graph, treating.graph.relations
    edges = (*graph.metaedges[:2], Metaedge("DtC", "Disease", "is treated with", "Compound"))

    def turn(triples: np.ndarray) -> np.ndarray:
        turned = np.where(triples[:, 1:2] == 2, triples[:, ::-1], triples)
        turned[:, 1] = triples[:, 1]
        return turned

    triples = canonical_triples(turn(graph.triples), len(graph.entities))
    other = replace(graph, metaedges=edges, treats=("DtC",), triples=triples)
    split = Split(other, *(turn(part) for part in (treating.train, treating.valid, treating.test)))

    class Turned:
        def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
            back = queries.clone()
            swapped = queries[:, 1] % m == 2
            back[swapped, 1] = (queries[swapped, 1] + m) % (2 * m)
            return create(treating).scores(back, candidates)

    expected, found = evaluate(create(treating), treating), evaluate(Turned(), split)
    assert found["by_disease"] == pytest.approx(expected["by_disease"])
    pairs, popular = ({k: v for k, v in expected[part].items() if k != "baselines"} for part in ("pairs", "popularity"))
    assert {k: found["pairs"][k] for k in pairs} == pairs
    assert {k: found["popularity"][k] for k in popular} == popular
    assert found["pairs"]["baselines"]["degree"] == expected["pairs"]["baselines"]["degree"]


def test_a_report_without_treatments_has_no_pairs(split: Split, untyped: Split) -> None:
    for each in (split, untyped):
        report = evaluate(create(each), each)
        assert report["pairs"] is report["popularity"] is report["by_disease"] is None


# the pairs of a file


@pytest.fixture(scope="module")
def apart(treating: Split) -> dict[str, list[tuple[int, int]]]:
    """Compounds and diseases by what the split knows of them."""
    parts = {p: {(h, t) for h, r, t in getattr(treating, p).tolist() if r == 2} for p in ("train", "valid", "test")}
    every = set(product(range(COMPOUNDS), range(COMPOUNDS, COMPOUNDS + DISEASES)))
    found = {**parts, "new": every - set.union(*parts.values())}
    return {name: sorted(pairs) for name, pairs in found.items()}


def write(path: Path, pairs: list[tuple[object, object]]) -> Path:
    lines = (f"{c if isinstance(c, str) else f'e{c}'}\t{d if isinstance(d, str) else f'e{d}'}\n" for c, d in pairs)
    path.write_text("compound\tdisease\n" + "".join(lines))
    return path


def test_every_pair_of_a_file_is_asked_or_named(
    treating: Split, apart: dict[str, list[tuple[int, int]]], tmp_path: Path
) -> None:
    new, train, valid, test = (apart[name] for name in ("new", "train", "valid", "test"))
    positives = [*new[:8], new[0], train[0], valid[0], test[0], ("nobody", "e25")]
    universe = [*new[2:60], *train, *valid, *test, ("e1", "nowhere")]
    excluded = [new[7], new[20], train[1], ("who", "knows")]
    report = evaluate_pairs(
        create(treating),
        treating,
        write(tmp_path / "p.tsv", positives),
        write(tmp_path / "u.tsv", universe),
        write(tmp_path / "x.tsv", excluded),
    )
    listed = report["listed"]

    def words(pairs: list[tuple[int, int]]) -> list[str]:
        return sorted(f"e{c} e{d}" for c, d in pairs)

    assert (listed["pairs"], listed["repeated"], listed["asked"]) == (13, 1, 6)
    assert listed["unknown"] == ["nobody e25"]
    assert sorted(listed["outside_universe"]) == words(new[:2])
    assert listed["excluded"] == words([new[7]])
    assert sorted(listed["seen_in_training"]) == words([train[0], valid[0]])
    known = len(train) + len(valid) + len(test) - 1  # one of test is asked
    assert report["universe"] == {
        "pairs": len(universe) - 1, "unknown": 1, "excluded": 3, "known": known - 1  # one is both
    }  # fmt: skip
    assert report["counts"]["positives"] == 6
    assert report["counts"]["negatives"] == 58 - 5 - 2  # of 58 new ones 5 are asked and 2 excluded
    json.dumps(report, allow_nan=False)


def test_without_a_universe_all_pairs_that_nobody_knows_of_are_negative(
    treating: Split, apart: dict[str, list[tuple[int, int]]], tmp_path: Path
) -> None:
    model, asked = create(treating), apart["new"][:9] + apart["test"][:3]
    report = evaluate_pairs(model, treating, write(tmp_path / "p.tsv", asked))
    assert report["counts"]["negatives"] == len(apart["new"]) - 9
    scores = np.concatenate([block for _, block in PairScores(model, Pairs.of(treating.graph)).blocks()])
    value = {(c, d): scores[d - COMPOUNDS, c] for c, d in product(range(20), range(20, 50))}
    won = [value[p] > value[n] for p in asked for n in apart["new"][9:]]
    assert report["auroc"] == pytest.approx(np.mean(won))
    assert report["universe"] == {
        "pairs": 600, "unknown": 0, "excluded": 0,
        "known": sum(len(apart[p]) for p in ("train", "valid", "test")) - 3,
    }  # fmt: skip


def test_asked_pairs_that_training_joins_by_another_metaedge_are_counted(
    treating: Split, apart: dict[str, list[tuple[int, int]]], tmp_path: Path
) -> None:
    palliated = {(h, t) for h, r, t in treating.train.tolist() if r == 0}
    asked = apart["new"][:40]
    report = evaluate_pairs(create(treating), treating, write(tmp_path / "p.tsv", asked))
    assert report["listed"]["joined_otherwise"] == {"CpD": len(palliated & {*asked})}


@pytest.mark.parametrize(
    ("which", "parts"),
    [
        ("train", "in the model.s train or valid part"),
        ("nobody", "2 not in the graph"),
        ("universe", "outside the universe"),
    ],
)
def test_a_file_of_which_nothing_can_be_asked_is_wrong_use(
    which: str, parts: str, treating: Split, apart: dict[str, list[tuple[int, int]]], tmp_path: Path
) -> None:
    pairs = {"nobody": [("a", "b"), ("c", "d")], "universe": apart["new"][:4]}.get(which, apart["train"][:3])
    path = write(tmp_path / "p.tsv", pairs)
    universe = write(tmp_path / "u.tsv", apart["new"][10:20]) if which == "universe" else None
    with pytest.raises(UsageError, match=f"none of its . pairs can be asked.*{parts}"):
        evaluate_pairs(create(treating), treating, path, universe)


def test_a_model_without_a_training_part_can_be_judged(treating: Split, tmp_path: Path) -> None:
    bare = Split(treating.graph, treating.train[:0], treating.valid[:0], treating.test[:0])
    report = evaluate_pairs(create(treating), bare, write(tmp_path / "p.tsv", [(0, 20), (1, 21), (2, 30)]))
    assert report["counts"]["negatives"] == COMPOUNDS * DISEASES - 3
    assert report["baselines"]["degree"]["auroc"] == 0.5
    assert report["popularity"]["commonality_at_10"] is None


def test_a_universe_of_positives_alone_is_wrong_use(
    treating: Split, apart: dict[str, list[tuple[int, int]]], tmp_path: Path
) -> None:
    path = write(tmp_path / "p.tsv", apart["new"][:4])
    with pytest.raises(UsageError, match="no pair is left to be negative"):
        evaluate_pairs(create(treating), treating, path, write(tmp_path / "u.tsv", apart["new"][:4]))


def test_a_graph_without_treatments_has_no_pairs_to_be_judged(split: Split, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no treatment relation"):
        evaluate_pairs(create(split), split, write(tmp_path / "p.tsv", [(0, 20)]))
