"""The same numbers on a GPU: a step, an evaluation, a whole training. Skipped where there is none."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kgdrug.config import TrainingConfig
from kgdrug.evaluation import metrics, rank_triples
from kgdrug.graph import EntityType, KnowledgeGraph, KnownTails, Metaedge, Vocabulary
from kgdrug.models import SCORES, TableModel
from kgdrug.splits import Draw, Split, hold_out_triples
from kgdrug.training import State, train
from kgdrug.training.batches import Batches
from kgdrug.training.step import step

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
CONFIG = TrainingConfig(epochs=3, batch_size=64, negatives="all", n3=0.01, precision="fp32")
N, M = 300, 3


@pytest.fixture(scope="module")
def split() -> Split:
    """Entities whose numbers decide by a rule which of three relations joins them."""
    ids, edges = Vocabulary(map(str, range(N))), tuple(Metaedge(f"r{r}", "Entity", f"r{r}", "Entity") for r in range(M))
    facts = sorted({(r, h, (h * (r + 2) + j) % N) for h in range(N) for r in range(M) for j in range(5)})
    triples = np.array([(h, r, t) for r, h, t in facts], np.int64)
    graph = KnowledgeGraph(ids, (EntityType("Entity", 0, N),), edges, triples)
    return hold_out_triples(graph, Draw(0.1, 0.1, 0))


@pytest.mark.parametrize("negatives", ["all", 50])
@pytest.mark.parametrize("score", sorted(SCORES))
def test_a_step_on_a_gpu_is_the_step_on_the_processor(score: str, negatives: int | str, split: Split) -> None:
    config = replace(CONFIG, negatives=negatives, relation_prediction=0.5 * SCORES[score].linear)  # type: ignore[arg-type]
    batch = next(Batches(split.graph, split.known_in_training, config, 0).epoch(1))
    states = []
    for device in ("cpu", "cuda"):
        state = State.fresh(TableModel.create(score, N, M, 40, 0).to(device))
        loss = float(step(state, batch, config, 0.1))
        states.append((loss, {name: table.cpu() for name, table in state.sums.items()}))
    (here, sums), (there, others) = states
    assert there == pytest.approx(here, rel=1e-4)
    for name, table in sums.items():
        torch.testing.assert_close(others[name], table, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("candidates", ["typed", "all"])
def test_ranks_on_a_gpu_are_those_on_the_processor(candidates: str, split: Split) -> None:
    model = TableModel.create("complex", N, M, 40, 0)
    known = KnownTails(split.graph.triples, N, M)
    here, there = (rank_triples(m, split.test, known, split.graph, candidates) for m in (model, model.to("cuda")))
    assert np.mean(np.abs(here.rank - there.rank)) < 0.1  # rounding may swap neighbours
    assert np.array_equal(here.candidates, there.candidates)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_training_on_a_gpu_learns_what_it_learns_on_the_processor(precision: str, split: Split) -> None:
    config = replace(CONFIG, epochs=10, precision=precision)  # type: ignore[arg-type]
    found = []
    for device in ("cpu", "cuda"):
        state = State.fresh(TableModel.create("complex", N, M, 40, 0).to(device))
        list(train(state, split, config, 0))
        found.append(metrics(rank_triples(state.model, split.valid, split.known, split.graph))["mrr"])
    assert found[1] == pytest.approx(found[0], abs=0.05)
