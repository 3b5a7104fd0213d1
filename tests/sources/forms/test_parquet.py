from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from kgdrug.errors import BadInputError
from kgdrug.sources import Reading, load_graph

Tables = dict[str, pl.DataFrame]


def tables() -> Tables:
    return {
        "entities": pl.DataFrame(
            {
                "id": ["DB1", "DB2", "1", "2"],
                "name": ["Aspirin", None, "gout", ""],
                "type": ["Compound", "Compound", "Disease", "Disease"],
                "smiles": ["CC", None, None, ""],
            }
        ),
        "triples": pl.DataFrame(
            [("DB1", "CtD", "1"), ("DB2", "CtD", "2"), ("DB1", "CrC", "DB2")],
            schema=["head", "metaedge", "tail"],
            orient="row",
        ),
        "metaedges": pl.DataFrame(
            {
                "abbreviation": ["CtD", "CrC"],
                "head_type": ["Compound", "Compound"],
                "relation": ["treats", "resembles"],
                "tail_type": ["Disease", "Compound"],
                "treats": ["yes", "no"],
            }
        ),
        "annotations": pl.DataFrame({"compound": ["DB1"], "disease": ["2"], "status": ["trial"]}),
    }  # fmt: skip


@pytest.fixture
def put(tmp_path) -> Callable[[Tables], Path]:
    def write(changed: Tables) -> Path:
        for name, table in changed.items():
            table.write_parquet(tmp_path / f"{name}.parquet")
        return tmp_path

    return write


def with_row(table: pl.DataFrame, row: tuple[str | None, ...]) -> pl.DataFrame:
    return pl.concat([table, pl.DataFrame([row], schema=table.schema, orient="row")])


def test_the_tables_are_read_as_the_graph_that_they_hold(put, facts_of):
    graph = load_graph(put(tables()))
    assert facts_of(graph) == {("DB1", "CtD", "1"), ("DB2", "CtD", "2"), ("DB1", "CrC", "DB2")}
    assert graph.entities.names == ("Aspirin", "DB2", "gout", "2"), "an entity without a name is called by its id"
    assert graph.smiles == {0: "CC"}
    assert (graph.treats, [e.licence for e in graph.metaedges]) == (("CtD",), ["", ""])
    assert [(a.compound, a.disease, a.status, a.source) for a in graph.annotations] == [(0, 3, "trial", "")]


def test_numbers_and_categories_are_read_as_their_text(put):
    changed = tables()
    changed["entities"] = changed["entities"].with_columns(pl.col("type").cast(pl.Categorical))
    changed["triples"] = pl.DataFrame({"head": ["DB1"], "metaedge": ["CtD"], "tail": [1]})
    graph = load_graph(put(changed))
    assert [graph.text(triple) for triple in graph.triples] == ["Aspirin treats gout"]


BAD_ENTITIES = [
    ((None, "x", "Disease", ""), "empty field", "record 5: has no id"),
    (("", "x", "Disease", ""), "empty field", "record 5: has no id"),
    (("3", "x", None, ""), "empty field", "record 5: has no type"),
    (("3\0", "x", "Disease", ""), "NUL", "record 5: holds a NUL"),
    (("1", "gout", "Symptom", ""), "id twice", "the id '1' is a Symptom here and a Disease in record 3"),
    (("1", "flu", "Disease", ""), "id twice", "the id '1' stands in record 3 already, with another name"),
    (("DB1", "Aspirin", "Compound", "C"), "id twice", "stands in record 1 already, with another structure"),
]
BAD_TRIPLES = [
    (("DB1", "CtD", None), "empty field", "record 4: has no tail"),
    (("DB9", "CtD", "1"), "unknown entity", "record 4: unknown entity 'DB9'"),
    (("DB1", "CxD", "1"), "unknown metaedge", "record 4: unknown metaedge 'CxD'; known are CtD, CrC"),
    (("1", "CtD", "1"), "misfit", "record 4: '1' is a Disease, which does not fit"),
]
BAD_ANNOTATIONS = [
    (("DB1", "2", "trail"), "unknown status", "record 2: unknown status 'trail'; did you mean trial"),
    (("DB1", "9", "trial"), "unknown entity", "record 2: unknown disease '9'"),
]
BAD = {"entities": BAD_ENTITIES, "triples": BAD_TRIPLES, "annotations": BAD_ANNOTATIONS}


