import bz2
import gzip
import json
import lzma
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, KgdrugError, UnknownNameError, UsageError
from kgdrug.graph import KnowledgeGraph, Vocabulary
from kgdrug.graph.annotations import Annotation
from kgdrug.sources import FORMS, differences, from_pandas, load_graph, write_graph

UNPACK = {
    ".gz": gzip.decompress,
    ".zst": zstandard.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}
WRITTEN = [name for name, form in FORMS.items() if form.write and name != "hetionet"]
ENDINGS = {"graphml": ".graphml", "hetionet-json": ".json", "triples": ".tsv", "drkg": ".tsv", "primekg": ".csv"}


@pytest.fixture(scope="session")
def clinic() -> KnowledgeGraph:
    rows = [("DB1", "CtD", "treats", "1"), ("DB2", "CtD", "treats", "1"), ("DB1", "CrC", "resembles", "DB2")]
    entities = [("DB1", "Aspirin", "Compound"), ("DB2", "Metformin", "Compound"), ("1", "gout", "Disease")]
    graph = from_pandas(
        pandas.DataFrame(rows, columns=["head", "metaedge", "relation", "tail"]),
        pandas.DataFrame(entities, columns=["id", "name", "type"]),
        "clinic",
    )
    return replace(graph, smiles={0: "CC"}, annotations=(Annotation(0, 2, "trial", "NCT1"),))


