"""Every pair that a relation can join, with its score."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kgdrug.errors import UsageError
from kgdrug.graph.store import fresh_file, write_json
from kgdrug.models.arrays import Floats, Int
from kgdrug.models.progress import Progress
from kgdrug.ranking.described import known_facts, noted
from kgdrug.ranking.export import (
    MEANINGS,
    about_model,
    annotation_sources,
    annotations_text,
    known_sources,
    known_text,
)
from kgdrug.ranking.top import numbers
from kgdrug.sources.sheets import FORMS, Column, sheet

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

BLOCK = 200_000  # pairs that are scored and written at once
_SAID = ("known", "known_sources", "annotations", "annotation_sources")
MATRIX_FORMS = (*FORMS, "npy")
Watch = Callable[[Iterable[Progress]], Iterable[Progress]]
Put = Callable[[Int, Floats], None]  # entities that ask (b,), and the scores of all answers to each (b, k)


@dataclass(frozen=True)
class Asked:
    """Which pairs: what asks, what answers it, and what the two are called.

    relations: in `[0, 2m)`, those that are asked over; answers_first: the answer is the first of a pair.
    """

    relations: tuple[int, ...]
    asking: range
    answers: range
    names: tuple[str, str]
    answers_first: bool

    def ordered(self, asking: object, answers: object) -> dict[str, object]:
        """Both by name, the first of a pair first."""
        named = list(zip(self.names, (asking, answers), strict=True))
        return dict(reversed(named) if self.answers_first else named)


def write_matrix(
    model: "TrainedModel | ServedModel",
    out: str | Path,
    relation: str | None = None,
    form: str | None = None,
    force: bool = False,
    watch: Watch = iter,
) -> int:
    """Write the score of every compound for every disease, or of every head and tail of a relation; how many they are.

    Scores are those of `predict(disease=...)`, or of `predict(head=..., relation=...)`: they compare within a disease,
    or a head. form: by default what the name says. `parquet`, `csv`, `tsv` and `xlsx` have a row a pair with score,
    percentile and known facts; `npy` is the float32 matrix, compounds (or heads) by diseases (or tails), with the ids
    in a file beside it, `scores.ids.json` for `scores.npy`. Memory: that of a block of pairs. watch: wraps the progress
    as it comes, to show it.
    """
    path, served = Path(out), model.served
    form = form or path.suffix.removeprefix(".")
    if form not in MATRIX_FORMS:
        raise UsageError(f"a matrix is written as {', '.join(MATRIX_FORMS[:-1])} or {MATRIX_FORMS[-1]}; name a form")
    asked = _treatments(served) if relation is None else _of_relation(served, relation)
    about = about_model(served, pairs=relation or "treatments")
    where = path, about, force
    with _array(served, asked, *where) if form == "npy" else _rows(served, asked, form, *where) as put:

        def progress() -> Iterator[Progress]:
            for entities, scores in _blocks(served, asked):
                put(entities, scores)
                yield Progress(f"{asked.names[0]}s", int(entities[-1]) + 1 - asked.asking.start, len(asked.asking))

        for _ in watch(progress()):
            pass
    return len(asked.asking) * len(asked.answers)


def _treatments(model: "ServedModel") -> Asked:
    """Which compounds treat each disease, over the treatment relations between the types of the first of them."""
    graph, m = model.graph, model.graph.relations
    if not graph.treatment_relations:
        raise UsageError(f"the graph {graph.name} names no treatment relation; name a relation")
    compounds, diseases = (of(graph.treatment_relations[0]) for of in (graph.heads, graph.answers))
    alike = [r for r in graph.treatment_relations if (graph.heads(r), graph.answers(r)) == (compounds, diseases)]
    return Asked(tuple(r + m for r in alike), diseases, compounds, ("disease", "compound"), True)


def _of_relation(model: "ServedModel", relation: str) -> Asked:
    r = model.graph.relation(relation)
    return Asked((r,), model.graph.heads(r), model.graph.answers(r), ("head", "tail"), False)


def _blocks(model: "ServedModel", asked: Asked) -> Iterator[tuple[Int, Floats]]:
    step = max(1, BLOCK // max(1, len(asked.answers)))
    for start in range(asked.asking.start, asked.asking.stop, step):
        entities = np.arange(start, min(start + step, asked.asking.stop))
        yield entities, numbers(model.best_of(entities, asked.relations)[0])


@contextmanager
def _rows(
    model: "ServedModel", asked: Asked, form: str, path: Path, about: Mapping[str, object], force: bool
) -> Iterator[Put]:
    """A row a pair, all answers to one after another, in the order of the entity table."""
    from kgdrug.trained.served import twice_below

    ids, answers = np.array(model.graph.entities.ids, object), asked.answers
    usual = model.usual(asked.relations).astype(np.float32)
    partners = _noted_with(model)
    measured = ("score", "percentile", "usual_percentile")
    columns = [
        *(Column(name) for name in asked.ordered(0, 0)),
        *(Column(name, "single", MEANINGS[name]) for name in measured),
        *(Column(name, about=MEANINGS[name]) for name in _SAID),
    ]
    with sheet(path, form, columns, about, force) as write:

        def put(entities: Int, scores: Floats) -> None:
            below = np.concatenate([twice_below(row) for row in scores])
            ends = np.repeat(ids[entities], len(answers)), np.tile(ids[answers.start : answers.stop], len(entities))
            said: dict[str, list[str]] = {name: [""] * scores.size for name in _SAID}
            known = known_facts(model, entities, asked.relations[0], np.arange(scores.size))
            for place, facts in enumerate(known):
                if facts:
                    said["known"][place], said["known_sources"][place] = known_text(facts), known_sources(facts)
            for row, entity in enumerate(entities.tolist()):
                for other in partners.get(entity, ()):
                    if other in answers:
                        place, notes = row * len(answers) + other - answers.start, noted(model, entity, other)
                        said["annotations"][place] = annotations_text(notes)
                        said["annotation_sources"][place] = annotation_sources(notes)
            write(
                {
                    **dict(zip(asked.names, ends, strict=True)),
                    "score": scores.ravel(),
                    "percentile": (50 * below / max(1, len(answers) - 1)).astype(np.float32),
                    "usual_percentile": np.tile(usual, len(entities)),
                    **said,
                }
            )

        yield put


def _noted_with(model: "ServedModel") -> dict[int, set[int]]:
    """The entities that each entity has an annotation with."""
    found = defaultdict[int, set[int]](set)
    for compound, disease in model.annotated:
        found[compound].add(disease)
        found[disease].add(compound)
    return dict(found)


@contextmanager
def _array(model: "ServedModel", asked: Asked, path: Path, about: Mapping[str, object], force: bool) -> Iterator[Put]:
    """The matrix alone, the first of a pair in its rows, and the ids of both in a file beside it."""
    beside, ids = path.name.removesuffix(".npy") + ".ids.json", model.graph.entities.ids
    shape = len(asked.asking), len(asked.answers)
    with fresh_file(path, force, [beside]) as writing:
        whole = np.lib.format.open_memmap(writing, "w+", np.float32, shape[::-1] if asked.answers_first else shape)
        matrix = whole.T if asked.answers_first else whole

        def put(entities: Int, scores: Floats) -> None:
            matrix[entities - asked.asking.start] = scores

        yield put
        whole.flush()
        named = asked.ordered(*(ids[span.start : span.stop] for span in (asked.asking, asked.answers)))
        write_json(writing.with_name(beside), {"about": dict(about), **named})
