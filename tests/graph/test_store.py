import json
import pickle
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph, Vocabulary, load_graph_folder, save_graph
from kgdrug.graph.annotations import Annotation
from kgdrug.graph.store import fresh_folder, load_triples, save_triples


@pytest.fixture
def folder(medicines, tmp_path) -> Path:
    """The graph `medicines` as it is kept."""
    save_graph(medicines, tmp_path)
    return tmp_path


def same(one: KnowledgeGraph, other: KnowledgeGraph) -> bool:
    return (
        one.entities.ids == other.entities.ids
        and one.entities.names == other.entities.names
        and (one.entity_types, one.metaedges, one.treats, one.name)
        == (other.entity_types, other.metaedges, other.treats, other.name)
        and one.triples.dtype == other.triples.dtype == np.int64
        and one.triples.tolist() == other.triples.tolist()
        and one.digest == other.digest
    )


def test_a_graph_comes_back_as_it_was_saved(medicines, folder):
    assert same(load_graph_folder(folder), medicines)
    assert "Sjögren's syndrome" in load_graph_folder(folder).entities.names


def test_a_graph_without_triples_comes_back(medicines, tmp_path):
    bare = medicines.with_triples(np.empty((0, 3), np.int64))
    save_graph(bare, tmp_path)
    assert same(load_graph_folder(tmp_path), bare)


@pytest.fixture
def known(medicines) -> KnowledgeGraph:
    """The graph `medicines` with structures, annotations, and a note of how it was made."""
    return replace(
        medicines,
        smiles={0: "CC(=O)O", 2: "C/C=C\\C"},
        annotations=(Annotation(0, 4, "refuted", "paper", "CC0 1.0", "2014-05"), Annotation(2, 3, "trial", "NCT1")),
        made={"sources": ["a", "b"], "merged": 2, "bad_lines": {"columns": 1}},
    )


def test_structures_annotations_and_how_it_was_made_come_back(known, tmp_path):
    save_graph(known, tmp_path)
    again = load_graph_folder(tmp_path)
    assert same(again, known)
    assert (again.smiles, again.annotations, again.made) == (known.smiles, known.annotations, known.made)


SYNONYMS = {1: ("Glucophage", "a|b", "c\\", "\\|", "d\\\\|", "|"), 3: ("T2DM",)}


def with_synonyms(graph: KnowledgeGraph, synonyms: dict[int, tuple[str, ...]] = SYNONYMS) -> KnowledgeGraph:
    return replace(graph, entities=Vocabulary(graph.entities.ids, graph.entities.names, synonyms=synonyms))


@pytest.mark.parametrize("smiles", [{}, {0: "CC(=O)O"}])
def test_synonyms_come_back_beside_structures_and_without(medicines, tmp_path, smiles):
    graph = replace(with_synonyms(medicines), smiles=smiles)
    save_graph(graph, tmp_path)
    again = load_graph_folder(tmp_path)
    assert same(again, graph)
    assert (again.entities.synonyms, again.smiles) == (SYNONYMS, smiles)
    assert again.find("t2dm") == 3


def test_synonyms_are_no_part_of_the_digest(medicines):
    assert with_synonyms(medicines).digest == medicines.digest


@pytest.mark.parametrize("synonym", ["a\tb", "a\nb", "a\rb"])
def test_a_synonym_that_would_break_the_file_is_refused(medicines, tmp_path, synonym):
    with pytest.raises(BadInputError, match="a tab or a line end"):
        save_graph(with_synonyms(medicines, {0: (synonym,)}), tmp_path)


