import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from kgdrug.errors import BadInputError, UsageError
from kgdrug.sources import Reading, load_graph

DRUGS = 'drugbank_id,drug_name,structure\nDB1,"Aspirin, ""the best""",CC\nDB2,Metformin,\n'
ILLNESSES = "doid\tname\tkind\n1\tgout\tDisease\n2\tpain\tSymptom\n"
INDICATIONS = "drug,disease\nDB1,1\nDB2,1\nDB1,3\n"
LINKS = "a\tverb\tb\nDB1\tis like\tDB2\nDB2\tbinds\tDB1\n"
TOML = """\
name = "clinic"

[[nodes]]
file = "drugs.csv"
type = "Compound"
id = "drugbank_id"
prefix = "DRUGBANK:"
name = "drug_name"
smiles = "structure"

[[nodes]]
file = "illnesses.tsv"
type_column = "kind"
id = "doid"
name = "name"

[[edges]]
file = "indications.csv"
relation = "treats"
abbreviation = "CtD"
head = "drug"
head_prefix = "DRUGBANK:"
head_type = "Compound"
tail = "disease"
tail_type = "Disease"
licence = "CC0 1.0"
source = "ours"
version = "2"

[[edges]]
file = "links.tsv"
relation_column = "verb"
head = "a"
head_prefix = "DRUGBANK:"
tail = "b"
tail_prefix = "DRUGBANK:"
"""
FILES = {
    "clinic.toml": TOML,
    "drugs.csv": DRUGS,
    "illnesses.tsv": ILLNESSES,
    "indications.csv": INDICATIONS,
    "links.tsv": LINKS,
}


@pytest.fixture
def put(write, tmp_path) -> Callable[..., Path]:
    """Writes the tables and their TOML file, some of them changed; gives the latter's path."""

    def files(changed: dict[str, str | bytes] | None = None) -> Path:
        for name, content in (FILES | (changed or {})).items():
            write(name, content)
        return tmp_path / "clinic.toml"

    return files


def changed(old: str, new: str, text: str = TOML) -> str:
    assert old in text
    return text.replace(old, new)


def test_several_tables_become_one_graph(put, facts_of):
    graph = load_graph(put())
    assert facts_of(graph) == {
        ("DRUGBANK:DB1", "CtD", "1"),
        ("DRUGBANK:DB2", "CtD", "1"),
        ("DRUGBANK:DB1", "CtD", "3"),
        ("DRUGBANK:DB1", "is like", "DRUGBANK:DB2"),
        ("DRUGBANK:DB2", "binds", "DRUGBANK:DB1"),
    }
    entities = zip(graph.entities.ids, graph.entities.names, strict=True)
    assert [(i, n, graph.type_of(graph.entities.index(i)).name) for i, n in entities] == [
        ("DRUGBANK:DB1", 'Aspirin, "the best"', "Compound"),
        ("DRUGBANK:DB2", "Metformin", "Compound"),
        ("1", "gout", "Disease"),
        ("3", "3", "Disease"),  # of no node table: its type is what the edges say
        ("2", "pain", "Symptom"),
    ]
    assert graph.smiles == {0: "CC"}
    assert (graph.name, graph.treats, graph.made["form"]) == ("clinic", ("CtD",), "tables")
    about = {e.abbreviation: (e.relation, e.licence, e.source, e.version) for e in graph.metaedges}
    assert about["CtD"] == ("treats", "CC0 1.0", "ours", "2")
    assert about["is like"] == ("is like", "", "", "")


def test_tables_may_be_parquet_or_packed(put, tmp_path):
    plain = load_graph(put())
    for name in ("drugs.csv", "links.tsv"):
        table = pl.read_csv(tmp_path / name, separator="," if name.endswith("csv") else "\t")
        table.write_parquet(tmp_path / (name.split(".")[0] + ".parquet"))
    toml = TOML.replace("drugs.csv", "drugs.parquet").replace("links.tsv", "links.parquet")
    toml = toml.replace("indications.csv", "indications.csv.gz")
    other = load_graph(put({"clinic.toml": toml, "indications.csv.gz": gzip.compress(INDICATIONS.encode())}))
    assert (other.digest, other.entities.names, other.smiles) == (plain.digest, plain.entities.names, plain.smiles)


