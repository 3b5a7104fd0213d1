"""PrimeKG: real rows in both directions, what the form has room for, and lines that are wrong."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError
from kgdrug.sources import Reading, load_graph, write_graph
from kgdrug.sources.forms.primekg import HEADER

NAME = "kg.csv"
ASPIRIN, METFORMIN = "DrugBank:DB00945", "DrugBank:DB00331"
IMPERFECTA = "MONDO_grouped:13924_12592_14672_13460_12591_12536_30861_8146"


def csv_of(rows) -> str:
    """Rows `relation display head tail`, an end as `id type name source`, as a file, each in one direction."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    for relation, display, *ends in rows:
        writer.writerow([relation, display, *(word for i, end in enumerate(ends) for word in (str(i), *end))])
    return file.getvalue()


def test_real_rows_are_read_and_the_two_directions_of_a_fact_are_one_triple(published, put, tmp_path, facts_of):
    graph = load_graph(put("primekg", published("primekg"), tmp_path))
    assert facts_of(graph) == {
        ("NCBI:9796", "protein_protein", "NCBI:56992"),
        (ASPIRIN, "drug_protein:target", "NCBI:5742"),
        (ASPIRIN, "drug_protein:carrier", "NCBI:213"),
        (ASPIRIN, "drug_protein:enzyme", "NCBI:1559"),
        (ASPIRIN, "drug_protein:transporter", "NCBI:9356"),
        (METFORMIN, "indication", "MONDO:5148"),
        ("NCBI:1277", "disease_protein", IMPERFECTA),
        ("GO:6355", "bioprocess_protein", "NCBI:2063"),
    }
    assert [(str(e)) for e in graph.metaedges] == [
        "bioprocess_protein (biological_process interacts with gene/protein)",
        "disease_protein (gene/protein associated with disease)",
        "drug_protein:carrier (drug carrier gene/protein)",
        "drug_protein:enzyme (drug enzyme gene/protein)",
        "drug_protein:target (drug target gene/protein)",
        "drug_protein:transporter (drug transporter gene/protein)",
        "indication (drug indication disease)",
        "protein_protein (gene/protein ppi gene/protein)",
    ]
    names = dict(zip(graph.entities.ids, graph.entities.names, strict=True))
    assert names["GO:6355"] == "regulation of transcription, DNA-templated"
    assert (names["NCBI:9796"], names[IMPERFECTA]) == ("PHYHIP", "osteogenesis imperfecta")
    assert graph.treats == ("indication",)
    assert graph.name == "primekg"


def test_the_order_of_the_directions_does_not_matter_where_a_drug_is_at_one_end(published, put, tmp_path):
    header, *lines = published("primekg")[NAME].splitlines(keepends=True)
    drugs = [line for line in lines if ",drug," in line]
    forward = load_graph(put("primekg", {NAME: "".join([header, *drugs])}, tmp_path / "forward"))
    backward = load_graph(put("primekg", {NAME: "".join([header, *reversed(drugs)])}, tmp_path / "backward"))
    once = load_graph(put("primekg", {NAME: "".join([header, *drugs[-5:]])}, tmp_path / "once"))
    assert forward.digest == backward.digest == once.digest
    assert {e.head_type for e in forward.metaedges} == {"drug"}


def test_a_relation_that_is_displayed_in_one_way_keeps_its_name_and_one_over_several_types_gets_them(
    put, tmp_path, facts_of
):
    drug, gene, disease = ("D1", "drug", "d", "s"), ("1", "gene/protein", "g", "s"), ("2", "disease", "x", "s")
    rows = [("r", "shown", drug, gene), ("r", "shown", disease, drug), ("q", "shown", gene, gene)]
    graph = load_graph(put("primekg", {NAME: csv_of(rows)}, tmp_path))
    assert facts_of(graph) == {
        ("s:D1", "r:drug-gene/protein", "s:1"),
        ("s:D1", "r:drug-disease", "s:2"),
        ("s:1", "q", "s:1"),
    }


def test_what_another_line_calls_an_entity_is_passed_over(published, put, tmp_path):
    text = published("primekg")[NAME]
    extra = "indication,indication,9,DB00331,drug,METFORMIN HYDROCHLORIDE,DrugBank,5,5148,disease,,MONDO\n"
    graph = load_graph(put("primekg", {NAME: text + extra}, tmp_path))
    names = dict(zip(graph.entities.ids, graph.entities.names, strict=True))
    assert (names[METFORMIN], names["MONDO:5148"]) == ("Metformin", "type 2 diabetes mellitus")


def test_a_line_that_stands_twice_is_counted_and_a_mirrored_one_is_not(published, put, tmp_path):
    text, reading = published("primekg")[NAME], Reading()
    graph = load_graph(put("primekg", {NAME: text + text.splitlines(keepends=True)[1]}, tmp_path), reading=reading)
    assert (reading.duplicates, len(graph.triples)) == (1, 8)


END = "5,5148,disease,type 2 diabetes mellitus,MONDO"


