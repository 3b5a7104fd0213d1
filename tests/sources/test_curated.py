from collections.abc import Callable
from pathlib import Path

import pytest

from kgdrug.errors import BadInputError
from kgdrug.sources import load_graph

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
    ("name", "header"),
    [
        ("entities", "id\tname\tkind"),
        ("metaedges", HEADER.replace("treats", "treat")[:-1]),
        ("edges__CtD", "tail\thead"),
    ],
)
def test_a_wrong_header_is_an_error_of_the_first_line(handwritten, name, header):
    file = name.replace("__", "/") + ".tsv"
    folder = handwritten(**{name: header + "\n" + FILES[file].split("\n", 1)[1]})
    with pytest.raises(BadInputError, match="the first line should be the header") as caught:
        load_graph(folder)
    assert (caught.value.file, caught.value.line) == (folder / file, 1)


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
