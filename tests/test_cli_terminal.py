"""What the command line shows on a terminal: progress, numbers, answers, warnings."""

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

import kgdrug
from kgdrug import Run
from kgdrug.cli import screen
from kgdrug.models.terms import Term
from kgdrug.ranking.alike import Similar
from kgdrug.ranking.described import KnownFact, Noted
from kgdrug.ranking.paths import Evidence, Named, PathStep
from kgdrug.ranking.paths import Path as WalkedPath
from kgdrug.training import Epoch


class Clock:
    """A clock that goes on ten seconds each time somebody looks."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 10
        return self.now


def test_each_epoch_is_a_line_with_loss_speed_valid_mrr_the_best_and_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "time", Clock())
    first = Epoch(1, 20, 7, 2.5, 1.0, 1234.5, 0.1, {"mrr": 0.25}, True, 0.25)
    epochs = [
        first,
        replace(first, number=2, valid={"mrr": 0.125}, best=False),
        replace(first, number=3, valid=None, best=False),
        replace(first, number=18, seed=8, valid=None, best=False, best_mrr=None),
    ]
    assert list(screen.epochs(epochs, range(7, 9))) == epochs
    assert capsys.readouterr().err.splitlines() == [
        "seed 7, epoch 1 of 20: loss 2.500, 1,234 triples/s, valid MRR 0.250 (best), 6 min 30 s left",
        "seed 7, epoch 2 of 20: loss 2.500, 1,234 triples/s, valid MRR 0.125 (best 0.250), 6 min 20 s left",
        "seed 7, epoch 3 of 20: loss 2.500, 1,234 triples/s, best valid MRR 0.250, 6 min 10 s left",
        "seed 8, epoch 18 of 20: loss 2.500, 1,234 triples/s, 20 s left",
    ]


def terminal(width: int) -> Console:
    """A terminal of so many columns that keeps what is printed, as `screen.err` and `screen.out` are made."""
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, highlight=False, soft_wrap=True, markup=False, emoji=False
    )


def seen_on(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue()).replace("\r", "\n").splitlines()


def test_a_terminal_keeps_a_line_of_each_epoch_and_has_room_for_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "time", Clock())
    monkeypatch.setattr(screen, "err", terminal(80))
    first = Epoch(1, 200, 7, 2.5, 1.0, 1234567.5, 0.1, {"mrr": 0.25}, True, 0.25)
    list(screen.epochs([first, replace(first, number=120, best=False)], range(7, 9)))
    lines = seen_on(screen.err)
    assert "seed 7, epoch 1 of 200: loss 2.500, 1,234,568 triples/s, valid MRR 0.250 (best)" in lines
    bar = next(line for line in lines if "120/200 epochs" in line)
    assert "━━━━━━━━━━━━━━━━" in bar.replace("╸", "━").replace("╺", "━")
    assert re.search(r"\d:\d\d:\d\d 46 min 40 s left", bar)
    assert len(bar.rstrip()) <= 80


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (60, "model one 0.535 [0.48, 0.59] 0.408 12.0"),
        (45, "model one 0.535 [0.48, 0.59] 0.408"),
        (34, "model one 0.535 0.408"),
        (24, "model 0.535 0.408"),
    ],
)
def test_a_narrow_terminal_gets_fewer_numbers_and_no_broken_ones(
    monkeypatch: pytest.MonkeyPatch, width: int, expected: str
) -> None:
    monkeypatch.setattr(screen, "out", terminal(width))
    columns = ("test", "MRR [95 %]", "Hits@1", "mean rank")
    screen.print_numbers(columns, [["both sides"], ["model one", "0.535 [0.48, 0.59]", "0.408", "12.0"]], ["mean rank"])
    lines = seen_on(screen.out)
    assert expected in [" ".join(line.split()) for line in lines]
    assert ("no room for" in "".join(lines)) == (width < 60)


@pytest.mark.parametrize("width", range(12, 40))
def test_a_number_that_is_cut_bears_a_mark_however_narrow_the_terminal(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(screen, "out", terminal(width))
    screen.print_numbers(("test", "queries", "MRR", "Hits@1"), [["model", "12,345", "0.535", "0.408"]])
    shown = [word for line in seen_on(screen.out) for word in re.findall(r"(?<!@)\b\d\S*", line)]
    assert [word for word in shown if word not in ("12,345", "0.535", "0.408") and not word.endswith("…")] == []
    assert ("12,345" in shown) == (width >= 24)


def test_the_metaedges_of_a_finding_are_folded_and_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "out", terminal(50))
    table = screen.new_table("finding", "metaedges", "test triples", "of", "leak")
    table.add_row("twin relations", "CtD, CpD, DaG, DdG and 12 more", "12,345", "23,456", "yes")
    screen.out.print(table)
    said = " ".join(seen_on(screen.out))
    assert all(word in said for word in ("CtD,", "CpD,", "DaG,", "DdG", "more", "12,345", "23,456", "yes"))


def test_a_models_name_with_brackets_is_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "out", terminal(24))
    screen.print_numbers(("test [1]", "MRR", "Hits@1"), [["mine [v2]", "0.535", "0.408"]])
    said = " ".join(seen_on(screen.out))
    assert "[v2]" in said
    assert "[1]" in said
    assert "no room for" not in said


# answers


# of 38 characters, each of which takes two columns, without a blank to break it at
WIDE = "吸入用インダカテロールマレイン酸塩およびグリコピロニウム臭化物配合カプセル製剤"


def answers_of(members: int, long: bool, wide: bool = False) -> list[kgdrug.Answer]:
    """Answers with all that one can have, or of one member with what each has."""
    known = (KnownFact("CtD", "treats", "train"), KnownFact("CpD", "palliates", "test"))
    noted = Noted("trial", "SMART 2006 (more asthma deaths without an inhaled steroid)")
    names = ("Indacaterol", "Isoprenaline sulfate dihydrate, inhaled") if long else ("Indacaterol", "Budesonide")
    names = ("Indacaterol", WIDE) if wide else names
    more: dict[str, Any] = {}
    if members > 1:
        entities = [Named("Compound::DB05039", "Indacaterol", "Compound"), Named("Gene::154", "ADRB2", "Gene")]
        entities += [Named("Compound::DB00871", "Terbutaline", "Compound"), Named("Disease::1", "asthma", "Disease")]
        steps = [PathStep("CbG", "binds", way, ("train",)) for way in ("forward", "back", "forward")]
        path = WalkedPath(0.5, tuple(entities), tuple(steps))
        more = {"agreement": 1.0, "probability": 0.1234, "evidence": (Evidence("CbGbCtD", 3, 0.5, (path,)),)}
        more["terms"] = (Term("CcSEcCtD", 1.73), Term("CiPCiCtD", 1.43), Term("Disease degree, CtD", 0.43))
    noted_too = {"known": known, "annotations": (noted,)} if long else {"known": known[:1]}
    return [
        kgdrug.Answer(rank, f"Compound::DB0503{rank}", name, "Compound", 4.17, 96.3, 37.2, **noted_too, **more)
        for rank, name in enumerate(names, 1)
    ]


def printed(monkeypatch: pytest.MonkeyPatch, width: int, answers: Sequence[kgdrug.Answer]) -> tuple[list[str], str]:
    """The lines of a table of answers on a terminal so wide, and all its words in one."""
    monkeypatch.setattr(screen, "out", terminal(width))
    screen.print_answers("? treats asthma", answers, "--format csv")
    lines = seen_on(screen.out)
    return lines, " ".join(" ".join(lines).split())


@pytest.mark.parametrize("width", [50, 60, 80, 100, 120, 140, 300])
@pytest.mark.parametrize(("long", "wide"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("members", [1, 3])
def test_answers_fit_a_terminal_and_lose_nothing_that_is_not_named(
    monkeypatch: pytest.MonkeyPatch, width: int, long: bool, wide: bool, members: int
) -> None:
    lines, said = printed(monkeypatch, width, answers := answers_of(members, long, wide))
    assert max(map(cell_len, lines)) <= width
    assert [sum(answer.id in line for line in lines) for answer in answers] == [1] * len(answers)
    header = next(line.split() for line in lines if line.split()[:2] == ["rank", "name"])
    columns = {"score", "percentile", "usual"} | ({"agreement", "probability"} if members > 1 else set())
    left_out = said.split("no room for ")[1].split(":")[0].split(", ") if "no room for" in said else []
    assert columns - set(header) == set(left_out)
    assert ("or use --format csv" in said) == bool(left_out)
    for answer in answers:
        begun = next(line for line in lines if line.split()[:1] == [str(answer.rank)])
        assert answer.name.startswith(begun.split()[1])
    if wide:
        assert "".join(re.findall(r"[^\x00-\u2fff]+", said)) == WIDE
    told = ["CtD (train)", *(["CpD (test)", "deaths without an inhaled"] if long else [])]
    told += ["CbGbCtD: Indacaterol -binds-> ADRB2", "Disease degree, CtD +0.43"] if members > 1 else []
    if "known" not in header:  # beside other columns a wrapped text is no run of words
        assert all(said.count(words) == len(answers) for words in told)


def test_at_80_columns_what_is_long_stands_below_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, _ = printed(monkeypatch, 80, answers_of(3, True)[:1])
    assert [line.rstrip() for line in lines if line.strip(" ─")] == [
        "? treats asthma",
        " rank   name          id                  score   usual   probability",
        " 1      Indacaterol   Compound::DB05031   4.170    37.2        0.1234",
        "        known      CtD (train); CpD (test); trial (SMART 2006 (more asthma",
        "                     deaths without an inhaled steroid))",
        "        terms      CcSEcCtD +1.73; CiPCiCtD +1.43; Disease degree, CtD +0.43",
        "        evidence   CbGbCtD: Indacaterol -binds-> ADRB2 <-binds- Terbutaline",
        "                     -binds-> asthma",
        "no room for percentile, agreement: widen the window, or use --format csv",
    ]


CLASS = {"name": "Adrenergic beta2-Agonists", "id": "Pharmacologic Class::N0000009922", "type": "Pharmacologic Class"}


@pytest.mark.parametrize("width", range(20, 90))
@pytest.mark.parametrize("name", [CLASS["name"], WIDE])
def test_an_id_with_a_blank_stays_whole_however_narrow_the_terminal(
    monkeypatch: pytest.MonkeyPatch, width: int, name: str
) -> None:
    monkeypatch.setattr(screen, "out", terminal(width))
    rows = [CLASS | {"name": name}, {"name": "asthma", "id": "Disease::DOID:2841", "type": "Disease"}]
    screen.print_found("found for a", ("name", "id", "type"), rows)
    lines = seen_on(screen.out)
    for row in rows:
        assert sum(row["id"] in line for line in lines) == 1
    assert [line for line in lines if cell_len(line) > max(width, len(CLASS["id"]))] == []
    rest = "".join(lines).replace(CLASS["id"], "")
    assert all(rest.count(word) == 1 for word in ("Pharmacologic", "Class", "asthma", "Disease::DOID:2841"))
    assert "".join(re.findall(r"[^\x00-\u2fff]+", rest)) == (WIDE if name == WIDE else "")


@pytest.mark.parametrize("width", range(30, 50))
@pytest.mark.parametrize(("long", "wide"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("members", [1, 3])
def test_in_a_narrow_terminal_all_stands_below_the_name(
    monkeypatch: pytest.MonkeyPatch, width: int, long: bool, wide: bool, members: int
) -> None:
    lines, said = printed(monkeypatch, width, answers := answers_of(members, long, wide))
    assert max(map(cell_len, lines)) <= width
    assert [sum(answer.id in line for line in lines) for answer in answers] == [1] * len(answers)
    told = ["CtD (train)", "Indacaterol", *(["CpD (test)"] if long else ["Budesonide"])]
    told += ["Indacaterol -binds-> ADRB2", "Disease degree, CtD +0.43", "0.1234"] if members > 1 else []
    assert all(words in said for words in told)
    assert "".join(re.findall(r"[^\x00-\u2fff]+", said)) == (WIDE if wide else "")


def test_types_stand_at_the_left_and_are_broken_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "out", terminal(44))
    screen.print_found("found for a", ("name", "id", "type"), [CLASS])
    assert [line.rstrip() for line in seen_on(screen.out) if line.strip(" ─")] == [
        "found for a",
        " name                        type",
        " Adrenergic beta2-Agonists   Pharmacologic",
        "                             Class",
        "  id",
        "    Pharmacologic Class::N0000009922",
    ]


@pytest.mark.parametrize("text", ["a bc defghij kl", "ab", "", f"x {WIDE} y", "é" * 30])
@pytest.mark.parametrize("indent", ["", "  "])
def test_a_wrapped_text_has_all_its_characters_and_is_no_wider(text: str, indent: str) -> None:
    for width in range(1, 40):
        lines = screen._wrapped(text, width, indent)
        assert "".join("".join(lines).split()) == "".join(text.split())
        assert max(map(cell_len, lines)) <= max(width, len(indent) + 2)
        assert all(line.startswith(indent) for line in lines[1:])


def test_long_ids_of_a_graph_of_ones_own_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "out", terminal(80))
    place = "http://purl.obolibrary.org/obo/MONDO_0004979"
    found = [Similar(1, place, "asthma, bronchial, that begins late in life", "Disease", 0.9, None)]
    screen.print_similar("like bronchitis", found)
    assert any(place in line for line in seen_on(screen.out))


def on_a_terminal(width: int, *words: object) -> list[str]:
    """The lines that the command shows on a real terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    program = Path(sys.executable).with_name("kgdrug")
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")} | {"TERM": "xterm"}
    with subprocess.Popen([program, *map(str, words)], stdin=theirs, stdout=theirs, stderr=theirs, env=kept):
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # which is how a terminal ends
            while read := os.read(ours, 4096):
                shown += read
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).splitlines()


