"""Features of pairs: what they are, that a pair's own edges have no part in them, and the cache of path counts."""

import logging
import os
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from kgdrug.config import MetapathConfig
from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.models.metapaths import Features, Metapath, Progress, make_features
from kgdrug.models.metapaths.cache import KEPT

T = TypeVar("T")
Toy = Callable[..., KnowledgeGraph]
DEFAULT = MetapathConfig()


def last(made: Generator[Progress, None, T]) -> tuple[T, list[Progress]]:
    """What a long computation returns, and the progress it made."""
    seen = []
    while True:
        try:
            seen.append(next(made))
        except StopIteration as end:
            return end.value, seen


def features_of(graph: KnowledgeGraph, config: MetapathConfig = DEFAULT) -> Features:
    return last(make_features(graph, config, seed=0))[0]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KGDRUG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "metapaths"


@pytest.fixture
def graph(toy: Toy) -> KnowledgeGraph:
    rng = np.random.default_rng(2)
    names = ("CbG", "CpD", "CrC", "CtD", "DaG", "DrD", "GiG", "Gr>G")
    return toy([(name, *rng.integers(0, 3, 2).tolist()) for name in names * 4])


@pytest.mark.parametrize("null", ["none", "degrees"])
def test_a_feature_is_the_arcsinh_of_the_dwpc_less_that_of_its_null(
    graph: KnowledgeGraph, null: str, walked: Callable[[KnowledgeGraph, Metapath, float], np.ndarray]
) -> None:
    features = features_of(graph, replace(DEFAULT, null=null, length=3))
    compounds, diseases = (graph.entity_type(name).range for name in ("Compound", "Disease"))
    for i, way in enumerate(features.metapaths):
        dwpc = np.zeros((len(compounds), len(diseases)))
        degrees = np.ones((2, *dwpc.shape))
        for (c, d), _ in np.ndenumerate(dwpc):
            ends = compounds[c], diseases[d]
            without = graph.with_triples(graph.triples[~np.isin(graph.triples[:, [0, 2]], ends).all(1)])
            dwpc[c, d] = walked(without, way, 0.4)[c, d]
            edges = features_of_degrees(without, way, *ends)
            degrees[:, c, d] = edges
        expected = np.arcsinh(dwpc / dwpc.mean()) if dwpc.any() else np.zeros(dwpc.shape)
        if null == "degrees" and dwpc.any():
            chance = (degrees[0] * degrees[1]) ** 0.6
            expected -= np.arcsinh(chance / chance.mean())
        np.testing.assert_allclose(features.column(i), expected, atol=1e-5, err_msg=str(way))


def features_of_degrees(graph: KnowledgeGraph, way: Metapath, compound: int, disease: int) -> tuple[int, int]:
    """How many of a metapath's first steps leave the compound, and of its last ones reach the disease."""

    def count(relation: int, entity: int, at_head: bool) -> int:
        metaedge = graph.metaedges[relation]
        facts = {(h, t) for h, r, t in graph.triples.tolist() if r == relation and h != t}
        if metaedge.head_type == metaedge.tail_type and ">" not in metaedge.abbreviation:
            facts |= {(t, h) for h, t in facts}
        return sum((h if at_head else t) == entity for h, t in facts)

    first, final = way.steps[0], way.steps[-1]
    return count(first.relation, compound, not first.back), count(final.relation, disease, final.back)


def test_no_feature_of_a_treated_pair_knows_of_the_treatment(graph: KnowledgeGraph) -> None:
    """Oracle: the same features on the graph without that treatment, up to the mean that they are measured in."""
    before = features_of(graph, replace(DEFAULT, null="none"))
    treatments = graph.triples[graph.triples[:, 1] == graph.relation("CtD")]
    for head, relation, tail in treatments.tolist():
        row, column = head - before.source.start, tail - before.target.start
        rest = graph.triples[~(graph.triples == [head, relation, tail]).all(1)]
        after = features_of(graph.with_triples(rest), replace(DEFAULT, null="none"))
        counts = dict(zip(map(str, after.metapaths), after.counts[:, row, column].tolist(), strict=True))
        for way, count in zip(before.metapaths, before.counts[:, row, column].tolist(), strict=True):
            assert count == pytest.approx(counts.get(str(way), 0), rel=1e-5, abs=1e-9)
        ends = len(before.metapaths), len(after.metapaths)
        for i, name in enumerate(before.names[ends[0] :]):
            assert name == after.names[ends[1] + i]
            came = before.column(ends[0] + i)[row, column]
            assert came == pytest.approx(after.column(ends[1] + i)[row, column], rel=1e-5), name


def test_a_pair_of_two_that_are_treated_often_has_higher_prior_odds(toy: Toy) -> None:
    graph = toy([("CtD", 0, 0), ("CtD", 0, 1), ("CtD", 1, 0), ("CtD", 2, 0), ("DrD", 0, 1)])
    prior = features_of(graph).column(-1 + len(features_of(graph).names))
    assert prior[1, 1] > prior[1, 2] > prior[3, 2]
    assert prior[0, 0] == pytest.approx(np.log(np.expm1(1.5 * 2.5 / 3.5)), rel=1e-5)  # without the treatment itself


