"""The service itself: whether it lives, what it has loaded, what was counted, and what people say of its answers."""

import hmac
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import kgdrug
from kgdrug_api import ask, schemas
from kgdrug_api.complaints import known_fields
from kgdrug_api.gate import Measures
from kgdrug_api.problems import (
    CONFLICT,
    FORBIDDEN,
    NOT_READY,
    PROBLEMS,
    ConflictError,
    ForbiddenError,
    NotReadyError,
)
from kgdrug_api.wire import Body, body_of, json_response

Authorization = Annotated[str, Header(description="`Bearer` and the administrator's token.")]
Unlisted = Annotated[str, Header(include_in_schema=False)]
LINKS = {
    "docs": "/docs",
    "openapi": "/openapi.json",
    "trapi": "/trapi/meta_knowledge_graph",
    "health": "/health",
}
_TOTAL = {"X-Total-Count": {"schema": {"type": "integer"}, "description": "Of `json`: how many judgements there are."}}
known_fields(schemas.Load, schemas.Judged)


def routes(
    models: kgdrug.LoadedModels, measures: Measures, store: kgdrug.Feedback | None, admin_token: str | None
) -> APIRouter:
    """The routes that keep the service."""
    if admin_token is not None and not _sendable(admin_token):
        raise kgdrug.UsageError("the administrator's token is empty, or no header holds it; give another one, or none")
    router = APIRouter(responses=PROBLEMS)

    def only_admin(authorization: str) -> None:
        if admin_token is None:
            raise ForbiddenError("models are loaded and unloaded only where the service has an administrator's token")
        if not hmac.compare_digest(authorization.encode(), f"Bearer {admin_token}".encode()):
            raise ForbiddenError("this needs the administrator's token, as Authorization: Bearer TOKEN")

    def kept() -> kgdrug.Feedback:
        if store is None:
            raise ForbiddenError("judgements are taken only where the service was started with --feedback FILE")
        return store

    @router.get("/", tags=["service"])
    async def start(request: Request) -> dict[str, str]:
        """What this is, and where to go on."""
        root = request.scope.get("root_path", "")
        return {"name": "kgdrug", "version": kgdrug.__version__} | {name: root + path for name, path in LINKS.items()}

    # asynchronous, since those that are not wait for a thread behind whatever is slow

    @router.get("/health", tags=["service"], response_model_exclude_none=True)
    async def health() -> schemas.Health:
        """Whether the service answers; `model` is empty where none is loaded."""
        loaded = next(iter(models.all()), None)
        return schemas.Health(
            status="ok", **({"model": "", "model_digest": ""} if loaded is None else ask.about(loaded))
        )

    @router.get(
        "/ready", tags=["service"], response_model=schemas.Health, response_model_exclude_none=True, responses=NOT_READY
    )
    async def ready(request: Request) -> schemas.Health:
        """Whether a model is loaded and warmed up, so that questions are answered at once."""
        if models.all() and request.app.warm:
            return await health()
        detail = "the models are not warmed up" if models.all() else "no model is loaded"
        raise NotReadyError(detail)

    @router.get("/metrics", tags=["service"], response_class=Response)
    async def metrics() -> Response:
        """Counts and times, as Prometheus reads them."""
        return Response(generate_latest(measures.registry), media_type=CONTENT_TYPE_LATEST)

    @router.get("/v1/models", tags=["models"])
    def list_models() -> schemas.Models:
        """The models that answer, what each was trained on, and how it did on its test triples."""
        return schemas.Models(models=[_about(loaded) for loaded in models.all()])

    @router.post(
        "/v1/models",
        tags=["models"],
        status_code=201,
        responses={**FORBIDDEN, **CONFLICT},
        openapi_extra=body_of("Load"),
    )
    def load(body: Body, authorization: Authorization = "") -> schemas.Model:
        """Load a model from a folder, `NAME@ALIAS`, `NAME/VERSION` or `runs:ID` that the service can read."""
        only_admin(authorization)
        asked = schemas.Load.model_validate_json(body)
        try:
            loaded = kgdrug.LoadedModel.open(asked.source, asked.name)
            warm_up(loaded)
            ask.warm_up_names(loaded.model)
        except kgdrug.UsageError:
            raise
        except (kgdrug.KgdrugError, OSError) as error:  # what came cannot be used: nothing failed here
            raise kgdrug.UsageError(f"{asked.source} cannot be loaded: {error}") from error
        try:
            models.add(loaded)
        except kgdrug.UsageError as error:
            raise ConflictError(str(error)) from error
        return _about(loaded)

    @router.delete("/v1/models/{name:path}", tags=["models"], responses={**FORBIDDEN, **CONFLICT})
    def unload(name: str, authorization: Authorization = "") -> schemas.Model:
        """Take a model away; questions under way are answered by it still."""
        only_admin(authorization)
        try:
            return _about(models.unload(name))
        except kgdrug.UnknownNameError:
            raise
        except kgdrug.UsageError as error:
            raise ConflictError(str(error)) from error

    @router.post(
        "/v1/feedback", tags=["feedback"], status_code=201, responses=FORBIDDEN, openapi_extra=body_of("Judged")
    )
    def judge(body: Body, origin: Unlisted = "", content_type: Unlisted = "") -> schemas.Judgement:
        """Keep a judgement on a candidate: a compound and a disease, as the graph's treatments join them."""
        feedback = kept()
        # only browsers say where a request comes from, and they ask the service before they send another site's JSON
        if origin and content_type.partition(";")[0].strip().casefold() != "application/json":
            raise ForbiddenError("a page judges as Content-Type: application/json")
        judged = schemas.Judged.model_validate_json(body)
        loaded = models.get(judged.model)
        graph, entities = loaded.model.graph, loaded.model.graph.entities
        treating = graph.treatment_relations  # without any, whatever the graph holds may be judged
        compound = entities.find(judged.compound, [graph.heads(r) for r in treating] or None, "compound")
        disease = entities.find(judged.disease, [graph.answers(r) for r in treating] or None, "disease")
        written = feedback.add(
            kgdrug.Judgement(
                entities.ids[compound], entities.ids[disease], judged.judgement, judged.comment, judged.by,
                loaded.model.digest, judged.rank,
            )
        )  # fmt: skip
        return schemas.Judgement.model_validate(written, from_attributes=True)

    @router.get("/v1/feedback", tags=["feedback"], responses={200: {"headers": _TOTAL}, **FORBIDDEN})
    def feedback(
        form: Literal["json", "annotations"] = Query("json", description="`annotations`: TSV for `kgdrug build`."),
        limit: int | None = Query(None, ge=1, le=100_000, description="Of `json`; 1,000 where none is given."),
        offset: int | None = Query(None, ge=0, le=schemas.FARTHEST, description="Of `json`."),
    ) -> Response:
        """The judgements, oldest first: a page of them, or all as annotations."""
        store = kept()
        if form == "json":
            return json_response(store.all(limit or 1000, offset or 0), {"x-total-count": str(len(store))})
        if limit is not None or offset is not None:
            raise kgdrug.UsageError("annotations come all at once; leave limit and offset out")
        rows = ("\t".join(row) + "\n" for row in kgdrug.as_annotations(store))
        parts = iter(lambda: "".join(islice(rows, 1000)), "")
        return StreamingResponse(parts, media_type="text/tab-separated-values")

    return router


