"""Several models as one: what valid chooses, what is refused, and that the folder keeps it."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from math import gcd
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from kgdrug import Run, ensemble, explain, load_model, predict, read_experiment, run
from kgdrug.config import Experiment, GraphConfig, ModelConfig
from kgdrug.errors import BadInputError, KgdrugError, UsageError
from kgdrug.evaluation import metrics, rank_triples
from kgdrug.graph import KnowledgeGraph
from kgdrug.models import Candidates, TableModel
from kgdrug.sources import load_graph
from kgdrug.splits import Draw, hold_out_pairs
from kgdrug.trained import TrainedModel, load_trained, mean_rank_scores, open_served, save_trained, together, weigh

pytestmark = pytest.mark.filterwarnings("ignore:.*Add type hints to the `predict` method:UserWarning")


@pytest.fixture(scope="module")
def graph(curated: Path) -> KnowledgeGraph:
    return load_graph(curated)


def drawn(graph: KnowledgeGraph, seeds: tuple[int, ...], split_seed: int = 0, name: str = "m") -> TrainedModel:
    members = []
    for seed in seeds:
        model = TableModel.create("distmult", len(graph.entities), graph.relations, 8, seed)
        members.append(replace(model, entity=1000 * model.entity, relation=1000 * model.relation))
    experiment = Experiment(name, graph=GraphConfig("clinic"), model=ModelConfig("distmult", 8))
    return TrainedModel(members, hold_out_pairs(graph, Draw(0.3, 0.2, split_seed)), experiment)


def valid_mrr(model: TrainedModel) -> float:
    return metrics(rank_triples(model, model.split.valid, model.split.known, model.graph))["mrr"]


def test_the_weights_are_the_best_of_all_that_are_tried(graph: KnowledgeGraph) -> None:
    models = [drawn(graph, (seed,)) for seed in (1, 2, 3)]
    found = weigh(models)
    tried = {}
    for weights in product(range(4), repeat=3):
        used = [(model, weight) for model, weight in zip(models, weights, strict=True) if weight]
        if len(used) > 1 and gcd(*weights) == 1:
            tried[weights] = valid_mrr(together([m for m, _ in used], [w for _, w in used], "all"))
    assert found.weighted == max(tried.values()) == tried[found.weights]
    assert found.average == tried[1, 1, 1]
    assert found.alone == tuple(valid_mrr(model) for model in models)
    assert found.wins == (found.weighted > max(found.alone))


def test_a_model_that_counts_twice_counts_as_two(graph: KnowledgeGraph) -> None:
    one, other = drawn(graph, (1,)), drawn(graph, (2,))
    queries, every = torch.tensor([[0, 2], [3, 2]]), slice(0, len(graph.entities))
    weighted = together([one, other], [2, 1], "all").scores(queries, every)
    assert torch.equal(weighted, mean_rank_scores(m.scores(queries, every) for m in (one, one, other)))


def test_the_members_of_a_model_share_its_weight(graph: KnowledgeGraph) -> None:
    whole = together([drawn(graph, (1, 2, 3)), drawn(graph, (4,)), drawn(graph, (5, 6))], [1, 2, 1], "all")
    assert whole.weights == (2, 2, 2, 12, 3, 3)
    again = together([whole, drawn(graph, (7,))], [1, 1], "more")
    assert again.weights == (2, 2, 2, 12, 3, 3, 24)


def test_the_folder_keeps_the_weights(graph: KnowledgeGraph, tmp_path: Path) -> None:
    model = together([drawn(graph, (1,)), drawn(graph, (2,))], [3, 1], "all")
    save_trained(model, tmp_path)
    loaded = load_trained(tmp_path)
    assert loaded.weights == (3, 1)
    queries, every = torch.tensor([[0, 2]]), slice(0, len(graph.entities))
    assert torch.equal(loaded.scores(queries, every), model.scores(queries, every))
    assert "weights.json" in json.loads((tmp_path / "manifest.json").read_text())["files"]


def trained_by(model: TrainedModel, **training: object) -> TrainedModel:
    return replace(model, experiment=replace(model.experiment, training=replace(model.experiment.training, **training)))


def test_each_member_is_explained_by_how_it_was_trained(graph: KnowledgeGraph, tmp_path: Path) -> None:
    """The first has no influences, so that those of the second are told, by the second's own settings."""
    first = trained_by(drawn(graph, (1,)), n3=0.0)
    first = replace(first, members=[replace(first.members[0], score="transe-l2")])
    second = trained_by(drawn(graph, (2, 3)), n3=0.5, treatment_repeats=7, without=("DaG",))
    small = [replace(m, entity=m.entity / 300, relation=m.relation / 300) for m in second.members]
    second = replace(second, members=small)
    asked = {"compound": "Salbutamol", "disease": "migraine"}
    expected = explain(second, **asked).influences
    assert expected
    assert "DaG" not in {one.metaedge for one in expected}
    assert explain(trained_by(second, n3=0.0, without=()), **asked).influences != expected
    nested = together([together([first, second], [1, 2], "both"), drawn(graph, (9,))], [1, 1], "all")
    assert explain(nested, **asked).influences == expected
    save_trained(nested, tmp_path)
    for kept in (load_trained(tmp_path), open_served(tmp_path)):
        assert explain(kept, **asked).influences == expected
    trainings = [open_served(tmp_path).training_of(member) for member in range(4)]
    assert [one.treatment_repeats for one in trainings] == [1, 7, 7, 1]


