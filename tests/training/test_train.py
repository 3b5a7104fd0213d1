"""Training as its caller sees it: epochs that come one by one, from a state that can lie on disk between them."""

import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgdrug.config import TrainingConfig
from kgdrug.errors import BadInputError, KgdrugError, UsageError
from kgdrug.evaluation import metrics, rank_triples
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.models import SCORES, TableModel, save_table_model, write_tensors
from kgdrug.splits import Draw, Split, hold_out_triples
from kgdrug.training import Checkpoint, Checkpoints, Epoch, State, load_checkpoint, save_checkpoint, train
from kgdrug.training.batches import Batch, Batches

NAMES = sorted(SCORES)
CONFIG = TrainingConfig(epochs=4, batch_size=16, negatives="all", learning_rate=0.3, patience=100)


@pytest.fixture(scope="module")
def split() -> Split:
    """Three kinds of disease, and compounds that treat the diseases of their own kind and resemble one another."""
    kinds, compounds, diseases = 3, 15, 12
    types = (EntityType("Compound", 0, compounds), EntityType("Disease", compounds, compounds + diseases))
    edges = (
        Metaedge("CrC", "Compound", "resembles", "Compound"),
        Metaedge("CtD", "Compound", "treats", "Disease"),
    )
    resembles = [(a, 0, b) for a in range(compounds) for b in range(compounds) if a != b and (a - b) % kinds == 0]
    treats = [(c, 1, compounds + d) for c in range(compounds) for d in range(diseases) if (c - d) % kinds == 0]
    ids = Vocabulary(f"e{i}" for i in range(compounds + diseases))
    graph = KnowledgeGraph(ids, types, edges, np.array(resembles + treats, np.int64))
    return hold_out_triples(graph, Draw(0.1, 0.1, 0))


def fresh(split: Split, score: str = "complex", dimension: int = 20, seed: int = 0) -> State:
    graph = split.graph
    return State.fresh(TableModel.create(score, len(graph.entities), graph.relations, dimension, seed))


def equal(a: State, b: State) -> bool:
    tables = [
        (a.model.entity, b.model.entity),
        (a.model.relation, b.model.relation),
        *((a.sums[name], b.sums[name]) for name in a.sums),
    ]
    counters = [{**s.counters, "seconds": 0.0} for s in (a, b)]
    return counters[0] == counters[1] and all(torch.equal(x, y) for x, y in tables)


def timeless(epochs: list[Epoch]) -> list[Epoch]:
    return [replace(epoch, seconds=0.0, triples_per_second=0.0) for epoch in epochs]


@pytest.mark.parametrize("negatives", ["all", 3])
@pytest.mark.parametrize("score", NAMES)
def test_a_model_learns_what_follows_from_its_graph(score: str, negatives: int | str, split: Split) -> None:
    config = replace(CONFIG, negatives=negatives, epochs=10)
    state = fresh(split, score)
    before = metrics(rank_triples(state.model, split.valid, split.known, split.graph))
    epochs = list(train(state, split, config, 0))
    assert epochs[-1].loss < 0.8 * epochs[0].loss
    assert state.best_mrr > before["mrr"] + 0.3
    after = metrics(rank_triples(state.model, split.test, split.known, split.graph))
    assert after["amri"] > 0.5


def test_an_epoch_says_what_it_came_to(split: Split) -> None:
    state = fresh(split)
    epochs = list(train(state, split, CONFIG, 0))
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    assert {epoch.of for epoch in epochs} == {4}
    for epoch in epochs:
        assert epoch.seconds > 0
        assert epoch.triples_per_second == pytest.approx(len(split.train) / epoch.seconds)
    assert epochs[-1].valid == metrics(rank_triples(state.model, split.valid, split.known, split.graph))


def test_the_loss_of_an_epoch_is_the_mean_over_triples_in_both_directions(split: Split) -> None:
    state = fresh(split, "distmult")
    state.model.entity.zero_()  # every score is 0 and has no gradient, so it stays 0
    epoch = next(train(state, split, replace(CONFIG, precision="fp32"), 0))
    answers = {0: (15, 15), 1: (12, 15)}  # candidates for the tail and for the head of each relation
    expected = np.log([answers[r] for r in split.train[:, 1].tolist()]).mean()
    assert epoch.loss == pytest.approx(expected, rel=1e-5)


def test_the_best_epoch_is_the_first_with_the_highest_valid_mrr(split: Split) -> None:
    state = fresh(split)
    seen, best = [], None
    for epoch in train(state, split, replace(CONFIG, epochs=8), 0):
        assert epoch.valid is not None
        assert epoch.best == (epoch.valid["mrr"] > max(seen, default=0.0))
        seen.append(epoch.valid["mrr"])
        if epoch.best:
            best = state.model.clone()
    assert state.best_mrr == max(seen)
    assert state.best_epoch == 1 + seen.index(max(seen))
    assert best is not None
    assert metrics(rank_triples(best, split.valid, split.known, split.graph))["mrr"] == state.best_mrr


