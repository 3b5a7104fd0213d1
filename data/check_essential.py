"""Check the sample graph and, where a folder with Hetionet's files is given, compare it with Hetionet.

    python data/check_essential.py [--against DIR] [FOLDER]

FOLDER is `data/essential` unless another is named. Exit status 0: all holds; 1: every problem is listed, as file, line
and what is wrong there. Hetionet's files are in any form that `kgdrug build` reads; where a `metaedge_comparison.tsv`
(`metaedge published rebuilt`) lies beside them, the table says which of its metaedges are incomplete there.
"""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from kgdrug import load_graph
from kgdrug.errors import KgdrugError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.annotations import STATUSES
from kgdrug.graph.vocabulary import split_synonyms
from kgdrug.sources.molecules import formula

HEADERS = {
    "entities.tsv": ("id", "name", "type", "synonyms"),
    "metaedges.tsv": ("abbreviation", "head_type", "relation", "tail_type", "treats", "licence", "source"),
    "annotations.tsv": ("compound", "disease", "status", "source", "licence", "date"),
    "smiles.tsv": ("compound", "smiles", "formula"),
    "no_smiles.tsv": ("compound", "reason"),
    "review.tsv": ("metaedge", "head", "tail", "reason"),
}
MAY_BE_EMPTY = ("synonyms", "date")
LICENCE = "CC0 1.0"

LEAST_ENTITIES = {"Compound": 180, "Disease": 110, "Gene": 250}
LEAST_TRIPLES = 3500
LEAST_METAEDGES = 11
LEAST_FACTS = {"CtD": 400, "CbG": 450}
LEAST_AGREEMENT = 0.75  # share of the facts of a reviewed metaedge that Hetionet has too
REVIEWED = ("CtD", "CbG")  # each of their facts that Hetionet lacks has its reason in review.tsv
UNDIRECTED = ("DrD", "GiG")  # such a fact is written one way round, in Hetionet perhaps the other

Fact = tuple[str, str, str]


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong, and where; line 0 is the file as a whole."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.what}" if self.line else f"{self.file}: {self.what}"


@dataclass(frozen=True)
class Row:
    """The fields of a line by column."""

    file: str
    line: int
    fields: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.fields[column]

    def problem(self, what: str) -> Problem:
        return Problem(self.file, self.line, what)


