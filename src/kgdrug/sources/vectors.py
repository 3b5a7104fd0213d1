"""Vectors of entities in the forms of other tools."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kgdrug.errors import KgdrugError
from kgdrug.graph.store import VECTORS_FILE, fresh_file, fresh_folder, write_json, write_rows

BLOCK = 4_000_000  # numbers that are written at once
BESIDE = ".about.json"  # what is added to the name of a file that has no room for what it is of
Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors `(n, d)` with the id, name and type of what each is of; about: whose they are."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: Numbers
    about: Mapping[str, object]


def write_parquet(vectors: Vectors, out: Path, force: bool) -> None:
    """`id name type vector`, the last a list of `d` float32; the metadata's key `kgdrug` says whose they are."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    text, width = pyarrow.string(), vectors.rows.shape[1]
    fields = {"id": text, "name": text, "type": text, "vector": pyarrow.list_(pyarrow.float32(), width)}
    schema = pyarrow.schema(fields, {"kgdrug": json.dumps(dict(vectors.about), ensure_ascii=False)})
    with fresh_file(out, force) as path, ParquetWriter(path, schema) as file:
        for span in _spans(vectors.rows):
            flat = pyarrow.array(np.ascontiguousarray(vectors.rows[span], np.float32).ravel())
            columns = [vectors.ids[span], vectors.names[span], vectors.types[span]]
            lists = pyarrow.FixedSizeListArray.from_arrays(flat, width)
            file.write_table(pyarrow.table([*(pyarrow.array(c, text) for c in columns), lists], schema=schema))


def write_npy(vectors: Vectors, out: Path, force: bool) -> None:
    """A folder of `vectors.npy`, float32 `(n, d)`, and `ids.tsv`, whose lines below the header are its rows."""
    with fresh_folder(out, force) as folder:
        np.save(folder / "vectors.npy", np.asarray(vectors.rows, np.float32), allow_pickle=False)
        _write_names(vectors, folder / "ids.tsv")
        write_json(folder / VECTORS_FILE, dict(vectors.about))


def write_word2vec(vectors: Vectors, out: Path, force: bool) -> None:
    """The text of word2vec, as gensim and others read it: a line `n d`, then a line a word with its numbers.

    Words are ids, in which `_` stands for white space: that is where a word ends. Two that are then the same are a
    KgdrugError. Whose they are stands in a file beside it.
    """
    words = [re.sub(r"\s", "_", i) for i in vectors.ids]
    twice = next((word for word, count in Counter(words).items() if count > 1), None)
    if twice is not None:
        raise KgdrugError(f"word2vec has no room for white space in a word, and without it two ids are {twice!r}")
    beside = out.name + BESIDE
    with fresh_file(out, force, [beside]) as path:
        with path.open("wb") as file:
            file.write(f"{len(words)} {vectors.rows.shape[1]}\n".encode())
            for span in _spans(vectors.rows):
                _write_numbers(vectors.rows[span], file, " ", words[span])
        write_json(path.with_name(beside), dict(vectors.about))


def write_projector(vectors: Vectors, out: Path, force: bool) -> None:
    """A folder for TensorBoard's projector: `vectors.tsv`, `metadata.tsv` and `projector_config.pbtxt`."""
    with fresh_folder(out, force) as folder:
        with (folder / "vectors.tsv").open("wb") as file:
            for span in _spans(vectors.rows):
                _write_numbers(vectors.rows[span], file, "\t")
        _write_names(vectors, folder / "metadata.tsv")
        name = json.dumps(str(vectors.about.get("model", "vectors")), ensure_ascii=False)
        lines = f'  tensor_name: {name}\n  tensor_path: "vectors.tsv"\n  metadata_path: "metadata.tsv"\n'
        (folder / "projector_config.pbtxt").write_text(f"embeddings {{\n{lines}}}\n", encoding="utf-8")
        write_json(folder / VECTORS_FILE, dict(vectors.about))


WRITERS: dict[str, Callable[[Vectors, Path, bool], None]] = {
    "parquet": write_parquet,
    "npy": write_npy,
    "word2vec": write_word2vec,
    "projector": write_projector,
}


def _spans(rows: Numbers) -> Iterator[slice]:
    step = max(1, BLOCK // max(1, rows.shape[1]))
    return (slice(start, start + step) for start in range(0, len(rows), step))


def _write_names(vectors: Vectors, path: Path) -> None:
    write_rows(path, ("id", "name", "type"), zip(vectors.ids, vectors.names, vectors.types, strict=True))


def _write_numbers(rows: Numbers, file: IO[bytes], separator: str, words: list[str] | None = None) -> None:
    """A line a row, after its word where there are any; as many digits as it takes to read a float32 back."""
    table = pl.from_numpy(np.ascontiguousarray(rows, np.float32))
    if words is not None:
        table = table.insert_column(0, pl.Series("word", words, pl.String))
    table.write_csv(file, include_header=False, separator=separator, quote_style="never")