def there(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def failing(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Has the form's writer write, and then fail."""
    write = FORMS[form].write

    def fail(graph: KnowledgeGraph, path: Path) -> None:
        write(graph, path)
        raise OSError("the disk is full")

    monkeypatch.setitem(FORMS, form, replace(FORMS[form], write=fail))


@pytest.mark.parametrize("form", WRITTEN)
def test_a_graph_is_written_and_read_back_in_every_form(clinic, tmp_path, form):
    path = tmp_path / "deep" / ("out" + ENDINGS.get(form, ""))
    lost = write_graph(clinic, path, form)
    assert path.is_dir() == FORMS[form].folder
    assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing is left beside it"
    assert lost == differences(clinic, load_graph(path, form))
    assert (lost == []) == (form in ("kgdrug", "parquet", "curated"))


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("force", [False, True])
def test_a_writer_that_fails_leaves_nothing_new_and_what_was_there(clinic, tmp_path, monkeypatch, form, force):
    path = tmp_path / ("out" + ENDINGS.get(form, ""))
    if force and FORMS[form].folder:
        write_graph(clinic, path, "kgdrug")
    elif force:
        path.write_text("old")
    before = there(tmp_path)
    failing(monkeypatch, form)
    with pytest.raises(OSError, match="the disk is full"):
        write_graph(clinic, path, form, force)
    assert there(tmp_path) == before


@pytest.mark.parametrize("form", ["parquet", "graphml"])
def test_what_does_not_read_back_is_not_kept(clinic, tmp_path, monkeypatch, form):
    def write_half(graph: KnowledgeGraph, path: Path) -> None:
        (path / "triples.parquet" if path.is_dir() else path).write_bytes(b"half")

    monkeypatch.setitem(FORMS, form, replace(FORMS[form], write=write_half))
    with pytest.raises(KgdrugError, match=f"the form {form} cannot hold this graph; what was written does not read"):
        write_graph(clinic, tmp_path / "out", form)
    assert there(tmp_path) == {}


@pytest.mark.parametrize("word", ["a\tb", "a\nb", "a\rb"])
@pytest.mark.parametrize("form", ["triples", "curated", "openbiolink", "kgx"])
def test_a_name_that_would_break_its_line_is_refused(clinic, tmp_path, form, word):
    broken = replace(clinic, entities=Vocabulary((word, "DB2", "1"), (word, "Metformin", "gout")))
    with pytest.raises(BadInputError, match="cannot hold a tab or a line end"):
        write_graph(broken, tmp_path / "out", form)
    assert there(tmp_path) == {}


@pytest.mark.parametrize("form", ["graphml", "triples"])
@pytest.mark.parametrize("ending", UNPACK)
def test_the_ending_says_how_a_file_is_packed(clinic, tmp_path, form, ending):
    plain, packed = tmp_path / f"out.{form}", tmp_path / f"out.{form}{ending}"
    assert write_graph(clinic, plain, form) == write_graph(clinic, packed, form)
    assert UNPACK[ending](packed.read_bytes()) == plain.read_bytes()


def test_the_same_graph_is_the_same_file_packed_or_not(clinic, tmp_path):
    for name in ("a.graphml.gz", "b.graphml.gz"):
        write_graph(clinic, tmp_path / name, "graphml")
    assert (tmp_path / "a.graphml.gz").read_bytes() == (tmp_path / "b.graphml.gz").read_bytes()


@pytest.mark.parametrize("form", ["parquet", "triples"])
def test_what_exists_is_replaced_with_force_alone(clinic, tmp_path, form):
    path = tmp_path / "out"
    write_graph(clinic, path, form)
    before = there(tmp_path)
    with pytest.raises(UsageError, match=r"out exists; .*--force"):
        write_graph(clinic, path, form)
    assert there(tmp_path) == before
    part = clinic.with_triples(clinic.triples[:1])
    write_graph(part, path, form, force=True)
    assert len(load_graph(path, form).triples) == 1


def test_a_folder_of_another_form_names_its_graph_and_the_licence_of_each_metaedge(clinic, tmp_path):
    write_graph(clinic, tmp_path / "out", "openbiolink")
    about = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    assert (about["form"], about["graph"], about["digest"]) == ("openbiolink", clinic.name, clinic.digest)
    licences = {name: (e["licence"], e["source"], e["version"]) for name, e in about["metaedges"].items()}
    assert licences == {e.abbreviation: (e.licence, e.source, e.version) for e in clinic.metaedges}


@pytest.mark.parametrize("form", ["parquet", "triples"])
def test_a_folder_of_other_things_is_never_replaced(clinic, tmp_path, form):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear").write_text("you")
    with pytest.raises(UsageError, match="did not write"):
        write_graph(clinic, tmp_path / "letters", form, force=True)
    (tmp_path / "empty").mkdir()
    if not FORMS[form].folder:
        with pytest.raises(UsageError, match="is a folder; the form triples is one file"):
            write_graph(clinic, tmp_path / "empty", form, force=True)
    assert (tmp_path / "letters" / "dear").read_text() == "you"


def test_a_form_for_reading_only_names_those_that_are_written(clinic, tmp_path):
    with pytest.raises(
        UsageError, match=r"the form tables is for reading only; written are kgdrug, curated, .*triples"
    ):
        write_graph(clinic, tmp_path / "out", "tables")


def test_an_unknown_form_names_the_closest(clinic, tmp_path):
    for call in (lambda: write_graph(clinic, tmp_path / "out", "parket"), lambda: load_graph(tmp_path, "parket")):
        with pytest.raises(UnknownNameError, match=r"unknown form 'parket'; did you mean parquet"):
            call()


@pytest.mark.parametrize("form", ["zzz", "table"])
def test_no_form_for_reading_only_is_among_those_to_choose_from(clinic, tmp_path, form):
    with pytest.raises(UnknownNameError, match=r"; (choose from|did you mean)") as error:
        write_graph(clinic, tmp_path / "out", form)
    assert "tables" not in str(error.value)
    with pytest.raises(UnknownNameError, match="tables"):
        load_graph(tmp_path, form)


def lost(graph: KnowledgeGraph, **changed: object) -> list[str]:
    return differences(graph, replace(graph, **changed))


def renamed(graph: KnowledgeGraph, synonyms: dict[int, list[str]]) -> KnowledgeGraph:
    return replace(graph, entities=Vocabulary(graph.entities.ids, graph.entities.names, synonyms=synonyms))


@pytest.mark.parametrize("form", ["kgdrug", "curated", "kgx", "kgx-jsonl", "parquet"])
def test_synonyms_come_back_from_forms_that_have_room_for_them(random_graphs, form):
    synonym = st.text("aß|\\ \"',;:é猫", min_size=1, max_size=4)

    @settings(max_examples=40, deadline=None)
    @given(random_graphs, st.data())
    def check(graph, data):
        index = st.integers(0, len(graph.entities) - 1)
        graph = renamed(graph, data.draw(st.dictionaries(index, st.lists(synonym, max_size=3))))
        with tempfile.TemporaryDirectory() as folder:
            lost = write_graph(graph, Path(folder) / "out", form)
            again = load_graph(Path(folder) / "out", form)
        assert not any("synonyms" in words for words in lost)
        place = [again.entities.index(entity) for entity in graph.entities.ids]
        assert again.entities.synonyms == {place[i]: texts for i, texts in graph.entities.synonyms.items()}

    check()


@pytest.mark.parametrize("form", ["hetionet", "neo4j", "triples", "graphml"])
def test_a_form_without_room_for_synonyms_says_so(clinic, tmp_path, form):
    graph = renamed(clinic, {0: ["a", "b"], 2: ["c"]})
    path = tmp_path / ("out.graphml" if form == "graphml" else "out.tsv")
    assert "synonyms of 2 entities" in write_graph(graph, path, form)


def test_differences_say_what_a_graph_lost(clinic):
    assert differences(clinic, clinic) == []
    assert lost(clinic, entities=Vocabulary(clinic.entities.ids)) == ["names of 3 entities"]
    called = renamed(clinic, {0: ["a", "b"], 1: ["c"]})
    assert differences(clinic, called) == []
    assert differences(called, clinic) == ["synonyms of 2 entities"]
    assert differences(called, renamed(clinic, {0: ["a"], 1: ["c"]})) == ["synonyms of 1 entities"]
    assert lost(clinic, smiles={}) == ["structures of 1 entities"]
    assert lost(clinic, smiles={0: "CN"}) == ["structures of 1 entities"]
    assert lost(clinic, annotations=()) == ["1 annotations"]
    assert lost(clinic, annotations=(Annotation(1, 2, "trial", "NCT1"),)) == ["1 annotations"]
    assert lost(clinic, treats=()) == ["which metaedges are treatments (CtD)"]
    assert lost(clinic, triples=clinic.triples[1:]) == ["1 triples"]
    assert lost(clinic, metaedges=tuple(replace(e, licence="x") for e in clinic.metaedges)) == [
        "licence of 2 metaedges"
    ]
    other = tuple(replace(e, relation=e.abbreviation) for e in clinic.metaedges)
    assert lost(clinic, metaedges=other) == ["names of 2 metaedges, such as CrC (Compound resembles Compound)"]
    ids = Vocabulary(["DB0", "DB2", "1"], clinic.entities.names)
    assert lost(clinic, entities=ids)[0] == "ids of 1 entities"
    resembles = clinic.triples[clinic.triples[:, 1] == 0][:, ::-1]
    assert lost(clinic, triples=np.concatenate([resembles, clinic.triples[1:]])) == ["the direction of triples"]
