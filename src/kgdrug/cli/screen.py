"""What the command line shows: two consoles, tables, progress bars."""

import re
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

if TYPE_CHECKING:
    from kgdrug.graph import KnowledgeGraph
    from kgdrug.models.progress import Progress as Stage
    from kgdrug.ranking import Answer, Similar
    from kgdrug.sources.transfer import ProgressBar
    from kgdrug.training import Epoch


def console(stderr: bool = False) -> Console:
    # a file or pipe has no width of its own: lines stay whole there
    console = Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)
    return (
        console
        if console.is_terminal
        else Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False, width=200)
    )


out, err = console(), console(stderr=True)
BAR = 16  # columns of a progress bar
WORDS = frozenset({
    "name", "id", "known", "terms", "evidence", "what", "licence", "source", "version", "on this machine", "status",
    "started", "head", "relation", "tail", "metaedges", "leak", "type",
})  # columns of a table that hold words  # fmt: skip
# how a table of answers gives way to a narrow terminal, step by step: what goes below the rows, and what is left out
TEXTS, SPARE = ("evidence", "terms", "known"), ("percentile", "agreement", "score", "usual")
NARROWER = (
    (TEXTS[:1], ()),
    (TEXTS[:2], ()),
    (TEXTS[:2], SPARE[:1]),
    *((TEXTS, SPARE[:count]) for count in range(4)),
    *(((*TEXTS, "id"), SPARE[:count]) for count in range(5)),
)
# columns whose text is broken between words, how narrow they become, and a name that all else stands below
WRAPPED, LEAST, LAST = ("name", "known", "type"), 24, 8
# between columns, before what stands below a row, and before that where little fits
SPACE, INDENT, LITTLE = "   ", " " * 8, " " * 4


def epochs(epochs: "Iterable[Epoch]", seeds: range = range(0, 1)) -> "Iterator[Epoch]":
    """The epochs of one seed as they come, with a line each, and on a terminal a bar below the lines.

    seeds: all that are trained one after another; the time left is that until the last of them has ended.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    # of the lengths of these an 80 columns wide terminal has room for
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(BAR), MofNCompleteColumn(),
               TextColumn("epochs"), TimeElapsedColumn(), TextColumn("{task.fields[left]}"))  # fmt: skip
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("training", total=None, left="")
        started = time.monotonic()
        for seen, epoch in enumerate(epochs, 1):
            each = (time.monotonic() - started) / seen  # looks at valid and checkpoints included
            left = each * (epoch.of - epoch.number + epoch.of * len([seed for seed in seeds if seed > epoch.seed]))
            valid = "" if epoch.best_mrr is None else f"best valid MRR {epoch.best_mrr:.3f}, "
            if epoch.valid is not None:
                best = " (best)" if epoch.best else f" (best {epoch.best_mrr or 0:.3f})"
                valid = f"valid MRR {epoch.valid['mrr']:.3f}{best}, "
            now = f"loss {epoch.loss:.3f}, {epoch.triples_per_second:,.0f} triples/s, {valid}"
            which = f"seed {epoch.seed}, " if len(seeds) > 1 else ""
            ends = f"{as_time(left)} left"
            progress.update(task, completed=epoch.number, total=epoch.of, left=ends, description=f"{which}training")
            now = now.removesuffix(", ") if err.is_terminal else now + ends  # the bar has it
            err.print(f"{which}epoch {epoch.number} of {epoch.of}: {now}")
            yield epoch


def stages(progress: "Iterable[Stage]") -> "Iterator[Stage]":
    """How far a fit is, with a bar on a terminal, and elsewhere a line for each thing that it begins to count."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(BAR), MofNCompleteColumn(),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        task, what, started = bars.add_task("fitting", total=None), "", time.monotonic()
        for stage in progress:
            bars.update(task, completed=stage.done, total=stage.of, description=stage.what)
            if stage.what != what and not err.is_terminal:
                err.print(f"{stage.what}: {stage.of:,}, after {as_time(time.monotonic() - started)}")
            what = stage.what
            yield stage


