"""Every epoch holds every training triple once in each direction, whatever the graph."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from kgdrug.config import TrainingConfig
from kgdrug.errors import UnknownNameError, UsageError
from kgdrug.graph import EntityType, KnowledgeGraph, KnownTails, Metaedge, Vocabulary
from kgdrug.training import batches
from kgdrug.training.batches import PIECE, Batch, Batches

Triple = tuple[int, int, int]


def make_graph(sizes: list[int], ends: list[tuple[int, int]], triples: set[Triple] | None = None) -> KnowledgeGraph:
    """Types of these sizes, metaedges between them, and these triples, or all that fit."""
    stops = np.cumsum(sizes).tolist()
    types = tuple(
        EntityType(f"T{i}", stop - size, stop) for i, (size, stop) in enumerate(zip(sizes, stops, strict=True))
    )
    edges = tuple(Metaedge(f"r{i}", types[h].name, f"r{i}", types[t].name) for i, (h, t) in enumerate(ends))
    if triples is None:
        triples = {(h, r, t) for r, (a, b) in enumerate(ends) for h, t in product(types[a].range, types[b].range)}
    ordered = sorted(triples, key=lambda x: (x[1], x[0], x[2]))
    names = Vocabulary(f"e{i}" for i in range(stops[-1]))
    return KnowledgeGraph(names, types, edges, np.array(ordered, np.int64).reshape(-1, 3))


@st.composite
def graphs(draw: st.DrawFn) -> KnowledgeGraph:
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    kind = st.integers(0, len(sizes) - 1)
    ends = draw(st.lists(st.tuples(kind, kind), min_size=1, max_size=3))
    possible = make_graph(sizes, ends).triples.tolist()
    return make_graph(sizes, ends, draw(st.sets(st.sampled_from([tuple(t) for t in possible]), max_size=40)))


def batches_of(
    graph: KnowledgeGraph, batch_size: int, candidates: str = "typed", seed: int = 0, negatives: int | str = 1024
) -> Batches:
    known = KnownTails(graph.triples, len(graph.entities), graph.relations)
    config = TrainingConfig(batch_size=batch_size, candidates=candidates, negatives=negatives)  # type: ignore[arg-type]
    return Batches(graph, known, config, seed)


def queries(batch: Batch) -> Tensor:
    return torch.stack([batch.heads, batch.relations], 1)


def facts(batch: Batch) -> list[Triple]:
    """The head, relation and answer of each answer."""
    asked = queries(batch)[batch.rows].tolist()
    return [(head, relation, answer) for (head, relation), answer in zip(asked, batch.answers.tolist(), strict=True)]


def same(first: Batch, second: Batch) -> bool:
    def parts(batch: Batch) -> list[Tensor]:
        places = [t for p in (batch.entity_places, batch.relation_places) for t in (p.ids, p.order, p.starts)]
        sample = [] if batch.sample is None else [batch.sample]
        return [batch.heads, batch.relations, batch.counts, batch.answers, batch.rows, *batch.hits, *places, *sample]

    pairs = zip(parts(first), parts(second), strict=True)
    return all(torch.equal(a, b) for a, b in pairs) and (first.candidates, first.seed) == (
        second.candidates,
        second.seed,
    )


@settings(max_examples=60, deadline=None)
@given(graphs(), st.data())
def test_metaedges_that_are_left_out_are_in_no_batch_and_the_others_as_before(graph, data):
    names = [e.abbreviation for e in graph.metaedges]
    there = sorted({names[r] for r in graph.triples[:, 1].tolist()})
    without = data.draw(st.sets(st.sampled_from(names)))
    known = KnownTails(graph.triples, len(graph.entities), graph.relations)
    config = TrainingConfig(batch_size=3, without=tuple(sorted(without)))
    if there and set(there) <= without:
        with pytest.raises(UsageError, match=r"training\.without leaves out every metaedge"):
            Batches(graph, known, config, 0)
        return
    seen = Counter(fact for batch in Batches(graph, known, config, 0).epoch(1) for fact in facts(batch))
    kept = [t for t in graph.triples.tolist() if names[t[1]] not in without]
    m = graph.relations
    assert seen == Counter([(h, r, t) for h, r, t in kept] + [(t, r + m, h) for h, r, t in kept])


def test_a_metaedge_to_leave_out_that_is_unknown_is_named():
    graph = hub(3)
    known = KnownTails(graph.triples, 4, 1)
    with pytest.raises(UnknownNameError, match="unknown relation 'r7'; did you mean r0"):
        Batches(graph, known, TrainingConfig(without=("r7",)), 0)


def hub(leaves: int) -> KnowledgeGraph:
    """One entity with a single relation to many others."""
    return make_graph([1, leaves], [(0, 1)])


sizes = st.integers(1, 60)
pools = st.sampled_from(["typed", "all"])


@settings(max_examples=40, deadline=None)
@given(graphs(), sizes, pools, st.integers(0, 5), st.integers(1, 3))
@example(hub(300), 100, "typed", 0, 1)
def test_an_epoch_holds_every_triple_once_in_each_direction(
    graph: KnowledgeGraph, batch_size: int, candidates: str, seed: int, number: int
) -> None:
    m = graph.relations
    triples = [tuple(t) for t in graph.triples.tolist()]
    expected = Counter(triples) + Counter((t, r + m, h) for h, r, t in triples)
    epoch = list(batches_of(graph, batch_size, candidates, seed).epoch(number))
    assert sum((Counter(facts(batch)) for batch in epoch), Counter()) == expected


@settings(max_examples=40, deadline=None)
@given(graphs(), sizes)
def test_the_answers_of_a_batch_compete_with_the_entities_of_their_type(graph: KnowledgeGraph, batch_size: int) -> None:
    m = graph.relations
    for batch in batches_of(graph, batch_size).epoch(1):
        for _, relation, answer in facts(batch):
            edge = graph.metaedges[relation % m]
            of_type = graph.entity_type(edge.tail_type if relation < m else edge.head_type)
            assert (batch.candidates.start, batch.candidates.stop) == (of_type.start, of_type.stop)
            assert of_type.start <= answer < of_type.stop


@settings(max_examples=30, deadline=None)
@given(graphs(), sizes)
def test_answers_compete_with_all_entities_where_that_is_asked_for(graph: KnowledgeGraph, batch_size: int) -> None:
    for batch in batches_of(graph, batch_size, "all").epoch(1):
        assert range(len(graph.entities))[batch.candidates] == range(len(graph.entities))


@settings(max_examples=40, deadline=None)
@given(graphs(), sizes, pools)
@example(hub(400), 100, "typed")
def test_each_query_of_a_batch_has_its_answers_beside_one_another(
    graph: KnowledgeGraph, batch_size: int, candidates: str
) -> None:
    for batch in batches_of(graph, batch_size, candidates).epoch(1):
        assert batch.rows.tolist() == [row for row, n in enumerate(batch.counts.tolist()) for _ in range(int(n))]
        assert 1 <= int(batch.counts.min()) <= int(batch.counts.max()) <= PIECE
        cells = list(zip(batch.rows.tolist(), batch.answers.tolist(), strict=True))
        assert len(set(cells)) == len(cells)


@settings(max_examples=30, deadline=None)
@given(graphs(), sizes, pools)
@example(hub(400), 100, "typed")
def test_queries_stay_whole_where_every_candidate_is_scored(
    graph: KnowledgeGraph, batch_size: int, candidates: str
) -> None:
    asked = [
        tuple(q)
        for b in batches_of(graph, batch_size, candidates, negatives="all").epoch(1)
        for q in queries(b).tolist()
    ]
    assert len(asked) == len(set(asked))
    assert len(asked) == len(KnownTails(graph.triples, len(graph.entities), graph.relations).queries)


@settings(max_examples=30, deadline=None)
@given(graphs(), sizes, st.integers(1, 4), st.sampled_from([3, "all"]))
@example(hub(40), 7, 1, "all")
def test_a_step_has_as_many_answers_of_a_query_as_are_asked_for(
    graph: KnowledgeGraph, batch_size: int, most: int, negatives: Any
) -> None:
    known = KnownTails(graph.triples, len(graph.entities), graph.relations)

    def counts(answers_per_query: Any) -> list[int]:
        config = TrainingConfig(batch_size=batch_size, negatives=negatives, answers_per_query=answers_per_query)
        epoch = list(Batches(graph, known, config, 0).epoch(1))
        assert len({fact for batch in epoch for fact in facts(batch)}) == 2 * len(graph.triples)
        return sorted(count for batch in epoch for count in batch.counts.int().tolist())

    whole = np.diff(known.offsets).tolist()
    assert counts("all") == sorted(whole)
    assert counts(most) == sorted(min(most, count - done) for count in whole for done in range(0, count, most))
    assert counts("auto") == counts("all" if negatives == "all" else PIECE)


@settings(max_examples=30, deadline=None)
@given(graphs(), sizes, st.integers(1, 3), st.floats(0, 1))
def test_places_are_where_the_rows_of_a_step_belong(
    graph: KnowledgeGraph, batch_size: int, negatives: int, n3: float
) -> None:
    config = TrainingConfig(batch_size=batch_size, negatives=negatives, n3=n3)
    known = KnownTails(graph.triples, len(graph.entities), graph.relations)
    for batch in Batches(graph, known, config, 0).epoch(1):
        parts = [
            batch.heads,
            *([batch.answers] if batch.with_answers else []),
            *([] if batch.sample is None else [batch.sample]),
        ]
        rows = torch.cat(parts)
        ones = batch.entity_places.sums(torch.nn.functional.one_hot(rows, len(graph.entities)).double())
        counted = Counter(rows.tolist())
        assert batch.entity_places.ids.tolist() == sorted(counted)
        expected = torch.zeros_like(ones)
        for i, entity in enumerate(sorted(counted)):
            expected[i, entity] = counted[entity]
        assert torch.equal(ones, expected)
        inside = [batch.candidates.start <= e < batch.candidates.stop for e in sorted(counted)]
        assert [batch.inside[0] <= i < batch.inside[1] for i in range(len(inside))] == inside


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(0, 5), st.integers(1, 9))
def test_a_sample_is_of_the_candidates_and_its_hits_are_the_answers_in_it(
    negatives: int, seed: int, batch_size: int
) -> None:
    graph = make_graph([3, 30], [(0, 1), (1, 1)])
    seen = set()
    made = batches_of(graph, batch_size, seed=seed, negatives=negatives)
    for batch in (batch for number in (1, 2, 3) for batch in made.epoch(number)):
        if batch.candidates.stop == 3:
            assert batch.sample is None or negatives == 1
            continue
        assert batch.sample is not None
        sample = batch.sample.tolist()
        seen |= set(sample)
        assert sample == sorted(set(sample))
        assert len(sample) == negatives
        assert set(sample) <= set(range(3, 33))
        answers = set(zip(batch.rows.tolist(), batch.answers.tolist(), strict=True))
        cells = {(row, sample.index(e)) for row, e in answers if e in sample}
        assert sorted(cells) == sorted(zip(*(part.tolist() for part in batch.hits), strict=True))
    assert len(seen) > 15


@settings(max_examples=30, deadline=None)
@given(graphs(), sizes, st.integers(0, 8), st.sampled_from([2, "all"]))
def test_an_epoch_can_be_entered_in_its_middle(
    graph: KnowledgeGraph, batch_size: int, first: int, negatives: int | str
) -> None:
    batches = batches_of(graph, batch_size, negatives=negatives)
    whole, rest = list(batches.epoch(2)), list(batches.epoch(2, first))
    assert len(whole) == len(batches)
    assert len(rest) == max(len(whole) - first, 0)
    assert all(same(*pair) for pair in zip(rest, whole[first:], strict=True))


@settings(max_examples=30, deadline=None)
@given(graphs(), sizes, st.integers(0, 5))
def test_any_epoch_can_be_made_again(graph: KnowledgeGraph, batch_size: int, seed: int) -> None:
    batches = batches_of(graph, batch_size, seed=seed)
    epochs = {number: list(batches.epoch(number)) for number in (1, 2, 3)}
    again = batches_of(graph, batch_size, seed=seed)
    for number in (3, 1):
        made = list(again.epoch(number))
        assert len(made) == len(epochs[number])
        assert all(same(*pair) for pair in zip(made, epochs[number], strict=True))


def test_epochs_and_seeds_mix_triples_in_ways_of_their_own() -> None:
    graph = make_graph([12, 9], [(0, 1), (0, 0)])
    first, second, other_seed = (
        {frozenset(facts(batch)) for batch in batches_of(graph, 5, seed=seed).epoch(number)}
        for seed, number in ((0, 1), (0, 2), (1, 1))
    )
    assert not first & second
    assert not first & other_seed


def test_batches_of_different_answer_types_take_turns() -> None:
    graph = make_graph([12, 9], [(0, 1)])
    types = [batch.candidates.start for batch in batches_of(graph, 2).epoch(1)]
    assert sum(a != b for a, b in pairwise(types)) > 3


@settings(max_examples=30, deadline=None)
@given(graphs(), sizes, st.integers(1, 4))
def test_treatments_are_shown_as_often_as_asked_for(graph: KnowledgeGraph, batch_size: int, repeats: int) -> None:
    m, graph = graph.relations, replace(graph, treats=("r0",))
    expected: Counter[Triple] = Counter()
    for h, r, t in graph.triples.tolist():
        expected[h, r, t] += repeats if r == 0 else 1
        expected[t, r + m, h] += repeats if r == 0 else 1
    known = KnownTails(graph.triples, len(graph.entities), m)
    epoch = Batches(graph, known, TrainingConfig(batch_size=batch_size, treatment_repeats=repeats), 0).epoch(1)
    assert sum((Counter(facts(batch)) for batch in epoch), Counter()) == expected


def test_the_answers_of_a_hub_spread_over_many_steps() -> None:
    hub_and_others = {(0, 0, tail) for tail in range(40, 240)} | {(i, 0, 40 + 5 * i) for i in range(1, 40)}
    graph = make_graph([40, 200], [(0, 1)], hub_and_others)
    batches = [batch for batch in batches_of(graph, 4).epoch(1) if batch.candidates.start == 40]
    with_the_hub = [batch for batch in batches if [0, 0] in queries(batch).tolist()]
    assert len(batches) >= 10
    assert len(with_the_hub) > len(batches) / 2


@settings(max_examples=30, deadline=None)
@given(graphs(), st.integers(1, 200), pools)
@example(hub(500), 1, "typed")
@example(hub(500), 100, "all")
def test_batches_of_an_answer_type_are_as_few_and_as_even_as_their_size_allows(
    graph: KnowledgeGraph, batch_size: int, candidates: str
) -> None:
    lengths: dict[int, list[int]] = {}
    for batch in batches_of(graph, batch_size, candidates).epoch(1):
        lengths.setdefault(batch.candidates.start, []).append(len(batch.heads))
    for of_type in lengths.values():
        assert max(of_type) <= batch_size
        assert max(of_type) - min(of_type) <= 1
        assert len(of_type) == -(-sum(of_type) // batch_size)


def test_a_piece_of_a_hub_is_a_random_part_of_its_answers() -> None:
    spans = [
        int(answers.max() - answers.min())
        for batch in batches_of(hub(400), 1).epoch(1)  # a piece a batch
        for row, query in enumerate(queries(batch).tolist())
        if query == [0, 0]
        for answers in [batch.answers[batch.rows == row]]
    ]
    assert np.mean(spans) > 200  # of 400; in order they would span as many as they are


def test_a_graph_without_triples_has_no_batch() -> None:
    graph = make_graph([3], [(0, 0)], set())
    assert list(batches_of(graph, 10).epoch(1)) == []


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_answers_are_shuffled_the_same_however_many_at_once(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = make_graph([3, 40], [(0, 1), (1, 1), (1, 0)])
    whole = batches_of(graph, 10)
    monkeypatch.setattr(batches, "CHUNK", chunk)
    assert np.array_equal(batches_of(graph, 10).tails, whole.tails)
