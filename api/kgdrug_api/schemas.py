"""What goes over the wire."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

JSON_LINES = "application/jsonl"
MOST_QUESTIONS = 10_000  # in one request
MOST_NAMES = 10_000  # in one list of a filter
VERSION = "As the registry counts, `NAME/VERSION`; of a model that was loaded from there."
MEANT = "What a `probability` of the answers is of; absent where they have none."
FARTHEST = 1_000_000  # an offset, or a rank
Whole = Annotated[int, BeforeValidator(lambda given: int(given) if _is_whole(given) else given)]  # 5.0 of JSON is 5
Name = Annotated[str, Field(min_length=1, max_length=500)]  # an id or a name, in a list


def _is_whole(given: object) -> bool:
    return isinstance(given, float) and given.is_integer()


def _absent(schema: JsonDict) -> None:
    """Say that a field is left out where it has no value: its default is none that goes over the wire."""
    del schema["default"]


class Told(BaseModel):
    """What is only described, never read: made when somebody reads the description."""

    model_config = ConfigDict(defer_build=True)


class Filters(BaseModel):
    """What a candidate must be; each that is given must hold. Names or ids."""

    model_config = ConfigDict(extra="forbid", strict=True)

    classes: tuple[Name, ...] = Field((), max_length=100, description="Joined with one of these classes of drugs.")
    targets: tuple[Name, ...] = Field((), max_length=100, description="Binds one of these genes.")
    approved: bool = Field(False, description="Treats something already, in the graph or by an annotation.")
    smarts: str | None = Field(None, max_length=1000, description="Its structure holds this pattern.")
    only: tuple[Name, ...] = Field(
        (),
        min_length=1,
        max_length=MOST_NAMES,
        description="One of these; left out where all may answer.",
        json_schema_extra=_absent,
    )
    exclude: tuple[Name, ...] = Field((), max_length=MOST_NAMES, description="None of these.")


class Question(BaseModel):
    """One given entity, by id or name (case-insensitive): the other side is ranked."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {"tail": "type 2 diabetes mellitus", "relation": "CtD", "top": 10, "novel": True},
                {"disease": "asthma", "top": 5, "filters": {"approved": True, "targets": ["ADRB2"]}},
                {"head": "Metformin", "relation": "CbG"},
            ]
        },
    )

    head: str | None = Field(None, min_length=1, max_length=500, description="With `relation`: ask for tails.")
    tail: str | None = Field(None, min_length=1, max_length=500, description="With `relation`: ask for heads.")
    relation: str | None = Field(None, max_length=500, description="A metaedge, such as CtD.")
    disease: str | None = Field(None, min_length=1, max_length=500, description="Which compounds treat it?")
    compound: str | None = Field(None, min_length=1, max_length=500, description="Which diseases does it treat?")
    top: Whole = Field(20, ge=1, le=10_000, description="How many answers.")
    offset: Whole = Field(0, ge=0, le=FARTHEST, description="How many answers to leave out at the beginning.")
    novel: bool = Field(
        False,
        description="Leave out what the graph holds; of treatments, what any fact joins, or an annotation settles.",
    )
    filters: Filters | None = Field(None, description="Which candidates count.")
    evidence: Whole = Field(
        0,
        ge=0,
        le=20,
        description="So many metapaths that join each answer with what was asked, with the best path of each; "
        "of at most 100 answers.",
    )
    model: str | None = Field(None, max_length=500, description="Name, version, source or digest of a loaded model.")


class KnownFact(Told):
    metaedge: str
    relation: str
    part: str = Field(description="The part of the split that holds the fact: train, valid, test or withheld.")
    licence: str = ""
    source: str = ""
    version: str = ""
    direction: str = Field(
        "",
        description="Within one type: `forward` where what was asked is the head, `back` where it is the tail, `both` "
        "where the metaedge has no direction.",
    )


class Noted(Told):
    """What is known about a pair outside the graph's triples."""

    status: str = Field(description="approved, symptomatic, contraindicated, refuted or trial")
    source: str
    licence: str = ""
    date: str = ""


class Term(Told):
    """One summand of a score."""

    name: str = Field(description="Of the metapath, such as CbGaD.")
    contribution: float


class Named(Told):
    """An entity on a path."""

    id: str
    name: str
    type: str
    links: dict[str, str] | SkipJsonSchema[None] = Field(
        None, description="Pages about it, in an explanation; else absent.", json_schema_extra=_absent
    )


class PathStep(Told):
    metaedge: str
    relation: str
    direction: str = Field(description="`forward` from head to tail, `back`, or `both` where it has no direction.")
    parts: list[str] = Field(description="Those of the split that hold the fact.")
    licence: str = ""
    source: str = ""
    version: str = ""


