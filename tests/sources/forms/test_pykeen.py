"""The folder `data/pykeen` was written by PyKEEN 1.11.1's own `TriplesFactory.to_path_binary`."""

import gzip
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from kgdrug.errors import BadInputError
from kgdrug.sources import Reading, load_graph, write_graph

MADE = Path(__file__).with_name("data") / "pykeen"
FACTS = {
    ("Compound::DB00331", "treats", "Disease::1"),
    ('a, "quoted" id', "treats", "Disease::1"),
    ("Sjögren", "is like", '"'),
    ("Disease::1", "is like", " blank "),
}
LABELS = {"entity_to_id": "0\ta\n1\tb\n2\tc\n", "relation_to_id": "0\tr\n1\ts\n"}
TRIPLES = "0\t0\t1\n1\t1\t2\n"


def put(folder: Path, **changed: str) -> Path:
    """A small folder of this form, with some of its tables changed; headers are put above."""
    folder.mkdir(exist_ok=True)
    for name, rows in ({"numeric_triples": TRIPLES} | LABELS | changed).items():
        header = "head\trelation\ttail\n" if name == "numeric_triples" else "id\tlabel\n"
        (folder / f"{name}.tsv.gz").write_bytes(gzip.compress((header + rows).encode()))
    return folder


def test_what_pykeen_wrote_is_read(facts_of):
    graph = load_graph(MADE)
    assert facts_of(graph) == FACTS
    assert (graph.made["form"], graph.treats, [t.name for t in graph.entity_types]) == ("pykeen", (), ["Entity"])


def test_what_is_written_is_what_pykeen_wrote(tmp_path):
    write_graph(load_graph(MADE), tmp_path / "again", "pykeen")
    assert {p.name for p in (tmp_path / "again").iterdir()} - {"export.json"} == {p.name for p in MADE.iterdir()}
    for name in ("entity_to_id", "relation_to_id", "numeric_triples"):
        ours, theirs = (gzip.decompress((f / f"{name}.tsv.gz").read_bytes()) for f in (tmp_path / "again", MADE))
        # PyKEEN's triples are ascending by head, ours by relation
        assert sorted(ours.splitlines()) == sorted(theirs.splitlines())
        assert ours.splitlines()[0] == theirs.splitlines()[0]
    ours, theirs = (torch.load(f / "base.pth", weights_only=True) for f in (tmp_path / "again", MADE))
    assert {k: v for k, v in ours.items() if k != "metadata"} == {k: v for k, v in theirs.items() if k != "metadata"}
    assert ours["metadata"] == {"name": "pykeen"}


def test_a_pickle_is_never_opened_and_may_be_missing(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    shutil.copytree(MADE, tmp_path / "trap")
    (tmp_path / "trap" / "base.pth").write_bytes(pickle.dumps(Trap()))
    assert load_graph(tmp_path / "trap").digest == load_graph(MADE).digest
    assert not (tmp_path / "sprung").exists()
    (tmp_path / "trap" / "base.pth").unlink()
    assert load_graph(tmp_path / "trap").digest == load_graph(MADE).digest


def test_entities_without_a_triple_are_kept(tmp_path):
    graph = load_graph(put(tmp_path / "toy", numeric_triples="0\t0\t1\n"))
    assert graph.entities.ids == ("a", "b", "c")
    assert [e.abbreviation for e in graph.metaedges] == ["r"]


@pytest.mark.parametrize(
    ("name", "row", "kind", "message"),
    [
        ("numeric_triples", "0\t0", "columns", "2 fields where 3 tab-separated"),
        ("numeric_triples", "0\t0\t9", "unknown id", "no label has the number 9, the tail"),
        ("numeric_triples", "0\t-1\t1", "unknown id", "no label has the number -1, the relation"),
        ("numeric_triples", "a\t0\t1", "unknown id", "no label has the number a, the head"),
        ("numeric_triples", "0\t0\t", "empty field", "an empty field"),
        ("entity_to_id", "3", "columns", "1 field where 2"),
        ("entity_to_id", "3\t", "empty field", "an empty field"),
        ("entity_to_id", '3\t""', "empty field", "an empty field"),
        ("entity_to_id", "2\td", "id twice", "the id '2' stands above already"),
        ("entity_to_id", "3\ta", "id twice", "the label 'a' stands above already"),
        ("entity_to_id", '3\t"d', "quotes", "a quote is opened and not closed"),
        ("relation_to_id", "1\tt", "id twice", "the id '1' stands above already"),
    ],
)
def test_a_bad_line_is_named_or_set_aside(tmp_path, name, row, kind, message):
    good = (LABELS | {"numeric_triples": TRIPLES})[name]
    path = put(tmp_path / "bad", **{name: f"{good}{row}\n"})
    file, line = path / f"{name}.tsv.gz", good.count("\n") + 2
    with pytest.raises(BadInputError) as caught:
        load_graph(path)
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == (file, line)
    reading = Reading(skip_bad_lines=True)
    graph = load_graph(path, reading=reading)
    assert [(bad.file, bad.line, bad.kind) for bad in reading.bad_lines] == [(str(file), line, kind)]
    assert graph.digest == load_graph(put(tmp_path / "good")).digest


@pytest.mark.parametrize("name", ["numeric_triples", "entity_to_id", "relation_to_id"])
def test_a_header_of_other_names_or_a_file_cut_short_is_named(tmp_path, name):
    path = put(tmp_path / "toy")
    file = path / f"{name}.tsv.gz"
    content = file.read_bytes()
    file.write_bytes(content[:-5])
    with pytest.raises(BadInputError, match="is cut short") as caught:
        load_graph(path)
    assert caught.value.file == file
    file.write_bytes(gzip.compress(b"number\tname\tx\n0\ta\tb\n"))
    with pytest.raises(BadInputError, match="the first line should be a header with") as caught:
        load_graph(path)
    assert (caught.value.file, caught.value.line) == (file, 1)
