from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from kgdrug.errors import BadInputError
from kgdrug.graph import KnowledgeGraph
from kgdrug.sources import Reading, from_pandas, read_annotations

HEADER = "compound\tdisease\tstatus\tsource\tlicence\tdate\n"
INDICATIONS = "doid_id\tdrugbank_id\tdisease\tdrug\tcategory\tn_curators\n"
TRIALS = "compound_id\tdisease_id\tcompound_name\tdisease_name\tn_trials\tfirst_nct_id\tlast_nct_id\n"


@pytest.fixture(scope="session")
def graph() -> KnowledgeGraph:
    entities = [
        ("Compound::DB1", "Compound"),
        ("Compound::DB2", "Compound"),
        ("Disease::DOID:1", "Disease"),
        ("G1", "Gene"),
    ]
    facts = [("Compound::DB1", "CtD", "Disease::DOID:1"), ("Compound::DB2", "CbG", "G1")]
    return from_pandas(
        pandas.DataFrame(facts, columns=["head", "metaedge", "tail"]),
        pandas.DataFrame(entities, columns=["id", "type"]),
    )


@pytest.fixture
def read(write, graph) -> Callable[..., tuple[list[tuple[str, ...]], int]]:
    """Reads annotations, as rows of text, and how many are about pairs that the graph does not have."""

    def rows(text: str, reading: Reading | None = None, name: str = "known.tsv") -> tuple[list[tuple[str, ...]], int]:
        found, others = read_annotations(write(name, text), graph, reading or Reading())
        ids = graph.entities.ids
        return [(ids[a.compound], ids[a.disease], a.status, a.source, a.licence, a.date) for a in found], others

    return rows


def test_the_own_form_is_read_by_whole_or_bare_ids(read):
    rows = (
        "Compound::DB1\tDisease::DOID:1\ttrial\tNCT1\tCC0 1.0\t2014-05\n"
        "DB2\tDOID:1\trefuted\tpaper\t\t\n"
        "DB9\tDOID:1\ttrial\t\t\t\n"
        "DB1\tDOID:9\ttrial\t\t\t\n"
    )
    assert read(HEADER + rows) == (
        [
            ("Compound::DB1", "Disease::DOID:1", "trial", "NCT1", "CC0 1.0", "2014-05"),
            ("Compound::DB2", "Disease::DOID:1", "refuted", "paper", "", ""),
        ],
        2,
    )


def test_source_licence_and_date_may_be_missing_and_commas_may_separate(read):
    assert read("disease,compound,status\nDOID:1,DB1,trial\n", name="known.csv") == (
        [("Compound::DB1", "Disease::DOID:1", "trial", "", "", "")],
        0,
    )


def test_pharmacotherapydb_is_read_by_its_categories(read):
    rows = (
        "DOID:1\tDB1\tgout\tAspirin\tDM\t2\n"
        "DOID:1\tDB2\tgout\tMetformin\tNOT\t1\n"
        "DOID:2\tDB2\tpain\tMetformin\tSYM\t1\n"
    )
    about = ("PharmacotherapyDB", "CC0 1.0", "")  # the year of the catalogue would make a split by time wrong
    assert read(INDICATIONS + rows) == (
        [
            ("Compound::DB1", "Disease::DOID:1", "approved", *about),
            ("Compound::DB2", "Disease::DOID:1", "refuted", *about),
        ],
        1,
    )


def test_pairs_in_trials_say_how_many_and_the_first(read):
    rows = "DB1\tDOID:1\tx\ty\t75\tNCT1\tNCT2\nDB2\tDOID:1\tx\ty\t1\tNCT3\tNCT3\n"
    found, others = read(TRIALS + rows)
    assert [row[2:4] for row in found] == [
        ("trial", "ClinicalTrials.gov: 75 trials, first NCT1"),
        ("trial", "ClinicalTrials.gov: 1 trial, NCT3"),
    ]
    assert others == 0


