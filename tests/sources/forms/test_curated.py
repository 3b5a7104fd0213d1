import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import Vocabulary
from kgdrug.sources import Reading, from_pandas, load_graph, write_graph

HEADER = "abbreviation\thead_type\trelation\ttail_type\ttreats\tlicence\tsource\n"
FILES = {
    "entities.tsv": "id\tname\ttype\n"
    "Compound::DB00331\tMetformin\tCompound\n"
    "Compound::DB00945\tAspirin\tCompound\n"
    "Disease::1\tdiabetes\tDisease\n"
    "Disease::2\tAspirin\tDisease\n",  # the name of a compound too
    "metaedges.tsv": HEADER
    + "CtD\tCompound\ttreats\tDisease\tyes\tCC0 1.0\ttextbook\n"
    + "CpD\tCompound\tpalliates\tDisease\tno\tCC BY 4.0\tpaper\n",
    "edges/CtD.tsv": "head\ttail\nMetformin\tdiabetes\nAspirin\tAspirin\n",
    "edges/CpD.tsv": "head\ttail\nAspirin\tdiabetes\nAspirin\tdiabetes\n",
}


UNCHANGED = {name.removesuffix(".tsv").replace("/", "__"): content for name, content in FILES.items()}


@pytest.fixture
def handwritten(write, tmp_path) -> Callable[..., Path]:
    """A folder with these files, some of them changed, or left out where the change is None."""

    def folder(**changes: str | None) -> Path:
        for name, content in (FILES | {k.replace("__", "/") + ".tsv": v for k, v in changes.items()}).items():
            if content is not None:
                write(f"mine/{name}", content)
        return tmp_path / "mine"

    return folder


def test_a_folder_is_read_by_the_names_of_its_entities(handwritten):
    graph = load_graph(handwritten())
    ids = graph.entities.ids
    facts = {(ids[h], graph.metaedges[r].abbreviation, ids[t]) for h, r, t in graph.triples.tolist()}
    assert facts == {
        ("Compound::DB00331", "CtD", "Disease::1"),
        ("Compound::DB00945", "CtD", "Disease::2"),
        ("Compound::DB00945", "CpD", "Disease::1"),
    }
    assert len(graph.triples) == 3, "a line that stands twice is one fact"
    assert graph.name == "mine"


def test_licence_source_and_treats_come_from_the_metaedge_file(handwritten):
    graph = load_graph(handwritten())
    assert graph.treats == ("CtD",)
    assert [(e.abbreviation, e.relation, e.licence, e.source) for e in graph.metaedges] == [
        ("CpD", "palliates", "CC BY 4.0", "paper"),
        ("CtD", "treats", "CC0 1.0", "textbook"),
    ]


def test_several_relations_can_be_treatments(handwritten):
    assert set(load_graph(handwritten(metaedges=FILES["metaedges.tsv"].replace("\tno\t", "\tyes\t"))).treats) == {
        "CpD",
        "CtD",
    }


def test_windows_line_ends_and_the_order_of_lines_change_nothing(handwritten):
    expected = load_graph(handwritten()).digest
    turned = {}
    for name, content in FILES.items():
        header, *lines = content.splitlines()
        turned[name.removesuffix(".tsv").replace("/", "__")] = "\r\n".join([header, *reversed(lines)]) + "\r\n"
    assert load_graph(handwritten(**turned)).digest == expected


def test_an_unknown_name_is_given_with_file_line_and_close_match(handwritten):
    folder = handwritten(edges__CtD="head\ttail\nAspirin\tdiabetes\nMetfrmin\tdiabetes\n")
    with pytest.raises(BadInputError, match=r"unknown Compound 'Metfrmin'; did you mean Metformin") as caught:
        load_graph(folder)
    assert (caught.value.file, caught.value.line) == (folder / "edges" / "CtD.tsv", 3)