@contextmanager
def download_bars() -> "Iterator[Callable[[str], ProgressBar]]":
    """A maker of progress bars, one a file, on a terminal; elsewhere a line for each file that is done."""
    from rich import progress as shown
    from rich.filesize import decimal

    columns = (shown.TextColumn("{task.description}"), shown.BarColumn(), shown.DownloadColumn(),
               shown.TransferSpeedColumn(), shown.TimeRemainingColumn())  # fmt: skip
    with shown.Progress(*columns, console=err, disable=not err.is_terminal) as progress:

        class Bar:
            def __init__(self, name: str) -> None:
                self.name, self.size, self.task = name, 0, progress.add_task(name, total=None)

            def start(self, done: int, total: int | None) -> None:
                self.size = done
                progress.reset(self.task, completed=done, total=total)

            def update(self, n: int) -> None:
                self.size += n
                progress.advance(self.task, n)

            def close(self, whole: bool) -> None:
                progress.stop_task(self.task)
                if whole and not err.is_terminal:
                    err.print(f"{self.name}: {decimal(self.size)} downloaded")

        yield Bar


def print_counts(graph: "KnowledgeGraph") -> None:
    from kgdrug.sources.build import counted

    sizes = (len(graph.entities), "entity", "entities"), (len(graph.triples), "triple"), (graph.relations, "metaedge")
    out.print(f"{graph.name}: {', '.join(counted(*size) for size in sizes)}, digest {graph.digest[:12]}")
    if not graph.treats:
        out.print("no metaedge means treatment here; name one with --treats to ask for diseases and compounds")


def print_graph(about: Mapping[str, Any]) -> None:
    out.print(
        f"{about['name']}: {about['entities']:,} entities, {about['triples']:,} triples, digest {about['digest'][:12]}"
    )
    types = ", ".join(f"{count:,} {name}" for name, count in about["entity_types"].items())
    out.print(f"{types}; {about['isolated']:,} isolated")


def print_tables(about: Mapping[str, Any]) -> None:
    """The entity types and the metaedges of a graph; where all metaedges are from is said once."""
    table = new_table("type", "entities", "isolated", "named", "SMILES", "degree median", "mean", "max")
    for name, row in about["types"].items():
        numbers = [*(row[key] for key in ("entities", "isolated", "named", "with_smiles")),
                   *(row["degree"][key] for key in ("median", "mean", "max"))]  # fmt: skip
        table.add_row(name, *("-" if n is None else f"{n:,.1f}".removesuffix(".0") for n in numbers))
    out.print(table)
    said = {key: {e[key] for e in about["metaedges"].values()} for key in ("licence", "source", "version")}
    origin = [key for key, values in said.items() if len(values) > 1]
    table = new_table("metaedge", "triples", "head", "relation", "tail", *origin)
    for abbreviation, e in about["metaedges"].items():
        mark = " *" if abbreviation in about["treats"] else ""
        what = (e[key] for key in ("head_type", "relation", "tail_type", *origin))
        table.add_row(abbreviation + mark, f"{e['triples']:,}", *what)
    out.print(table)
    if about["treats"]:
        out.print(f"* {about['treatments']:,} treatments")
    for key, values in said.items():
        if len(values) == 1 and values != {""}:
            out.print(f"{key:12} {values.pop()}")


def print_members(members: "Sequence[Mapping[str, Any]]") -> None:
    """What each seed came to."""
    table = new_table("seed", "best epoch", "valid MRR", "test MRR", "Hits@10")
    for member in members:
        numbers = member["valid"]["mrr"], member["both"]["mrr"], member["both"]["hits_at_10"]
        table.add_row(str(member["seed"]), str(member["valid"]["epoch"]), *(as_text(number) for number in numbers))
    out.print(table)


def print_answers(text: str, answers: "Sequence[Answer]", elsewhere: str = "") -> None:
    """Answers as a table; `usual` is the percentile that a candidate has whatever is asked.

    elsewhere: what shows all columns too where the terminal is too narrow for them.
    """
    from kgdrug import flat_rows
    from kgdrug.ranking.export import evidence_lines

    digits = {"score": 3, "percentile": 1, "usual": 1, "agreement": 2, "probability": 4}
    rows = []
    for answer, row in zip(answers, flat_rows(answers), strict=True):
        row["usual"] = row["usual_percentile"]
        row["known"] = "; ".join(str(row[key]) for key in ("known", "annotations") if row[key])
        row["evidence"] = "\n".join(evidence_lines(answer.evidence or ()))
        numbers = {key: f"{row[key]:.{count}f}" for key, count in digits.items() if row.get(key) is not None}
        rows.append({key: str(value) for key, value in row.items()} | numbers)
    there = {
        "agreement": any(a.agreement is not None for a in answers),
        "probability": any(a.probability is not None for a in answers),
        "terms": any(a.terms for a in answers),
        "evidence": any(a.evidence is not None for a in answers),
    }
    columns = [key for key in ("rank", "name", "id", *digits, "known", "terms", "evidence") if there.get(key, True)]
    print_found(text, columns, rows, elsewhere)


