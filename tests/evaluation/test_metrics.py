"""Metrics against numbers worked by hand."""

import math

import numpy as np
import pytest

from kgdrug.evaluation import (
    INTERVALS,
    METRICS,
    Ranks,
    macro_over,
    measured,
    metrics,
    metrics_by_degree,
    metrics_by_metaedge,
    metrics_by_side,
)
from kgdrug.evaluation.intervals import draws
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary


def ranks_of(
    rank: list[float],
    candidates: list[int],
    relation: list[int] | None = None,
    head: list[bool] | None = None,
    triple: list[int] | None = None,
) -> Ranks:
    q = len(rank)
    columns = (relation or [0] * q, head or [False] * q, rank, candidates, triple or range(q), range(q), range(q))
    kinds = (np.int64, bool, np.float64, np.int64, np.int64, np.int64, np.int64)
    return Ranks(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))


SIX = ranks_of(
    rank=[1, 1.5, 3, 10, 10.5, 40],
    candidates=[50, 50, 50, 50, 50, 50],
    relation=[0, 2, 0, 2, 2, 2],
    head=[False, True, True, False, True, False],
)


def test_metrics_worked_by_hand() -> None:
    assert metrics(SIX) == pytest.approx(
        {
            "mrr": (1 + 2 / 3 + 1 / 3 + 1 / 10 + 2 / 21 + 1 / 40) / 6,
            "hits_at_1": 1 / 6,  # a tie for the first place is no hit
            "hits_at_3": 3 / 6,
            "hits_at_10": 4 / 6,
            "mean_rank": 66 / 6,
            "amri": 1 - 10 / 24.5,  # random scores expect rank 25.5
            "queries": 6,
        }
    )


def test_metrics_are_plain_numbers_under_the_documented_names() -> None:
    result = metrics(SIX)
    assert tuple(result) == METRICS
    assert all(type(value) in (int, float) for value in result.values())


def test_amri_is_one_for_perfect_zero_for_random_and_minus_one_for_the_worst_ranks() -> None:
    candidates = [3, 21, 100]
    assert metrics(ranks_of([1, 1, 1], candidates))["amri"] == 1
    assert metrics(ranks_of([2, 11, 50.5], candidates))["amri"] == pytest.approx(0)
    assert metrics(ranks_of([3, 21, 100], candidates))["amri"] == pytest.approx(-1)


def test_amri_expects_half_of_the_candidates_of_each_query() -> None:
    # expected ranks 2 and 50.5: their mean is 26.25, and the mean rank is 6
    assert metrics(ranks_of([2, 10], [3, 100]))["amri"] == pytest.approx(1 - 5 / 25.25)


def test_without_queries_every_metric_is_nan() -> None:
    empty = metrics(ranks_of([], []))
    assert empty.pop("queries") == 0
    assert set(empty) == set(METRICS) - {"queries"}
    assert all(math.isnan(value) for value in empty.values())


def test_amri_says_nothing_where_there_is_no_choice() -> None:
    only = metrics(ranks_of([1.0, 1.0], [1, 1]))
    assert math.isnan(only["amri"])
    assert (only["mrr"], only["queries"]) == (1.0, 2)


def test_sides_are_those_of_the_question() -> None:
    sides = metrics_by_side(SIX)
    assert set(sides) == {"both", "head", "tail"}
    assert sides["both"] == metrics(SIX)
    assert sides["head"] == metrics(ranks_of([1.5, 3, 10.5], [50, 50, 50]))
    assert sides["tail"] == metrics(ranks_of([1, 10, 40], [50, 50, 50]))


def test_metaedges_go_by_their_abbreviation_and_only_those_that_were_asked() -> None:
    entity = (EntityType("Entity", 0, 1),)
    edges = tuple(Metaedge(name, "Entity", name, "Entity") for name in ("CpD", "CrC", "CtD"))
    graph = KnowledgeGraph(Vocabulary(["a"]), entity, edges, np.empty((0, 3), np.int64))
    by_metaedge = metrics_by_metaedge(SIX, graph)
    assert list(by_metaedge) == ["CpD", "CtD"]
    assert by_metaedge["CpD"] == metrics(ranks_of([1, 3], [50, 50]))
    assert by_metaedge["CtD"] == metrics(ranks_of([1.5, 10, 10.5, 40], [50] * 4))


PAIRED = ranks_of([1, 5, 2, 9, 30, 4], [40] * 6, head=[False] * 3 + [True] * 3, triple=[10, 20, 30] * 2)


def test_the_two_queries_of_a_triple_are_drawn_together() -> None:
    found = measured([PAIRED], resamples=200, seed=3)[0]
    assert {name: found[name] for name in METRICS} == metrics(PAIRED)
    assert set(found) == {*METRICS, *INTERVALS}
    of_triple = {10: [1, 9], 20: [5, 30], 30: [2, 4]}
    mrrs, amris = [], []
    for counts in np.concatenate(list(draws(3, 200, seed=3))).tolist():
        again = [rank for count, own in zip(counts, of_triple.values(), strict=True) for rank in own * int(count)]
        mrrs.append(sum(1 / rank for rank in again) / len(again))
        amris.append(1 - (sum(again) / len(again) - 1) / 19.5)
    assert (found["mrr_low"], found["mrr_high"]) == pytest.approx(tuple(np.quantile(mrrs, [0.025, 0.975])))
    assert (found["amri_low"], found["amri_high"]) == pytest.approx(tuple(np.quantile(amris, [0.025, 0.975])))


def test_groups_that_are_measured_together_are_drawn_together() -> None:
    sides = [PAIRED, PAIRED[PAIRED.head_side], PAIRED[~PAIRED.head_side]]
    assert measured(sides)[1] == measured([sides[1]])[0]
    both, twice = measured([PAIRED, PAIRED])
    assert both == twice


def test_a_point_of_one_triple_has_no_interval_and_none_of_no_triple() -> None:
    one = measured([ranks_of([2, 3], [9, 9], triple=[4, 4])])[0]
    assert one["mrr"] == pytest.approx(5 / 12)
    assert all(math.isnan(one[name]) for name in INTERVALS)
    nothing = measured([ranks_of([], [])])[0]
    assert nothing.pop("queries") == 0
    assert all(math.isnan(value) for value in nothing.values())


def test_degrees_fall_into_buckets_and_empty_ones_are_left_out() -> None:
    found = metrics_by_degree(SIX, np.array([0, 1, 4, 2, 9, 10_000]))
    assert list(found) == ["0", "1", "2-4", "5-9", "10 or more"]
    assert found["2-4"] == metrics(ranks_of([3, 10], [50, 50]))
    assert found["10 or more"]["mean_rank"] == 40
    assert list(metrics_by_degree(SIX, np.full(6, 7))) == ["5-9"]


def test_in_a_macro_mean_each_group_counts_as_much() -> None:
    found = macro_over(np.array([7, 7, 7, 7, 7, 3]), SIX)
    assert found["mrr"] == pytest.approx((metrics(ranks_of([1, 1.5, 3, 10, 10.5], [50] * 5))["mrr"] + 1 / 40) / 2)
    assert found["hits_at_10"] == pytest.approx((4 / 5 + 0) / 2)
    assert (found["groups"], found["queries"]) == (2, 6)
    assert found["mrr_low"] == pytest.approx(1 / 40)  # the worse of the two, drawn twice
    assert found["mrr_high"] > found["mrr"]
