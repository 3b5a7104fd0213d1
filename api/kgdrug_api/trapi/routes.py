"""The routes of TRAPI."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

import kgdrug
from kgdrug_api.ask import about
from kgdrug_api.gate import Measures
from kgdrug_api.problems import NOT_SUPPORTED, PROBLEMS, UnsupportedError
from kgdrug_api.trapi.message import message
from kgdrug_api.trapi.query import Asked, Level, TrapiQuery, asked_by
from kgdrug_api.wire import body_of, json_response, tagged

VERSION = "1.5.0"
INFORES = "infores:kgdrug"
MOST_RESULTS = 5000
EXPLAINED = 10  # answers that have paths
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_MODEL = Query(
    None, max_length=500, description="Name, version, source or digest of a loaded model; the first by default."
)
_PROBLEMS = {**PROBLEMS, **NOT_SUPPORTED}
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": f"A Response of TRAPI {VERSION}.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


def routes(models: kgdrug.LoadedModels, measures: Measures, infores: str = INFORES) -> APIRouter:
    """The routes of TRAPI; infores: the information resource that answers, which whoever runs the service registers."""
    if not re.fullmatch(r"infores:[a-z0-9._-]+", infores):
        raise kgdrug.UsageError(f"{infores!r} is no information resource, such as {INFORES}")
    router = APIRouter(prefix="/trapi", tags=["trapi"])

    @router.get("/meta_knowledge_graph", responses={**PROBLEMS, **_ANSWER}, response_class=Response)
    def meta_knowledge_graph(request: Request, model: str | None = _MODEL) -> Response:
        """The kinds of statements that can be asked for, in the words of Biolink."""
        loaded = models.get(model)
        return tagged(request, loaded.model.digest, lambda: json_response(_meta(kgdrug.meta_graph(loaded.model.graph))))

    def answered(query: TrapiQuery, model: str | None, top: int) -> Response:
        asked, loaded = asked_by(query), models.get(model)
        if asked.inferred:
            measures.questions.labels(loaded.name).inc()
            given = asked.hop.objects or asked.hop.subjects
            share = max(1, min(top, MOST_RESULTS // len(given)))
            inferred = kgdrug.infer(loaded.model, asked.hop, share, EXPLAINED)
            told = message(asked, inferred, infores, inferred.sought, loaded.model.probability_means)
            logs = _logs(asked, inferred, _ranked(share, inferred.hits, inferred.sought), inferred.unfit)
            found: kgdrug.Found = inferred
        else:
            found = kgdrug.look_up(loaded.model, asked.hop, MOST_RESULTS)
            told, logs = message(asked, found, infores), _logs(asked, found)
        return json_response(
            {
                "message": told,
                "status": "Success" if found.readable else "QueryNotTraversable",
                "description": f"{len(found.hits):,} results of {'the model' if asked.inferred else 'the graph of'} "
                f"{loaded.name}; for research, no medical advice",
                "logs": _entries(logs, query.log_level or "INFO"),
                "workflow": [{"id": "lookup"}],
                "schema_version": VERSION,
                "biolink_version": kgdrug.BIOLINK_VERSION,
                **about(loaded),
            }
        )

    @router.post(
        "/query", responses={**_PROBLEMS, **_ANSWER}, openapi_extra=body_of("TrapiQuery"), response_class=Response
    )
    async def query(
        request: Request,
        model: str | None = _MODEL,
        top: int = Query(500, ge=1, le=MOST_RESULTS, description="Inferred answers for each id that is given."),
    ) -> Response:
        """Look up statements of one step, or infer treatments: two nodes, at least one with ids, and one edge."""
        asked = TrapiQuery.model_validate_json(await request.body())
        return await run_in_threadpool(answered, asked, model, top)

    @router.post("/asyncquery", responses=_PROBLEMS, response_class=Response)
    def asyncquery() -> Response:
        """Not supported: the service calls nobody back."""
        raise UnsupportedError("this service calls nobody back; send the query to /trapi/query, which answers at once")

    return router


def _meta(graph: kgdrug.MetaGraph) -> dict[str, Any]:
    said = [{"attribute_type_id": f"biolink:{name}"} for name in ("knowledge_level", "agent_type")]
    return {
        "nodes": {category: {"id_prefixes": prefixes} for category, prefixes in graph.prefixes.items()},
        "edges": [
            {
                "subject": one.subject,
                "predicate": one.predicate,
                "object": one.object,
                "knowledge_types": ["lookup", "inferred"] if one.inferred else ["lookup"],
                "qualifiers": [
                    {"qualifier_type_id": name, "applicable_values": values} for name, values in one.qualifiers.items()
                ],
                "attributes": said,
            }
            for one in graph.statements
        ],
    }


def _ranked(share: int, hits: Sequence[kgdrug.Hit], sought: Sequence[bool]) -> str:
    """What was ranked, and for how many of the answers paths were looked for, and none found; empty without answers."""
    if not hits:
        return ""
    looked = [hit.prediction for hit, one in zip(hits, sought, strict=True) if one and hit.prediction]
    none = sum(not prediction.supports for prediction in looked)
    without = f"; {none:,} have none, and say so (kgdrug:no_path)" if none else ""
    return (
        f"the best {share:,} of each id; paths were looked for beside {len(looked):,} of {len(hits):,} answers{without}"
    )


def _logs(
    asked: Asked, found: kgdrug.Found, ranked: str = "", unfit: Sequence[kgdrug.Concept] = ()
) -> list[tuple[Level, str, str]]:
    """What is to be known of an answer: level, code and text of each. ranked, unfit: of what the model answers."""
    told: list[tuple[Level, str, str]] = []
    if asked.strange:
        told.append(("WARNING", "UnknownProperty", f"not understood, and left aside: {', '.join(asked.strange)}"))
    if found.unknown:
        told.append(("WARNING", "UnknownIdentifier", f"the graph has no {', '.join(found.unknown)}"))
    if unfit:
        named = ", ".join(f"{one.curie} ({one.name}, {one.category})" for one in unfit)
        told.append(("WARNING", "WrongCategory", f"known, but at that end of no treatment that is predicted: {named}"))
    if not found.readable:
        what = "the model predicts treatments alone, of which none is" if asked.inferred else "nothing in the graph is"
        told.append(("WARNING", "QueryNotTraversable", f"{what} of the kind that is asked for"))
    if not found.complete:
        told.append(("WARNING", "TooManyResults", f"the first {MOST_RESULTS:,} results are told; ask with fewer ids"))
    told.extend(("WARNING", "NoAnswerInTraining", warning) for warning in found.warnings)
    if ranked:
        told.append(("INFO", "Ranked", ranked))
    return told


def _entries(told: Iterable[tuple[Level, str, str]], least: Level) -> list[dict[str, str]]:
    """The logs as TRAPI has them, those that are no less grave than the least level."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return [
        {"timestamp": now, "level": level, "code": code, "message": text}
        for level, code, text in told
        if _LEVELS.index(level) >= _LEVELS.index(least)
    ]