def test_a_graph_without_node_tables_has_the_types_that_the_edges_say(put, facts_of):
    edges = '[[edges]]\nfile = "indications.csv"\nrelation = "treats"\nhead = "drug"\ntail = "disease"\n'
    types = 'head_type = "Drug"\ntail_type = "Disease"\n'
    graph = load_graph(put({"clinic.toml": edges + types}))
    assert [(t.name, len(t)) for t in graph.entity_types] == [("Disease", 2), ("Drug", 2)]
    assert graph.name == "clinic"
    with pytest.raises(UsageError, match="nothing says which types the entities are of"):
        load_graph(put({"clinic.toml": edges}))


def test_synonyms_stand_in_a_column_of_a_node_table(put):
    drugs = "drugbank_id,drug_name,structure,also\nDB1,Aspirin,CC,ASA|acetylsalicylic acid\nDB2,Metformin,,\n"
    more = '\n[[nodes]]\nfile = "more.csv"\ntype = "Compound"\nid = "id"\nsynonyms = "other"\n'
    toml = changed('smiles = "structure"\n', 'smiles = "structure"\nsynonyms = "also"\n') + more
    rows = "id,other\nDRUGBANK:DB2,Glucophage\nDRUGBANK:DB1,\n"
    graph = load_graph(put({"clinic.toml": toml, "drugs.csv": drugs, "more.csv": rows}))
    assert graph.entities.synonyms == {0: ("ASA", "acetylsalicylic acid"), 1: ("Glucophage",)}
    assert graph.digest == load_graph(put({"clinic.toml": TOML, "drugs.csv": DRUGS})).digest


def test_a_name_or_structure_that_one_table_has_and_another_lacks_counts_for_both(put):
    more = '\n[[nodes]]\nfile = "more.csv"\ntype = "Compound"\nid = "id"\nname = "name"\nsmiles = "smiles"\n'
    rows = "id,name,smiles\nDRUGBANK:DB2,,N\nDRUGBANK:DB1,,\nDRUGBANK:DB9,Insulin,\n"
    graph = load_graph(put({"clinic.toml": TOML + more, "more.csv": rows}))
    assert graph.entities.names[:3] == ('Aspirin, "the best"', "Metformin", "Insulin")
    assert graph.smiles == {0: "CC", 1: "N"}


@pytest.mark.parametrize(
    ("relation", "treats", "expected"),
    [
        ("treats", None, ("CtD",)),
        ("treats", "true", ("CtD",)),
        ("treats", "false", ()),
        ("heals", None, ()),
        ("heals", "true", ("CtD",)),
        ("Indication", None, ("CtD",)),
    ],
)
def test_treats_says_which_tables_mean_treatment_and_else_the_relation_does(put, relation, treats, expected):
    said = f'relation = "{relation}"' + (f"\ntreats = {treats}" if treats else "")
    assert load_graph(put({"clinic.toml": changed('relation = "treats"', said)})).treats == expected