def test_valid_is_looked_at_every_few_epochs_and_at_the_end(split: Split) -> None:
    epochs = list(train(fresh(split), split, replace(CONFIG, valid_every=3), 0))
    assert [epoch.number for epoch in epochs if epoch.valid is not None] == [3, 4]
    assert not any(epoch.best for epoch in epochs if epoch.valid is None)


@pytest.mark.parametrize(("every", "patience", "last"), [(1, 1, 2), (1, 3, 4), (2, 2, 6)])
def test_training_stops_after_as_many_looks_without_a_better_mrr(
    every: int, patience: int, last: int, split: Split
) -> None:
    standing_still = replace(CONFIG, epochs=50, learning_rate=1e-30, valid_every=every, patience=patience)
    state = fresh(split)
    epochs = list(train(state, split, standing_still, 0))
    assert epochs[-1].number == state.epoch == last
    assert [epoch.number for epoch in epochs if epoch.best] == [every] == [state.best_epoch]


@pytest.mark.parametrize("stop", [2, 3, 4, 5])
def test_patience_goes_on_counting_after_a_stop(stop: int, split: Split, tmp_path: Path) -> None:
    standing_still = replace(CONFIG, epochs=50, learning_rate=1e-30, valid_every=2, patience=2)
    state = resumed(fresh(split), split, standing_still, stop, tmp_path / "checkpoint")
    assert [epoch.number for epoch in train(state, split, standing_still, 0)] == list(range(stop + 1, 7))


def test_a_training_without_valid_triples_ends_with_a_best_epoch(split: Split) -> None:
    nothing = Split(split.graph, split.train, np.empty((0, 3), np.int64), split.test)
    epochs = list(train(fresh(split), nothing, replace(CONFIG, patience=2), 0))
    assert len(epochs) == CONFIG.epochs
    assert epochs[-1].best


@pytest.mark.parametrize(("score", "negatives"), [("complex", "all"), ("complex", 3), ("rotate", 3), ("transe", "all")])
def test_a_seed_repeats_a_training_to_the_bit(score: str, negatives: int | str, split: Split) -> None:
    config = replace(CONFIG, negatives=negatives, epochs=2, n3=0.01)
    first, second = fresh(split, score), fresh(split, score)
    epochs = timeless(list(train(first, split, config, 7)))
    torch.rand(3)  # whatever else draws random numbers between
    assert timeless(list(train(second, split, config, 7))) == epochs
    assert equal(first, second)


@pytest.mark.parametrize("negatives", ["all", 3])
def test_another_seed_is_another_training(negatives: int | str, split: Split) -> None:
    config = replace(CONFIG, negatives=negatives, epochs=2)
    first, second = fresh(split), fresh(split)
    losses = [[epoch.loss for epoch in train(state, split, config, i)] for i, state in enumerate((first, second))]
    assert losses[0] != losses[1]
    assert not torch.equal(first.model.entity, second.model.entity)


def test_every_epoch_draws_negatives_of_its_own() -> None:
    edge, ids = Metaedge("r", "Entity", "r", "Entity"), Vocabulary(f"e{i}" for i in range(500))
    graph = KnowledgeGraph(ids, (EntityType("Entity", 0, 500),), (edge,), np.array([[0, 0, 1]]))
    state = fresh(Split(graph, graph.triples, graph.triples, graph.triples), "transe")
    before, changed = state.model.entity.clone(), []
    for _ in train(state, Split(graph, graph.triples, graph.triples, graph.triples), replace(CONFIG, negatives=3), 0):
        changed.append(int((state.model.entity != before).any(1).sum()))
    assert changed == sorted(set(changed))  # only who takes part is changed: each epoch somebody new
    assert changed[-1] <= 2 + 4 * 3


def resumed(state: State, split: Split, config: TrainingConfig, stop: int, path: Path) -> State:
    """The state after some epochs, written to disk and read again."""
    for epoch in train(state, split, config, 0):
        if epoch.number == stop:
            break
    return kept(state, path)


def kept(state: State, path: Path) -> State:
    """The state as it comes back from the disk."""
    save_checkpoint(Checkpoint(state, state.model.clone(), 0), path)
    return load_checkpoint(path).state


def asked_after(steps: int) -> Callable[[], bool]:
    """Somebody who says stop when asked for the first time after so many steps."""
    answers = iter([False] * steps)
    return lambda: next(answers, True)