def test_a_folder_of_before_members_kept_their_experiments_opens(graph: KnowledgeGraph, tmp_path: Path) -> None:
    first = trained_by(drawn(graph, (1,)), n3=0.25, without=("DaG",))
    model = together([first, drawn(graph, (2,))], [3, 1], "all")
    save_trained(replace(model, experiments=(), metrics={"ensemble": {"of": []}}), tmp_path)
    assert not (tmp_path / "experiments.json").exists()
    assert load_trained(tmp_path).experiments == ()
    assert load_trained(tmp_path).served.hidden == frozenset()  # the other member may have been shown all
    assert [open_served(tmp_path).training_of(i).n3 for i in range(2)] == [0.25, 0.25]


@pytest.mark.parametrize("experiments", [None, [{}], [1, 2], [{}, {"a": 1}]])
def test_experiments_that_do_not_fit_the_members_are_refused(
    graph: KnowledgeGraph, tmp_path: Path, experiments: object
) -> None:
    save_trained(together([drawn(graph, (1,)), drawn(graph, (2,))], [3, 1], "all"), tmp_path)
    (tmp_path / "experiments.json").write_text(json.dumps({"experiments": experiments}))
    for opened in (load_trained, open_served):
        with pytest.raises(KgdrugError, match=r"experiments\.json"):
            opened(tmp_path, check=False)


def test_an_entity_is_seen_where_a_member_was_shown_a_fact_of_it(graph: KnowledgeGraph) -> None:
    """SLC12A1 has facts of DaG alone."""
    gene, hidden = graph.find("Gene::6557"), trained_by(drawn(graph, (1,)), without=("DaG",))
    assert drawn(graph, (1,)).served.seen_in_training(gene)
    assert not hidden.served.seen_in_training(gene)
    assert hidden.served.seen_in_training(graph.find("ABCC8")), "which CbG joins too"
    assert not together([hidden, hidden], [1, 1], "all").served.seen_in_training(gene)
    assert together([hidden, drawn(graph, (1,))], [1, 1], "all").served.seen_in_training(gene)


@pytest.mark.parametrize("weights", [[1], [1, 0], [1, 1.5], [1, True], "11", None])
def test_weights_that_do_not_fit_the_members_are_refused(
    graph: KnowledgeGraph, tmp_path: Path, weights: object
) -> None:
    save_trained(together([drawn(graph, (1,)), drawn(graph, (2,))], [3, 1], "all"), tmp_path)
    (tmp_path / "weights.json").write_text(json.dumps({"weights": weights}))
    with pytest.raises(BadInputError, match="does not give each of 2 members a whole number above 0"):
        load_trained(tmp_path, check=False)