def test_a_name_of_another_type_is_unknown_and_its_match_is_of_the_right_type(handwritten):
    folder = handwritten(edges__CtD="head\ttail\nMetformin\tMetformin\n")
    with pytest.raises(BadInputError, match="unknown Disease 'Metformin'") as caught:
        load_graph(folder)
    assert "Compound::" not in str(caught.value)
    assert caught.value.line == 2


def test_a_treats_column_that_says_neither_yes_nor_no_is_an_error(handwritten):
    folder = handwritten(metaedges=FILES["metaedges.tsv"].replace("\tno\t", "\tmaybe\t"))
    with pytest.raises(BadInputError, match="treats is 'maybe'; write yes or no") as caught:
        load_graph(folder)
    assert (caught.value.file, caught.value.line) == (folder / "metaedges.tsv", 3)


def test_a_name_that_two_entities_of_a_type_bear_is_an_error(handwritten):
    folder = handwritten(entities=FILES["entities.tsv"] + "Compound::DB1\tMetformin\tCompound\n")
    with pytest.raises(BadInputError, match="the Compound name 'Metformin' stands twice") as caught:
        load_graph(folder)
    assert caught.value.file == folder / "entities.tsv"
    assert caught.value.line in (2, 6)


def test_an_id_that_stands_twice_is_an_error(handwritten):
    folder = handwritten(entities=FILES["entities.tsv"] + "Disease::1\tother\tDisease\n")
    with pytest.raises(BadInputError, match="'Disease::1' stands in line 4 already") as caught:
        load_graph(folder)
    assert (caught.value.file, caught.value.line) == (folder / "entities.tsv", 6)


def test_a_metaedge_that_stands_twice_is_an_error(handwritten):
    folder = handwritten(metaedges=FILES["metaedges.tsv"] + "CtD\tCompound\tcures\tDisease\tno\tCC0 1.0\ttextbook\n")
    with pytest.raises(BadInputError, match="CtD") as caught:
        load_graph(folder)
    assert caught.value.file == folder / "metaedges.tsv"


def test_a_type_without_entities_is_named(handwritten):
    folder = handwritten(metaedges=FILES["metaedges.tsv"].replace("Disease\tno", "Disese\tno"))
    with pytest.raises(BadInputError, match="no entity is of type 'Disese', which the metaedge CpD"):
        load_graph(folder)


def test_a_metaedge_file_without_metaedges_is_an_error(handwritten):
    with pytest.raises(BadInputError, match=r"metaedges\.tsv"):
        load_graph(handwritten(metaedges=HEADER))


@pytest.mark.parametrize(
    ("name", "header", "missing"),
    [
        ("entities", "id\tname\tkind", "type"),
        ("metaedges", HEADER.replace("treats", "treat")[:-1], "treats"),
        ("edges__CtD", "drug\thead", "tail"),
    ],
)
def test_a_header_without_a_column_is_an_error_of_the_first_line(handwritten, name, header, missing):
    file = name.replace("__", "/") + ".tsv"
    folder = handwritten(**{name: header + "\n" + FILES[file].split("\n", 1)[1]})
    with pytest.raises(BadInputError, match=f"should be a header with .*; {missing} is not in it") as caught:
        load_graph(folder)
    assert (caught.value.file, caught.value.line) == (folder / file, 1)


def test_columns_may_stand_in_any_order_and_among_others(handwritten):
    turned = "tail\treviewed by\thead\ndiabetes\tA. N.\tMetformin\nAspirin\t\tAspirin\n"
    assert load_graph(handwritten(edges__CtD=turned)).digest == load_graph(handwritten(**UNCHANGED)).digest


def test_licence_source_and_version_may_be_empty_or_missing(handwritten):
    header = "abbreviation\thead_type\trelation\ttail_type\ttreats\tversion\n"
    rows = "CtD\tCompound\ttreats\tDisease\tyes\t2\nCpD\tCompound\tpalliates\tDisease\tno\t\n"
    graph = load_graph(handwritten(metaedges=header + rows))
    assert [(e.licence, e.source, e.version) for e in graph.metaedges] == [("", "", ""), ("", "", "2")]