@pytest.mark.parametrize(
    ("line", "text", "kind", "message"),
    [
        (3, "indication,indication", "columns", "2 fields where 12 comma-separated ones are expected"),
        (3, "", "columns", "1 field where 12"),
        (3, f"indication,indication,1,DB1,drug,a, b,DrugBank,{END}", "columns", "13 fields where 12"),
        (3, f"indication,indication,1,,drug,x,DrugBank,{END}", "empty field", "an empty field"),
        (3, f"indication,,1,DB1,drug,x,DrugBank,{END}", "empty field", "an empty field"),
        (3, f"indication,indication,1,DB1,drug,é,DrugBank,{END}".encode("latin-1"), "encoding", "(byte 0xe9)"),
        (3, f"indication,indication,1,DB1,drug,\0,DrugBank,{END}", "NUL", "holds a NUL"),
        (4, ",".join(HEADER), "header", "the header stands here again"),
        (
            18,
            f"indication,indication,1,DB00331,compound,Metformin,DrugBank,{END}",
            "id twice",
            "the id 'DrugBank:DB00331' is a compound here and a drug in line 7",
        ),
        (
            18,
            "drug_drug,interacts,1,DB00945,drug,Acetylsalicylic acid,DrugBank,1,DB00331,disease,Metformin,DrugBank",
            "id twice",
            "the id 'DrugBank:DB00331' is a disease here and a drug in line 7",
        ),
        (18, 'indication,indication,1,DB1,drug,"x,DrugBank,' + END, "quotes", "a quote is opened and not closed"),
    ],
)
def test_a_bad_line_is_named_or_set_aside(bad_line, line, text, kind, message):
    bad_line("primekg", NAME, line, text, kind, message)


def test_a_name_over_several_lines_does_not_shift_the_numbers_of_the_lines_below(published, put, tmp_path):
    text = published("primekg")[NAME].replace("regulation of transcription, ", "regulation of\ntranscription, ")
    text += f"indication,indication,1,DB00331,compound,Metformin,DrugBank,{END}\n"
    with pytest.raises(BadInputError, match="is a compound here") as caught:
        load_graph(put("primekg", {NAME: text}, tmp_path))
    assert caught.value.line == text.count("\n")


def test_a_file_without_its_header_is_an_error_of_the_first_line(published, put, tmp_path):
    text = published("primekg")[NAME].partition("\n")[2]
    with pytest.raises(
        BadInputError, match="the first line should be a header with relation display_relation"
    ) as caught:
        load_graph(put("primekg", {NAME: text}, tmp_path), "primekg")
    assert caught.value.line == 1


def test_a_graph_of_this_form_goes_out_and_in_whole(put, facts_of):
    word = st.text("aA \"',;:|>é\u2028猫", min_size=1, max_size=4)
    an_id = st.one_of(word, st.sampled_from(["DB1", "a:b", ":", "a:", ":a"]))

    @st.composite
    def draw_rows(draw):
        ends = draw(
            st.lists(
                st.tuples(
                    an_id, st.sampled_from(["drug", "disease", "gene/protein"]), word, st.sampled_from(["", "s", "s:t"])
                ),
                min_size=1,
                max_size=5,
                unique_by=lambda end: f"{end[3]}:{end[0]}" if end[3] else end[0],
            )
        )
        relation = st.sampled_from(
            [("r", "a"), ("r", "b"), ("q", "q"), ("a:b", "b"), ("indication", "indication"), ("p:a", "a")]
        )
        row = st.tuples(relation, st.sampled_from(ends), st.sampled_from(ends))
        return [(*names, x, y) for names, x, y in draw(st.lists(row, min_size=1, max_size=8))]

    @settings(max_examples=50, deadline=None)
    @given(draw_rows())
    def check(rows):
        with tempfile.TemporaryDirectory() as folder:
            graph = load_graph(put("primekg", {NAME: csv_of(rows)}, Path(folder)), "primekg")
            assert write_graph(graph, Path(folder) / "out.csv.zst", "primekg") == []
            back = load_graph(Path(folder) / "out.csv.zst", "primekg")
        assert (back.digest, back.entities.names, back.treats) == (graph.digest, graph.entities.names, graph.treats)
        # by brute force: an unordered pair of ends for each relation and display
        whole = {f"{source}:{i}" if source else i: name for *_, x, y in rows for i, _, name, source in (x, y)}
        assert dict(zip(back.entities.ids, back.entities.names, strict=True)).keys() == whole.keys()
        pairs = {
            (relation, display, frozenset((x[3] + ":" + x[0] if x[3] else x[0], y[3] + ":" + y[0] if y[3] else y[0])))
            for relation, display, x, y in rows
        }
        assert len(back.triples) == len(pairs)

    check()


def test_what_is_lost_of_another_graph_is_said(medicine, tmp_path, facts_of):
    assert write_graph(medicine, tmp_path / "out.csv", "primekg") == [
        "1 entities without a triple",
        "structures of 1 entities",
        "licence of 2 metaedges",
        "source of 2 metaedges",
        "version of 1 metaedges",
    ]
    assert facts_of(load_graph(tmp_path / "out.csv")) == facts_of(medicine)