@dataclass
class Sample:
    """The rows of each file by its name, those of each edge file by its metaedge, and what could not be read."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    edges: dict[str, list[Row]] = field(default_factory=dict)
    unread: list[Problem] = field(default_factory=list)

    def names(self, type_name: str) -> set[str]:
        return {row["name"] for row in self.tables["entities.tsv"] if row["type"] == type_name}

    def facts(self, abbreviation: str) -> dict[Fact, Row]:
        return {(abbreviation, row["head"], row["tail"]): row for row in self.edges.get(abbreviation, [])}


@dataclass(frozen=True)
class Agreement:
    """How many facts of a metaedge Hetionet has too, and which rows it lacks."""

    metaedge: str
    facts: int
    lacking: tuple[Row, ...]

    @property
    def shared(self) -> int:
        return self.facts - len(self.lacking)

    @property
    def share(self) -> float:
        return self.shared / self.facts if self.facts else 0.0


def read_sample(folder: Path) -> Sample:
    sample = Sample()
    for name, header in HEADERS.items():
        sample.tables[name] = list(read_rows(folder, name, header, sample.unread))
    for row in sample.tables["metaedges.tsv"]:
        abbreviation = row["abbreviation"]
        name = f"edges/{abbreviation}.tsv"
        sample.edges[abbreviation] = list(read_rows(folder, name, ("head", "tail"), sample.unread))
    for path in sorted((folder / "edges").glob("*")):
        if path.stem not in sample.edges:
            sample.unread.append(Problem(f"edges/{path.name}", 0, "metaedges.tsv has no such metaedge"))
    return sample


def read_rows(folder: Path, name: str, header: tuple[str, ...], unread: list[Problem]) -> Iterator[Row]:
    """The rows of a file; where it, or a line of it, cannot be read, that is noted."""
    try:
        lines = (folder / name).read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        unread.append(Problem(name, 0, f"cannot be read: {error}"))
        return
    if lines.pop():
        unread.append(Problem(name, len(lines) + 1, "the last line has no end"))
    if not lines or tuple(lines[0].split("\t")) != header:
        unread.append(Problem(name, 1, f"the header is not {' '.join(header)}"))
        return
    for number, line in enumerate(lines[1:], 2):
        values = line.split("\t")
        empty = [
            column for column, value in zip(header, values, strict=False) if not value and column not in MAY_BE_EMPTY
        ]
        if len(values) != len(header):
            unread.append(Problem(name, number, f"{len(values)} fields; {len(header)} are wanted"))
        elif empty:
            unread.append(Problem(name, number, f"{empty[0]} is empty"))
        elif any(value != value.strip() for value in values):
            unread.append(Problem(name, number, "there is space around a field"))
        else:
            yield Row(name, number, dict(zip(header, values, strict=True)))


def check_order(sample: Sample) -> Iterator[Problem]:
    """No line twice, and lines in the order of `LC_ALL=C sort`; in entities.tsv those of type and name."""
    for rows in (*sample.tables.values(), *sample.edges.values()):
        for before, row in pairwise(rows):
            if place(row) == place(before):
                yield row.problem(f"says what line {before.line} says")
            elif place(row) < place(before):
                yield row.problem(f"should stand before line {before.line}")


def place(row: Row) -> bytes:
    columns = ("type", "name", "id") if row.file == "entities.tsv" else tuple(row.fields)
    return "\t".join(row[column] for column in columns).encode()


def twice(rows: list[Row], *columns: str) -> Iterator[Problem]:
    """Rows that agree with an earlier one in these columns."""
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        key = tuple(row[column] for column in columns)
        if (first := seen.setdefault(key, row.line)) != row.line:
            yield row.problem(f"{' '.join(columns)} {' / '.join(key)} is that of line {first}")


def check_names(sample: Sample) -> Iterator[Problem]:
    """Ids and names are unique, each end of an edge is known, and each entity stands in an edge."""
    entities = sample.tables["entities.tsv"]
    yield from twice(entities, "id")
    yield from twice(entities, "name", "type")
    yield from twice(sample.tables["metaedges.tsv"], "abbreviation")
    known = {(row["name"], row["type"]) for row in entities}
    named: set[tuple[str, str]] = set()
    for metaedge in sample.tables["metaedges.tsv"]:
        for row in sample.edges[metaedge["abbreviation"]]:
            for end in ("head", "tail"):
                entity = (row[end], metaedge[f"{end}_type"])
                named.add(entity)
                if entity not in known:
                    yield row.problem(f"entities.tsv has no {entity[1]} {entity[0]!r}")
    for row in entities:
        if (row["name"], row["type"]) not in named:
            yield row.problem(f"{row['type']} {row['name']!r} stands in no edge")
    for abbreviation in UNDIRECTED:
        facts = sample.facts(abbreviation)
        for (_, head, tail), row in facts.items():
            if head > tail and (abbreviation, tail, head) in facts:
                yield row.problem(f"says what line {facts[abbreviation, tail, head].line} says, the other way round")


def check_synonyms(sample: Sample) -> Iterator[Problem]:
    """Within a type a synonym is nobody's name, and the synonym of one entity, in any case."""
    known: dict[tuple[str, str], Row] = {}
    for row in sample.tables["entities.tsv"]:
        known[row["name"].casefold(), row["type"]] = row
    for row in sample.tables["entities.tsv"]:
        for synonym in split_synonyms(row["synonyms"]):
            if (first := known.setdefault((synonym.casefold(), row["type"]), row)) is not row:
                yield row.problem(f"the synonym {synonym!r} is a name of {first['name']!r} too, in line {first.line}")


def check_sizes(sample: Sample) -> Iterator[Problem]:
    types = Counter(row["type"] for row in sample.tables["entities.tsv"])
    for type_name, least in LEAST_ENTITIES.items():
        if types[type_name] < least:
            yield Problem("entities.tsv", 0, f"{types[type_name]} of type {type_name}; at least {least} are wanted")
    for abbreviation, least in LEAST_FACTS.items():
        if (facts := len(sample.edges.get(abbreviation, []))) < least:
            yield Problem(f"edges/{abbreviation}.tsv", 0, f"{facts} facts; at least {least} are wanted")
    if (triples := sum(map(len, sample.edges.values()))) < LEAST_TRIPLES:
        yield Problem("edges", 0, f"{triples} facts in all; at least {LEAST_TRIPLES} are wanted")
    if len(sample.edges) < LEAST_METAEDGES:
        yield Problem("metaedges.tsv", 0, f"{len(sample.edges)} metaedges; at least {LEAST_METAEDGES} are wanted")
    for row in sample.tables["metaedges.tsv"]:
        if row["licence"] != LICENCE:
            yield row.problem(f"the licence is {row['licence']!r}, not {LICENCE!r}")