@pytest.mark.parametrize("header", ["id\tname\tsynonyms\tsmiles", "id\tname\tformula", "name\tid", "id\tname\tname"])
def test_entities_under_another_header_are_an_error(folder, header):
    lines = (folder / "entities.tsv").read_text(encoding="utf-8").splitlines()
    rows = [row + "\t" * (header.count("\t") - 1) for row in lines[1:]]
    (folder / "entities.tsv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    with pytest.raises(BadInputError, match="the first line should be id name, then smiles and synonyms") as caught:
        load_graph_folder(folder)
    assert caught.value.line == 1


def test_a_folder_without_structures_and_annotations_has_no_room_for_them(folder):
    assert sorted(p.name for p in folder.iterdir()) == ["entities.tsv", "graph.json", "triples.npy"]
    again = load_graph_folder(folder)
    assert (again.smiles, again.annotations, again.made) == ({}, (), {})


@pytest.mark.parametrize(
    ("line", "message", "at"),
    [
        ("Compound::DB9\tDisease::1\ttrial\tNCT1\t\t", "unknown entity 'Compound::DB9'", 4),
        ("Compound::DB00331\tDisease::9\ttrial\tNCT1\t\t", "unknown entity 'Disease::9'", 4),
        ("Compound::DB00331\tDisease::1\ttrial", "expected 6 columns", 4),
    ],
)
def test_an_annotation_that_does_not_fit_is_named(known, tmp_path, line, message, at):
    save_graph(known, tmp_path)
    with (tmp_path / "annotations.tsv").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(BadInputError, match=message) as caught:
        load_graph_folder(tmp_path)
    assert (caught.value.file, caught.value.line) == (tmp_path / "annotations.tsv", at)


def test_annotations_under_another_header_are_an_error(known, tmp_path):
    save_graph(known, tmp_path)
    text = (tmp_path / "annotations.tsv").read_text(encoding="utf-8")
    (tmp_path / "annotations.tsv").write_text(text.replace("status", "state"), encoding="utf-8")
    with pytest.raises(BadInputError, match="the first line should be compound disease status") as caught:
        load_graph_folder(tmp_path)
    assert caught.value.line == 1


@pytest.mark.parametrize("status", ["a\tb", "a\nb"])
def test_an_annotation_that_would_break_its_file_is_refused(known, tmp_path, status):
    with pytest.raises(BadInputError, match="a tab or a line end"):
        save_graph(replace(known, annotations=(Annotation(0, 4, "trial", status),)), tmp_path)


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r"), max_size=8)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.integers(0, 7), st.lists(names | st.text("|\\a", max_size=4), max_size=4)))
def test_any_synonym_without_tabs_and_line_ends_comes_back(medicines, synonyms):
    graph = with_synonyms(medicines, synonyms)
    with tempfile.TemporaryDirectory() as folder:
        save_graph(graph, Path(folder))
        assert load_graph_folder(Path(folder)).entities.synonyms == graph.entities.synonyms


@settings(max_examples=30, deadline=None)
@given(st.lists(names, min_size=8, max_size=8))
def test_any_name_without_tabs_and_line_ends_comes_back(medicines, labels):
    graph = replace(medicines, entities=Vocabulary(medicines.entities.ids, labels))
    with tempfile.TemporaryDirectory() as folder:
        save_graph(graph, Path(folder))
        assert same(load_graph_folder(Path(folder)), graph)


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "a\rb"])
@pytest.mark.parametrize("of", ["id", "name"])
def test_a_name_that_would_break_the_file_is_refused(medicines, tmp_path, name, of):
    ids, labels = list(medicines.entities.ids), list(medicines.entities.names)
    (ids if of == "id" else labels)[3] = name
    with pytest.raises(BadInputError, match="a tab or a line end"):
        save_graph(replace(medicines, entities=Vocabulary(ids, labels)), tmp_path)


def test_triples_are_kept_in_32_bits_where_they_fit(tmp_path):
    for largest, dtype in ((2**31 - 1, np.int32), (2**31, np.int64)):
        triples = np.array([[0, 0, 1], [largest, 1, 0]], np.int64)
        save_triples(triples, tmp_path / "triples.npy")
        assert np.load(tmp_path / "triples.npy").dtype == dtype
        assert load_triples(tmp_path / "triples.npy").dtype == np.int64
        assert load_triples(tmp_path / "triples.npy").tolist() == triples.tolist()