@pytest.mark.parametrize(("score", "negatives"), [("complex", "all"), ("complex", 3), ("rotate", 3), ("transe", "all")])
def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(
    score: str, negatives: int | str, split: Split, tmp_path: Path
) -> None:
    config = replace(CONFIG, negatives=negatives, epochs=4, valid_every=2, n3=0.01)
    whole = fresh(split, score)
    epochs = timeless(list(train(whole, split, config, 0)))
    for stop in (1, 2, 4):
        state = resumed(fresh(split, score), split, config, stop, tmp_path / "checkpoint")
        assert state.epoch == stop
        assert timeless(list(train(state, split, config, 0))) == epochs[stop:]
        assert equal(state, whole)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 30), max_size=6), st.sampled_from(["all", 3]), st.sampled_from(["constant", "linear"]))
def test_a_training_may_be_stopped_after_any_steps_and_ends_as_if_it_had_not_been(
    split: Split, tmp_path: Path, stops: list[int], negatives: int | str, schedule: str
) -> None:
    config = replace(CONFIG, negatives=negatives, epochs=3, n3=0.01, dropout=0.2, schedule=schedule)
    whole, state, epochs = fresh(split), fresh(split), []
    expected = timeless(list(train(whole, split, config, 0)))
    for steps in stops:
        before = steps_done(state, split, config)
        epochs += train(state, split, config, 0, asked_after(steps))
        assert steps_done(state, split, config) - before <= steps
        state = kept(state, tmp_path / "checkpoint")
    epochs += train(state, split, config, 0)
    assert timeless(epochs) == expected
    assert equal(state, whole)


def steps_done(state: State, split: Split, config: TrainingConfig) -> int:
    return state.epoch * len(Batches(split.graph, split.known_in_training, config, 0)) + state.batch


def test_a_stop_is_heeded_before_the_next_step_and_before_a_look_at_valid(split: Split) -> None:
    steps = len(Batches(split.graph, split.known_in_training, CONFIG, 0))
    for asked in range(steps + 1):
        state = fresh(split)
        assert list(train(state, split, CONFIG, 0, asked_after(asked))) == []
        assert (state.epoch, state.batch, state.best_epoch) == (0, asked, 0)
        assert (state.loss > 0) == (state.triples > 0) == (state.seconds > 0.0 and asked > 0)
    assert state.triples == 2 * len(split.train)


def test_the_seconds_of_an_epoch_are_those_of_both_its_parts(split: Split) -> None:
    state = fresh(split)
    list(train(state, split, CONFIG, 0, asked_after(1)))
    state.seconds = 1000.0
    epoch = next(train(state, split, CONFIG, 0))
    assert 1000 < epoch.seconds < 1100
    assert epoch.triples_per_second == pytest.approx(len(split.train) / epoch.seconds)


