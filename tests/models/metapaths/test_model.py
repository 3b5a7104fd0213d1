"""A metapath model: what it answers, what it refuses, what its scores are made of, and how it lies on disk."""

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch

from kgdrug.config import MetapathConfig
from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.models import load_model_file, read_tensors, save_model, write_tensors
from kgdrug.models.metapaths import MetapathModel, Progress, fit_pairs
from kgdrug.models.metapaths.features import make_features
from kgdrug.models.metapaths.fitting import PENALTIES, joined, learned_from
from kgdrug.models.metapaths.model import KEPT

T = TypeVar("T")
TYPES = {"Compound": 30, "Disease": 12, "Gene": 25}
NOTHING = np.empty((0, 3), np.int64)


@pytest.fixture(scope="module")
def graph(toy: Callable[..., KnowledgeGraph]) -> KnowledgeGraph:
    """Compounds treat the diseases whose gene they bind, and little else."""
    rng = np.random.default_rng(0)
    facts = [("DaG", d, d) for d in range(12)] + [("DaG", d, int(rng.integers(12, 25))) for d in range(12)]
    for compound in range(30):
        gene = compound % 12
        facts.append(("CbG", compound, gene))
        facts.append(("CtD", compound, gene if rng.random() < 0.8 else int(rng.integers(0, 12))))
        facts += [("CtD", compound, int(disease)) for disease in rng.integers(0, 12, int(rng.integers(0, 3)))]
        facts.append(("CbG", compound, int(rng.integers(12, 25))))
    return toy([*facts, ("DrD", 0, 1), ("GiG", 3, 4), ("Gr>G", 5, 6), ("CrC", 0, 12)], TYPES)