def test_structures_and_annotations_stand_by_name(handwritten):
    graph = load_graph(
        handwritten(
            smiles="compound\tsmiles\nAspirin\tCC(=O)Oc1ccccc1C(=O)O\n",
            annotations="compound\tdisease\tstatus\tsource\tlicence\tdate\n"
            "Metformin\tAspirin\trefuted\tpaper\tCC0 1.0\t2014-05\nAspirin\tdiabetes\ttrial\tNCT1\t\t\n",
        )
    )
    assert graph.smiles == {graph.find("Compound::DB00945"): "CC(=O)Oc1ccccc1C(=O)O"}
    ids = graph.entities.ids
    assert [(ids[a.compound], ids[a.disease], a.status, a.source, a.licence, a.date) for a in graph.annotations] == [
        ("Compound::DB00331", "Disease::2", "refuted", "paper", "CC0 1.0", "2014-05"),
        ("Compound::DB00945", "Disease::1", "trial", "NCT1", "", ""),
    ]


def test_other_names_stand_in_a_column_of_the_entities(handwritten):
    header, *lines = FILES["entities.tsv"].splitlines()
    synonyms = ["Glucophage|a\\|b", "", "sugar | sugar disease", ""]
    rows = [f"{line}\t{text}" for line, text in zip(lines, synonyms, strict=True)]
    graph = load_graph(handwritten(entities="\n".join([f"{header}\tsynonyms", *rows, ""])))
    assert graph.entities.synonyms == {0: ("Glucophage", "a|b"), 2: ("sugar", "sugar disease")}
    assert graph.digest == load_graph(handwritten(**UNCHANGED)).digest


@pytest.mark.parametrize(
    ("file", "row", "message"),
    [
        ("smiles", "Asprin\tCC", "unknown Compound 'Asprin'; did you mean Aspirin"),
        ("smiles", "Aspirin\t", "an empty field where 2"),
        ("smiles", "Metformin\tN", "another structure of Compound::DB00331 stands above"),
        ("annotations", "Metformin\tdiabetis\ttrial", "unknown Disease 'diabetis'; did you mean diabetes"),
        ("annotations", "Metformin\tdiabetes\ttrail", "unknown status 'trail'; did you mean trial"),
        ("annotations", "Metformin\tdiabetes", "2 fields where 3"),
    ],
)
def test_a_wrong_structure_or_annotation_is_named_or_set_aside(handwritten, file, row, message):
    good = {"smiles": "compound\tsmiles\nMetformin\tC\n", "annotations": "compound\tdisease\tstatus\n"}[file]
    folder = handwritten(**{file: good + row + "\n"})
    with pytest.raises(BadInputError, match=message) as caught:
        load_graph(folder)
    line = good.count("\n") + 1
    assert (caught.value.file, caught.value.line) == (folder / f"{file}.tsv", line)
    reading = Reading(skip_bad_lines=True)
    graph = load_graph(folder, reading=reading)
    assert [(bad.file, bad.line) for bad in reading.bad_lines] == [(str(folder / f"{file}.tsv"), line)]
    assert (graph.smiles, graph.annotations) == (({0: "C"} if file == "smiles" else {}), ())


BAD_LINES = {
    "entities": ("Compound::DB1\tMetformin\tCompound", "name twice"),
    "entities ": ("Disease::1\tgout\tDisease", "id twice"),
    "entities  ": ("Disease::3\t\tDisease", "empty field"),
    "edges__CtD": ("Metformin\tMetformin", "unknown entity"),
    "edges__CtD ": ("Metformin", "columns"),
    "edges__CpD": ("Metformin\tdia\0betes", "NUL"),
    "edges__CpD ": ("Metformin\tgout", "unknown entity"),
}