class Path(Told):
    """Entities, and the steps between them."""

    weight: float = Field(description="Above 0, at most 1: hubs on the way lower it.")
    entities: list[Named]
    steps: list[PathStep]


class Evidence(Told):
    """The paths of one metapath."""

    metapath: str
    count: int = Field(description="How many paths it has.")
    dwpc: float = Field(description="The sum of their weights.")
    paths: list[Path] = Field(description="The best of them.")


class Answer(Told):
    """One ranked candidate; the same fields as `kgdrug predict --format json`."""

    rank: int
    id: str
    name: str
    type: str
    score: float = Field(
        description="Comparable within one question only, and no measure of how likely an answer is. "
        "Of several members, their mean rank score."
    )
    percentile: float = Field(description="Share of all candidates that score lower, in percent.")
    usual_percentile: float = Field(
        description="Its mean percentile over the questions of this kind: one that is on top whatever is asked shows."
    )
    known: list[KnownFact]
    annotations: list[Noted]
    agreement: float | None = Field(
        None,
        description="Share of the model's members that rank it as high as the whole does, or among their own first 20; "
        "null where it has one member, or no more than 20 candidates count.",
    )
    probability: float | SkipJsonSchema[None] = Field(
        None,
        description="That the graph holds the pair, among pairs as the calibration drew them; "
        "absent where the model has no calibration, or one of other relations.",
        json_schema_extra=_absent,
    )
    terms: list[Term] = Field(
        [], description="Metapaths that raise the score most, where the model is one of metapaths."
    )
    evidence: list[Evidence] | SkipJsonSchema[None] = Field(
        None,
        description="Paths that join the two: supporting context, not proof; absent where they were not asked for.",
        json_schema_extra=_absent,
    )