def test_swaps_are_drawn_from_the_seed_and_kept(toy: Toy) -> None:
    rng, types = np.random.default_rng(6), {"Compound": 9, "Disease": 8, "Gene": 9}
    graph = toy([(name, *rng.integers(0, 8, 2).tolist()) for name in ("CbG", "CtD", "DaG") * 12], types)
    config = replace(DEFAULT, null="swaps", permutations=2, length=3)
    one, seen = last(make_features(graph, config, seed=4))
    assert [p.of for p in seen] == [len(one.metapaths)] * len(one.metapaths) + [2 * len(one.metapaths)] * (
        2 * len(one.metapaths)
    )
    again, seen = last(make_features(graph, config, seed=4))
    assert not seen, "all from the cache"
    other = last(make_features(graph, config, seed=5))[0]
    assert all(np.array_equal(one.column(i), again.column(i)) for i in range(len(one.names)))
    assert any(not np.array_equal(one.column(i), other.column(i)) for i in range(len(one.names)))


def test_counts_come_from_the_cache_and_only_for_the_same_graph_and_settings(
    graph: KnowledgeGraph, cache: Path
) -> None:
    first, seen = last(make_features(graph, DEFAULT, 0))
    assert [p.done for p in seen] == list(range(1, len(first.metapaths) + 1))
    (kept,) = cache.iterdir()
    again, seen = last(make_features(graph, replace(DEFAULT, null="none", negatives=3), 9))
    assert not seen
    assert np.array_equal(again.counts, first.counts)
    for changed, config in (
        (graph, replace(DEFAULT, damping=0.5)),
        (graph, replace(DEFAULT, length=3)),
        (graph.with_triples(graph.triples[1:]), DEFAULT),
    ):
        assert last(make_features(changed, config, 0))[1]
    assert len(list(cache.iterdir())) == 4
    assert kept.suffix == ".npy"


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY\x01\x00 rubbish"])
def test_a_damaged_file_in_the_cache_is_made_again(graph: KnowledgeGraph, cache: Path, damage: bytes) -> None:
    counts = np.array(features_of(graph).counts)
    (kept,) = cache.iterdir()
    kept.write_bytes(damage)
    again, seen = last(make_features(graph, DEFAULT, 0))
    assert seen
    assert np.array_equal(again.counts, counts)
    assert [path.name for path in cache.iterdir()] == [kept.name]


def test_the_cache_keeps_what_was_used_last_and_no_more(graph: KnowledgeGraph, cache: Path) -> None:
    each = [replace(DEFAULT, damping=0.1 * i) for i in range(KEPT)]
    for config in each:
        features_of(graph, config)
    files = sorted(cache.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    for age, file in enumerate(files):  # the first is the oldest, until it is used again
        os.utime(file, (1e9 + age, 1e9 + age))
    features_of(graph, each[0])
    features_of(graph, replace(DEFAULT, damping=0.9))
    assert len(list(cache.iterdir())) == KEPT
    assert files[0].is_file()
    assert not files[1].is_file()


def test_a_fit_that_is_stopped_leaves_nothing_in_the_cache(graph: KnowledgeGraph, cache: Path) -> None:
    made = make_features(graph, DEFAULT, 0)
    next(made)
    assert len(list(cache.iterdir())) == 1
    made.close()
    assert not list(cache.iterdir())


def test_without_a_cache_that_can_be_written_the_counts_are_made_each_time(
    graph: KnowledgeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    counts = np.array(features_of(graph).counts)
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setenv("KGDRUG_CACHE", str(tmp_path / "a file"))
    with caplog.at_level(logging.WARNING):
        features, seen = last(make_features(graph, DEFAULT, 0))
    assert np.array_equal(features.counts, counts)
    assert seen
    assert "path counts are not kept" in caplog.text


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the disk cannot be asked")
def test_a_full_disk_is_met_before_the_work(
    graph: KnowledgeGraph, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    assert features_of(graph).counts.any()
    assert "No space left" in caplog.text
    assert not list(cache.iterdir())


def test_features_that_would_fill_the_disk_are_refused(graph: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgdrug.models.metapaths.features.MOST", 1000)
    with pytest.raises(UsageError, match=r"metapaths of 4 x 3 pairs are .* GB; lower metapaths\.length"):
        features_of(graph)


def test_treatments_of_several_pairs_of_types_are_refused(graph: KnowledgeGraph) -> None:
    with pytest.raises(UsageError, match=r"one pair of types; those of toy are: CtD .* GiG"):
        features_of(replace(graph, treats=("CtD", "GiG")))
    with pytest.raises(UsageError, match="those of toy are: none"):
        features_of(replace(graph, treats=()))


def test_a_graph_without_a_metapath_is_refused(toy: Toy) -> None:
    with pytest.raises(UsageError, match="no metapath of up to 4 steps leads from Compound to Disease"):
        features_of(toy([("DrD", 0, 1)]))
