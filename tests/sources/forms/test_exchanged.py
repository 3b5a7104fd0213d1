"""What holds alike for the forms that are exchanged with other tools, and for a person's own tables."""

import random
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, KgdrugError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.annotations import Annotation
from kgdrug.sources import Reading, from_pandas, load_graph, write_bad_lines, write_graph

FACTS = [("DB1", "CtD", "treats", "1"), ("DB1", "CrC", "resembles", "DB2"), ("DB2", "CtD", "treats", "2")]
ENTITIES = [
    ("DB1", 'the "best", so far', "Compound", "CC(=O)O"),
    ("DB2", "Insulin", "Compound", ""),
    ("1", "Sjögren's syndrome", "Disease", ""),
    ("2", "gout", "Disease", ""),
]
MAPPING = """\
[[nodes]]
file = "drugs.csv"
type = "Compound"
id = "id"
name = "name"
[[edges]]
file = "indications.tsv"
relation = "treats"
head = "drug"
tail = "disease"
tail_type = "Disease"
"""
TABLES = {
    "clinic.toml": MAPPING,
    "drugs.csv": 'id,name\nDB1,"the ""best"", so far"\nDB2,Insulin\n',
    "indications.tsv": "drug\tdisease\nDB1\t1\nDB2\t2\n",
}
FILES = {
    "curated": ("annotations.tsv", "edges/CtD.tsv", "entities.tsv", "metaedges.tsv", "smiles.tsv"),
    "neo4j": ("nodes.csv", "relationships.csv"),
    "graphml": ("clinic.graphml",),
    "pykeen": ("numeric_triples.tsv.gz", "entity_to_id.tsv.gz", "relation_to_id.tsv.gz"),
    "triples": ("clinic.tsv",),
    "tables": ("clinic.toml", "drugs.csv", "indications.tsv"),
}
EACH_FILE = [(form, name) for form, names in FILES.items() for name in names]
TEXT = [(form, name) for form, name in EACH_FILE if form not in ("graphml", "pykeen")]  # read as UTF-8, not packed


@pytest.fixture(scope="session")
def clinic() -> KnowledgeGraph:
    """Two compounds and two diseases, one structure and one annotation."""
    graph = from_pandas(
        pandas.DataFrame(FACTS, columns=["head", "metaedge", "relation", "tail"]),
        pandas.DataFrame(ENTITIES, columns=["id", "name", "type", "smiles"]),
        "clinic",
    )
    return replace(graph, annotations=(Annotation(0, 3, "trial", "NCT1", "CC0 1.0", "2014-05"),))


@pytest.fixture(scope="session")
def put_form(clinic) -> Callable[[str, Path], Path]:
    """Writes the graph `clinic` in a form below a folder; gives the path that is read."""

    def put(form: str, folder: Path) -> Path:
        if form == "tables":
            for name, content in TABLES.items():
                (folder / name).write_text(content, "utf-8")
            return folder / "clinic.toml"
        path = folder / (FILES[form][0] if form in ("graphml", "triples") else "clinic")
        write_graph(clinic, path, form)
        return path

    return put


def file_of(path: Path, name: str) -> Path:
    return path / name if path.is_dir() else path.with_name(name)


@pytest.mark.parametrize("form", ["parquet", "curated", "graphml", "neo4j"])
def test_a_graph_comes_back_with_all_that_the_form_has_room_for(random_graphs, form):
    no_room = {"graphml": "annotations", "neo4j": "annotations|which metaedges are treatments"}.get(form, "nothing")

    @settings(max_examples=40, deadline=None)
    @given(random_graphs)
    def check(graph):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("out.graphml" if form == "graphml" else "out")
            lost = write_graph(graph, path, form)
            again = load_graph(path)
        assert again.made["form"] == form, "the path says itself of which form it is"
        assert again.digest == graph.digest
        assert (again.entities.names, again.smiles, again.metaedges) == (
            graph.entities.names,
            graph.smiles,
            graph.metaedges,
        )
        missing = {
            "annotations": again.annotations != graph.annotations,
            "which metaedges are treatments": again.treats != graph.treats,
        }
        assert len(lost) == sum(missing.values())
        for words, is_missing in missing.items():
            assert any(words in line for line in lost) == is_missing
            assert not is_missing or words in no_room

    check()


@pytest.mark.parametrize("form", ["triples", "pykeen"])
def test_a_form_without_types_says_what_it_loses_and_loses_no_more(random_graphs, form, facts_of):
    @settings(max_examples=40, deadline=None)
    @given(random_graphs)
    def check(graph):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("out.tsv" if form == "triples" else "out")
            lost = write_graph(graph, path, form)
            again = load_graph(path)
            assert write_graph(again, Path(folder) / ("more.tsv" if form == "triples" else "more"), form) == []
        assert facts_of(again) == facts_of(graph)
        said = " | ".join(lost)
        ends = set(graph.triples[:, [0, 2]].ravel().tolist())
        isolated = len(graph.entities) - len(ends)
        names = [(e, n) for e, n in zip(graph.entities.ids, graph.entities.names, strict=True) if e in again.entities]
        assert "types of entities" in said
        assert (f"{isolated} entities without a triple" in said) == (form == "triples" and isolated > 0)
        assert ("names of " in said) == (
            any(e != n for e, n in names) or any(e.abbreviation != e.relation for e in graph.metaedges)
        )
        assert (f"structures of {len(graph.smiles)} entities" in said) == bool(graph.smiles)
        assert (f"{len(graph.annotations)} annotations" in said) == bool(graph.annotations)
        for word in ("licence", "source", "version"):
            stated = sum(bool(getattr(e, word)) for e in graph.metaedges)
            # a folder has export.json, which says it for metaedges that keep their names
            assert (f"{word} of {stated} metaedges" in said) == (form == "triples" and stated > 0)
        assert ("which metaedges are treatments" in said) == bool(graph.treats)

    check()