def test_the_linear_schedule_falls_to_a_hundredth_of_the_rate_at_the_last_step(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []

    def note(state: State, batch: Batch, config: TrainingConfig, rate: float, precision: torch.dtype) -> torch.Tensor:
        rates.append(rate)
        return torch.ones(())

    monkeypatch.setattr("kgdrug.training.loop.step", note)
    epochs = list(train(fresh(split), split, replace(CONFIG, schedule="linear", epochs=3), 0))
    steps = len(rates) // 3
    assert rates == pytest.approx(np.linspace(CONFIG.learning_rate, 0.01 * CONFIG.learning_rate, 3 * steps).tolist())
    assert [epoch.learning_rate for epoch in epochs] == [rates[steps - 1], rates[2 * steps - 1], rates[-1]]
    rates.clear()
    list(train(fresh(split), split, CONFIG, 0))
    assert set(rates) == {CONFIG.learning_rate}


def test_more_epochs_later_are_the_same_as_more_epochs_at_once(split: Split, tmp_path: Path) -> None:
    at_once, later = fresh(split), fresh(split)
    list(train(at_once, split, replace(CONFIG, epochs=5), 0))
    list(train(later, split, replace(CONFIG, epochs=2), 0))
    later = kept(later, tmp_path / "checkpoint")
    list(train(later, split, replace(CONFIG, epochs=5), 0))
    assert equal(later, at_once)


@pytest.mark.parametrize("score", NAMES)
def test_a_loss_that_is_no_number_ends_the_training_with_advice(score: str, split: Split) -> None:
    with pytest.raises(KgdrugError, match=r"epoch 1.*lower.*learning_rate"):
        list(train(fresh(split, score), split, replace(CONFIG, learning_rate=1e38), 0))


def test_predicting_relations_with_a_score_that_cannot_is_refused(split: Split) -> None:
    config = replace(CONFIG, relation_prediction=0.5)
    with pytest.raises(UsageError, match=r"relation_prediction needs a score that is linear.*complex.*not rotate"):
        next(train(fresh(split, "rotate"), split, config, 0))


def test_dropping_numbers_of_a_distance_is_refused(split: Split) -> None:
    with pytest.raises(UsageError, match=r"dropout needs a score that is a product.*complex.*not transe"):
        next(train(fresh(split, "transe"), split, replace(CONFIG, dropout=0.5), 0))


def test_a_seed_of_any_size_can_be_trained_with(split: Split) -> None:
    largest = 2**63 - 1  # what TOML can hold
    state = fresh(split, seed=largest)
    assert len(list(train(state, split, replace(CONFIG, epochs=1), largest))) == 1


def test_a_checkpoint_holds_the_state_the_best_tables_and_the_seed(split: Split, tmp_path: Path) -> None:
    state, path = fresh(split, "rotate"), tmp_path / "checkpoint"
    list(train(state, split, replace(CONFIG, epochs=1), 0))
    best = fresh(split, "rotate", seed=9).model
    save_checkpoint(Checkpoint(state, best, 9, 12.5), path)
    loaded = load_checkpoint(path)
    assert equal(loaded.state, state)
    assert loaded.state.model.score == loaded.best.score == "rotate"
    assert torch.equal(loaded.best.entity, best.entity)
    assert torch.equal(loaded.best.relation, best.relation)
    assert (loaded.seed, loaded.seconds) == (9, 12.5)


def test_a_newer_checkpoint_takes_the_place_of_the_older(split: Split, tmp_path: Path) -> None:
    state, path = fresh(split), tmp_path / "checkpoint"
    for _ in train(state, split, replace(CONFIG, epochs=3), 0):
        save_checkpoint(Checkpoint(state, state.model.clone(), 0), path)
    assert load_checkpoint(path).state.epoch == 3
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_checkpoint_is_bad_input(split: Split, tmp_path: Path) -> None:
    state, path = fresh(split), tmp_path / "checkpoint"
    save_checkpoint(Checkpoint(state, state.model.clone(), 0), path)
    content = path.read_bytes()
    for damaged in (b"", content[:5], content[: len(content) // 2], content[:-1], b"\x80\x04" + content):
        path.write_bytes(damaged)
        with pytest.raises(BadInputError, match="checkpoint"):
            load_checkpoint(path)


def test_a_missing_checkpoint_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="nowhere"):
        load_checkpoint(tmp_path / "nowhere")


def test_a_model_is_no_checkpoint(split: Split, tmp_path: Path) -> None:
    save_table_model(fresh(split).model, tmp_path / "model")
    with pytest.raises(BadInputError, match="no checkpoint"):
        load_checkpoint(tmp_path / "model")


def test_a_checkpoint_of_another_version_is_said_to_be_one(split: Split, tmp_path: Path) -> None:
    tensors = fresh(split).model.tensors
    for about, said in (({}, "says no format"), ({"format": "kgdrug training 0"}, "it says 'kgdrug training 0'")):
        write_tensors(tmp_path / "checkpoint", tensors, about)
        with pytest.raises(BadInputError, match=f"no checkpoint of this version of kgdrug.*{said}"):
            load_checkpoint(tmp_path / "checkpoint")


def test_a_disk_that_is_full_leaves_the_older_checkpoint_and_says_so(split: Split, tmp_path: Path) -> None:
    state, path = fresh(split), tmp_path / "checkpoint"
    save_checkpoint(Checkpoint(state, state.model.clone(), 0), path)
    size, larger = path.stat().st_size, fresh(split, dimension=48)
    limit, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))  # no file may grow beyond the first one
    try:
        with pytest.raises(KgdrugError, match=r"checkpoint cannot be written, what was there stays: .*large"):
            save_checkpoint(Checkpoint(larger, larger.model.clone(), 0), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    assert equal(load_checkpoint(path).state, state)
    assert list(tmp_path.iterdir()) == [path]


def test_checkpoints_are_due_every_so_many_epochs_and_take_a_twentieth_of_the_time_at_most(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, path = 0.0, tmp_path / "checkpoint"

    def slow(checkpoint: Checkpoint, path: Path) -> None:
        nonlocal now
        now += 2.0

    monkeypatch.setattr("kgdrug.training.checkpoint.time.monotonic", lambda: now)
    monkeypatch.setattr("kgdrug.training.checkpoint.save_checkpoint", slow)
    writer, checkpoint, written = Checkpoints(every=3), Checkpoint(fresh(split), fresh(split).model, 0), []
    for epoch in range(1, 31):
        now += 5.0
        checkpoint.state.epoch = epoch
        if writer.offer(checkpoint, path):
            written.append(epoch)
    assert written == [3, 12, 21, 30]  # 3 epochs take 15 s: the first multiple of them after 40 s
