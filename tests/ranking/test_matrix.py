"""The whole matrix against a question for each of its rows."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgdrug.errors import KgdrugError, UnknownNameError, UsageError
from kgdrug.graph import Annotation
from kgdrug.models.progress import Progress
from kgdrug.ranking import matrix, score, write_matrix
from kgdrug.trained import TrainedModel

Maker = Callable[..., TrainedModel]
METAEDGES = {
    "CbG": ("Compound", "binds", "Gene"),
    "CiD": ("Compound", "indicated for", "Disease"),
    "CtD": ("Compound", "treats", "Disease"),
    "DrD": ("Disease", "resembles", "Disease"),
}
ENTITIES = {
    "Compound": [f"Compound::C{i}" for i in range(5)],
    "Disease": [f"Disease::D{i}" for i in range(3)],
    "Gene": ["Gene::G0", "Gene::G1"],
}
POSSIBLE = [(h, r, t) for r, (a, _, b) in METAEDGES.items() for h in ENTITIES[a] for t in ENTITIES[b]]


def plain_rows(model: TrainedModel, relation: str | None) -> list[tuple[object, ...]]:
    """Both ends, numbers, known facts and annotations of each pair, in the order of a question for each."""
    first, second = ("Compound", "Disease") if relation is None else (METAEDGES[relation][0], METAEDGES[relation][2])
    pairs = [(a, b) for a in ENTITIES[first] for b in ENTITIES[second]]
    if relation is None:
        pairs.sort(key=lambda pair: pair[1])  # disease by disease
    asked = pairs if relation is None else [(head, relation, tail) for head, tail in pairs]
    rows = []
    for pair, a in zip(pairs, score(model, asked), strict=True):
        numbers = map(np.float32, (a.score, a.percentile, a.usual_percentile))
        known = "; ".join(f"{fact.metaedge} ({fact.part})" for fact in a.known)
        sources = "; ".join(dict.fromkeys(f"{fact.metaedge}: {fact.source} ({fact.licence})" for fact in a.known))
        notes = "; ".join(f"{note.status} ({note.source})" for note in a.annotations)
        note_sources = "; ".join(f"{note.status}: {note.source} (licence not stated)" for note in a.annotations)
        rows.append((*pair, *numbers, known, sources, notes, note_sources))
    return rows


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_pair_has_what_its_question_says(make: Maker, tmp_path: Path, data: st.DataObject) -> None:
    parts = st.sampled_from(("train", "valid", "test"))
    facts = data.draw(st.dictionaries(st.sampled_from(POSSIBLE), parts, min_size=1, max_size=20))
    treats = data.draw(st.sampled_from([("CtD",), ("CiD", "CtD")]))
    seeds = [make(ENTITIES, METAEDGES, facts, treats, seed) for seed in range(data.draw(st.integers(1, 2)))]
    pairs = st.tuples(st.integers(0, 4), st.integers(5, 7), st.sampled_from(("approved", "trial")))
    notes = tuple(Annotation(*pair, "X") for pair in sorted(data.draw(st.sets(pairs, max_size=6))))
    edges = tuple(replace(edge, source="S", licence="L") for edge in seeds[0].graph.metaedges)
    split = replace(seeds[0].split, graph=replace(seeds[0].graph, annotations=notes, metaedges=edges))
    model = replace(seeds[0], members=[seed.members[0] for seed in seeds], split=split)
    relation = data.draw(st.sampled_from([None, "CbG", "CtD", "DrD"]))
    rows = plain_rows(model, relation)
    told: list[Progress] = []

    def watch(progress: Iterable[Progress]) -> Iterator[Progress]:
        for one in progress:
            told.append(one)
            yield one

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrix, "BLOCK", data.draw(st.sampled_from([1, 7, 10**6])))
        for form in ("parquet", "csv", "npy"):
            told.clear()
            count = write_matrix(model, tmp_path / f"m.{form}", relation, force=True, watch=watch)
            assert count == len(rows)
            assert told[-1].done == told[-1].of == len({row[1 if relation is None else 0] for row in rows})
    names = ["compound", "disease"] if relation is None else ["head", "tail"]
    table = pyarrow.parquet.read_table(tmp_path / "m.parquet")
    assert table.column_names == [
        *names, "score", "percentile", "usual_percentile", "known", "known_sources", "annotations",
        "annotation_sources",
    ]  # fmt: skip

    def as_row(row: Sequence[str]) -> tuple[object, ...]:
        return (*row[:2], *map(np.float32, row[2:5]), *row[5:])

    assert [as_row(row) for row in zip(*table.to_pydict().values(), strict=True)] == rows
    header, *lines = csv.reader((tmp_path / "m.csv").open(newline=""))
    assert header == table.column_names
    assert [as_row(row) for row in lines] == rows
    scores, ids = np.load(tmp_path / "m.npy"), json.loads((tmp_path / "m.ids.json").read_text())
    assert (scores.dtype, scores.shape) == (np.float32, (len(ids[names[0]]), len(ids[names[1]])))
    for one, other, expected, *_ in rows:
        assert scores[ids[names[0]].index(one), ids[names[1]].index(other)] == expected


@pytest.fixture
def clinic(make: Maker) -> TrainedModel:
    facts = {("Compound::C0", "CtD", "Disease::D0"): "train", ("Disease::D0", "DrD", "Disease::D1"): "test"}
    return make(ENTITIES, METAEDGES, facts, ("CtD",))


@pytest.mark.parametrize("form", ["parquet", "csv", "npy"])
def test_a_matrix_says_what_it_is_of(clinic: TrainedModel, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"m.{form}"
    write_matrix(clinic, path, "DrD")
    match form:
        case "parquet":
            about = json.loads(pyarrow.parquet.read_metadata(path).metadata[b"kgdrug"])
        case "csv":
            about = json.loads((tmp_path / "m.csv-metadata.json").read_text())["notes"][0]
        case "npy":
            about = json.loads((tmp_path / "m.ids.json").read_text())["about"]
    assert (about["pairs"], about["graph"], about["note"]) == ("DrD", "plain", "research software: no medical advice")


@pytest.mark.parametrize("form", ["parquet", "csv", "npy"])
@pytest.mark.parametrize("before", ["", "mine"])
def test_a_matrix_that_is_stopped_leaves_all_as_it_was(
    clinic: TrainedModel, tmp_path: Path, form: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "BLOCK", 1)
    if before:
        (tmp_path / f"m.{form}").write_text(before)

    def watch(progress: Iterable[Progress]) -> Iterator[Progress]:
        for one in progress:
            yield one
            if one.done == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_matrix(clinic, tmp_path / f"m.{form}", force=True, watch=watch)
    assert [p.read_text() for p in tmp_path.iterdir()] == ([before] if before else [])


def test_what_cannot_be_written_is_said(clinic: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a matrix is written as csv, tsv, parquet, xlsx or npy; name a form"):
        write_matrix(clinic, tmp_path / "m.txt")
    with pytest.raises(UnknownNameError, match="unknown relation 'CtX'"):
        write_matrix(clinic, tmp_path / "m.csv", "CtX")
    bare = replace(clinic, split=replace(clinic.split, graph=replace(clinic.graph, treats=())))
    with pytest.raises(UsageError, match="names no treatment relation; name a relation"):
        write_matrix(bare, tmp_path / "m.csv")
    for there in ("m.npy", "m.ids.json"):
        (tmp_path / there).write_text("mine")
        with pytest.raises(UsageError, match=f"{there} exists"):
            write_matrix(clinic, tmp_path / "m.npy")
        (tmp_path / there).unlink()
    clinic.members[0].entity[0] = float("nan")
    with pytest.raises(KgdrugError, match="not numbers"):
        write_matrix(clinic, tmp_path / "m.csv")
    assert list(tmp_path.iterdir()) == []
