"""The models in numpy against those that are trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, UsageError
from kgdrug.models import SCORES, MetapathModel, TableModel, arrays, save_model
from kgdrug.models.arrays import QUERIES, ArrayTable, TorchScorer, open_scorer, scorer_of
from kgdrug.models.files import open_arrays, read_tensors, write_tensors

QUESTIONS = np.array([[0, 1], [11, 3], [4, 0], [4, 2]], np.int64)
SPAN = slice(3, 10)


def table_model(score: str) -> TableModel:
    """A model whose numbers are not near zero."""
    model = TableModel.create(score, 12, 2, 20, seed=1)
    generator = torch.Generator().manual_seed(2)
    return TableModel.of(score, {k: torch.randn(v.shape, generator=generator) for k, v in model.tensors.items()})


def metapath_model() -> MetapathModel:
    """Three compounds (0 to 2), two diseases (3 and 4), relation 1 of two treats."""
    table = torch.arange(6.0).view(3, 2)
    places = torch.tensor([[[0, 1]] * 2] * 3)
    contributions = torch.tensor([[[0.5, -1.0], [2.0, 3.0]]] * 3)
    return MetapathModel(
        range(3), range(3, 5), 2, (1,), table, ("CbGaD", "CrCtD"), torch.ones(2), places, contributions
    )


def test_every_score_function_but_conve_is_there_in_numpy() -> None:
    assert set(QUERIES) == set(SCORES) - {"conve"}


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("tile", [1, 10**6])
def test_scores_are_those_of_the_trained_model(
    score: str, tile: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "TILE", tile)
    model = table_model(score)
    save_model(model, tmp_path / "model.safetensors")
    expected = model.scores(torch.from_numpy(QUESTIONS), SPAN).numpy()
    for scorer in (open_scorer(tmp_path / "model.safetensors"), scorer_of(model)):
        assert isinstance(scorer, TorchScorer if score == "conve" else ArrayTable)
        np.testing.assert_allclose(scorer.scores(QUESTIONS, SPAN), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("score", sorted(QUERIES))
def test_moduli_are_those_that_n3_is_of(score: str) -> None:
    model = table_model(score)
    scorer = scorer_of(model)
    assert isinstance(scorer, ArrayTable)
    expected = SCORES[score].moduli(model.entity, False).numpy()
    expected = np.tile(expected, model.entity.shape[1] // expected.shape[1])
    np.testing.assert_allclose(scorer.moduli(scorer.entity), expected, rtol=1e-5)


def test_a_product_is_the_moved_head_times_what_answers() -> None:
    for score in QUERIES:
        scorer = scorer_of(table_model(score))
        assert isinstance(scorer, ArrayTable)
        if scorer.product:
            moved = scorer.move(scorer.entity[QUESTIONS[:, 0]], scorer.relation[QUESTIONS[:, 1]])
            product = moved @ scorer.answers(scorer.entity[SPAN]).T
            np.testing.assert_allclose(product, scorer.scores(QUESTIONS, SPAN), rtol=1e-5)


@pytest.mark.parametrize("opened", [True, False])
@pytest.mark.parametrize("span", [slice(0, 3), slice(3, 5), slice(0, 5), slice(1, 4), slice(4, 5), slice(5, 5)])
def test_metapaths_answer_as_the_fitted_model_does(tmp_path: Path, opened: bool, span: slice) -> None:
    model = metapath_model()
    save_model(model, tmp_path / "model.safetensors")
    scorer = open_scorer(tmp_path / "model.safetensors") if opened else scorer_of(model)
    questions = np.array([[0, 1], [4, 3], [2, 1], [3, 3]], np.int64)
    expected = model.scores(torch.from_numpy(questions), span).numpy()
    np.testing.assert_array_equal(scorer.scores(questions, span), expected)
    assert scorer.terms(1, 4) == model.terms(1, 4)
    assert scorer.terms(3, 4) == []
    for question in ([0, 0], [0, 3], [4, 1]):
        with pytest.raises(UsageError, match="treatments alone"):
            scorer.scores(np.array([question]), span)


@given(st.data())
def test_arrays_on_disk_are_what_was_written(data: st.DataObject) -> None:
    import tempfile

    kinds = [torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool]
    tensors = {
        f"t{i}": torch.randint(0, 2, data.draw(st.sampled_from([(2, 3), (4,), (1, 2, 2)]))).to(kind)
        for i, kind in enumerate(data.draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4)))
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.safetensors"
        write_tensors(path, tensors, {"score": "none"})
        opened, about = open_arrays(path)
        read, _ = read_tensors(path)
        assert about == {"score": "none"}
        assert opened.keys() == read.keys()
        for name, array in opened.items():
            np.testing.assert_array_equal(array, read[name].numpy())
            assert not array.flags.writeable


@pytest.mark.parametrize("content", [b"", b"\x05\0\0\0\0\0\0\0nojso", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0[]"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"broken\.safetensors"):
        open_arrays(path)


def test_a_table_that_lacks_a_part_is_named(tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    write_tensors(path, {"entity": torch.zeros(2, 2)}, {"score": "complex"})
    with pytest.raises(BadInputError, match=r"half\.safetensors"):
        open_scorer(path)