def test_relations_of_a_column_are_all_treatments_where_their_table_is(put):
    toml = changed('relation_column = "verb"', 'relation_column = "verb"\ntreats = true')
    assert load_graph(put({"clinic.toml": toml})).treats == ("CtD", "binds", "is like")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (changed('name = "clinic"', 'nmae = "clinic"'), "unknown key nmae; did you mean name?"),
        (changed("[[nodes]]", "[[node]]"), "unknown key node; did you mean nodes?"),
        (changed('type = "Compound"', 'tpye = "Compound"'), "nodes 1: unknown key tpye; did you mean type?"),
        (
            changed('abbreviation = "CtD"', 'abreviation = "CtD"'),
            "edges 1: unknown key abreviation; did you mean abbrev",
        ),
        (changed('id = "doid"\n', ""), "nodes 2: needs id"),
        (changed('head = "a"\n', ""), "edges 2: needs head"),
        (changed('\ntype = "Compound"', ""), "drugs.csv needs either type or type_column"),
        (changed('\ntype = "Compound"', '\ntype = "Compound"\ntype_column = "x"'), "needs either type or type_column"),
        (changed('relation_column = "verb"\n', ""), "links.tsv needs either relation or relation_column"),
        (changed('relation = "treats"', 'relation = ""'), "indications.csv needs either relation or relation_column"),
        (changed('id = "doid"', "id = 7"), "nodes 2: id is 7; expected text"),
        (changed('licence = "CC0 1.0"', 'treats = "yes"'), "edges 1: treats is 'yes'; expected true or false"),
        (changed('name = "clinic"', "name = 7"), "name is 7; expected text"),
        (changed("[[nodes]]", "[nodes]", '[[nodes]]\nid = "x"\n'), "nodes is a list of tables, each written [[nodes]]"),
        ("nodes = [1]\n", "nodes is a list of tables, each written [[nodes]]"),
        ('name = "x"\n', "needs [[edges]], one for each table of facts"),
        (TOML + "[[edges]\n", "clinic.toml: Expected"),
        (changed("drugs.csv", "a\\u0000b"), "no file is named 'a\\x00b'"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_do(put, toml, message):
    with pytest.raises(UsageError) as caught:
        load_graph(put({"clinic.toml": toml}))
    assert message in str(caught.value)
    assert "clinic.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "file", "line", "message"),
    [
        (changed("drugs.csv", "drugz.csv"), "drugz.csv", None, "is missing"),
        (changed("links.tsv", "links.parquet"), "links.parquet", None, "is missing"),
        (
            changed('id = "drugbank_id"', 'id = "drugbankid"'),
            "drugs.csv",
            1,
            "has no column drugbankid; did you mean drugbank_id? (it has drugbank_id, drug_name, structure)",
        ),
        (changed('name = "drug_name"', 'name = "title"'), "drugs.csv", 1, "has no column title"),
        (changed('smiles = "structure"', 'smiles = "smiles"'), "drugs.csv", 1, "has no column smiles"),
        (changed('type_column = "kind"', 'type_column = "type"'), "illnesses.tsv", 1, "has no column type"),
        (changed('tail = "disease"', 'tail = "illness"'), "indications.csv", 1, "has no column illness"),
        (changed('relation_column = "verb"', 'relation_column = "r"'), "links.tsv", 1, "has no column r"),
    ],
)
def test_a_missing_file_or_column_is_named_with_what_the_file_has(put, toml, file, line, message):
    path = put({"clinic.toml": toml})
    with pytest.raises(BadInputError) as caught:
        load_graph(path)
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == (path.with_name(file), line)


def test_a_missing_column_of_parquet_is_named_even_where_it_may_be_empty(put, tmp_path):
    pl.DataFrame({"drugbank_id": ["DB1"], "drug": ["x"]}).write_parquet(tmp_path / "drugs.parquet")
    with pytest.raises(BadInputError, match=r"drugs\.parquet: has no column drug_name; did you mean drug.*\(it has"):
        load_graph(put({"clinic.toml": changed("drugs.csv", "drugs.parquet")}))


BAD_LINES = [
    ("drugs.csv", "DB3,x,C,N", "columns", "4 fields where 3 comma-separated"),
    ("drugs.csv", ",x,", "empty field", "an empty field"),
    ("drugs.csv", "DB2,Glucophage,", "id twice", "the id 'DRUGBANK:DB2' stands in line 3 already, with another name"),
    ("illnesses.tsv", "4\tflu\t", "empty field", "an empty field"),
    ("illnesses.tsv", "DRUGBANK:DB1\tflu\tDisease", "id twice", "is a Disease here and a Compound in line 2 of "),
    ("indications.csv", "DB9,2", "misfit", "the tail '2' is no Disease"),
    ("indications.csv", "DB1", "columns", "1 field where 2"),
    ("links.tsv", "DB1\tbinds\tDB8", "unknown entity", "unknown entity 'DRUGBANK:DB8'"),
    ("links.tsv", "DB1\t\tDB2", "empty field", "an empty field"),
]


@pytest.mark.parametrize(("name", "row", "kind", "message"), BAD_LINES)
def test_a_bad_line_is_named_by_its_own_file_or_set_aside(put, name, row, kind, message):
    expected = load_graph(put())
    path = put({name: f"{FILES[name]}{row}\n"})
    file, line = path.with_name(name), FILES[name].count("\n") + 1
    with pytest.raises(BadInputError) as caught:
        load_graph(path)
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == (file, line)
    reading = Reading(skip_bad_lines=True)
    graph = load_graph(path, reading=reading)
    assert [(bad.file, bad.line, bad.kind) for bad in reading.bad_lines] == [(str(file), line, kind)]
    if row != "DB9,2":  # the drug of which stays, for its table says what it is
        assert (graph.digest, graph.entities.names) == (expected.digest, expected.entities.names)