def test_answers_are_ranked_by_the_weighted_ranks(graph: KnowledgeGraph) -> None:
    models = [drawn(graph, (1,)), drawn(graph, (2,))]
    model = together(models, [3, 1], "all")
    answers = predict(model, disease="asthma", top=30)
    relation, disease = graph.treatment_relations[0] + graph.relations, graph.find("asthma")
    candidates = graph.answers(relation)
    expected = model.scores(torch.tensor([[disease, relation]]), slice(candidates.start, candidates.stop))[0]
    assert {a.id: pytest.approx(a.score) for a in answers} == {
        graph.entities.ids[candidates.start + i]: score for i, score in enumerate(expected.tolist())
    }


def test_models_of_other_splits_are_refused(graph: KnowledgeGraph) -> None:
    with pytest.raises(UsageError, match="b was trained on another split than a"):
        weigh([drawn(graph, (1,), 0, "a"), drawn(graph, (2,), 1, "b")])
    with pytest.raises(UsageError, match="needs two models or more; 1 came"):
        weigh([drawn(graph, (1,))])


def test_a_model_that_is_beaten_by_none_is_left_alone(graph: KnowledgeGraph, tmp_path: Path) -> None:
    class Knows:
        """Ranks every answer of the graph first."""

        def scores(self, queries: torch.Tensor, candidates: Candidates) -> torch.Tensor:
            assert isinstance(candidates, slice)
            result = torch.zeros(len(queries), candidates.stop - candidates.start)
            rows, tails = split.known.of(queries.numpy())
            inside = (tails >= candidates.start) & (tails < candidates.stop)
            result[rows[inside], tails[inside] - candidates.start] = 1
            return result

    rubbish = drawn(graph, (1,))
    split = rubbish.split
    found, made = ensemble([replace(rubbish, members=[Knows()]), rubbish], tmp_path / "out")
    assert found.alone[0] == 1.0
    assert not found.wins
    assert made is None
    assert not (tmp_path / "out").exists()
    for wrong in [(1,), (1, 1, 1), (2, 0), (3, -1)]:
        with pytest.raises(UsageError, match="are not one for each of 2 models, two or more above 0"):
            weigh([replace(rubbish, members=[Knows()]), rubbish], wrong)
    told = weigh([replace(rubbish, members=[Knows()]), rubbish], (1, 2))
    assert told.weights == (1, 2)
    assert told.weighted <= told.average < found.alone[0]


def test_an_embedding_and_metapaths_become_one_model(
    kgdrug_command: Callable[..., SimpleNamespace], trained_run: Run, experiment_file: Path, desk: Path
) -> None:
    run(read_experiment(experiment_file, ["model.score=metapaths", "metapaths.length=3"]), "paths")
    done = kgdrug_command("ensemble", trained_run.folder, "paths", "--out", "both", "--name", "together")
    if done.code:
        assert done.code == 1
        assert "alone is as good on valid as any ensemble of these: nothing was written, use it" in done.err
        assert not (desk / "both").exists()
    assert "all, weighted alike" in done.out
    wrong = kgdrug_command("ensemble", trained_run.folder, "paths", "--out", "own", "--weights", "1,half")
    assert (wrong.code, "'half' is no weight; give a whole number for each model" in wrong.err) == (2, True)
    own = kgdrug_command(
        "ensemble", trained_run.folder, "paths", "--out", "own", "--name", "together", "--weights", "2,1"
    )
    assert own.code == 0
    assert "together (this model)" in own.out
    model = load_model("own")
    assert model.name == "together"
    assert [(of["score"], of["weight"]) for of in model.metrics["ensemble"]["of"]] == [("complex", 2), ("metapaths", 1)]
    assert model.metrics["valid"]["mrr"] == pytest.approx(valid_mrr(model))
    assert len(predict(model, disease="asthma", top=3)) == 3
