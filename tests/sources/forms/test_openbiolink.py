"""OpenBioLink: real rows, what the form has room for, and lines that are wrong."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, UsageError
from kgdrug.sources import Reading, load_graph, write_graph

NODES, EDGES = "nodes.csv", "edges.csv"


def test_real_rows_are_read_and_the_drug_of_a_treatment_is_its_head(published, put, tmp_path, facts_of):
    graph = load_graph(put("openbiolink", published("openbiolink"), tmp_path))
    assert facts_of(graph) == {
        ("NCBIGENE:11200", "GENE_PHENOTYPE", "HP:0009919"),
        ("CL:0000001", "IS_A:ANATOMY-ANATOMY", "CL:0000010"),
        ("HP:0009919", "IS_A:PHENOTYPE-PHENOTYPE", "HP:0000118"),
        ("NCBIGENE:2036", "GENE_BINDING_GENE", "NCBIGENE:5295"),
        ("PUBCHEM.COMPOUND:10630", "DIS_DRUG", "DOID:0050214"),
    }
    assert [(t.name, len(t)) for t in graph.entity_types] == [
        ("ANATOMY", 3),
        ("DIS", 1),
        ("DRUG", 1),
        ("GENE", 3),
        ("PHENOTYPE", 2),
    ]
    assert [(e.head_type, e.relation, e.tail_type, e.source) for e in graph.metaedges] == [
        ("DRUG", "DIS_DRUG", "DIS", "DrugCentral"),
        ("GENE", "GENE_BINDING_GENE", "GENE", "STRING"),
        ("GENE", "GENE_PHENOTYPE", "PHENOTYPE", "HPO"),
        ("ANATOMY", "IS_A", "ANATOMY", "UBERON"),
        ("PHENOTYPE", "IS_A", "PHENOTYPE", "HPO"),
    ]
    assert graph.treats == ("DIS_DRUG",)
    assert graph.name == "openbiolink"


@pytest.mark.parametrize("place", ["graph_files", "HQ_DIR/graph_files"])
def test_the_files_are_found_where_they_lie_in_its_archives(published, put, tmp_path, place):
    put("openbiolink", published("openbiolink"), tmp_path / place)
    assert len(load_graph(tmp_path).triples) == 5


def test_quality_and_source_may_be_missing_in_some_lines_or_in_all(published, put, tmp_path):
    files = published("openbiolink")
    graph = load_graph(put("openbiolink", files, tmp_path / "all"))
    lines = [line.split("\t") for line in files[EDGES].splitlines()]
    none = "".join("\t".join(fields[:3]) + "\n" for fields in lines)
    some = "".join("\t".join(fields[: 3 + i % 3]) + "\n" for i, fields in enumerate(lines))
    for name, text in (("none", none), ("some", some)):
        assert load_graph(put("openbiolink", files | {EDGES: text}, tmp_path / name)).digest == graph.digest


@pytest.mark.parametrize(
    ("name", "line", "text", "kind", "message"),
    [
        (NODES, 1, "id\ttype\tname", "columns", "3 fields where 2"),
        (NODES, 3, "CL:0000002", "columns", "1 field where 2"),
        (NODES, 3, "", "columns", "1 field where 2"),
        (NODES, 3, "CL:0000002\t", "empty field", "an empty field"),
        (NODES, 11, "HP:0009919\tDIS", "id twice", "the id 'HP:0009919' is a DIS here and a PHENOTYPE in line 4"),
        (NODES, 3, "CL\0\tANATOMY", "NUL", "holds a NUL"),
        (EDGES, 1, "id1\tedge\tid2\tquality\tsource", "unknown entity", "unknown entity 'id1'"),
        (EDGES, 2, "CL:0000001\tIS_A", "columns", "2 fields where 5"),
        (EDGES, 2, "CL:0000001\t\tCL:0000010\t\tUBERON", "empty field", "an empty field"),
        (EDGES, 2, "CL:0000001\tIS_A\tCL:0000010\t\tUBERON\tx", "columns", "6 fields where 5"),
        (EDGES, 2, "CL:0000001\tIS_A\tCL:9999999\t\tUBERON", "unknown entity", "unknown entity 'CL:9999999'"),
        (EDGES, 6, "DOID:0050214\tDIS_DRUG\tPUBCHEM:1\t\tx", "unknown entity", "unknown entity 'PUBCHEM:1'"),
        (EDGES, 2, "CL:1\tIS_A\tCL:2\t\tLängle".encode("latin-1"), "encoding", "(byte 0xe4)"),
    ],
)
def test_a_bad_line_is_named_or_set_aside(bad_line, name, line, text, kind, message):
    bad_line("openbiolink", name, line, text, kind, message)


def test_a_first_line_that_is_wrong_does_not_hide_the_form(published, put, tmp_path):
    files = published("openbiolink")
    folder = put("openbiolink", files | {NODES: "no tab\n" + files[NODES]}, tmp_path)
    with pytest.raises(BadInputError, match="1 field where 2") as caught:
        load_graph(folder)
    assert (caught.value.file.name, caught.value.line) == (NODES, 1)


def test_tables_with_commas_are_not_of_this_form(put, tmp_path):
    with pytest.raises(UsageError, match="is no graph"):
        load_graph(put("openbiolink", {NODES: "id,type\na,DRUG\n", EDGES: "head,tail\na,a\n"}, tmp_path))
    with pytest.raises(BadInputError, match=r"has no nodes\.csv and edges\.csv of OpenBioLink"):
        load_graph(tmp_path.parent, "openbiolink")


def test_a_graph_of_this_form_goes_out_and_in_whole(put):
    types = ("DRUG", "DIS", "GENE")
    an_id = st.one_of(st.text("aA \"',;:|>é猫", min_size=1, max_size=3), st.sampled_from(["HP:1", "hp:1", "DRUG::1"]))

    @st.composite
    def draw_files(draw):
        nodes = draw(st.dictionaries(an_id, st.sampled_from(types), min_size=1, max_size=6))
        node = st.sampled_from(sorted(nodes))
        relation = st.sampled_from(["DIS_DRUG", "IS_A", "GENE_DIS"])
        edges = draw(st.lists(st.tuples(node, relation, node, st.just(""), st.sampled_from(["", "HPO"])), min_size=1))
        return {NODES: [*nodes.items()], EDGES: edges}

    @settings(max_examples=40, deadline=None)
    @given(draw_files())
    def check(rows):
        files = {name: "".join("\t".join(row) + "\n" for row in part) for name, part in rows.items()}
        with tempfile.TemporaryDirectory() as folder:
            graph = load_graph(put("openbiolink", files, Path(folder) / "in"), "openbiolink")
            assert write_graph(graph, Path(folder) / "out", "openbiolink") == []
            written = (Path(folder) / "out" / EDGES).read_text("utf-8").splitlines()
            assert sorted((Path(folder) / "out" / NODES).read_text("utf-8").splitlines()) == sorted(
                files[NODES].splitlines()
            )
        assert {tuple(line.split("\t")[:3]) for line in written} == {row[:3] for row in rows[EDGES]}
        assert set(graph.treats) == {e.abbreviation for e in graph.metaedges if e.relation == "DIS_DRUG"}

    check()


def test_what_is_lost_of_another_graph_is_said(medicine, tmp_path, facts_of):
    assert write_graph(medicine, tmp_path / "out", "openbiolink") == [
        "names of 2 metaedges, such as CtD (Compound treats Disease)",
        "names of 4 entities",
        "structures of 1 entities",
        "licence of 1 metaedges",
        "which metaedges are treatments (CtD)",
    ]
    back = load_graph(tmp_path / "out")
    assert facts_of(back) == {
        ("Compound::DB00331", "CtD", "DOID:9352"),
        ("DOID:9352", "linked", "3630"),
    }
    assert back.entities.ids == medicine.entities.ids
    assert back.treats == ()


def test_a_line_that_says_the_same_again_is_counted(published, put, tmp_path):
    files = {name: text + text for name, text in published("openbiolink").items()}
    reading = Reading()
    graph = load_graph(put("openbiolink", files, tmp_path), reading=reading)
    assert (reading.duplicates, len(graph.entities), len(graph.triples)) == (15, 10, 5)
