"""Models that are two tables: how they begin, score, and lie on disk."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from kgdrug.errors import BadInputError, KgdrugError, UsageError
from kgdrug.models import SCORES, TableModel, load_table_model, read_tensors, save_table_model, write_tensors
from kgdrug.models.scores import Weights

NAMES = sorted(SCORES)
QUERIES = torch.tensor([[0, 0], [8, 5], [3, 2], [0, 0]])


def create(score: str = "complex", seed: int = 0) -> TableModel:
    return TableModel.create(score, entities=9, relations=3, dimension=20, seed=seed)


def equal(a: TableModel, b: TableModel) -> bool:
    same = a.score == b.score and set(a.tensors) == set(b.tensors)
    return same and all(torch.equal(tensor, b.tensors[name]) for name, tensor in a.tensors.items())


@pytest.mark.parametrize("score", NAMES)
def test_a_seed_makes_the_same_tables_and_another_seed_others(score: str) -> None:
    torch.manual_seed(1)
    first = create(score, seed=4)
    torch.manual_seed(2)
    assert equal(first, create(score, seed=4))
    other = create(score, seed=5)
    drawn = [name for name, tensor in first.tensors.items() if tensor.count_nonzero()]  # some biases begin at zero
    assert {"entity", "relation"} <= set(drawn)
    assert not any(torch.equal(first.tensors[name], other.tensors[name]) for name in drawn)


@pytest.mark.parametrize("score", NAMES)
def test_there_is_a_row_for_each_entity_and_for_each_relation_and_direction(score: str) -> None:
    model = create(score)
    width = {"rotate": 10, "cp": 10, "rescal": 400}.get(score, 20)
    assert model.entity.shape == (9, 20)
    assert model.relation.shape == (6, SCORES[score].width(20)) == (6, width)
    assert model.entity.dtype == model.relation.dtype == torch.float32
    assert len(model.entity.unique(dim=0)) == 9
    assert len(model.relation.unique(dim=0)) == 6


@pytest.mark.parametrize(
    ("score", "dimension", "multiple"),
    [("complex", 7, 2), ("rotate", 7, 2), ("cp", 7, 2), ("simple", 7, 2), ("quate", 6, 4), ("conve", 15, 10)],
)
def test_a_dimension_that_does_not_divide_into_parts_is_refused(score: str, dimension: int, multiple: int) -> None:
    with pytest.raises(UsageError, match=rf"model\.dimension is {dimension}.*{score}.*multiple of {multiple}"):
        TableModel.create(score, 9, 3, dimension, 0)


@pytest.mark.parametrize("score", ["transe", "transe-l1", "transe-l2", "distmult", "rescal"])
def test_an_odd_dimension_is_fine_for_real_numbers(score: str) -> None:
    assert TableModel.create(score, 9, 3, 7, 0).scores(QUERIES, slice(0, 9)).shape == (4, 9)


@pytest.mark.parametrize("score", NAMES)
@pytest.mark.parametrize("queries", [QUERIES, QUERIES[:0]])
def test_many_queries_are_moved_a_stretch_at_a_time(
    queries: torch.Tensor, score: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = create(score)
    together = model.scores(queries, slice(0, 9))
    moved, query = [], model.function.query

    def watched(heads: torch.Tensor, relations: torch.Tensor, weights: Weights) -> torch.Tensor:
        moved.append(len(heads))
        return query(heads, relations, weights)

    monkeypatch.setattr(model.function, "query", watched)
    monkeypatch.setattr("kgdrug.models.model.STRETCH", 3)
    torch.testing.assert_close(model.scores(queries, slice(0, 9)), together)
    assert moved == ([3, 1] if len(queries) else [0])


@pytest.mark.parametrize("score", NAMES)
def test_a_slice_of_candidates_scores_as_their_indices_do(score: str) -> None:
    model = create(score)
    every = model.scores(QUERIES, slice(0, 9))
    assert every.shape == (4, 9)
    torch.testing.assert_close(model.scores(QUERIES, slice(2, 6)), every[:, 2:6])
    torch.testing.assert_close(model.scores(QUERIES, torch.tensor([2, 3, 4, 5])), every[:, 2:6])
    torch.testing.assert_close(model.scores(QUERIES, torch.tensor([8, 0, 8])), every[:, [8, 0, 8]])


@pytest.mark.parametrize("score", NAMES)
def test_a_query_takes_the_row_of_its_head_and_the_row_of_its_relation(score: str) -> None:
    model = create(score)
    scores, function = model.scores(QUERIES, slice(0, 9)), SCORES[score]
    for row, (head, relation) in enumerate(QUERIES.tolist()):
        moved = function.query(model.entity[head][None], model.relation[relation][None], model.weights)
        for tail in range(9):
            torch.testing.assert_close(scores[row, tail], function.pairwise(moved, model.entity[tail][None])[0])


def test_a_clone_has_tables_of_its_own() -> None:
    model = create()
    clone = model.clone()
    assert equal(clone, model)
    clone.entity += 1
    clone.relation += 1
    assert equal(model, create())


def test_both_tables_move_to_a_device_and_the_model_stays() -> None:
    model = create()
    moved = model.to("meta")
    assert (moved.score, moved.entity.device.type, moved.relation.device.type) == ("complex", "meta", "meta")
    assert equal(model, create())


@pytest.mark.parametrize("score", NAMES)
def test_a_model_comes_back_from_disk_to_the_bit(score: str, tmp_path: Path) -> None:
    model, path = create(score), tmp_path / "model.safetensors"
    model.entity[0, :3] = torch.tensor([float("inf"), -0.0, 1e-45])
    save_table_model(model, path)
    loaded = load_table_model(path)
    assert equal(loaded, model)
    assert loaded.entity.dtype == torch.float32
    assert torch.signbit(loaded.entity[0, 1])


def test_a_file_holds_a_json_header_and_plain_numbers_and_no_pickle(tmp_path: Path) -> None:
    model, path = create(), tmp_path / "model.safetensors"
    save_table_model(model, path)
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])  # a pickle begins with byte 0x80, a zip of pickles with PK
    numbers = content[8 + size :]
    for name, table in (("entity", model.entity), ("relation", model.relation)):
        start, stop = header[name]["data_offsets"]
        assert header[name]["dtype"] == "F32"
        assert np.array_equal(np.frombuffer(numbers[start:stop], "<f4").reshape(table.shape), table.numpy())
    assert len(numbers) == 4 * (model.entity.numel() + model.relation.numel())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"nowhere\.safetensors"):
        load_table_model(tmp_path / "nowhere.safetensors")


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=tmp_path.name):
        load_table_model(tmp_path)


def test_a_file_cut_short_anywhere_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_table_model(create(), path)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(BadInputError):
            load_table_model(path)


@pytest.mark.parametrize("position", range(0, 24, 3))
def test_a_damaged_header_is_bad_input(position: int, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_table_model(create(), path)
    content = bytearray(path.read_bytes())
    content[position] ^= 0x80
    path.write_bytes(content)
    with pytest.raises(BadInputError):
        load_table_model(path)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"kgdrug": json.dumps({})},
        {"kgdrug": json.dumps({"score": "hole"})},
        {"kgdrug": json.dumps(["complex"])},
        {"kgdrug": "complex"},
        {"else": "{}"},
    ],
)
def test_tensors_of_something_else_are_no_model(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"entity": torch.zeros(2, 4), "relation": torch.zeros(2, 4)}, path, metadata)
    with pytest.raises(BadInputError, match=r"other\.safetensors"):
        load_table_model(path)


def test_a_model_without_one_of_its_tables_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    write_tensors(path, {"entity": torch.zeros(2, 4)}, {"score": "complex"})
    with pytest.raises(BadInputError, match="table model"):
        load_table_model(path)


def test_a_model_without_its_weights_or_with_those_of_another_is_bad_input(tmp_path: Path) -> None:
    path, whole = tmp_path / "conve.safetensors", create("conve").tensors
    write_tensors(path, {name: whole[name] for name in whole if name != "projection"}, {"score": "conve"})
    with pytest.raises(BadInputError, match=r"conve\.safetensors.*lacks projection, which conve needs"):
        load_table_model(path)
    write_tensors(path, whole, {"score": "distmult"})
    with pytest.raises(BadInputError, match=r"has filter_bias, filters, .*, which distmult has no use for"):
        load_table_model(path)


@pytest.mark.parametrize(
    ("score", "name", "shape", "message"),
    [
        ("conve", "entity", (9, 15), "has entities of shape 9 x 15; conve needs rows whose length is a multiple of 10"),
        ("quate", "entity", (9, 0), "has entities of shape 9 x 0; quate needs rows whose length is a multiple of 4"),
        ("distmult", "entity", (9,), "has entities of shape 9; distmult needs rows whose length is a multiple of 1"),
        ("distmult", "entity", (9, 40), "relation of shape 6 x 20; distmult with 40 numbers per entity needs 6 x 40"),
        ("rescal", "relation", (6, 20), "relation of shape 6 x 20; rescal with 20 numbers per entity needs 6 x 400"),
        ("cp", "relation", (), "has relation of shape one number; cp with 20 numbers per entity needs 0 x 10"),
        ("conve", "filters", (32, 1, 5, 5), "has filters of shape 32 x 1 x 5 x 5; conve with .* needs 32 x 1 x 3 x 3"),
        ("conve", "projection", (576, 20), "has projection of shape 576 x 20; conve with .* needs 576 x 19"),
    ],
)
def test_tensors_of_shapes_that_do_not_fit_together_are_bad_input(
    score: str, name: str, shape: tuple[int, ...], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "odd"
    write_tensors(path, create(score).tensors | {name: torch.zeros(shape)}, {"score": score})
    with pytest.raises(BadInputError, match=message):
        load_table_model(path)


def test_tensors_come_back_with_what_was_said_about_them(tmp_path: Path) -> None:
    path = tmp_path / "tensors"
    tensors = {
        "whole": torch.arange(6),
        "turned": torch.rand(3, 4).T,
        "empty": torch.empty(0, 2),
        "one": torch.ones(()),
    }
    about = {"text": "Δ ü", "number": 0.1 + 0.2, "list": [1, None, True], "inner": {"a": {"b": -1}}}
    write_tensors(path, tensors, about)
    read, read_about = read_tensors(path)
    assert read_about == about
    assert set(read) == set(tensors)
    assert all(torch.equal(read[name], tensor) and read[name].dtype == tensor.dtype for name, tensor in tensors.items())


def test_writing_replaces_an_older_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "tensors"
    write_tensors(path, {"a": torch.zeros(1000)}, {})
    write_tensors(path, {"b": torch.ones(2)}, {})
    assert read_tensors(path)[0]["b"].tolist() == [1.0, 1.0]
    assert [p.name for p in tmp_path.iterdir()] == ["tensors"]


def test_writing_that_fails_leaves_the_older_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tensors"
    write_tensors(path, {"a": torch.zeros(3)}, {"kept": True})

    def full(tensors: object, filename: Path, metadata: object = None) -> None:
        Path(filename).write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(KgdrugError, match="tensors cannot be written, what was there stays: no space left on device"):
        write_tensors(path, {"a": torch.ones(3)}, {})
    assert read_tensors(path)[1] == {"kept": True}
    assert [p.name for p in tmp_path.iterdir()] == ["tensors"]