def print_similar(text: str, alike: "Sequence[Similar]") -> None:
    """Entities that are like another one; what none of them has is left out."""
    numbers = [key for key in ("vectors", "structure") if any(getattr(a, key) is not None for a in alike)]
    rows = [
        {"rank": str(a.rank), "name": a.name, "id": a.id, **{key: as_text(getattr(a, key)) for key in numbers}}
        for a in alike
    ]
    print_found(text, ("rank", "name", "id", *numbers), rows)


def print_found(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, str]], elsewhere: str = "") -> None:
    """A table of entities and what is said of each.

    Where the terminal is too narrow for it, columns give way as `NARROWER` has them: texts go below their row, and
    spare numbers are left out, which a line after it says, with what has them `elsewhere`. At last all but the name
    stands below it. An id is never broken: one that is wider than the terminal is so in its line.
    """
    natural = {
        c: max(cell_len(line) for row in ({c: c}, *rows) for line in row[c].splitlines() or [""]) for c in columns
    }
    if not out.is_terminal or _width(natural) <= out.width:
        table = new_table(*columns, title=title)
        for row in rows:
            table.add_row(*(row[column] for column in columns))
        out.print(table)
        return
    words = {c: max(cell_len(word) for row in ({c: c}, *rows) for word in row[c].split() or [""]) for c in columns}
    least = {c: min(width, words[c] if c == "type" else LEAST) for c, width in natural.items() if c in WRAPPED}
    below: Sequence[str]
    for below, without in NARROWER:
        widths = _in_room({c: width for c, width in natural.items() if c not in (*below, *without)}, least)
        if _width(widths) <= out.width:
            break
    else:
        below = [c for c in columns if c not in ("rank", "name", *SPARE)]
        widths = _in_room({c: natural[c] for c in columns if c in ("rank", "name")}, {"name": LAST})
    header = _side_by_side({c: c for c in columns}, widths)
    lines = [_side_by_side(row, widths) + _below({c: row[c] for c in columns if c in below}) for row in rows]
    out.print(title, style="bold", soft_wrap=False)
    out.print("", *header, sep="\n", style="bold")
    out.print(f" {'─' * (min(out.width, max(cell_len(line) for line in chain(header, *lines))) - 2)}")
    out.print(*chain(*lines), "", sep="\n")
    left_out = [column for column in columns if column in without]
    if left_out:
        say(_no_room(", ".join(left_out), elsewhere))


def _width(widths: Mapping[str, int]) -> int:
    """Of a table with such columns."""
    return sum(widths.values()) + len(SPACE) * (len(widths) - 1) + 2


def _in_room(natural: Mapping[str, int], least: Mapping[str, int]) -> dict[str, int]:
    """The widths of columns, those that may be wrapped as wide as the terminal has room for, but not below `least`."""
    widths = {column: min(width, least.get(column, width)) for column, width in natural.items()}
    for column, width in natural.items():
        widths[column] += min(width - widths[column], max(0, out.width - _width(widths)))
    return widths


def _side_by_side(row: Mapping[str, str], widths: Mapping[str, int]) -> list[str]:
    """The lines of a row; the first column and words stand at the left, numbers at the right."""
    first, cells = next(iter(widths)), []
    for column, width in widths.items():
        lines = _wrapped(row[column], width) if column in WRAPPED else [row[column]]
        blanks = [" " * (width - cell_len(line)) for line in lines]
        left = column in {first, *WORDS}
        cells.append(
            [f"{line}{blank}" if left else f"{blank}{line}" for line, blank in zip(lines, blanks, strict=True)]
        )
    empty = [" " * width for width in widths.values()]
    return [
        f" {SPACE.join(cell[i] if i < len(cell) else blank for cell, blank in zip(cells, empty, strict=True))} "
        for i in range(max(map(len, cells)))
    ]


