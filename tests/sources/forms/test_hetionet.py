"""Hetionet's tables: real rows, and small files with all eleven kinds of nodes and all 24 metaedges."""

import gzip
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, UsageError
from kgdrug.sources import Reading, load_graph, write_graph

# head kind, tail kind, of the abbreviations as hetio/hetionet describes them
METAEDGES = {
    "AdG": ("Anatomy", "Gene"),
    "AeG": ("Anatomy", "Gene"),
    "AuG": ("Anatomy", "Gene"),
    "CbG": ("Compound", "Gene"),
    "CcSE": ("Compound", "Side Effect"),
    "CdG": ("Compound", "Gene"),
    "CpD": ("Compound", "Disease"),
    "CrC": ("Compound", "Compound"),
    "CtD": ("Compound", "Disease"),
    "CuG": ("Compound", "Gene"),
    "DaG": ("Disease", "Gene"),
    "DdG": ("Disease", "Gene"),
    "DlA": ("Disease", "Anatomy"),
    "DpS": ("Disease", "Symptom"),
    "DrD": ("Disease", "Disease"),
    "DuG": ("Disease", "Gene"),
    "GcG": ("Gene", "Gene"),
    "GiG": ("Gene", "Gene"),
    "GpBP": ("Gene", "Biological Process"),
    "GpCC": ("Gene", "Cellular Component"),
    "GpMF": ("Gene", "Molecular Function"),
    "GpPW": ("Gene", "Pathway"),
    "Gr>G": ("Gene", "Gene"),
    "PCiC": ("Pharmacologic Class", "Compound"),
}
KINDS = sorted({kind for kinds in METAEDGES.values() for kind in kinds})
NODES = [(f"{kind}::{i}", f"{kind} {i}", kind) for i in (1, 0) for kind in KINDS]
EDGES = [(f"{head}::{i}", metaedge, f"{tail}::1") for metaedge, (head, tail) in METAEDGES.items() for i in (0, 1)]
SMILES = {f"Compound::{i}": "CCO" for i in (0, 1)}
NODE_FILE, EDGE_FILE = "hetionet-v1.0-nodes.tsv", "hetionet-v1.0-edges.sif"

Write = Callable[[str, str | bytes], Path]


def table(header: str, rows: list[tuple[str, ...]]) -> str:
    return "".join("\t".join(row) + "\n" for row in [tuple(header.split()), *rows])


def official(write: Write, nodes: str | None = None) -> Path:
    write(f"official/{NODE_FILE}", table("id name kind", NODES) if nodes is None else nodes)
    return write(f"official/{EDGE_FILE}.gz", gzip.compress(table("source metaedge target", EDGES).encode())).parent


def rebuilt(write: Write, nodes: str | None = None) -> Path:
    rows = [(*row, SMILES.get(row[0], "")) for row in NODES]
    nodes = table("id name kind smiles", rows) if nodes is None else nodes
    write("rebuilt/nodes.tsv.zst", zstandard.compress(nodes.encode()))
    edges = zstandard.compress(table("head metaedge tail", EDGES).encode())
    return write("rebuilt/hetionet-rebuilt.tsv.zst", edges).parent


def test_real_rows_are_read(published, put, tmp_path, facts_of):
    graph = load_graph(put("hetionet", published("hetionet"), tmp_path))
    assert facts_of(graph) == {
        ("Gene::9021", "GpBP", "Biological Process::GO:0071357"),
        ("Anatomy::UBERON:0002081", "AeG", "Gene::8519"),
        ("Anatomy::UBERON:0001891", "AeG", "Gene::84281"),
        ("Gene::2063", "Gr>G", "Gene::7846"),
        ("Compound::DB00331", "CtD", "Disease::DOID:9352"),
    }
    assert graph.entities.names[graph.entities.index("Gene::9021")] == "SOCS3"
    assert graph.type_of(graph.entities.index("Symptom::D058447")).name == "Symptom"
    assert [str(e) for e in graph.metaedges] == [
        "AeG (Anatomy expresses Gene)",
        "CtD (Compound treats Disease)",
        "GpBP (Gene participates Biological Process)",
        "Gr>G (Gene regulates Gene)",
    ]
    treats = graph.metaedges[1]
    assert (treats.licence, treats.source, treats.version) == ("CC0 1.0", "PharmacotherapyDB", "v1.0")
    assert graph.treats == ("CtD",)