class Prediction(Told):
    """Ranked answers, best first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "question": "? treats asthma",
                    "model": "essential",
                    "model_digest": "9f2c…",
                    "graph": "essential",
                    "graph_digest": "4e4c…",
                    "answers": [
                        {
                            "rank": 1,
                            "id": "Compound::DB01001",
                            "name": "Salbutamol",
                            "type": "Compound",
                            "score": 5.1,
                            "percentile": 100.0,
                            "usual_percentile": 71.5,
                            "known": [
                                {
                                    "metaedge": "CtD",
                                    "relation": "treats",
                                    "part": "train",
                                }
                            ],
                            "annotations": [],
                            "agreement": None,
                            "terms": [],
                        }
                    ],
                }
            ]
        },
    )

    question: str
    model: str
    model_digest: str
    model_version: str | None = Field(None, description=VERSION)
    graph: str
    graph_digest: str
    probability_means: str | SkipJsonSchema[None] = Field(None, description=MEANT, json_schema_extra=_absent)
    answers: list[Answer]
    warnings: list[str] | SkipJsonSchema[None] = Field(
        None,
        description="That training had no fact about what was asked, so that the ranking is arbitrary, or no answer to "
        "it. Absent otherwise.",
        json_schema_extra=_absent,
    )


class Scored(BaseModel):
    """Pairs or triples that are to be scored, by ids or names."""

    model_config = ConfigDict(extra="forbid", strict=True)

    pairs: list[tuple[Name, Name]] | None = Field(None, max_length=MOST_QUESTIONS, description="Compound and disease.")
    triples: list[tuple[Name, Name, Name]] | None = Field(
        None, max_length=MOST_QUESTIONS, description="Head, relation and tail."
    )
    model: str | None = Field(None, max_length=500, description="Name, version, source or digest of a loaded model.")


class Scores(Told):
    """Of each pair its compound as an answer, of each triple its tail, in their order."""

    model: str
    model_digest: str
    model_version: str | None = Field(None, description=VERSION)
    graph: str
    graph_digest: str
    probability_means: str | SkipJsonSchema[None] = Field(None, description=MEANT, json_schema_extra=_absent)
    scores: list[Answer]


class Entity(Told):
    id: str
    name: str
    type: str


class EntityDetail(Entity):
    synonyms: list[str]
    links: dict[str, str] = Field(description="Pages about it, by the name of the site.")
    smiles: str | None
    facts: dict[str, int] = Field(description="How many facts it has, by metaedge.")


class Neighbour(Told):
    """A fact of the graph about an entity: `head relation tail`, one of which is the other end."""

    metaedge: str
    relation: str
    direction: str = Field(description="`out` where the entity asked about is the head, else `in`.")
    id: str
    name: str
    type: str
    parts: list[str]
    licence: str = ""
    source: str = ""


class Similar(Told):
    rank: int
    id: str
    name: str
    type: str
    vectors: float | None = Field(description="Cosine of the two vectors; null where the model has none.")
    structure: float | None = Field(description="Tanimoto of Morgan fingerprints; null without structures.")


class Vector(Entity):
    vector: list[float]


class Influence(Told):
    """What a training fact does to a score."""

    metaedge: str
    relation: str
    head: Named
    tail: Named
    end: str = Field(description="Whose row it moves: `question`, `candidate` or `both`.")
    change: float = Field(description="The score without the fact less the score with it.")


class Explanation(Told):
    """Why a candidate ranks where it does."""

    model: str
    model_digest: str
    model_version: str | None = Field(None, description=VERSION)
    graph: str
    graph_digest: str
    probability_means: str | SkipJsonSchema[None] = Field(None, description=MEANT, json_schema_extra=_absent)
    question: str
    note: str = Field(description="What the evidence is, and is not.")
    answer: Answer
    terms: list[Term] = Field(
        description="What the score of a member of metapaths is the sum of, what is not told apart last."
    )
    evidence: list[Evidence] = Field(description="Paths between the two, grouped by metapath.")
    no_path: str | None = Field(description="Said where no path joins the two; else null.")
    influences: list[Influence] = Field(description="Facts that raise the score most, or lower it.")
    influences_of: str = Field(description="The score that they change; empty where there are none.")
    no_influence: str | None = Field(description="Why there are none; else null.")
    links: dict[str, str]
    warnings: list[str] | SkipJsonSchema[None] = Field(
        None,
        description="Which of the two training had no fact about, so that the rank is arbitrary, or that it had no "
        "answer to the question. Absent otherwise.",
        json_schema_extra=_absent,
    )


class Relation(Told):
    abbreviation: str
    head_type: str
    relation: str
    tail_type: str
    treats: bool
    licence: str
    source: str
    version: str


class Model(Told):
    name: str
    digest: str
    source: str
    version: str | None = Field(description=VERSION)
    score: str = Field(description="Of its members, such as `complex`; `ensemble` where they have several.")
    members: int
    member_scores: list[str] = Field(
        description="The score of each member, such as `complex` or `metapaths`; of an ensemble that does not tell its "
        "members apart, of each model that it was put together from."
    )
    calibrated: bool
    dimension: int | None = Field(
        description="Numbers per entity of the first member that has vectors; null where none has."
    )
    graph: str
    graph_digest: str
    entities: int
    triples: int
    candidates: str = Field(description="What test ranks are among: `typed` or `all` entities.")
    test: dict[str, float | None] = Field(description="Metrics on the test triples, both sides.")
    licences: dict[str, list[str]] = Field(
        description="Of the graph: the metaedges under each, and `annotations`, that the model learned from."
    )
    licences_besides: dict[str, list[str]] = Field(
        description="Of metaedges that training left out, and whose facts may stand in answers all the same."
    )
    probability_means: str | None = Field(description="What a `probability` is of; null without calibration.")
    note: str = Field(description="What all answers are for, and not.")


class Models(Told):
    models: list[Model]


class Health(Told):
    status: str
    model: str
    model_digest: str
    model_version: str | None = Field(None, description=VERSION)


class Problem(Told):
    """An error (RFC 9457)."""

    type: str = Field("about:blank", examples=["urn:kgdrug:unknown-disease"], description="What programs tell it by.")
    title: str
    status: int
    detail: str
    instance: str
    close_matches: list[str] = []


class Load(BaseModel):
    """A model to be loaded."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: str = Field(min_length=1, max_length=2000, description="A folder, NAME@ALIAS, NAME/VERSION or runs:ID.")
    name: str | None = Field(None, min_length=1, max_length=200, description="What it is asked by.")


class Judged(BaseModel):
    """A judgement on a candidate."""

    model_config = ConfigDict(extra="forbid", strict=True)

    compound: str = Field(min_length=1, max_length=500)
    disease: str = Field(min_length=1, max_length=500)
    judgement: str = Field(
        max_length=50, description="approved, symptomatic, contraindicated, refuted, trial, promising or implausible"
    )
    comment: str = Field("", max_length=5000)
    by: str = Field("", max_length=200)
    model: str | None = Field(None, max_length=500, description="The model whose answer is judged.")
    rank: Whole = Field(0, ge=0, le=FARTHEST, description="The candidate's rank there.")


class Judgement(Judged):
    at: str = Field(description="When it was written, ISO 8601 in UTC.")
