"""Which vectors of a model are written, of which entities."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kgdrug.errors import UnknownNameError, UsageError
from kgdrug.models import MetapathModel, TableModel
from kgdrug.ranking import member_vectors, write_vectors
from kgdrug.ranking.vectors import VECTOR_FORMS
from kgdrug.sources.vectors import WRITERS
from kgdrug.trained import TrainedModel


@pytest.fixture
def clinic(make: Callable[..., TrainedModel]) -> TrainedModel:
    entities = {"Compound": ["Compound::a", "Compound::b"], "Disease": ["Disease::d"]}
    facts = {("Compound::a", "CtD", "Disease::d"): "train"}
    return make(entities, {"CtD": ("Compound", "treats", "Disease")}, facts, ("CtD",))


def read(folder: Path) -> tuple[list[list[str]], np.ndarray, dict]:
    lines = [line.split("\t") for line in (folder / "ids.tsv").read_text().splitlines()[1:]]
    return lines, np.load(folder / "vectors.npy"), json.loads((folder / "vectors.json").read_text())


def test_the_forms_are_those_that_can_be_written() -> None:
    assert list(VECTOR_FORMS) == list(WRITERS)


def test_every_entity_has_its_row(clinic: TrainedModel, tmp_path: Path) -> None:
    assert write_vectors(clinic, tmp_path / "all", "npy") == (3, 3)
    lines, rows, about = read(tmp_path / "all")
    assert lines == [["Compound::a", "a", "Compound"], ["Compound::b", "b", "Compound"], ["Disease::d", "d", "Disease"]]
    assert rows.tolist() == clinic.members[0].entity.tolist()
    assert (about["model"], about["score"], about["member"], about["dimension"]) == ("plain", "distmult", 0, 3)


def test_those_of_a_type_are_its_rows(clinic: TrainedModel, tmp_path: Path) -> None:
    assert write_vectors(clinic, tmp_path / "some", "npy", type="disease") == (1, 3)
    lines, rows, _ = read(tmp_path / "some")
    assert lines == [["Disease::d", "d", "Disease"]]
    assert rows.tolist() == clinic.members[0].entity[2:].tolist()
    with pytest.raises(UnknownNameError, match="unknown entity type 'Gene'"):
        write_vectors(clinic, tmp_path / "none", "npy", type="Gene")


def test_of_several_members_one_is_named(clinic: TrainedModel, tmp_path: Path) -> None:
    cells = torch.zeros((2, 1, 1))
    spans = range(2), range(2, 3)
    paths = MetapathModel(*spans, 1, (0,), torch.zeros(2, 1), ("CtD",), torch.ones(1), cells.int(), cells)
    conve = TableModel.create("conve", 3, 1, 20, seed=0)
    both = replace(clinic, members=[paths, clinic.members[0], conve])
    with pytest.raises(UsageError, match=r"several members have vectors .* give one of the members 1, 2"):
        write_vectors(both, tmp_path / "v", "npy")
    with pytest.raises(UsageError, match=r"there is no member 0 with vectors .* 1, 2"):
        write_vectors(both, tmp_path / "v", "npy", member=0)
    write_vectors(both, tmp_path / "v", "npy", member=2)
    assert np.array_equal(read(tmp_path / "v")[1], conve.entity.numpy())
    assert np.array_equal(member_vectors(both, 2), conve.entity.numpy())
    with pytest.raises(UsageError, match=r"several members have vectors .* give one of the members 1, 2"):
        member_vectors(both)
    write_vectors(replace(clinic, members=[paths, clinic.members[0]]), tmp_path / "w", "npy")
    assert read(tmp_path / "w")[2]["member"] == 1
    with pytest.raises(UsageError, match="the model plain has no vectors"):
        write_vectors(replace(clinic, members=[paths]), tmp_path / "x", "npy")


def test_an_unknown_form_names_the_closest(clinic: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown form 'word2vek'; did you mean word2vec\?"):
        write_vectors(clinic, tmp_path / "v", "word2vek")
