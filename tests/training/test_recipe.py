"""Settings chosen from a graph: within what the configuration allows, and never over what was set by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgdrug.config import CHOSEN, Experiment, experiment_from, override, read_experiment, to_dict
from kgdrug.errors import UsageError
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.models import SCORES, TableModel
from kgdrug.splits import Split
from kgdrug.training import check_trainable
from kgdrug.training.recipe import Shape, recipe, shape_of, with_recipe

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture
def split() -> Split:
    """Two compounds that treat three diseases, but for one pair."""
    types = EntityType("Compound", 0, 2), EntityType("Disease", 2, 5)
    facts = [(0, 0, 2), (0, 0, 3), (0, 0, 4), (1, 0, 2), (1, 0, 3)]
    edges = (Metaedge("CtD", "Compound", "treats", "Disease"),)
    graph = KnowledgeGraph(Vocabulary("abcde"), types, edges, np.array(facts, np.int64))
    return Split(graph, graph.triples[:4], graph.triples[4:], graph.triples[:0])


def auto(*names: str) -> Experiment:
    return experiment_from({"graph": {"source": "essential"}, "auto": list(names)}, "test")


def test_the_shape_is_that_of_the_training_part(split: Split) -> None:
    assert shape_of(split, "typed") == Shape(5, 1, 4, 5, 3)
    assert shape_of(split, "all") == Shape(5, 1, 4, 5, 5)
    assert shape_of(split, "all").degree == pytest.approx(8 / 5)


@given(st.tuples(*[st.integers(0, 10**8)] * 5))
def test_whatever_the_graph_the_settings_are_ones_that_an_experiment_takes(numbers: tuple[int, ...]) -> None:
    chosen = recipe(Shape(*numbers))
    assert tuple(chosen) == CHOSEN
    experiment = override(auto(), [f"{name}={value}" for name, value in chosen.items()])
    assert experiment.training.negatives == chosen["training.negatives"]


def test_only_what_is_named_is_chosen(split: Split) -> None:
    made = with_recipe(auto("training.n3", "model.dimension"), split)
    chosen = recipe(shape_of(split, "typed"))
    assert made.training.n3 == chosen["training.n3"]
    assert made.model.dimension == chosen["model.dimension"]
    assert made.training.batch_size == Experiment().training.batch_size
    assert made.auto == ()
    assert with_recipe(auto(), split) == auto()


def test_relations_are_predicted_only_where_the_score_is_linear_in_them(split: Split) -> None:
    distance = override(auto("training.relation_prediction"), ["model.score=transe"])
    assert with_recipe(distance, split).training.relation_prediction == 0
    assert with_recipe(auto("training.relation_prediction"), split).training.relation_prediction > 0


@pytest.mark.parametrize("score", sorted(SCORES))
def test_whatever_the_score_what_is_chosen_can_be_trained(score: str, split: Split) -> None:
    made = with_recipe(override(auto(*CHOSEN), [f"model.score={score}"]), split)
    check_trainable(score, made.training)
    model = TableModel.create(score, 5, 1, made.model.dimension, seed=0)
    assert model.relation.shape[1] <= 10_000


def test_a_setting_that_a_file_sets_is_not_named_by_auto_as_well(tmp_path: Path) -> None:
    path = tmp_path / "both.toml"
    path.write_text('auto = ["training.n3"]\n[graph]\nsource = "essential"\n[training]\nn3 = 0.7\n')
    with pytest.raises(UsageError, match=r"both\.toml: training\.n3 is set, and named by auto too"):
        read_experiment(path)


def test_what_is_set_by_hand_is_no_longer_chosen(split: Split) -> None:
    made = override(auto("training.n3", "training.epochs"), ["training.epochs=7"])
    assert made.auto == ("training.n3",)
    assert with_recipe(made, split).training.epochs == 7
    assert override(auto("training.n3"), ["training={n3=0.1}"]).auto == ()


def test_a_name_that_no_rule_is_about_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"auto names 'training.rate'.*training\.n3"):
        auto("training.rate")
    with pytest.raises(UsageError, match=r"auto is 'training\.n3'; expected a list of names"):
        experiment_from({"graph": {"source": "essential"}, "auto": "training.n3"}, "test")


def test_auto_lies_on_disk_as_a_list_and_comes_back() -> None:
    content = to_dict(auto("training.n3"))
    assert content["auto"] == ["training.n3"]
    assert experiment_from(content, "test") == auto("training.n3")


def test_the_auto_experiment_waits_for_a_graph_and_chooses_all_that_can_be_chosen() -> None:
    experiment = read_experiment(EXPERIMENTS / "auto.toml", ["graph.source=essential"])
    assert set(experiment.auto) == set(CHOSEN)
    with pytest.raises(UsageError, match=r"graph\.source.*graph\.splits"):
        read_experiment(EXPERIMENTS / "auto.toml")
