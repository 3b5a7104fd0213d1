"""Questions of one step in the words of Biolink, and what a graph says to them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kgdrug.biolink import QUALIFIED, ancestors, meets
from kgdrug.errors import UsageError
from kgdrug.graph import from_curie
from kgdrug.ranking.described import Answer
from kgdrug.ranking.statements import Concept, Meaning, Speaker, Statement

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel


@dataclass(frozen=True)
class Hop:
    """What is asked for: statements with such a subject, predicate and object.

    subjects, objects: CURIEs, or a graph's own ids, any of which; none ask for any entity, but one side needs some.
    categories and predicates: any of these, or what is below one; none ask for all. qualifiers: sets of them, one of
    which a statement must have whole; an empty set asks nothing and is left aside.
    """

    subjects: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    subject_categories: tuple[str, ...] = ()
    object_categories: tuple[str, ...] = ()
    predicates: tuple[str, ...] = ()
    qualifiers: tuple[Mapping[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.subjects and not self.objects:
            raise UsageError("give subjects or objects: one end of a step must be known")

    def fits(self, meaning: Meaning) -> bool:
        """Whether facts of this meaning are asked for; where qualifiers are, their qualified predicate counts too."""
        said, wanted = ancestors(meaning.predicate), [one for one in self.qualifiers if one]
        if wanted and QUALIFIED in meaning.qualifiers:
            said |= ancestors(meaning.qualifiers[QUALIFIED])
        return (
            _any_of(self.subject_categories, meaning.subject)
            and _any_of(self.object_categories, meaning.object)
            and _any_of(self.predicates, said)
            and (not wanted or any(meets(meaning.qualifiers, asked) for asked in wanted))
        )


@dataclass(frozen=True)
class Support:
    """A path between the ends of a prediction: its metapath, its weight, and what its steps say."""

    metapath: str
    weight: float
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Prediction:
    """A statement that a model makes, the answer as which it ranks it, and paths that may be why: context, no proof."""

    statement: Statement
    answer: Answer
    supports: tuple[Support, ...]


@dataclass(frozen=True)
class Hit:
    """Two ends that answer; what of that which was asked for the graph says of them; and what the model predicts."""

    subject: Concept
    object: Concept
    statements: tuple[Statement, ...]
    prediction: Prediction | None = None


@dataclass(frozen=True)
class Found:
    """What a question of one step finds.

    unknown: CURIEs that name nothing in the graph; readable: whether the graph says, or the model predicts, anything of
    the kind; complete: whether no pair was left out for there being too many; warnings: what is to be said of rankings
    for which training had no answer, or no fact at all.
    """

    hits: tuple[Hit, ...]
    unknown: tuple[str, ...]
    readable: bool
    complete: bool = True
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A question of one step in the indices of a graph.

    starts: entities from which answers are sought; ends: those that may answer, None where all may; turned: whether
    the starts are the objects; relations: those in `[0, 2m)` whose facts lead from a start to what was asked for.
    """

    model: "ServedModel"
    speaker: Speaker
    unknown: tuple[str, ...]
    starts: tuple[int, ...]
    ends: frozenset[int] | None
    turned: bool
    relations: tuple[int, ...]

    @classmethod
    def of(cls, hop: Hop, model: "ServedModel", from_objects: bool) -> "Asked":
        """from_objects: answers are sought from the objects."""
        graph, speaker = model.graph, Speaker(model.graph)
        named = {text: from_curie(text, graph) for text in (*hop.subjects, *hop.objects)}
        given, others = (hop.objects, hop.subjects) if from_objects else (hop.subjects, hop.objects)
        back = graph.relations if from_objects else 0
        return cls(
            model,
            speaker,
            tuple(text for text, entities in named.items() if not entities),
            tuple(dict.fromkeys(entity for text in given for entity in named[text])),
            frozenset(entity for text in others for entity in named[text]) if others else None,
            from_objects,
            tuple((one.relation + back) % (2 * graph.relations) for one in speaker.meanings if hop.fits(one)),
        )

    def facts(self, starts: Iterable[int]) -> Iterator[tuple[int, int, Statement]]:
        """Each start, an entity that answers, and a statement about the two."""
        ends = None if self.ends is None else np.array(sorted(self.ends), np.int64)
        for start in starts:
            relations = self.leaving(start, self.relations)
            queries = np.array([(start, r) for r in relations], np.int64).reshape(-1, 2)
            rows, others, bits = self.model.facts.of(queries)
            if ends is not None:
                there = np.isin(others, ends)
                rows, others, bits = rows[there], others[there], bits[there]
            for row, other, held in zip(rows.tolist(), others.tolist(), bits.tolist(), strict=True):
                yield start, other, self.speaker.fact(start, relations[row], other, held)

    def leaving(self, start: int, relations: Iterable[int]) -> list[int]:
        """Those of the relations that lead from the type of this entity."""
        return [r for r in relations if start in self.model.graph.heads(r)]

    def pair(self, start: int, other: int) -> tuple[Concept, Concept]:
        """Subject and object."""
        first, last = (other, start) if self.turned else (start, other)
        return self.speaker.concept(first), self.speaker.concept(last)


def look_up(model: "TrainedModel | ServedModel", hop: Hop, most: int = 5000) -> Found:
    """The pairs of which the graph, in any part, says what is asked for; `most` of them, each with all that is said.

    A fact answers as it stands, and turned round where its predicate has an inverse, or is its own.
    """
    from_objects = not hop.subjects or 0 < len(hop.objects) < len(hop.subjects)
    asked = Asked.of(hop, model.served, from_objects)
    found: dict[tuple[str, str], tuple[Concept, Concept, dict[str, Statement]]] = {}
    sharing: dict[str, list[int]] = {}  # entities of one CURIE, which make one pair
    for start in asked.starts:
        sharing.setdefault(asked.speaker.concept(start).curie, []).append(start)
    complete = True
    for starts in sharing.values():
        for start, other, statement in asked.facts(starts):
            subject, object_ = asked.pair(start, other)
            key = subject.curie, object_.curie
            if key in found or len(found) < most:
                found.setdefault(key, (subject, object_, {}))[2][statement.id] = statement
            else:
                complete = False
        if not complete:
            break
    hits = (Hit(subject, object_, tuple(said.values())) for subject, object_, said in found.values())
    return Found(tuple(hits), asked.unknown, bool(asked.relations), complete)


def _any_of(asked: Sequence[str], said: frozenset[str]) -> bool:
    return not asked or not said.isdisjoint(asked)