@pytest.mark.parametrize(
    ("name", "row", "kind", "message"), [(name, *bad) for name, rows in BAD.items() for bad in rows]
)
def test_a_bad_record_is_named_or_set_aside(put, name, row, kind, message):
    good = tables()
    expected = load_graph(put(good))
    path = put({name: with_row(good[name], row)})
    with pytest.raises(BadInputError) as caught:
        load_graph(path)
    assert message in str(caught.value)
    assert (caught.value.file, caught.value.line) == (path / f"{name}.parquet", None)
    reading = Reading(skip_bad_lines=True)
    graph = load_graph(path, reading=reading)
    assert [(bad.file, bad.kind) for bad in reading.bad_lines] == [(str(path / f"{name}.parquet"), kind)]
    assert message in reading.bad_lines[0].message
    assert (graph.digest, graph.entities.names, graph.annotations) == (
        expected.digest,
        expected.entities.names,
        expected.annotations,
    )


def test_a_record_that_stands_twice_is_counted(put):
    changed = tables()
    for name in ("entities", "triples"):
        changed[name] = pl.concat([changed[name], changed[name].head(2)])
    graph = load_graph(put(changed))
    assert graph.made["duplicates"] == 4
    assert graph.digest == load_graph(put(tables())).digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"treats": ["yes", "perhaps"]}, "record 2: treats is 'perhaps'; it must be yes or no"),
        ({"abbreviation": ["CtD", "CtD"]}, "record 2: CtD stands in another record already"),
        ({"relation": ["treats", None]}, "record 2: has no relation"),
    ],
)
@pytest.mark.parametrize("skip", [False, True])
def test_a_wrong_metaedge_is_an_error_in_any_case(put, change, message, skip):
    wrong = tables()["metaedges"].with_columns(**{name: pl.Series(values) for name, values in change.items()})
    with pytest.raises(BadInputError, match=message):
        load_graph(put(tables() | {"metaedges": wrong}), reading=Reading(skip))


@pytest.mark.parametrize(("name", "column"), [("entities", "type"), ("triples", "metaedge"), ("metaedges", "treats")])
def test_a_missing_column_is_named_with_what_there_is(put, name, column):
    table = tables()[name].rename({column: column + "s"})
    path = put(tables() | {name: table})
    with pytest.raises(BadInputError, match=f"has no column {column}; did you mean {column}s.*it has ") as caught:
        load_graph(path)
    assert caught.value.file == path / f"{name}.parquet"


def test_a_column_of_lists_is_named(put):
    path = put(tables() | {"triples": pl.DataFrame({"head": [["DB1"]], "metaedge": ["CtD"], "tail": ["1"]})})
    with pytest.raises(BadInputError, match=r"triples\.parquet: has columns that hold no text: head \(List"):
        load_graph(path)


@pytest.mark.parametrize("name", ["entities", "metaedges"])
def test_a_missing_table_is_named(put, name):
    path = put(tables())
    (path / f"{name}.parquet").unlink()
    with pytest.raises(BadInputError, match="is missing") as caught:
        load_graph(path)
    assert caught.value.file == path / f"{name}.parquet"


@pytest.mark.parametrize("name", ["entities", "metaedges", "triples"])
@pytest.mark.parametrize("damage", ["cut", "header", "garbage", "text", "empty", "half is zero"])
def test_a_damaged_table_is_named(put, name, damage):
    path = put(tables())
    file = path / f"{name}.parquet"
    content = file.read_bytes()
    middle = len(content) // 2
    file.write_bytes(
        {
            "cut": content[: middle * 2 - 3],
            "header": b"XXXX" + content[4:],
            "garbage": content[:-30] + b"\xff" * 26 + content[-4:],
            "text": b"head\tmetaedge\ttail\n",
            "empty": b"",
            "half is zero": content[:middle] + b"\0" * (middle - 8) + content[-8:],
        }[damage]
    )
    if damage == "header":  # the footer alone says where everything stands
        load_graph(path)
        return
    with pytest.raises(BadInputError, match=r"cannot be read as Parquet|is empty") as caught:
        load_graph(path)
    assert caught.value.file == file


def test_a_graph_without_triples_is_read(put):
    path = put(tables() | {"triples": tables()["triples"].clear()})
    graph = load_graph(path)
    assert (len(graph.triples), graph.metaedges, len(graph.entities)) == (0, (), 4)


@pytest.mark.parametrize("skip", [False, True])
def test_a_table_without_an_entity_is_an_error(put, skip):
    path = put(tables() | {"entities": tables()["entities"].clear()})
    with pytest.raises(BadInputError, match=r"entities\.parquet: holds no entities"):
        load_graph(path, reading=Reading(skip))