def check_structures(sample: Sample) -> Iterator[Problem]:
    """Every compound has a structure or a reason why not, and each structure has the formula beside it."""
    with_one, without = sample.tables["smiles.tsv"], sample.tables["no_smiles.tsv"]
    compounds = sample.names("Compound")
    for rows in (with_one, without):
        yield from twice(rows, "compound")
        for row in rows:
            if row["compound"] not in compounds:
                yield row.problem(f"entities.tsv has no Compound {row['compound']!r}")
    structured = {row["compound"] for row in with_one}
    excused = {row["compound"] for row in without}
    for row in without:
        if row["compound"] in structured:
            yield row.problem(f"{row['compound']} stands in smiles.tsv too")
    for row in sample.tables["entities.tsv"]:
        if row["type"] == "Compound" and row["name"] not in structured | excused:
            yield row.problem(f"{row['name']} stands neither in smiles.tsv nor in no_smiles.tsv")
    for row in with_one:
        computed = formula(row["smiles"])
        if computed is None:
            yield row.problem(f"the SMILES of {row['compound']} cannot be read")
        elif computed != row["formula"]:
            yield row.problem(f"the SMILES of {row['compound']} is {computed}, not {row['formula']}")


def check_annotations(sample: Sample) -> Iterator[Problem]:
    """Known pairs and statuses, each pair once; what is treated and yet refuted says in parentheses how that can be."""
    rows = sample.tables["annotations.tsv"]
    compounds, diseases = sample.names("Compound"), sample.names("Disease")
    treated = sample.facts("CtD")
    yield from twice(rows, "compound", "disease")
    for row in rows:
        if row["compound"] not in compounds:
            yield row.problem(f"entities.tsv has no Compound {row['compound']!r}")
        if row["disease"] not in diseases:
            yield row.problem(f"entities.tsv has no Disease {row['disease']!r}")
        if row["status"] not in STATUSES:
            yield row.problem(f"the status is {row['status']!r}, none of {', '.join(STATUSES)}")
        if row["licence"] != LICENCE:
            yield row.problem(f"the licence is {row['licence']!r}, not {LICENCE!r}")
        denied = row["status"] in ("refuted", "contraindicated")
        if denied and ("CtD", row["compound"], row["disease"]) in treated and "(" not in row["source"]:
            yield row.problem(f"{row['status']}, yet CtD has it: say in the source, in parentheses, how both can be")


def check_reasons(sample: Sample) -> Iterator[Problem]:
    """Each line of review.tsv is about a fact of the sample."""
    yield from twice(sample.tables["review.tsv"], "metaedge", "head", "tail")
    facts = {fact for abbreviation in REVIEWED for fact in sample.facts(abbreviation)}
    for row in sample.tables["review.tsv"]:
        if reviewed(row) not in facts:
            yield row.problem(f"no fact of the sample: {told(reviewed(row))}")


def reviewed(row: Row) -> Fact:
    return row["metaedge"], row["head"], row["tail"]


def told(fact: Fact) -> str:
    abbreviation, head, tail = fact
    return f"{abbreviation} {head} / {tail}"


CHECKS = (check_order, check_names, check_synonyms, check_sizes, check_structures, check_annotations, check_reasons)


def check_entities(sample: Sample, hetionet: KnowledgeGraph) -> Iterator[Problem]:
    """Each id is Hetionet's, with the name and the type that it has there."""
    for row in sample.tables["entities.tsv"]:
        if row["id"] not in hetionet.entities:
            yield row.problem(f"Hetionet has no id {row['id']}")
            continue
        index = hetionet.entities.index(row["id"])
        theirs = (hetionet.entities.names[index], hetionet.type_of(index).name)
        if theirs != (row["name"], row["type"]):
            yield row.problem(f"Hetionet's {row['id']} is the {theirs[1]} {theirs[0]!r}")


