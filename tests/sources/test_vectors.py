"""Vectors in the forms of other tools, read back by the definition of each form."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgdrug.errors import KgdrugError, UsageError
from kgdrug.sources import vectors as vectors_module
from kgdrug.sources.vectors import WRITERS, Vectors

ABOUT = {"model": 'the "small" one', "note": "no medical advice"}


def made(n: int = 5, d: int = 3, seed: int = 0) -> Vectors:
    """Numbers of every size, and names that no form may trip over."""
    random = np.random.default_rng(seed)
    rows = (random.standard_normal((n, d)) * 10.0 ** random.integers(-30, 30, (n, d))).astype(np.float32)
    rows.flat[0] = -0.0
    ids = tuple(f"Compound::X {i}" if i % 2 else f"Disease::é{i}" for i in range(n))
    names = tuple(('"quoted" #1', "5'-N, x", "plain")[i % 3] for i in range(n))
    return Vectors(ids, names, tuple(i.split("::")[0] for i in ids), rows, ABOUT)


def read(path: Path, form: str) -> tuple[list[str], np.ndarray]:
    """What stands for each entity, and the numbers, as the form's own readers take them."""
    match form:
        case "parquet":
            table = pyarrow.parquet.read_table(path)
            vectors = np.stack(table["vector"].to_numpy()) if len(table) else np.empty((0, 0))
            return table["id"].to_pylist(), vectors
        case "npy":
            lines = (path / "ids.tsv").read_text(encoding="utf-8").splitlines()[1:]
            return [line.split("\t")[0] for line in lines], np.load(path / "vectors.npy", allow_pickle=False)
        case "word2vec":
            header, *lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
            n, d = map(int, header.split())
            parts = [line.rstrip().decode().split(" ") for line in lines]  # as gensim does
            assert len(parts) == n
            assert all(len(part) == d + 1 for part in parts)
            return [word for word, *_ in parts], np.array([part[1:] for part in parts], np.float32).reshape(n, d)
        case _:
            config = (path / "projector_config.pbtxt").read_text(encoding="utf-8")
            (body,) = re.fullmatch(r"embeddings \{\n(.*)\}\n", config, re.DOTALL).groups()
            said = {key: json.loads(text) for key, text in re.findall(r"^  (\w+): (\".*\")$", body, re.MULTILINE)}
            assert set(said) == {"tensor_name", "tensor_path", "metadata_path"}
            assert said["tensor_name"] == ABOUT["model"]
            header, *lines = (path / said["metadata_path"]).read_text(encoding="utf-8").splitlines()
            assert header == "id\tname\ttype"  # read as names, as there are several columns
            rows = (path / said["tensor_path"]).read_text(encoding="utf-8").splitlines()
            numbers = np.array([row.split("\t") for row in rows], np.float32)
            assert len(numbers) == len(lines)
            return [line.split("\t")[0] for line in lines], numbers


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("block", [1, 7, 10**6])
def test_every_form_reads_back_to_the_same_bits(
    tmp_path: Path, form: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors_module, "BLOCK", block)
    vectors = made()
    WRITERS[form](vectors, tmp_path / "out", False)
    found, rows = read(tmp_path / "out", form)
    words = [i.replace(" ", "_") for i in vectors.ids] if form == "word2vec" else list(vectors.ids)
    assert found == words
    assert rows.dtype == np.float32
    assert rows.tobytes() == vectors.rows.tobytes()


@given(st.integers(0, 10**6))
def test_text_holds_every_digit_that_a_number_has(seed: int) -> None:
    import tempfile

    vectors = made(4, 6, seed)
    with tempfile.TemporaryDirectory() as folder:
        for form in ("word2vec", "projector"):
            WRITERS[form](vectors, Path(folder) / form, False)
            assert read(Path(folder) / form, form)[1].tobytes() == vectors.rows.tobytes()


def test_names_and_types_are_there(tmp_path: Path) -> None:
    vectors = made()
    for form in ("parquet", "npy", "projector"):
        WRITERS[form](vectors, tmp_path / form, False)
    table = pyarrow.parquet.read_table(tmp_path / "parquet")
    assert (table["name"].to_pylist(), table["type"].to_pylist()) == (list(vectors.names), list(vectors.types))
    assert str(table.schema.field("vector").type) == "fixed_size_list<element: float>[3]"
    expected = ["\t".join(row) for row in zip(vectors.ids, vectors.names, vectors.types, strict=True)]
    for path in (tmp_path / "npy" / "ids.tsv", tmp_path / "projector" / "metadata.tsv"):
        assert path.read_text(encoding="utf-8").splitlines()[1:] == expected


def test_every_form_says_whose_they_are(tmp_path: Path) -> None:
    for form, write in WRITERS.items():
        write(made(), tmp_path / form, False)
    assert json.loads(pyarrow.parquet.read_metadata(tmp_path / "parquet").metadata[b"kgdrug"]) == ABOUT
    assert json.loads((tmp_path / "word2vec.about.json").read_text()) == ABOUT
    for form in ("npy", "projector"):
        assert json.loads((tmp_path / form / "vectors.json").read_text()) == ABOUT


def test_two_ids_that_white_space_alone_tells_apart_are_refused(tmp_path: Path) -> None:
    vectors = Vectors(("a b", "a_b"), ("x", "y"), ("T", "T"), np.zeros((2, 1), np.float32), ABOUT)
    with pytest.raises(KgdrugError, match="without it two ids are 'a_b'"):
        WRITERS["word2vec"](vectors, tmp_path / "out", False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", WRITERS)
def test_what_is_there_is_replaced_with_force_alone(tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    WRITERS[form](made(), out, False)
    with pytest.raises(UsageError, match="out exists"):
        WRITERS[form](made(3), out, False)
    assert len(read(out, form)[0]) == 5
    WRITERS[form](made(3), out, True)
    assert len(read(out, form)[0]) == 3


@pytest.mark.parametrize("form", ["npy", "projector"])
def test_a_folder_of_somebody_else_is_never_replaced(tmp_path: Path, form: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter").write_text("dear")
    with pytest.raises(UsageError, match="did not write"):
        WRITERS[form](made(), tmp_path / "out", True)
    assert (tmp_path / "out" / "letter").read_text() == "dear"