def _sendable(token: str) -> bool:
    """Whether a header holds it as it is: ASCII that can be seen, without blanks around it."""
    return bool(token) and token.isascii() and token.isprintable() and token == token.strip()


def warm_up(loaded: kgdrug.LoadedModel) -> None:
    """Ask a model what its first question would wait for; what that finds wrong names the model."""
    try:
        ask.warm_up(loaded.model)
    except kgdrug.KgdrugError as error:
        raise kgdrug.KgdrugError(f"the model {loaded.name} cannot answer: {error}") from error


def _about(loaded: kgdrug.LoadedModel) -> schemas.Model:
    model = loaded.model
    metrics: dict[str, Any] = dict(model.metrics)
    scores = _member_scores(model)
    named: dict[str, Any] = kgdrug.about_model(model)
    return schemas.Model(
        name=loaded.name,
        source=loaded.source,
        version=loaded.version,
        digest=model.digest,
        score=scores[0] if len(set(scores)) == 1 else "ensemble",
        members=len(model.members),
        member_scores=scores,
        dimension=model.dimension,
        calibrated=model.calibrated is not None,
        graph=model.graph.name,
        graph_digest=model.graph_digest,
        entities=len(model.graph.entities),
        triples=len(model.facts),
        candidates=metrics.get("candidates", "typed"),
        test=metrics.get("both", {}),
        licences=named["licences"],
        licences_besides=named.get("licences_besides", {}),
        probability_means=model.probability_means,
        note=named["note"],
    )


def _member_scores(model: kgdrug.ServedModel) -> list[str]:
    """The score of each member; of an older ensemble, which does not say that, of each model that it was made of."""
    if model.experiments:
        return [one.model.score for one in model.experiments]
    parts = [one["score"] for one in model.metrics.get("ensemble", {}).get("of", ()) if one["weight"]]
    return parts or [model.experiment.model.score] * len(model.members)