def compare(sample: Sample, hetionet: KnowledgeGraph) -> list[Agreement]:
    """For each metaedge, which facts Hetionet has; a fact whose entity or metaedge it lacks, it lacks."""
    places = {entity: i for i, entity in enumerate(hetionet.entities.ids)}
    index = {(row["name"], row["type"]): places.get(row["id"], -1) for row in sample.tables["entities.tsv"]}
    relations = {e.abbreviation: i for i, e in enumerate(hetionet.metaedges)}
    agreements = []
    for metaedge in sample.tables["metaedges.tsv"]:
        abbreviation = metaedge["abbreviation"]
        triples = hetionet.triples[hetionet.triples[:, 1] == relations.get(abbreviation, -1)]
        theirs = set(map(tuple, triples[:, [0, 2]].tolist()))
        lacking = []
        for row in sample.edges[abbreviation]:
            head, tail = (index.get((row[end], metaedge[f"{end}_type"]), -1) for end in ("head", "tail"))
            turned = abbreviation in UNDIRECTED and (tail, head) in theirs
            if (head, tail) not in theirs and not turned:
                lacking.append(row)
        agreements.append(Agreement(abbreviation, len(sample.edges[abbreviation]), tuple(lacking)))
    return agreements


def check_agreement(sample: Sample, agreements: list[Agreement]) -> Iterator[Problem]:
    """Enough agreement in the reviewed metaedges, and review.tsv names just the facts that Hetionet lacks."""
    reasons = {reviewed(row): row for row in sample.tables["review.tsv"]}
    for agreement in agreements:
        if agreement.metaedge not in REVIEWED:
            continue
        if agreement.share < LEAST_AGREEMENT:
            what = f"Hetionet has {agreement.share:.1%} of the facts; at least {LEAST_AGREEMENT:.0%} is wanted"
            yield Problem(f"edges/{agreement.metaedge}.tsv", 0, what)
        lacking = {(agreement.metaedge, row["head"], row["tail"]): row for row in agreement.lacking}
        for fact, row in lacking.items():
            if fact not in reasons:
                yield row.problem(f"Hetionet lacks {told(fact)}; review.tsv has no reason for it")
        for fact in sample.facts(agreement.metaedge):
            if fact in reasons and fact not in lacking:
                yield reasons[fact].problem(f"stale: Hetionet has {told(fact)}")


def incomplete(folder: Path) -> dict[str, str]:
    """What a folder's `metaedge_comparison.tsv` says of the metaedges that are not whole there, as a note on each."""
    path = folder / "metaedge_comparison.tsv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {
        row["metaedge"]: f"{int(row['rebuilt']):,} of {int(row['published']):,} edges there"
        for row in rows
        if row["metaedge"] != "TOTAL" and row["rebuilt"] != row["published"]
    }


def print_agreement(agreements: list[Agreement], notes: Mapping[str, str]) -> None:
    print("metaedge  facts  in Hetionet  share")
    for a in agreements:
        note = f"  ({notes[a.metaedge]})" if a.metaedge in notes else ""
        print(f"{a.metaedge:8}  {a.facts:5,}  {a.shared:11,}  {a.share:5.1%}{note}")
    others = [f"{abbreviation} {note}" for abbreviation, note in notes.items()]
    if others:
        print(f"not whole or approximate in that folder: {'; '.join(others)}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Check the sample graph; with --against, compare it with Hetionet.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "essential")
    parser.add_argument("--against", type=Path, metavar="DIR", help="a folder with Hetionet's files")
    arguments = parser.parse_args()
    sample = read_sample(arguments.folder)
    problems = sample.unread or [problem for check in CHECKS for problem in check(sample)]
    if arguments.against and not sample.unread:
        try:
            hetionet = load_graph(arguments.against)
        except KgdrugError as error:
            parser.error(f"--against: {error}")
        agreements = compare(sample, hetionet)
        print_agreement(agreements, incomplete(arguments.against))
        problems += [*check_entities(sample, hetionet), *check_agreement(sample, agreements)]
    print(*sorted(problems), sep="\n", end="\n" if problems else "")
    entities, facts = len(sample.tables["entities.tsv"]), sum(map(len, sample.edges.values()))
    print(f"{entities:,} entities, {facts:,} facts, {len(problems):,} problem{'s' * (len(problems) != 1)}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