def test_all_bad_lines_are_set_aside_and_the_rest_is_the_graph_of_the_good_ones(handwritten):
    expected = load_graph(handwritten())
    changed, lines = {}, []
    for name, (row, kind) in BAD_LINES.items():
        file = name.strip().replace("__", "/") + ".tsv"
        header, rest = changed.get(name.strip(), FILES[file]).split("\n", 1)
        changed[name.strip()] = f"{header}\n{rest}{row}\n"
        lines.append((file, changed[name.strip()].count("\n"), kind))
    reading = Reading(skip_bad_lines=True)
    folder = handwritten(**changed)
    assert load_graph(folder, reading=reading).digest == expected.digest
    assert sorted((bad.file, bad.line, bad.kind) for bad in reading.bad_lines) == sorted(
        (str(folder / file), line, kind) for file, line, kind in lines
    )


def test_a_name_that_was_set_aside_with_its_id_is_known_to_no_later_line(handwritten):
    # the id of the third line stands above, so that `gout` is nobody's name
    folder = handwritten(
        entities=FILES["entities.tsv"] + "Disease::1\tgout\tDisease\n",
        edges__CpD="head\ttail\nAspirin\tgout\nAspirin\tdiabetes\n",
    )
    reading = Reading(skip_bad_lines=True)
    assert load_graph(folder, reading=reading).digest == load_graph(handwritten(**UNCHANGED)).digest
    assert reading.kinds == {"id twice": 1, "unknown entity": 1}


@pytest.mark.parametrize("name", ["../CtD", "/etc/passwd", "x" * 300])
def test_a_metaedge_never_leads_to_a_file_outside_of_the_folder(handwritten, name):
    folder = handwritten(metaedges=FILES["metaedges.tsv"].replace("CpD", name))
    with pytest.raises(BadInputError, match="no file in edges can be named after") as caught:
        load_graph(folder)
    assert caught.value.line == 3


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_graph_comes_back_whole_annotations_too(random_graphs, data):
    graph = data.draw(random_graphs)
    with tempfile.TemporaryDirectory() as folder:
        assert write_graph(graph, Path(folder) / "out", "curated") == []
        again = load_graph(Path(folder) / "out")
    assert again.digest == graph.digest
    assert (again.entities.names, again.smiles) == (graph.entities.names, graph.smiles)
    assert (again.metaedges, again.treats, again.annotations) == (graph.metaedges, graph.treats, graph.annotations)


def test_a_graph_with_one_name_for_two_entities_has_no_curated_form(tmp_path):
    graph = from_pandas(pandas.DataFrame([("a", "r", "b")], columns=["head", "metaedge", "tail"]))
    twins = replace(graph, entities=Vocabulary(graph.entities.ids, ["Insulin", "Insulin"]))
    with pytest.raises(UsageError, match="two entities of type Entity are named 'Insulin'"):
        write_graph(twins, tmp_path / "out", "curated")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a/b", "x" * 300])
def test_a_metaedge_that_can_name_no_file_has_no_curated_form(tmp_path, name):
    graph = from_pandas(pandas.DataFrame([("a", name, "b")], columns=["head", "metaedge", "tail"]))
    with pytest.raises(UsageError, match="can name none"):
        write_graph(graph, tmp_path / "out", "curated")


def test_a_metaedge_without_its_edge_file_is_an_error(handwritten):
    folder = handwritten(edges__CpD=None)
    with pytest.raises(BadInputError, match="is missing") as caught:
        load_graph(folder)
    assert caught.value.file == folder / "edges" / "CpD.tsv"


def test_an_edge_file_of_no_lines_but_the_header_has_no_facts(handwritten):
    graph = load_graph(handwritten(edges__CtD="head\ttail\n"))
    assert [graph.metaedges[r].abbreviation for r in graph.triples[:, 1]] == ["CpD"]


def test_a_line_with_a_field_too_many_is_named(handwritten):
    folder = handwritten(edges__CtD="head\ttail\nMetformin\tdiabetes\nAspirin\tdiabetes\t1\n")
    with pytest.raises(BadInputError, match="3 fields where 2") as caught:
        load_graph(folder)
    assert (caught.value.file, caught.value.line) == (folder / "edges" / "CtD.tsv", 3)
