"""What goes over the wire."""

from pydantic import BaseModel, ConfigDict, Field


class Question(BaseModel):
    """One given entity, by id or name (case-insensitive): the other side is ranked."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"tail": "type 2 diabetes mellitus", "relation": "CtD", "top": 10, "novel": True},
                {"disease": "asthma", "top": 5},
                {"head": "Metformin", "relation": "CbG"},
            ]
        },
    )

    head: str | None = Field(None, min_length=1, max_length=500, description="With `relation`: ask for tails.")
    tail: str | None = Field(None, min_length=1, max_length=500, description="With `relation`: ask for heads.")
    relation: str | None = Field(None, max_length=500, description="A metaedge, such as CtD.")
    disease: str | None = Field(None, min_length=1, max_length=500, description="Which compounds treat it?")
    compound: str | None = Field(None, min_length=1, max_length=500, description="Which diseases does it treat?")
    top: int = Field(20, ge=1, le=10_000, description="How many answers.")
    novel: bool = Field(False, description="Leave out answers that the graph already holds.")


class KnownFact(BaseModel):
    metaedge: str
    relation: str
    part: str = Field(description="The part of the split that holds the fact: train, valid, test or withheld.")
    licence: str = ""
    source: str = ""
    version: str = ""


class Term(BaseModel):
    """One summand of a score."""

    name: str = Field(description="Of the metapath, such as CbGaD.")
    contribution: float


class Answer(BaseModel):
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
    known: list[KnownFact]
    agreement: float | None = Field(
        None, description="Share of the model's members whose own answers hold this one; null where it has one member."
    )
    terms: list[Term] = Field(
        [], description="Metapaths that raise the score most, where the model is one of metapaths."
    )


class Prediction(BaseModel):
    """Ranked answers, best first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "question": "? treats asthma",
                    "model": "essential",
                    "model_digest": "9f2c…",
                    "graph_digest": "4e4c…",
                    "answers": [
                        {
                            "rank": 1,
                            "id": "Compound::DB01001",
                            "name": "Salbutamol",
                            "type": "Compound",
                            "score": 5.1,
                            "percentile": 100.0,
                            "known": [{"metaedge": "CtD", "relation": "treats", "part": "train"}],
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
    graph_digest: str
    answers: list[Answer]


class Entity(BaseModel):
    id: str
    name: str
    type: str


class Relation(BaseModel):
    abbreviation: str
    head_type: str
    relation: str
    tail_type: str
    treats: bool
    licence: str
    source: str
    version: str


class Model(BaseModel):
    name: str
    digest: str
    score: str
    dimension: int | None  # of a model that has no vectors, None
    graph: str
    graph_digest: str
    entities: int
    triples: int
    candidates: str = Field(description="What test ranks are among: `typed` or `all` entities.")
    test: dict[str, float | None] = Field(description="Metrics on the test triples, both sides.")


class Models(BaseModel):
    models: list[Model]


class Health(BaseModel):
    status: str
    model: str
    model_digest: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    close_matches: list[str] = []
