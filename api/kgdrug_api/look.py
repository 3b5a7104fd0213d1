"""What is in a graph and a model: entities, relations, neighbours, likenesses, vectors, structures."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

import kgdrug
from kgdrug_api import schemas
from kgdrug_api.problems import PROBLEMS
from kgdrug_api.wire import json_response, tagged

_MODEL = Query(
    None, max_length=500, description="Name, version, source or digest of a loaded model; the first by default."
)
_OFFSET = Query(0, ge=0, le=schemas.FARTHEST, description="How many to leave out at the beginning.")


def routes(models: kgdrug.LoadedModels) -> APIRouter:
    """The routes that look things up."""
    router = APIRouter(tags=["look"], responses=PROBLEMS)

    @router.get("/v1/relations", response_model=list[schemas.Relation])
    def relations(request: Request, model: str | None = _MODEL) -> Response:
        """The metaedges that can be asked over."""
        loaded = models.get(model)
        treats = loaded.model.graph.treats
        names = ("abbreviation", "head_type", "relation", "tail_type", "licence", "source", "version")
        rows = [
            {name: getattr(e, name) for name in names} | {"treats": e.abbreviation in treats}
            for e in loaded.model.graph.metaedges
        ]
        return tagged(request, loaded.model.digest, lambda: json_response(rows))

    @router.get("/v1/entities", response_model=list[schemas.Entity])
    def entities(
        request: Request,
        search: str = Query(min_length=1, max_length=200, examples=["diabetes"]),
        type: str | None = Query(None, max_length=500, description="An entity type, such as Disease."),
        limit: int = Query(10, ge=1, le=100),
        offset: int = _OFFSET,
        model: str | None = _MODEL,
    ) -> Response:
        """Entities whose id or name is, starts with, or resembles the text; best first."""
        loaded = models.get(model)
        graph = loaded.model.graph

        def make() -> Response:
            among = None if type is None else [graph.entity_type(type).range]
            found = graph.entities.search(search, offset + limit, among)[offset:]
            return json_response([_entity(loaded.model, i) for i in found])

        return tagged(request, loaded.model.digest, make)

    @router.get("/v1/entities/{name:path}/neighbours", response_model=list[schemas.Neighbour])
    def neighbours(
        request: Request,
        name: str = Path(max_length=500, description="An id or a name."),
        relation: str | None = Query(None, max_length=500, description="A metaedge; all of them by default."),
        limit: int = Query(100, ge=1, le=1000),
        offset: int = _OFFSET,
        model: str | None = _MODEL,
    ) -> Response:
        """The facts of an entity in the graph, in either direction."""
        loaded = models.get(model)

        def make() -> Response:
            return json_response(kgdrug.neighbours(loaded.model, name, relation, limit, offset))

        return tagged(request, loaded.model.digest, make)

    @router.get("/v1/entities/{name:path}", response_model=schemas.EntityDetail)
    def one_entity(
        request: Request,
        name: str = Path(max_length=500, description="An id or a name."),
        model: str | None = _MODEL,
    ) -> Response:
        """An entity: its other names, links, structure, and how many facts of each relation it has."""
        loaded = models.get(model)

        def make() -> Response:
            return json_response(kgdrug.about_entity(loaded.model, name))

        return tagged(request, loaded.model.digest, make)

    @router.get("/v1/similar", response_model=list[schemas.Similar])
    def similar(
        request: Request,
        entity: str = Query(min_length=1, max_length=500, description="An id or a name."),
        top: int = Query(20, ge=1, le=1000),
        by: Literal["vectors", "structure"] | None = Query(None, description="Default: vectors, if any."),
        model: str | None = _MODEL,
    ) -> Response:
        """Entities of its type that are like it: by their vectors, and by their structures (Tanimoto)."""
        loaded = models.get(model)

        def make() -> Response:
            return json_response(kgdrug.similar(loaded.model, entity, top, by))

        return tagged(request, loaded.model.digest, make)

    @router.get("/v1/vectors", response_model=list[schemas.Vector])
    def vectors(
        request: Request,
        entity: Annotated[list[schemas.Name], Query(min_length=1, max_length=1000, description="Ids or names.")],
        member: int | None = Query(None, ge=0, description="Whose, from 0, where several members have vectors."),
        model: str | None = _MODEL,
    ) -> Response:
        """The numbers that a model, or a member of one, has learnt about entities."""
        loaded = models.get(model)

        def make() -> Response:
            table = kgdrug.member_vectors(loaded.model, member)
            found = [loaded.model.graph.entities.find(name) for name in entity]
            return json_response([_entity(loaded.model, i) | {"vector": table[i]} for i in found])

        return tagged(request, loaded.model.digest, make)

    @router.get("/v1/molecules/{name:path}.svg", response_class=Response)
    def molecule(
        request: Request,
        name: str = Path(max_length=500, description="An id or a name."),
        width: int = Query(300, ge=50, le=2000),
        height: int = Query(200, ge=50, le=2000),
        highlight: str | None = Query(None, max_length=1000, description="A SMARTS pattern whose atoms are marked."),
        model: str | None = _MODEL,
    ) -> Response:
        """The structure of a compound, drawn."""
        loaded = models.get(model)

        def make() -> Response:
            drawn = kgdrug.draw(loaded.model, name, width, height, highlight)
            return Response(drawn, media_type="image/svg+xml")

        return tagged(request, loaded.model.digest, make)

    return router


def _entity(model: kgdrug.ServedModel, index: int) -> dict[str, Any]:
    entities = model.graph.entities
    return {"id": entities.ids[index], "name": entities.names[index], "type": model.graph.type_of(index).name}
