"""The service: routes put together. Everything about drugs happens in kgdrug."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send

import kgdrug
from kgdrug_api import ask, look, manage, schemas, trapi
from kgdrug_api.gate import MOST_BYTES, Gate, Measures
from kgdrug_api.problems import answer_problems
from kgdrug_api.protocol import Direct
from kgdrug_api.wire import LEVEL, LONG, only_known


def create_app(
    models: "kgdrug.LoadedModels | kgdrug.TrainedModel | kgdrug.ServedModel",
    *,
    admin_token: str | None = None,
    feedback: Path | str | None = None,
    most_bytes: int = MOST_BYTES,
    infores: str = trapi.INFORES,
) -> "Service":
    """The service of trained models.

    admin_token: what `Authorization: Bearer` must hold to load and unload models; without one nobody may. feedback: the
    SQLite file of judgements; without one they are not taken. most_bytes: of a request's body. infores: the
    information resource that the answers of TRAPI name as theirs.
    """
    if not isinstance(models, kgdrug.LoadedModels):
        models = kgdrug.LoadedModels([kgdrug.LoadedModel(models.name, "", models.served)])
    measures, store = Measures(), None if feedback is None else kgdrug.Feedback(feedback)

    @asynccontextmanager
    async def lifespan(app: Service) -> AsyncIterator[None]:
        app.warm_up()
        names = (asyncio.to_thread(ask.warm_up_names, loaded.model) for loaded in models.all())
        later = asyncio.gather(*names, return_exceptions=True)
        yield
        await later
        if store is not None:
            store.close()

    asking, direct = ask.routes(models, measures)
    app = Service(
        models,
        title="kgdrug",
        version=kgdrug.__version__,
        description="Which existing drugs might treat this disease, and why? Research software: no medical advice.",
        lifespan=lifespan,
    )
    for router in (asking, look.routes(models), manage.routes(models, measures, store, admin_token)):
        app.include_router(router, dependencies=[Depends(only_known)])
    app.include_router(trapi.routes(models, measures, infores))
    app.add_middleware(GZipMiddleware, minimum_size=LONG, compresslevel=LEVEL)
    app.add_middleware(Gate, measures=measures, most_bytes=most_bytes)
    answer_problems(app)
    _describe(app)
    app.direct = Direct(*direct, measures, most_bytes)
    return app


class Service(FastAPI):
    """Routes to models, warm once these were asked what a first question has to wait for.

    direct: what answers short questions without the routes, for the connections of `Protocol`; None once middleware or
    error handlers were added, such as a check of who asks, which must stand around all there is.
    """

    direct: Direct | None = None

    def __init__(self, models: kgdrug.LoadedModels, **words: Any) -> None:
        super().__init__(**words)
        self.models, self.warm = models, False

    def add_middleware(self, *given: Any, **words: Any) -> None:
        """As FastAPI's; questions go by the routes then."""
        super().add_middleware(*given, **words)
        self.direct = None

    def add_exception_handler(self, *given: Any, **words: Any) -> None:
        """As FastAPI's; questions go by the routes then."""
        super().add_exception_handler(*given, **words)
        self.direct = None

    def warm_up(self) -> None:
        """Ask each model what its first question would wait for; done once, at the latest when the service starts."""
        if not self.warm:
            for loaded in self.models.all():
                manage.warm_up(loaded)
            self.warm = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. What HEAD asks is what GET says, of which the server leaves the body out."""
        if scope.get("method") == "HEAD":
            scope = {**scope, "method": "GET"}
        await super().__call__(scope, receive, send)


def _describe(app: FastAPI) -> None:
    """Put into the description of the service what routes read themselves, and FastAPI does not see."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        schema = described()
        template = "#/components/schemas/{model}"
        read: list[tuple[type[BaseModel], Literal["validation"]]] = [
            (schemas.Question, "validation"),
            (schemas.Scored, "validation"),
            (schemas.Load, "validation"),
            (schemas.Judged, "validation"),
            (trapi.TrapiQuery, "validation"),
        ]
        _, own = models_json_schema(read, ref_template=template)
        schema["components"]["schemas"].update(own["$defs"])
        schema["info"]["x-trapi"] = {
            "version": trapi.VERSION,
            "multicuriequery": True,
            "asyncquery": False,
            "pathfinderquery": False,
            "operations": ["lookup"],
            "batch_size_limit": trapi.MOST_IDS,
        }
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