@pytest.mark.parametrize("form", [official, rebuilt])
def test_every_kind_and_metaedge_is_read(write, facts_of, form):
    graph = load_graph(form(write))
    ids = graph.entities.ids
    assert facts_of(graph) == set(EDGES)
    kinds = [graph.type_of(i).name for i in range(len(ids))]
    assert set(zip(ids, graph.entities.names, kinds, strict=True)) == set(NODES)
    assert {e.abbreviation: (e.head_type, e.tail_type) for e in graph.metaedges} == METAEDGES
    assert graph.treats == ("CtD",)
    assert graph.name == "hetionet"
    assert all(e.licence and e.source and e.version == "v1.0" for e in graph.metaedges)
    assert {ids[i]: smiles for i, smiles in graph.smiles.items()} == (SMILES if form is rebuilt else {})


def test_both_forms_are_the_same_graph(write):
    assert load_graph(official(write)).digest == load_graph(rebuilt(write)).digest


@pytest.mark.parametrize(
    ("name", "line", "text", "kind", "message"),
    [
        (EDGE_FILE, 3, "Gene::7\tGiG", "columns", "2 fields where 3 tab-separated ones are expected"),
        (EDGE_FILE, 3, "", "columns", "1 field where 3"),
        (EDGE_FILE, 3, "Gene::8519\t\tGene::2063", "empty field", "an empty field"),
        (EDGE_FILE, 3, "Gene::7\tGiG\tGene::2063", "unknown entity", "unknown entity 'Gene::7'"),
        (EDGE_FILE, 7, "Gene::2063\tGxG\tGene::7846", "unknown metaedge", "unknown metaedge 'GxG'; known are AdG, AeG"),
        (
            EDGE_FILE,
            7,
            "Disease::DOID:9352\tCtD\tCompound::DB00331",
            "misfit",
            "'Disease::DOID:9352' is a Disease, which does not fit the metaedge CtD (Compound treats Disease)",
        ),
        (EDGE_FILE, 2, "Sjögren\tGiG\tGene::2063".encode("latin-1"), "encoding", "is not UTF-8 text (byte 0xf6)"),
        (EDGE_FILE, 2, "Gene\0\tGiG\tGene::2063", "NUL", "holds a NUL"),
        (EDGE_FILE, 4, "source\tmetaedge\ttarget", "unknown entity", "unknown entity 'source'"),
        (NODE_FILE, 4, "Gene::5\tno kind", "columns", "2 fields where 3"),
        (NODE_FILE, 4, "\tno id\tGene", "empty field", "an empty field"),
        (NODE_FILE, 4, "Gene::5\t\tGene", "empty field", "an empty field"),
        (NODE_FILE, 4, "Gene::5\tno kind\t", "empty field", "an empty field"),
        (NODE_FILE, 13, "Gene::5\tTF\tGenes", "unknown type", "unknown entity type 'Genes'; did you mean Gene?"),
        (
            NODE_FILE,
            13,
            "Gene::9021\tSOCS3\tCompound",
            "id twice",
            "the id 'Gene::9021' is a Compound here and a Gene in line 11",
        ),
        (
            NODE_FILE,
            13,
            "Gene::9021\tsocs3\tGene",
            "id twice",
            "'Gene::9021' stands in line 11 already, with another name",
        ),
    ],
)
def test_a_bad_line_is_named_or_set_aside(bad_line, name, line, text, kind, message):
    bad_line("hetionet", name, line, text, kind, message)


def test_a_line_that_says_the_same_again_is_counted(published, put, tmp_path):
    files = published("hetionet")
    twice = {name: text + text.splitlines(keepends=True)[-1] for name, text in files.items()}
    reading = Reading()
    graph = load_graph(put("hetionet", twice, tmp_path / "twice"), reading=reading)
    assert reading.duplicates == 2
    assert graph.made["duplicates"] == 2
    assert graph.digest == load_graph(put("hetionet", files, tmp_path / "once")).digest


@pytest.mark.parametrize("form", [official, rebuilt])
def test_other_columns_are_an_error_of_the_first_line(write, form):
    message = "should be a header with id name kind; kind is not in it .*it is: id name type"
    with pytest.raises(BadInputError, match=message) as caught:
        load_graph(form(write, nodes=table("id name type", NODES)))
    assert caught.value.line == 1