def returned(made: Generator[Progress, None, T]) -> T:
    while True:
        try:
            next(made)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def fitted(
    graph: KnowledgeGraph, held_out: np.ndarray = NOTHING, judge: Callable[[MetapathModel], float] | None = None
) -> MetapathModel:
    return returned(fit_pairs(graph, held_out, MetapathConfig(length=3), 0, judge))


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Generator[None, None, None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KGDRUG_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def model(graph: KnowledgeGraph) -> MetapathModel:
    return fitted(graph)


def ask(model: MetapathModel, graph: KnowledgeGraph, entity: int, relation: int) -> torch.Tensor:
    answers = graph.answers(relation)
    return model.scores(torch.tensor([[entity, relation]]), slice(answers.start, answers.stop))[0]


def test_it_learns_what_treatments_follow(model: MetapathModel, graph: KnowledgeGraph) -> None:
    treated = {(h, t) for h, r, t in graph.triples.tolist() if r == graph.relation("CtD")}
    binding = [(c, 30 + c % 12) for c in range(30) if (c, 30 + c % 12) not in treated]
    others = [(c, d) for c in range(30) for d in range(30, 42) if (c, d) not in treated and d - 30 != c % 12]
    assert binding
    means = [np.mean([model.table[c, d - 30].item() for c, d in pairs]) for pairs in (binding, others)]
    assert means[0] > means[1] + 0.3
    assert "CbGaD" in model.names


def test_both_directions_ask_the_same_table(model: MetapathModel, graph: KnowledgeGraph) -> None:
    treats, m = graph.relation("CtD"), graph.relations
    for compound in (0, 7, 29):
        for disease in (30, 41):
            tail, head = ask(model, graph, compound, treats), ask(model, graph, disease, treats + m)
            assert tail.shape == (12,)
            assert head.shape == (30,)
            assert tail[disease - 30] == head[compound] == model.table[compound, disease - 30]


def test_candidates_may_be_any_entities_and_those_of_other_types_come_last(
    model: MetapathModel, graph: KnowledgeGraph
) -> None:
    treats, m, n = graph.relation("CtD"), graph.relations, len(graph.entities)
    queries = torch.tensor([[0, treats], [31, treats + m], [5, treats]])
    every = model.scores(queries, slice(0, n))
    assert every.shape == (3, n)
    assert torch.equal(every[:, [41, 3, 41]], model.scores(queries, torch.tensor([41, 3, 41])))
    assert torch.equal(every[0, 30:42], model.table[0])
    assert torch.equal(every[1, :30], model.table[:, 1])
    assert every[0, :30].isneginf().all()
    assert every[[0, 2], 42:].isneginf().all()
    every[:] = 0
    assert model.table.any(), "the scores are the caller's to change"


@pytest.mark.parametrize("query", [(0, "CpD"), (0, "CbG"), (42, "CtD")])
def test_another_relation_is_refused(model: MetapathModel, graph: KnowledgeGraph, query: tuple[int, str]) -> None:
    with pytest.raises(UsageError, match="answer treatments alone: ask with disease or compound"):
        model.scores(torch.tensor([[query[0], graph.relation(query[1])]]), slice(30, 42))


def test_terms_come_to_the_score(model: MetapathModel, graph: KnowledgeGraph) -> None:
    assert 0 < len(model.names) <= KEPT
    for compound, disease in ((0, 30), (3, 33), (29, 41)):
        terms = model.terms(compound, disease)
        total = model.about["intercept"] + sum(term.contribution for term in terms)
        assert total == pytest.approx(model.table[compound, disease - 30].item(), abs=0.02)
        assert [term.contribution for term in terms] == sorted((t.contribution for t in terms), reverse=True)
    assert model.terms(3, 33)[0].name == "CbGaD"


def test_of_many_terms_the_largest_are_kept(graph: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them = fitted(graph)
    monkeypatch.setattr("kgdrug.models.metapaths.fitting.KEPT", 2)
    few = fitted(graph)
    assert len(all_of_them.names) > 2
    for compound, disease in ((0, 30), (3, 33), (29, 41)):
        most = sorted(all_of_them.terms(compound, disease), key=lambda term: -abs(term.contribution))[:2]
        assert sorted(few.terms(compound, disease), key=lambda term: -abs(term.contribution)) == most


def test_a_contribution_is_the_coefficient_times_the_standardised_feature(
    model: MetapathModel, graph: KnowledgeGraph
) -> None:
    made = make_features(graph, MetapathConfig(length=3), 0)
    features = returned(made)
    rows = learned_from(features.treated(), joined(features, NOTHING), MetapathConfig(), 0)
    i = model.names.index("CbGaD")
    column = features.column(features.names.index("CbGaD"))
    learned = column.ravel()[rows]
    (term,) = (term for term in model.terms(3, 33) if term.name == "CbGaD")
    expected = model.coefficients[i].item() * (column[3, 3] - learned.mean()) / learned.std()
    assert term.contribution == pytest.approx(expected, rel=2e-3)


def test_the_judge_chooses_the_penalty(graph: KnowledgeGraph) -> None:
    seen: list[float] = []

    def judge(model: MetapathModel) -> float:
        seen.append(float(model.table.std()))
        return 1.0 if len(seen) == 3 else 0.0

    chosen = fitted(graph, judge=judge)
    assert len(seen) == len(PENALTIES)
    assert (chosen.about["strength"], chosen.about["l1"]) == (PENALTIES[2].strength, PENALTIES[2].l1)
    assert float(chosen.table.std()) == seen[2]


def test_held_out_pairs_are_not_learned_from_as_untreated(graph: KnowledgeGraph) -> None:
    treated = {(h, t) for h, r, t in graph.triples.tolist() if r == graph.relation("CtD")}
    (one, other, *_) = sorted({(c, d) for c in range(30) for d in range(30, 42)} - treated)
    held_out = np.array(
        [[one[0], graph.relation("CpD"), one[1]], [other[0], graph.relation("CtD"), other[1]], [50, 0, 42]]
    )
    without, every = (fitted(graph, triples).about["learned_from"]["untreated"] for triples in (held_out, NOTHING))
    assert every - without == 2


def test_as_many_untreated_pairs_are_drawn_as_were_asked_for() -> None:
    treated = np.zeros((20, 10), bool)
    treated[[0, 5], [1, 2]] = True
    held_out = np.zeros((20, 10), bool)
    held_out[7] = True
    for negatives, expected in ((3, 6), ("all", 188), (1000, 188)):
        rows = learned_from(treated, held_out, MetapathConfig(negatives=negatives), 1)  # type: ignore[arg-type]
        assert sorted(rows[:2].tolist()) == [1, 52]
        assert len(set(rows[2:].tolist())) == len(rows) - 2 == expected
        assert not (treated | held_out).ravel()[rows[2:]].any()


def test_nothing_to_learn_from_is_refused(graph: KnowledgeGraph) -> None:
    bare = graph.with_triples(graph.triples[graph.triples[:, 1] != graph.relation("CtD")])
    with pytest.raises(UsageError, match="no treatment of toy is there to learn from"):
        fitted(bare)


def test_it_comes_back_from_the_disk_as_it_was(model: MetapathModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "0.safetensors")
    loaded = load_model_file(tmp_path / "0.safetensors")
    assert isinstance(loaded, MetapathModel)
    for name in ("table", "coefficients", "places", "contributions"):
        assert torch.equal(getattr(loaded, name), getattr(model, name))
    for name in ("sources", "targets", "relations", "treatments", "names", "about"):
        assert getattr(loaded, name) == getattr(model, name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensors, about: tensors.pop("table"), "is no model of metapaths"),
        (lambda tensors, about: about.pop("names"), "is no model of metapaths"),
        (lambda tensors, about: about.update(names=about["names"][1:]), "has coefficients of shape"),
        (lambda tensors, about: about.update(sources=[0, 3]), "has table of shape"),
        (lambda tensors, about: tensors["places"].fill_(99), "has terms of features that it does not name"),
        (lambda tensors, about: tensors.update(contributions=tensors["contributions"][1:]), "has contributions of"),
    ],
)
def test_a_file_that_does_not_fit_together_is_refused(
    model: MetapathModel, tmp_path: Path, change: Callable[..., object], said: str
) -> None:
    path = tmp_path / "0.safetensors"
    save_model(model, path)
    tensors, about = read_tensors(path)
    change(tensors, about)
    write_tensors(path, tensors, about)
    with pytest.raises(BadInputError, match=said):
        load_model_file(path)


def test_a_model_without_terms_is_kept_too(model: MetapathModel, tmp_path: Path) -> None:
    bare = replace(model, names=(), coefficients=torch.zeros(0), places=torch.zeros(30, 12, 1).short(),
                   contributions=torch.zeros(30, 12, 1).half())  # fmt: skip
    save_model(bare, tmp_path / "0.safetensors")
    loaded = load_model_file(tmp_path / "0.safetensors")
    assert isinstance(loaded, MetapathModel)
    assert loaded.terms(0, 30) == []
