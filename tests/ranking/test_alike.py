"""Entities that are alike, against cosines in plain Python and RDKit's own similarity."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdkit.Chem import MolFromSmiles
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
from rdkit.DataStructs import TanimotoSimilarity

from kgdrug.errors import AmbiguousNameError, UnknownNameError, UsageError
from kgdrug.models import MetapathModel, TableModel
from kgdrug.ranking import Similar, similar
from kgdrug.sources import molecules
from kgdrug.trained import TrainedModel

Maker = Callable[..., TrainedModel]
METAEDGES = {"CtD": ("Compound", "treats", "Disease")}
FACTS = {("Compound::C0", "CtD", "Disease::D0"): "train"}
SMILES = ["CCO", "CCN", "c1ccccc1O", "c1ccccc1N", "CC(=O)O", "not a structure", ""]


def with_members(model: TrainedModel, *members: object) -> TrainedModel:
    return replace(model, members=list(members))


def with_smiles(model: TrainedModel, smiles: dict[int, str]) -> TrainedModel:
    return replace(model, split=replace(model.split, graph=replace(model.graph, smiles=smiles)))


def table(score: str, n: int, seed: int) -> TableModel:
    model = TableModel.create(score, n, 1, 20, seed=seed)
    random = np.random.default_rng(seed)
    rows = random.integers(-2, 3, model.entity.shape).astype(np.float32)  # of zeros too
    return TableModel.of(score, {**model.tensors, "entity": torch.from_numpy(rows)})


def plain_cosine(one: list[float], other: list[float]) -> float:
    lengths = math.sqrt(sum(x * x for x in one) * sum(x * x for x in other))
    return sum(x * y for x, y in zip(one, other, strict=True)) / lengths if lengths else 0.0


def plain_tanimoto(one: str, other: str) -> float | None:
    each = [MolFromSmiles(text) if text else None for text in (one, other)]
    generator = GetMorganGenerator(radius=2, fpSize=2048)
    return None if None in each else TanimotoSimilarity(*(generator.GetFingerprint(m) for m in each))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_most_similar_are_those_of_a_look_at_every_pair(make: Maker, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    compounds = [f"Compound::C{i}" for i in range(count)]
    model = make({"Compound": compounds, "Disease": ["Disease::D0"]}, METAEDGES, FACTS, ("CtD",))
    kinds = data.draw(st.lists(st.sampled_from(["complex", "rotate", "cp", "conve"]), min_size=1, max_size=3))
    members = [table(kind, count + 1, seed) for seed, kind in enumerate(kinds)]
    smiles = data.draw(st.dictionaries(st.integers(0, count - 1), st.sampled_from(SMILES)))
    model = with_smiles(with_members(model, *members), smiles)
    own, top = data.draw(st.integers(0, count - 1)), data.draw(st.integers(1, 9))
    by = data.draw(st.sampled_from(["vectors", "structure", None]))

    vectors = [member for kind, member in zip(kinds, members, strict=True) if kind != "conve"]
    readable = own in smiles and plain_tanimoto(smiles[own], "C") is not None
    told = []
    for i in range(count):
        cosines = [plain_cosine(m.entity[own].tolist(), m.entity[i].tolist()) for m in vectors]
        alike = plain_tanimoto(smiles[own], smiles[i]) if readable and i in smiles else None
        told.append((i, sum(cosines) / len(cosines) if cosines else None, alike))
    key = 2 if by == "structure" or (by is None and not vectors) else 1
    if (key == 1 and not vectors) or (key == 2 and not readable):
        with pytest.raises(UsageError, match=r"no vectors|no structure"):
            similar(model, compounds[own], top, by)
        return
    expected = [one for one in told if one[0] != own and one[key] is not None]
    expected.sort(key=lambda one: -round(one[key], 5))
    found = similar(model, compounds[own], top, by)
    assert [a.rank for a in found] == list(range(1, len(expected[:top]) + 1))
    assert {a.type for a in found} <= {"Compound"}
    values = {compounds[i]: (cosine, alike) for i, cosine, alike in told}
    for a, (_, *best) in zip(found, expected, strict=False):
        cosine, alike = values[a.id]
        assert a.vectors == (None if cosine is None else pytest.approx(cosine, abs=1e-5))
        assert a.structure == (None if alike is None else pytest.approx(alike))
        assert (a.vectors, a.structure)[key - 1] == pytest.approx(best[key - 1], abs=1e-5)


@pytest.fixture
def four(make: Maker) -> TrainedModel:
    """Vectors along three directions; the first two compounds point one way."""
    entities = {"Compound": [f"Compound::C{i}" for i in range(4)], "Disease": ["Disease::D0"]}
    model = make(entities, METAEDGES, FACTS, ("CtD",))
    rows = torch.tensor([[1.0, 0, 0], [2, 0, 0], [0, 1, 0], [-1, 0, 0], [9, 9, 9]])
    return with_members(model, TableModel.of("distmult", {**model.members[0].tensors, "entity": rows}))


def test_what_points_the_same_way_is_alike_and_what_points_the_other_way_is_last(four: TrainedModel) -> None:
    assert similar(four, "c0") == [
        Similar(1, "Compound::C1", "C1", "Compound", 1.0, None),
        Similar(2, "Compound::C2", "C2", "Compound", 0.0, None),
        Similar(3, "Compound::C3", "C3", "Compound", -1.0, None),
    ]
    assert similar(four, "D0") == []  # the only one of its type


def test_each_order_shows_the_other_beside_it(four: TrainedModel) -> None:
    model = with_smiles(four, {0: "CCO", 1: "c1ccccc1", 3: "OCC"})
    by_vectors, by_structure = similar(model, "C0"), similar(model, "C0", by="structure")
    assert [(a.name, a.structure) for a in by_vectors] == [("C1", 0.0), ("C2", None), ("C3", 1.0)]
    assert [(a.rank, a.name, a.vectors) for a in by_structure] == [(1, "C3", -1.0), (2, "C1", 1.0)]


def test_fingerprints_are_made_once(four: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model, calls = with_smiles(four, {0: "CCO", 1: "CCN"}).served, []
    made = molecules.fingerprints
    monkeypatch.setattr(molecules, "fingerprints", lambda smiles: calls.append(1) or made(smiles))
    assert similar(model, "C0", by="structure") == similar(model, "C0", by="structure")
    similar(model, "C1")
    assert len(calls) == 1
    similar(model, "D0")  # has no structure, so none is made of its type
    assert len(calls) == 1


def test_a_model_of_metapaths_is_ordered_by_structure(four: TrainedModel) -> None:
    cells = torch.zeros((4, 1, 1))
    paths = MetapathModel(
        range(4), range(4, 5), 1, (0,), torch.zeros(4, 1), ("CtD",), torch.ones(1), cells.int(), cells
    )
    model = with_smiles(with_members(four, paths), {0: "CCO", 2: "CCN"})
    (found,) = similar(model, "C0")
    assert (found.name, found.vectors) == ("C2", None)
    with pytest.raises(UsageError, match=r"no vectors to compare C0 .*; its structure can be compared, by structure"):
        similar(model, "C0", by="vectors")
    with pytest.raises(UsageError, match="has no vectors to compare C1"):
        similar(model, "C1")


def test_what_cannot_be_compared_is_said(four: TrainedModel) -> None:
    with pytest.raises(UsageError, match=r"the graph plain holds no structure of C0 .* that can be read"):
        similar(four, "C0", by="structure")
    with pytest.raises(UsageError, match="holds no structure of C0"):
        similar(with_smiles(four, {0: "nonsense", 1: "CCO"}), "C0", by="structure")
    with pytest.raises(UsageError, match="top is 0"):
        similar(four, "C0", 0)
    with pytest.raises(UsageError, match="'shape'"):
        similar(four, "C0", by="shape")
    with pytest.raises(UnknownNameError, match="unknown entity 'C10'; did you mean"):
        similar(four, "C10")


def test_a_name_of_several_asks_for_an_id(make: Maker) -> None:
    entities = {"Compound": ["Compound::a"], "Disease": ["Disease::a"]}
    model = make(entities, METAEDGES, {("Compound::a", "CtD", "Disease::a"): "train"}, ("CtD",))
    with pytest.raises(AmbiguousNameError):
        similar(model, "a")