def _below(texts: Mapping[str, str]) -> list[str]:
    """The lines below a row: each text after its column's name, what does not fit into a line indented further.

    Where that leaves little room, or an id has none, the name has a line of its own.
    """
    label = max(map(len, texts), default=0)
    before, lines = len(INDENT) + label + len(SPACE), []
    for column, text in texts.items():
        room = out.width - 1 - before
        beside = cell_len(text) <= room or (column != "id" and room >= LEAST)
        room = room if beside else out.width - 1 - len(LITTLE)
        parts = [text] if column == "id" else [x for line in text.splitlines() for x in _wrapped(line, room, "  ")]
        if beside:
            names = [column, *[""] * len(parts)]
            lines += [f"{INDENT}{name:{label}}{SPACE}{part}" for name, part in zip(names, parts, strict=False)]
        elif parts:
            indent = LITTLE[: max(0, out.width - max(map(cell_len, parts)))]
            lines += [f"{LITTLE[2:]}{column}", *(f"{indent}{part}" for part in parts)]
    return lines


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """A text in lines of so many cells, broken between words where that can be; the first is not indented."""
    width = max(width, len(indent) + 2)  # of which one wide character takes two
    lines: list[str] = []
    for word in text.split():
        size = cell_len(word)
        if lines and cell_len(lines[-1]) + 1 + size <= width:
            lines[-1] += f" {word}"
            continue
        room = width - (len(indent) if lines or size > width else 0)
        parts = chop_cells(word, room) if size > room else [word]
        lines += [f"{indent if lines or i else ''}{part}" for i, part in enumerate(parts)]
    return lines or [""]


def say(text: str) -> None:
    """A line of words, on a terminal broken between them."""
    out.print(text, soft_wrap=not out.is_terminal)


def new_table(*columns: str, title: str | None = None) -> Table:
    """An empty table. Where room is short, words are folded; a number stays whole, or ends in `…` where it cannot.

    The first column, and those in `WORDS`, hold words, the others numbers.
    """
    from rich import box

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for i, column in enumerate(columns):
        if i == 0 or column in WORDS:
            table.add_column(column, overflow="fold")
        else:
            table.add_column(column, justify="right", overflow="ellipsis", no_wrap=True)
    return table


def print_numbers(columns: Sequence[str], rows: Sequence[Sequence[str]], spare: Collection[str] = ()) -> None:
    """A table of numbers, such as `0.536 [0.49, 0.58]`; a row of one cell begins a section.

    Where the terminal is too narrow for it, the spare columns are left out, or else the intervals, or else both.
    """
    plain, cut = _without_ends(columns), [_without_ends(row) for row in rows]
    kept = [i for i, column in enumerate(columns) if column not in spare]
    less = ", ".join(spare)
    tables = [_numbers_table(columns, rows)]
    if spare:
        tables.append(_numbers_table(*_only(kept, columns, rows), less))
    if cut != [list(row) for row in rows]:
        tables.append(_numbers_table(plain, cut, "intervals"))
        if spare:
            tables.append(_numbers_table(*_only(kept, plain, cut), f"intervals, {less}"))
    boundless = out.options.update(max_width=10_000)
    out.print(next((t for t in tables if Measurement.get(out, boundless, t).maximum <= out.width), tables[-1]))


def _no_room(what: str, elsewhere: str = "") -> str:
    """That columns are left out, and what has them."""
    return f"no room for {what}: widen the window{elsewhere and f', or use {elsewhere}'}"


def _only(kept: Sequence[int], columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[Any]]:
    return [columns[i] for i in kept], [[row[i] for i in kept if i < len(row)] for row in rows]


def _numbers_table(columns: Sequence[str], rows: Sequence[Sequence[str]], without: str = "") -> Table:
    table = new_table(*columns)
    if without:
        table.caption, table.caption_justify = _no_room(without), "left"
    for row in rows:
        if len(row) == 1:
            table.add_section()
        table.add_row(*row)
    return table


def _without_ends(row: Sequence[str]) -> list[str]:
    """A row's numbers, such as `0.536 [0.49, 0.58]`, without what stands in brackets; its first cell is a name."""
    return [*row[:1], *(re.sub(r" \[[^\]]*\]$", "", cell) for cell in row[1:])]


def as_text(value: object, digits: int = 3) -> str:
    if value is None:
        return "-"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.{digits}f}"
    return f"{int(value):,}" if isinstance(value, int | float) else str(value)


def as_time(seconds: float) -> str:
    """A stretch of time in its two largest units: `41 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def fail(message: str, code: int) -> NoReturn:
    for line in message.splitlines()[:2]:
        sys.stderr.write(f"{'' if line.startswith(('run again', 'try:')) else 'kgdrug: '}{line}\n")
    raise SystemExit(code)