@pytest.mark.parametrize("name", ["graph.json", "entities.tsv", "triples.npy"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(BadInputError) as caught:
        load_graph_folder(folder)
    assert caught.value.file == folder / name


@pytest.mark.parametrize("name", ["graph.json", "entities.tsv", "triples.npy"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_file_cut_short_is_named(folder, name, share):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadInputError) as caught:
        load_graph_folder(folder)
    assert caught.value.file == folder / name


def change_header(folder: Path, change: Callable[[dict], object]) -> None:
    header = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
    change(header)
    (folder / "graph.json").write_text(json.dumps(header), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda h: h.pop("metaedges"), id="no metaedges"),
        pytest.param(lambda h: h.pop("treats"), id="no treats"),
        pytest.param(lambda h: h.update(entities=7), id="fewer entities"),
        pytest.param(lambda h: h.update(entities="many"), id="entities no number"),
        pytest.param(lambda h: h.update(triples=6), id="more triples"),
        pytest.param(lambda h: h.update(entity_types=3), id="types no list"),
        pytest.param(lambda h: h["entity_types"][0].update(colour="red"), id="type with more fields"),
        pytest.param(lambda h: h["entity_types"][1].update(start=4), id="gap between types"),
        pytest.param(lambda h: h["entity_types"][0].update(stop="3"), id="text where a number belongs"),
        pytest.param(lambda h: h["metaedges"][0].update(tail_type="Symptom"), id="metaedge of an unknown type"),
        pytest.param(lambda h: h["metaedges"].clear(), id="no metaedge for the triples"),
    ],
)
def test_a_header_that_does_not_fit_is_an_error_of_the_folder(folder, change):
    change_header(folder, change)
    with pytest.raises(BadInputError) as caught:
        load_graph_folder(folder)
    assert caught.value.file.parent == folder


@pytest.mark.parametrize("text", ["[]", "3", "null", "{", "\x00"])
def test_a_header_that_is_no_json_object_is_an_error(folder, text):
    (folder / "graph.json").write_text(text)
    with pytest.raises(BadInputError, match="JSON"):
        load_graph_folder(folder)


def test_an_error_about_half_a_character_can_be_shown(folder):
    change_header(folder, lambda h: h["metaedges"][0].update({"\ud800": "x"}))
    with pytest.raises(BadInputError, match=r"unexpected keyword argument '\\ud800'") as caught:
        load_graph_folder(folder)
    assert str(caught.value).encode()


def test_a_line_of_one_column_is_named(folder):
    text = (folder / "entities.tsv").read_text(encoding="utf-8")
    (folder / "entities.tsv").write_text(text.replace("\tMetformin", ""), encoding="utf-8")
    with pytest.raises(BadInputError, match="expected 2 columns, id name") as caught:
        load_graph_folder(folder)
    assert caught.value.line == text.split("\n").index("Compound::DB00331\tMetformin") + 1


def test_an_id_that_stands_twice_is_an_error_of_its_file(folder):
    text = (folder / "entities.tsv").read_text(encoding="utf-8")
    (folder / "entities.tsv").write_text(text.replace("Compound::DB00331", "Compound::DB00030"), encoding="utf-8")
    with pytest.raises(BadInputError, match=r"entities\.tsv.*Compound::DB00030"):
        load_graph_folder(folder)


def test_entities_that_are_not_utf_8_are_an_error(folder):
    (folder / "entities.tsv").write_text("id\tname\nDisease::2\tSjögren\n", encoding="latin-1")
    with pytest.raises(BadInputError, match=r"entities\.tsv: is not UTF-8"):
        load_graph_folder(folder)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda t: t.astype(float), id="float"),
        pytest.param(lambda t: t.astype(str), id="text"),
        pytest.param(lambda t: t > 0, id="bool"),
        pytest.param(lambda t: t.ravel(), id="flat"),
        pytest.param(lambda t: t[:, :2], id="two columns"),
        pytest.param(lambda t: t + np.array([100, 0, 0]), id="head out of range"),
        pytest.param(lambda t: t + np.array([0, 100, 0]), id="relation out of range"),
        pytest.param(lambda t: t - np.array([0, 0, 100]), id="negative tail"),
        pytest.param(lambda t: t[::-1], id="out of order"),
        pytest.param(lambda t: np.repeat(t, 2, 0), id="twice"),
        pytest.param(lambda t: t[:-1], id="one fewer than graph.json says"),
    ],
)
def test_triples_that_do_not_fit_are_an_error_of_their_file(folder, medicines, change):
    np.save(folder / "triples.npy", change(medicines.triples))
    with pytest.raises(BadInputError) as caught:
        load_graph_folder(folder)
    assert caught.value.file == folder / "triples.npy"


def test_triples_in_another_container_are_an_error_of_their_file(folder, medicines):
    for content in (b"PK\x03\x04 no zip file", b"\x93NUMPY", b"text"):
        (folder / "triples.npy").write_bytes(content)
        with pytest.raises(BadInputError, match=r"triples\.npy"):
            load_graph_folder(folder)
    with (folder / "triples.npy").open("wb") as file:
        np.savez(file, triples=medicines.triples)
    with pytest.raises(BadInputError, match=r"triples\.npy"):
        load_graph_folder(folder)


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("as_array", [True, False])
def test_a_pickle_in_the_place_of_triples_is_refused_and_not_run(folder, as_array):
    trap = Trap(folder / "sprung")
    if as_array:
        np.save(folder / "triples.npy", np.array([[trap] * 3], object), allow_pickle=True)
    else:
        (folder / "triples.npy").write_bytes(pickle.dumps(trap))
    with pytest.raises(BadInputError, match=r"triples\.npy"):
        load_graph_folder(folder)
    assert not (folder / "sprung").exists()


