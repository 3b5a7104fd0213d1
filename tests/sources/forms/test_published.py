"""What holds for every published form alike: how it is told from others, packed files, and damaged ones."""

import bz2
import gzip
import lzma
import random
import re
import tempfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, KgdrugError, UsageError
from kgdrug.sources import FORMS, Reading, load_graph, load_parts, write_bad_lines, write_graph

FILES = {
    "hetionet": ("hetionet-v1.0-edges.sif", "hetionet-v1.0-nodes.tsv"),
    "hetionet-json": ("hetionet-v1.0.json",),
    "drkg": ("drkg.tsv",),
    "primekg": ("kg.csv",),
    "openbiolink": ("edges.csv", "nodes.csv"),
    "kgx": ("graph_edges.tsv", "graph_nodes.tsv"),
    "kgx-jsonl": ("valid_edges.jsonl", "valid_nodes.jsonl"),
}
EACH_FILE = [(form, name) for form, names in FILES.items() for name in names]
LINES = [form for form in FILES if form != "hetionet-json"]
PACK = {".gz": gzip.compress, ".zst": zstandard.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def read(form: str, path: Path, skip: bool = False):
    return FORMS[form].read(path, Reading(skip_bad_lines=skip))


@pytest.mark.parametrize("form", FILES)
def test_the_files_say_themselves_of_which_form_they_are(published, put, tmp_path, form):
    path = put(form, published(form), tmp_path)
    graph = load_graph(path)
    assert graph.made["form"] == form
    assert graph.digest == read(form, path).digest
    assert load_graph(tmp_path).digest == graph.digest


@pytest.mark.parametrize("form", FILES)
def test_windows_line_ends_and_a_byte_order_mark_are_no_part_of_a_field(published, put, tmp_path, form):
    graph = read(form, put(form, published(form), tmp_path / "plain"))
    windows = {name: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() for name, text in published(form).items()}
    other = read(form, put(form, windows, tmp_path / "windows"))
    assert (other.digest, other.entities.names, other.metaedges) == (
        graph.digest,
        graph.entities.names,
        graph.metaedges,
    )


@pytest.mark.parametrize("form", LINES)
def test_the_last_line_needs_no_line_end(published, put, tmp_path, form):
    graph = read(form, put(form, published(form), tmp_path / "whole"))
    cut = {name: text.removesuffix("\n") for name, text in published(form).items()}
    assert read(form, put(form, cut, tmp_path / "cut")).digest == graph.digest


@pytest.mark.parametrize(("form", "name"), EACH_FILE)
@pytest.mark.parametrize("skip", [False, True])
def test_an_empty_file_is_named(published, put, tmp_path, form, name, skip):
    path = put(form, published(form) | {name: b""}, tmp_path)
    with pytest.raises(BadInputError, match="is empty") as caught:
        read(form, path, skip)
    assert caught.value.file.name == name


@pytest.mark.parametrize(("form", "name"), EACH_FILE)
def test_text_in_utf_16_is_named_with_what_to_do(published, put, tmp_path, form, name):
    text = published(form)[name]
    path = put(form, published(form) | {name: text.encode("utf-16")}, tmp_path)
    with pytest.raises(BadInputError, match=r"is not UTF-8 text .*; save the file as UTF-8") as caught:
        read(form, path)
    assert (caught.value.file.name, caught.value.line) == (name, 1)


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("form", FILES)
def test_packed_files_are_read_and_one_cut_short_is_named(published, put, tmp_path, form, ending):
    plain = read(form, put(form, published(form), tmp_path / "plain"))
    packed = {name + ending: PACK[ending](text.encode()) for name, text in published(form).items()}
    assert read(form, put(form, packed, tmp_path / "packed")).digest == plain.digest
    assert load_graph(tmp_path / "packed").digest == plain.digest
    for name, content in packed.items():
        path = put(form, packed | {name: content[: len(content) * 2 // 3]}, tmp_path / name)
        with pytest.raises(BadInputError, match=r"is cut short|cannot be unpacked") as caught:
            read(form, path, skip=True)
        assert caught.value.file.name == name


@pytest.mark.parametrize(
    ("form", "name", "word"),
    [
        ("hetionet", "hetionet-v1.0-nodes.tsv", "Metformin"),
        ("hetionet-json", "hetionet-v1.0.json", "Levocabastine"),
        ("drkg", "drkg.tsv", "MESH:D003924"),
        ("primekg", "kg.csv", "PHYHIP"),
        ("openbiolink", "nodes.csv", "CL:0000000"),
        ("kgx", "graph_nodes.tsv", "Gene 123"),
        ("kgx-jsonl", "valid_nodes.jsonl", "TBX4"),
    ],
)
def test_a_field_may_be_huge(published, put, tmp_path, form, name, word):
    huge = word * 20_000  # more than the 128 KiB at which Python's csv stops by default
    text = published(form)[name].replace(word, huge)
    text += "x\n" if form in LINES else ""  # a bad line, so that each line is looked at by itself
    graph = read(form, put(form, published(form) | {name: text}, tmp_path), skip=True)
    assert any(huge in words for words in (*graph.entities.ids, *graph.entities.names))


@pytest.mark.parametrize("form", FILES)
def test_damage_ends_in_a_plain_error_or_a_graph(published, put, damaged, form):
    files = published(form)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2**32), st.sampled_from(sorted(files)), st.booleans())
    def check(seed, name, skip):
        content = damaged(files[name].encode(), random.Random(seed))
        with tempfile.TemporaryDirectory() as folder:
            path = put(form, files | {name: content}, Path(folder))
            reading = Reading(skip_bad_lines=skip)
            try:
                said = load_graph(path, form, reading).digest
            except KgdrugError as error:
                said = str(error)
            assert re.fullmatch("[0-9a-f]{64}", said) or said.startswith(folder)
            said.encode()  # half a character could be neither shown nor written
            write_bad_lines(reading, Path(folder) / "bad.tsv")

    check()


@pytest.mark.parametrize("form", LINES)
def test_what_is_set_aside_is_all_that_kept_the_rest_from_being_read(published, put, damaged, form):
    files = published(form)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2**32), st.sampled_from(sorted(files)))
    def check(seed, name):
        content = damaged(files[name].encode(), random.Random(seed))
        with tempfile.TemporaryDirectory() as folder:
            path = put(form, files | {name: content}, Path(folder))
            reading = Reading(skip_bad_lines=True)
            try:
                graph = FORMS[form].read(path, reading)
            except (BadInputError, UsageError):
                return
            assume(not any("\n" in bad.text for bad in reading.bad_lines))  # a record over several lines
            left = {}
            for file, text in (files | {name: content}).items():
                wrong = {bad.line for bad in reading.bad_lines if Path(bad.file).name == file}
                lines = (text.encode() if isinstance(text, str) else text).split(b"\n")
                left[file] = b"\n".join(line for i, line in enumerate(lines, 1) if i not in wrong)
            assert read(form, put(form, left, Path(folder) / "left")).digest == graph.digest

    check()


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("form", ["curated", "neo4j", "triples"])
def test_a_folder_is_found_with_each_of_its_files_packed(medicine, tmp_path, form, ending):
    write_graph(medicine, tmp_path / "graph", form)
    plain = load_graph(tmp_path / "graph")
    paths = [tmp_path / "graph"] if form == "triples" else list((tmp_path / "graph").rglob("*.?sv"))
    for path in paths:
        path.with_name(path.name + (".tsv" if form == "triples" else "") + ending).write_bytes(
            PACK[ending](path.read_bytes())
        )
        path.unlink()
    packed = load_graph(tmp_path / ("graph" + (".tsv" + ending if form == "triples" else "")))
    assert (packed.digest, packed.smiles) == (plain.digest, plain.smiles)


@pytest.mark.parametrize("ending", PACK)
def test_the_parts_of_a_data_set_are_found_packed(tmp_path, ending):
    for part in ("train", "valid", "test"):
        (tmp_path / f"{part}.txt{ending}").write_bytes(PACK[ending](b"a\tr\tb\n"))
    assert all(len(triples) == 1 for triples in load_parts(tmp_path)[1].values())


@pytest.mark.parametrize(("name", "header"), [("nodes.csv", "id\ttype"), ("edges.csv", "h\tr\tt\tquality\tsource")])
def test_a_header_where_openbiolink_has_none_is_named_or_set_aside(bad_line, name, header):
    bad_line("openbiolink", name, 1, header, "header", "the first line is a header; this form has none: delete it")