def test_what_is_said_twice_is_known_once_and_what_is_said_otherwise_twice(read):
    rows = (
        "DB1\tDOID:1\ttrial\tNCT1\t\t\n" * 2
        + "DB1\tDOID:1\trefuted\tNCT1\t\t\nCompound::DB1\tDOID:1\ttrial\tNCT1\t\t\n"
    )
    assert [row[2] for row in read(HEADER + rows)[0]] == ["refuted", "trial"]


def test_types_that_treatments_join_say_which_end_is_which(write):
    table = pandas.DataFrame([("d", "treats", "p"), ("p", "is like", "p")], columns=["head", "metaedge", "tail"])
    drugs = from_pandas(table, pandas.DataFrame({"id": ["d", "p"], "type": ["drug", "phenotype"]}))
    path = write("known.tsv", HEADER + "p\td\ttrial\t\t\t\n")
    with pytest.raises(BadInputError, match="the compound 'p' is a phenotype"):
        read_annotations(path, drugs, Reading())
    path = write("known.tsv", HEADER + "d\tp\ttrial\t\t\t2014-05-31\n")
    assert len(read_annotations(path, drugs, Reading())[0]) == 1


def test_none_of_them_may_be_about_the_graph(read):
    assert read(HEADER + "DB8\tDOID:8\ttrial\t\t\t\nDB9\tDOID:9\ttrial\t\t\t\n") == ([], 2)


@pytest.mark.parametrize(
    ("header", "row", "kind", "message"),
    [
        (
            HEADER,
            "DB1\tDOID:1\ttrail\t\t\t",
            "unknown status",
            "unknown status 'trail'; did you mean trial? (one of approved,",
        ),
        (HEADER, "DB9\tDOID:9\twrong\t\t\t", "unknown status", "unknown status 'wrong'"),
        (HEADER, "DB1\tDOID:1", "columns", "2 fields where 6"),
        (HEADER, "DB1\t\ttrial\t\t\t", "empty field", "an empty field"),
        (
            INDICATIONS,
            "DOID:1\tDB1\tgout\tAspirin\tXXX\t2",
            "unknown status",
            "category is 'XXX'; known are DM, SYM, NOT",
        ),
        (TRIALS, "DB1\tDOID:1\tx\ty\t\tNCT1\tNCT1", "empty field", "an empty field"),
        (HEADER, "DOID:1\tDB1\ttrial\t\t\t", "misfit", "the compound 'Disease::DOID:1' is a Disease; the columns"),
        (HEADER, "DB1\tCompound::DB2\ttrial\t\t\t", "misfit", "the disease 'Compound::DB2' is a Compound"),
        (HEADER, "DB1\tDOID:1\ttrial\t\t\t05/2014", "date", "the date '05/2014' is not written as 2014, 2014-05"),
        (HEADER, "DB1\tDOID:1\ttrial\t\t\t2014-13", "date", "the date '2014-13' is not"),
    ],
)
def test_a_bad_line_is_named_or_set_aside(read, header, row, kind, message):
    good = {HEADER: "DB2\tDOID:1\ttrial\t\t\t\n", INDICATIONS: "DOID:1\tDB2\tgout\tx\tDM\t2\n"}
    text = header + good.get(header, "DB2\tDOID:1\tx\ty\t1\tNCT1\tNCT1\n") + row + "\n"
    with pytest.raises(BadInputError) as caught:
        read(text)
    assert message in str(caught.value)
    assert (caught.value.file.name, caught.value.line) == ("known.tsv", 3)
    reading = Reading(skip_bad_lines=True)
    found, others = read(text, reading)
    assert ([row[0] for row in found], others) == (["Compound::DB2"], 0)
    assert [(bad.line, bad.kind) for bad in reading.bad_lines] == [(3, kind)]


def test_a_file_that_holds_no_annotations_names_the_header_that_it_should_have(write, graph):
    path = write("known.tsv", "drug\tillness\n")
    with pytest.raises(BadInputError, match="should name compound disease status source licence date") as caught:
        read_annotations(path, graph, Reading())
    assert (caught.value.file, caught.value.line) == (path, 1)
    with pytest.raises(BadInputError, match="is missing"):
        read_annotations(Path(str(path) + ".gz"), graph, Reading())
