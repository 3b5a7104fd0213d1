"""Metrics against numbers worked by hand."""

import math

import numpy as np
import pytest

from kgdrug.evaluation import METRICS, Ranks, metrics, metrics_by_metaedge, metrics_by_side
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary


def ranks_of(
    rank: list[float], candidates: list[int], relation: list[int] | None = None, head: list[bool] | None = None
) -> Ranks:
    return Ranks(
        np.array(relation or [0] * len(rank), np.int64),
        np.array(head or [False] * len(rank), bool),
        np.array(rank, np.float64),
        np.array(candidates, np.int64),
    )


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