def test_a_bad_record_of_parquet_is_named_by_its_own_file(put, tmp_path):
    table = pl.DataFrame({"a": ["DB1", "DB1"], "verb": ["binds", None], "b": ["DB2", "DB2"]})
    table.write_parquet(tmp_path / "links.parquet")
    with pytest.raises(BadInputError, match="record 2: has no verb") as caught:
        load_graph(put({"clinic.toml": changed("links.tsv", "links.parquet")}))
    assert caught.value.file == tmp_path / "links.parquet"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (changed('head_type = "Compound"', 'head_type = "Gene"'), "the head 'DRUGBANK:DB1' is no Gene"),
        (changed('tail_type = "Disease"', 'tail_type = "Symptom"'), "the tail '1' is no Symptom"),
    ],
)
def test_a_type_that_edges_say_otherwise_than_the_nodes_is_an_error_of_the_edges(put, toml, message):
    path = put({"clinic.toml": toml})
    with pytest.raises(BadInputError) as caught:
        load_graph(path)
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == (path.with_name("indications.csv"), 2)


def test_two_tables_of_edges_that_say_different_types_of_an_id_are_named(put):
    types = 'head_type = "Gene"\ntail_type = "Gene"\n'
    more = f'\n[[edges]]\nfile = "more.csv"\nrelation = "r"\nhead = "x"\ntail = "y"\n{types}'
    path = put({"clinic.toml": TOML + more, "more.csv": "x,y\n7,8\n8,3\n"})
    with pytest.raises(BadInputError, match=r"'3' is a Gene here and a Disease in line 4 of .*indications") as caught:
        load_graph(path)
    assert (caught.value.file, caught.value.line) == (path.with_name("more.csv"), 3)


@pytest.mark.parametrize("name", ["line", "file", "record", "head", "tail", "id", "relation", "_word", "own 0", "{x}"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_column_may_be_called_as_any_other(put, tmp_path, facts_of, name, form):
    expected = load_graph(put())
    toml = TOML.replace('"drug"', f'"{name}"').replace('"drug_name"', f'"{name}"').replace('"verb"', f'"{name}"')
    tables = {
        "drugs.csv": DRUGS.replace("drug_name", name),
        "indications.csv": INDICATIONS.replace("drug", name),
        "links.tsv": LINKS.replace("verb", name),
    }
    path = put({"clinic.toml": toml, **tables})
    if form == "parquet":
        for file in tables:
            table = pl.read_csv(tmp_path / file, separator="," if file.endswith("csv") else "\t")
            table.write_parquet(tmp_path / f"{file}.parquet")
            toml = toml.replace(file, f"{file}.parquet")
        path.write_text(toml)
    graph = load_graph(path)
    assert (graph.digest, graph.entities.names) == (expected.digest, expected.entities.names)
    bad = path.with_name("bad.toml")
    bad.write_text(toml.replace('head_type = "Compound"', 'head_type = "{Gene}"'))
    with pytest.raises(BadInputError, match=r"the head 'DRUGBANK:DB1' is no \{Gene\}"):
        load_graph(bad)


@pytest.mark.parametrize("name", ["line", "{x}"])
def test_an_empty_field_of_a_column_with_an_odd_name_is_named(put, tmp_path, name):
    toml = changed('"drug"', f'"{name}"')
    path = put({"clinic.toml": toml, "indications.csv": f"{name},disease\nDB1,1\n,1\n"})
    with pytest.raises(BadInputError, match="an empty field") as caught:
        load_graph(path)
    assert caught.value.line == 3
    pl.DataFrame({name: ["DB1", ""], "disease": ["1", "1"]}).write_parquet(tmp_path / "indications.parquet")
    path.write_text(toml.replace("indications.csv", "indications.parquet"))
    with pytest.raises(BadInputError) as caught:
        load_graph(path)
    assert f"record 2: has no {name}" in str(caught.value)


def test_facts_under_no_licence_do_not_pass_under_that_of_another_table(put):
    more = '\n[[edges]]\nfile = "more.csv"\nrelation = "treats"\nabbreviation = "CtD"\nhead = "x"\ntail = "y"\n'
    for toml in (TOML + more, more + TOML.replace('name = "clinic"', "")):
        graph = load_graph(put({"clinic.toml": toml, "more.csv": "x,y\nDRUGBANK:DB2,3\n"}))
        assert {e.abbreviation: set(e.licence.split("; ")) for e in graph.metaedges}["CtD"] == {
            "CC0 1.0",
            "none stated",
        }