def test_a_real_terminal_of_80_columns_shows_ids_that_can_be_copied(trained_run: Run, bare: Path) -> None:
    lines = on_a_terminal(80, "predict", trained_run.folder, "--disease", "asthma", "--top", "2", "--evidence", "2")
    for answer in kgdrug.predict(trained_run.model, disease="asthma", top=2):
        assert any(answer.id in line for line in lines)
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("        evidence   ") for line in lines)


def test_a_real_terminal_of_30_columns_shows_them_too(trained_run: Run, bare: Path) -> None:
    lines = on_a_terminal(30, "search", trained_run.folder, "Metformin")
    assert any("Compound::DB00331" in line for line in lines)
    assert max(map(len, lines)) <= 30


def test_the_first_warnings_are_said_once_and_counted_and_files_have_all(
    kg: Callable[..., SimpleNamespace], trained_run: Run, bare: Path
) -> None:
    served, graph = trained_run.model.served, trained_run.model.graph
    treats = kgdrug.question(graph, compound="Metformin").relations
    told = {graph.entities.ids[c]: served.warning(c, treats) for c in graph.entity_type("Compound").range}
    warned = {compound: warning for compound, warning in told.items() if warning}
    assert len(warned) > 4
    for count, more in ((1, 0), (3, 0), (len(warned), len(warned) - 3)):
        asked, expected = list(warned)[:count], list(warned.values())[:count]
        (bare / "q.tsv").write_text("\n".join(["compound", "Metformin", *asked, asked[0]]) + "\n")
        many = ("predict", trained_run.folder, "--questions", "q.tsv", "--top", "1")
        said = [f"WARNING: {warning}\n" for warning in expected[:3]]
        said += [f"WARNING: and {more} more, all of which --format json has in `warnings`\n"] if more else []
        done = kg(*many)
        assert done.err == "".join(said)
        assert "WARNING" not in done.out
        done = kg(*many, "--format", "json")
        assert (json.loads(done.out)["warnings"], done.err) == (expected, "".join(said))
        kg(*many, "--out", "a.csv", "--force")
        (about,) = json.loads(Path("a.csv-metadata.json").read_text())["notes"]
        assert about["warnings"] == expected
    done = kg("predict", trained_run.folder, "--compound", asked[0])
    assert (done.err, "WARNING" in done.out) == (f"WARNING: {warned[asked[0]]}\n", False)
    done = kg("explain", trained_run.folder, "--compound", asked[0], "--disease", "asthma")
    assert (done.err, " ".join(done.out.split()).count(warned[asked[0]])) == ("", 1)