def test_a_node_table_without_a_header_is_an_error_of_the_first_line(write):
    with pytest.raises(BadInputError, match="the first line should be a header with id name kind") as caught:
        load_graph(official(write, nodes=table("id name kind", NODES).partition("\n")[2]))
    assert caught.value.line == 1


def test_an_edge_list_needs_no_header(published, put, tmp_path):
    files = published("hetionet")
    bare = files | {EDGE_FILE: files[EDGE_FILE].partition("\n")[2]}
    assert (
        load_graph(put("hetionet", bare, tmp_path / "bare")).digest
        == load_graph(put("hetionet", files, tmp_path / "headed")).digest
    )


@pytest.mark.parametrize("form", [official, rebuilt])
def test_the_edges_of_a_kind_that_is_missing_are_set_aside(write, form):
    header = "id name kind" if form is official else "id name kind smiles"
    nodes = [row + ("",) * (form is rebuilt) for row in NODES if row[2] != "Symptom"]
    folder, reading = form(write, nodes=table(header, nodes)), Reading(skip_bad_lines=True)
    graph = load_graph(folder, reading=reading)
    assert reading.kinds == {"unknown entity": 2}
    assert {e.abbreviation for e in graph.metaedges} == METAEDGES.keys() - {"DpS"}
    with pytest.raises(BadInputError, match="unknown entity 'Symptom::1'"):
        load_graph(folder)


def test_one_of_the_two_files_alone_is_no_graph(write):
    folder = official(write)
    (folder / NODE_FILE).unlink()
    with pytest.raises(UsageError, match="is no graph"):
        load_graph(folder)


def test_a_graph_of_its_own_kinds_and_metaedges_goes_out_and_in_whole(put, facts_of):
    name = st.text("aA \"',;:|>&é\u2028猫", min_size=1, max_size=5)
    nodes = st.lists(
        st.tuples(name, st.sampled_from(["", "CCO", "[Na+].[Cl-]"])), min_size=len(NODES), max_size=len(NODES)
    )

    @settings(max_examples=30, deadline=None)
    @given(nodes, st.lists(st.sampled_from(EDGES), min_size=1, unique=True))
    def check(named, edges):
        rows = [(i, name, kind, smiles) for (i, _, kind), (name, smiles) in zip(NODES, named, strict=True)]
        files = {"nodes.tsv": table("id name kind smiles", rows), "edges.sif": table("source metaedge target", edges)}
        with tempfile.TemporaryDirectory() as folder:
            graph = load_graph(put("hetionet", files, Path(folder) / "in"))
            assert write_graph(graph, Path(folder) / "out", "hetionet") == []
            back = load_graph(Path(folder) / "out")
        assert back.digest == graph.digest
        assert facts_of(back) == set(edges)
        ids = back.entities.ids
        assert set(zip(ids, back.entities.names, strict=True)) == {(i, name) for i, name, _, _ in rows}
        assert {ids[i]: smiles for i, smiles in back.smiles.items()} == {i: s for i, _, _, s in rows if s}

    check()


def test_other_words_about_its_metaedges_go_along_and_are_not_taken_for_its_own(published, put, tmp_path):
    graph = load_graph(put("hetionet", published("hetionet"), tmp_path))
    bare = tuple(replace(e, licence="", source="mine", version="2") for e in graph.metaedges)
    other = replace(graph, metaedges=bare, treats=("GpBP",))
    assert write_graph(other, tmp_path / "out", "hetionet") == ["which metaedges are treatments (GpBP)"]
    assert load_graph(tmp_path / "out").metaedges == other.metaedges
    (tmp_path / "out" / "export.json").unlink()
    assert {(e.licence, e.source, e.version) for e in load_graph(tmp_path / "out").metaedges} == {("", "", "")}


def test_there_is_no_room_for_other_metaedges(published, put, tmp_path):
    graph = load_graph(put("hetionet", published("hetionet"), tmp_path))
    other = replace(
        graph, metaedges=(*graph.metaedges[:1], replace(graph.metaedges[1], relation="cures"), *graph.metaedges[2:])
    )
    with pytest.raises(UsageError, match=r"CtD \(Compound cures Disease\) is none; try kgx or parquet"):
        write_graph(other, tmp_path / "out", "hetionet")
    assert not (tmp_path / "out").exists()