@pytest.mark.parametrize(("form", "name"), EACH_FILE)
@pytest.mark.parametrize("skip", [False, True])
def test_an_empty_file_is_named(put_form, tmp_path, form, name, skip):
    path = put_form(form, tmp_path)
    file_of(path, name).write_bytes(b"")
    with pytest.raises(BadInputError, match=r"is empty|no element found") as caught:
        load_graph(path, form, Reading(skip))
    assert caught.value.file == file_of(path, name)


@pytest.mark.parametrize(("form", "name"), TEXT)
def test_text_in_utf_16_is_named_with_what_to_do(put_form, tmp_path, form, name):
    path = put_form(form, tmp_path)
    text = file_of(path, name).read_text("utf-8")
    file_of(path, name).write_bytes(text.encode("utf-16"))
    with pytest.raises(BadInputError, match=r"is not UTF-8 text .*; save the file as UTF-8") as caught:
        load_graph(path, form)
    assert (caught.value.file, caught.value.line) == (file_of(path, name), 1)


@pytest.mark.parametrize(("form", "name"), TEXT)
@pytest.mark.parametrize("skip", [False, True])
def test_a_name_in_latin_1_or_with_a_nul_is_named_or_set_aside(put_form, tmp_path, form, name, skip):
    for byte, kind in ((b"\xf6", "encoding"), (b"\0", "NUL")):
        folder = tmp_path / kind
        folder.mkdir()
        path = put_form(form, folder)
        file = file_of(path, name)
        content = file.read_bytes()
        end = content.rindex(b"\n")
        file.write_bytes(content[:end] + byte + content[end:])
        reading, line = Reading(skip), content.count(b"\n")
        if skip and name not in ("metaedges.tsv", "clinic.toml"):
            load_graph(path, form, reading)
            # what names the entity of the line is set aside too
            assert (str(file), line, kind) in [(bad.file, bad.line, bad.kind) for bad in reading.bad_lines]
        else:
            with pytest.raises(BadInputError, match=r"is not UTF-8 text|holds a NUL") as caught:
                load_graph(path, form, reading)
            assert (caught.value.file, caught.value.line) == (file, line)


@pytest.mark.parametrize(("form", "name"), TEXT)
def test_windows_line_ends_and_a_byte_order_mark_are_no_part_of_a_field(put_form, tmp_path, form, name):
    path = put_form(form, tmp_path)
    plain = load_graph(path, form)
    content = file_of(path, name).read_bytes()
    file_of(path, name).write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    other = load_graph(path, form)
    assert (other.digest, other.entities.names, other.metaedges, other.smiles, other.annotations) == (
        plain.digest,
        plain.entities.names,
        plain.metaedges,
        plain.smiles,
        plain.annotations,
    )


@pytest.mark.parametrize("form", ["curated", "neo4j", "pykeen", "tables"])
def test_a_missing_file_is_named(put_form, tmp_path, form):
    for name in FILES[form]:
        (tmp_path / name.replace("/", " ")).mkdir()
        path = put_form(form, tmp_path / name.replace("/", " "))
        file_of(path, name).unlink()
        if name in ("smiles.tsv", "annotations.tsv"):
            assert load_graph(path, form).digest
        elif name != "clinic.toml":
            with pytest.raises(BadInputError, match="is missing") as caught:
                load_graph(path, form)
            assert caught.value.file == file_of(path, name)


@pytest.mark.parametrize("form", FILES)
def test_damage_ends_in_a_plain_error_or_a_graph(put_form, damaged, form):
    with tempfile.TemporaryDirectory() as whole:
        path = put_form(form, Path(whole))
        files = {name: file_of(path, name).read_bytes() for name in FILES[form]}

    @settings(max_examples=50, deadline=None)
    @given(st.integers(0, 2**32), st.sampled_from(FILES[form]), st.booleans())
    def check(seed, name, skip):
        with tempfile.TemporaryDirectory() as folder:
            path = put_form(form, Path(folder))
            file_of(path, name).write_bytes(damaged(files[name], random.Random(seed)))
            reading = Reading(skip_bad_lines=skip)
            try:
                graph = load_graph(path, form, reading)
            except KgdrugError as error:
                said = str(error).encode().decode()
            else:
                said = f"{folder}: {graph.digest}"
                write_bad_lines(reading, Path(folder) / "bad.tsv")
            assert folder in said

    check()
