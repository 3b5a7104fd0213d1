"""Two models on the same questions, against averages over Python lists and every way to flip signs."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from kgdrug.errors import UsageError
from kgdrug.evaluation import compare, rank_triples, sign_flip
from kgdrug.evaluation.intervals import draws
from kgdrug.graph import EntityType, KnowledgeGraph, KnownTails, Metaedge, Vocabulary
from kgdrug.graph.graph import canonical_triples
from kgdrug.models import Candidates
from kgdrug.splits import Split


class Table:
    def __init__(self, n: int, m: int, seed: int) -> None:
        self.table = torch.randn(n, 2 * m, n, generator=torch.Generator().manual_seed(seed))

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        return self.table[queries[:, 0], queries[:, 1]][:, candidates]


def make_split(seed: int = 0, compounds: int = 8, extra: str = "") -> Split:
    """Compounds and diseases, all treatments held by chance; extra: an entity type more, before the others."""
    shift = 3 if extra else 0
    first = shift + compounds
    types = [EntityType("Compound", shift, first), EntityType("Disease", first, first + 6)]
    types = [EntityType(extra, 0, 3), *types] if extra else types
    ids = [f"x{i}" for i in range(shift)] + [f"c{i}" for i in range(compounds)] + [f"d{i}" for i in range(6)]
    edges = (Metaedge("CpD", "Compound", "palliates", "Disease"), Metaedge("CtD", "Compound", "treats", "Disease"))
    random = np.random.default_rng(0)
    every = product(range(2), range(8), range(6))
    facts = [(shift + c, r, first + d) for r, c, d in every if random.random() < 0.6]
    graph = KnowledgeGraph(Vocabulary(ids), tuple(types), edges, canonical_triples(np.array(facts), len(ids)), ("CtD",))
    part = np.random.default_rng(seed).permutation(len(facts)) % 3
    return Split(graph, graph.triples[part == 0], graph.triples[part == 1], graph.triples[part == 2])


def model(split: Split, seed: int) -> Table:
    return Table(len(split.graph.entities), split.graph.relations, seed)


def test_the_differences_of_two_models_are_those_of_their_reciprocal_ranks() -> None:
    split = make_split()
    a, b = model(split, 1), model(split, 2)
    report = compare((a, split), (b, split))
    ranks = [rank_triples(each, split.test, split.known, split.graph).rank for each in (a, b)]
    one, other = 1 / ranks[0], 1 / ranks[1]
    t = len(split.test)
    for side, rows in {"both": slice(None), "tail": slice(t), "head": slice(t, None)}.items():
        found = report[side]
        assert (found["mrr_a"], found["mrr_b"]) == pytest.approx((one[rows].mean(), other[rows].mean()))
        assert found["difference"] == pytest.approx(found["mrr_a"] - found["mrr_b"])
        wins = (one > other)[rows].sum(), (one < other)[rows].sum()
        assert (found["wins_a"], found["wins_b"]) == wins
    assert report["both"]["queries"] == 2 * report["common"] == 2 * report["test_a"] == 2 * t
    assert report["same_split"] is True
    of_triple = ((one - other)[:t] + (one - other)[t:]) / 2
    means = [drawn @ of_triple / t for drawn in np.concatenate(list(draws(t, 1000)))]
    ends = report["both"]["difference_low"], report["both"]["difference_high"]
    assert ends == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_a_model_differs_not_from_itself_and_turns_the_sign_when_it_comes_second() -> None:
    split = make_split()
    a, b = model(split, 1), model(split, 2)
    same = compare((a, split), (a, split))["both"]
    assert (same["difference"], same["p"], same["wins_a"], same["wins_b"]) == (0, 1, 0, 0)
    there, back = compare((a, split), (b, split))["both"], compare((b, split), (a, split))["both"]
    assert there["difference"] == -back["difference"]
    assert there["p"] == back["p"]


@pytest.mark.parametrize("seed", range(4))
def test_p_is_the_share_of_sign_flips_that_come_as_far(seed: int) -> None:
    differences = np.random.default_rng(seed).normal(0.3, 1, 9)
    observed = abs(sum(differences))
    means = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in product((1, -1), repeat=9)]
    exact = sum(mean >= observed - 1e-9 for mean in means) / len(means)
    assert sign_flip(differences, 20_000) == pytest.approx(exact, abs=0.02)


def test_p_is_never_zero_and_small_for_a_difference_in_every_query() -> None:
    assert sign_flip(np.full(40, 0.1), 999) == pytest.approx(1 / 1000)


def test_p_is_even_where_nothing_differs() -> None:
    """Of two models of one kind p is below 0.1 in a tenth of the cases."""
    ps = [sign_flip(np.random.default_rng(seed).normal(0, 1, 30), 400, seed) for seed in range(300)]
    assert abs(np.mean(np.array(ps) < 0.1) - 0.1) < 0.06
    assert abs(np.mean(ps) - 0.5) < 0.06


def test_models_of_other_splits_meet_on_what_both_hold_and_filter_what_either_knows() -> None:
    first = make_split()
    rows = np.arange(len(first.test))
    second = replace(
        first, test=first.test[rows % 2 == 0], withheld=first.test[rows % 2 == 1][:2], valid=first.valid[1:]
    )
    a, b = model(first, 1), model(first, 2)
    report = compare((a, first), (b, second))
    assert report["same_split"] is False
    assert (report["test_a"], report["test_b"], report["common"]) == (len(rows), len(rows[::2]), len(rows[::2]))
    ranks = rank_triples(b, second.test, first.known, first.graph)
    assert report["both"]["mrr_b"] == pytest.approx((1 / ranks.rank).mean())


def test_entities_and_metaedges_are_the_same_by_their_ids() -> None:
    plain, longer = make_split(), make_split(extra="Anatomy")
    a, b = model(plain, 1), model(longer, 2)
    moved = Table(1, 1, 0)
    moved.table = b.table[3:, :, 3:]
    expected = compare((a, plain), (moved, plain))
    report = compare((a, plain), (b, longer))
    assert report["both"] == expected["both"]
    assert report["same_split"] is False


def test_a_common_test_triple_that_one_was_trained_on_is_refused() -> None:
    split = make_split()
    leaky = replace(split, train=np.concatenate([split.train, split.test[:1]]))
    with pytest.raises(UsageError, match="the second model was trained on 1 of the common test triples"):
        compare((model(split, 1), split), (model(split, 2), leaky))
    with pytest.raises(UsageError, match="the first model"):
        compare((model(split, 1), leaky), (model(split, 2), split))


def test_without_a_common_test_triple_there_is_nothing_to_compare() -> None:
    split = make_split()
    other = replace(split, test=split.valid, valid=split.test)
    with pytest.raises(UsageError, match="no test triple in common"):
        compare((model(split, 1), split), (model(split, 2), other))


def test_models_that_rank_other_candidates_are_not_compared() -> None:
    plain, more = make_split(), make_split(compounds=9)
    with pytest.raises(UsageError, match="1 are of one alone, such as c8"):
        compare((model(plain, 1), plain), (model(more, 2), more))
    longer = make_split(extra="Anatomy")
    with pytest.raises(UsageError, match="3 are of one alone, such as x0"):
        compare((model(plain, 1), plain), (model(longer, 2), longer), "all")


def test_both_kinds_of_candidates_can_be_ranked() -> None:
    split = make_split()
    report = compare((model(split, 1), split), (model(split, 2), split), "all")
    known = KnownTails(split.graph.triples, len(split.graph.entities), 2)
    ranks = rank_triples(model(split, 1), split.test, known, split.graph, "all")
    assert report["both"]["mrr_a"] == pytest.approx((1 / ranks.rank).mean())
    assert report["candidates"] == "all"