def everything(folder: Path) -> dict[str, str | None]:
    return {str(p.relative_to(folder)): p.read_text() if p.is_file() else None for p in folder.rglob("*")}


def test_a_fresh_folder_takes_its_name_when_it_is_done(tmp_path):
    target = tmp_path / "deep" / "graph"
    with fresh_folder(target) as writing:
        (writing / "a").write_text("new")
        assert not target.exists()
    assert everything(tmp_path / "deep") == {"graph": None, "graph/a": "new"}


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_exists_is_refused_and_left_alone(tmp_path, is_folder):
    target = tmp_path / "graph"
    (target.mkdir() or (target / "a").write_text("old")) if is_folder else target.write_text("old")
    before = everything(tmp_path)
    with pytest.raises(UsageError, match=r"graph exists; .*--force"), fresh_folder(target) as writing:
        (writing / "a").write_text("new")
    assert everything(tmp_path) == before


@pytest.mark.parametrize("is_folder", [True, False])
def test_with_force_what_exists_is_replaced(tmp_path, is_folder):
    target = tmp_path / "graph"
    (target.mkdir() or (target / "graph.json").write_text("old")) if is_folder else target.write_text("old")
    with fresh_folder(target, force=True) as writing:
        (writing / "a").write_text("new")
        assert target.exists(), "the old one stays until the new one is whole"
    assert everything(tmp_path) == {"graph": None, "graph/a": "new"}


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_nothing_new_and_keeps_what_was_there(tmp_path, force, error):
    target = tmp_path / "graph"
    if force:
        target.mkdir()
        (target / "graph.json").write_text("old")
    before = everything(tmp_path)

    def write() -> None:
        with fresh_folder(target, force) as writing:
            (writing / "a").write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert everything(tmp_path) == before


def test_what_a_killed_run_left_behind_does_not_get_into_the_next(tmp_path):
    with fresh_folder(tmp_path / "graph") as writing:
        (writing / "graph.json").write_text("half")
        left = writing
        content = everything(writing)
    left.mkdir()
    (left / "stray").write_text("from a killed run")
    with fresh_folder(tmp_path / "graph", force=True) as writing:
        (writing / "graph.json").write_text("half")
    assert everything(tmp_path / "graph") == content


def test_with_force_a_link_to_a_folder_is_replaced_and_the_folder_kept(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a").write_text("old")
    (tmp_path / "graph").symlink_to(tmp_path / "kept")
    with fresh_folder(tmp_path / "graph", force=True) as writing:
        (writing / "a").write_text("new")
    assert (tmp_path / "graph" / "a").read_text() == "new"
    assert (tmp_path / "kept" / "a").read_text() == "old"


@pytest.mark.parametrize("place", ["letters", "."])
def test_a_folder_of_others_is_never_replaced(tmp_path, monkeypatch, place):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear").write_text("you")
    monkeypatch.chdir(tmp_path)
    before = everything(tmp_path)
    with pytest.raises(UsageError, match="did not write"), fresh_folder(Path(place), force=True) as writing:
        (writing / "a").write_text("new")
    assert everything(tmp_path) == before


def test_folders_of_others_that_are_called_like_ours_are_left_alone(tmp_path):
    mine = tmp_path / "graph.writing"
    mine.mkdir()
    (mine / "letter").write_text("dear")
    with fresh_folder(tmp_path / "graph") as writing:
        (writing / "a").write_text("new")
    assert everything(tmp_path) == {
        "graph": None,
        "graph/a": "new",
        "graph.writing": None,
        "graph.writing/letter": "dear",
    }


def test_two_that_write_to_one_place_do_not_meet(tmp_path):
    with fresh_folder(tmp_path / "graph", force=True) as one, fresh_folder(tmp_path / "graph", force=True) as other:
        assert one != other
        (one / "graph.json").write_text("one")
        (other / "graph.json").write_text("other")
    assert everything(tmp_path) == {"graph": None, "graph/graph.json": "one"}


def test_a_failure_leaves_no_folder_that_was_made_on_the_way(tmp_path):
    with pytest.raises(ValueError, match="no"), fresh_folder(tmp_path / "deep" / "er" / "graph"):
        raise ValueError("no")
    assert everything(tmp_path) == {}


def test_a_folder_has_the_permissions_that_a_new_one_has(tmp_path):
    (tmp_path / "plain").mkdir()
    with fresh_folder(tmp_path / "graph"):
        pass
    assert (tmp_path / "graph").stat().st_mode == (tmp_path / "plain").stat().st_mode
