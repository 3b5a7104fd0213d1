"""A real benchmark, trained for seconds: the whole of training and evaluation does what the field's models do."""

import os
from pathlib import Path

import pytest

from kgdrug.config import TrainingConfig
from kgdrug.evaluation import metrics, rank_triples
from kgdrug.models import TableModel
from kgdrug.splits import Split, fixed
from kgdrug.training import State, train

BESIDE_THE_CHECKOUT = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def umls() -> Split:
    folder = Path(os.environ.get("KGDRUG_DATA") or BESIDE_THE_CHECKOUT) / "benchmarks" / "UMLS"
    if not folder.is_dir():
        pytest.skip(f"there is no UMLS benchmark in {folder}; set KGDRUG_DATA")
    return fixed(folder.resolve())


@pytest.fixture(scope="module")
def trained(umls: Split) -> State:
    graph = umls.graph
    state = State.fresh(TableModel.create("complex", len(graph.entities), graph.relations, 100, seed=0))
    config = TrainingConfig(epochs=8, batch_size=512, negatives="all", n3=0.01)
    for _ in train(state, umls, config, seed=0):
        pass
    return state


def test_umls_is_the_benchmark_as_published(umls: Split) -> None:
    sizes = (len(umls.train), len(umls.valid), len(umls.test), len(umls.graph.entities), umls.graph.relations)
    assert sizes == (5216, 652, 661, 135, 46)


def test_eight_epochs_of_complex_on_umls_reach_a_test_mrr_above_0_80(umls: Split, trained: State) -> None:
    result = metrics(rank_triples(trained.model, umls.test, umls.known, umls.graph))
    assert result["queries"] == 2 * 661
    assert result["mrr"] > 0.80
    assert result["hits_at_10"] > 0.95
    assert trained.best_mrr > 0.80
