"""The models that a service has loaded, each under a name; the first is the one that answers where none is named."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kgdrug.errors import UnknownNameError, UsageError
from kgdrug.registry import find_model
from kgdrug.trained import ServedModel, open_served


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model that answers. name: what it is asked by; source: the folder, `NAME@ALIAS`, `NAME/VERSION` or `runs:ID`
    that it was opened from, empty of one that was in memory; version: the `NAME/VERSION` that the registry had there
    when it was opened, None where the source is none of the registry's.
    """

    name: str
    source: str
    model: ServedModel
    version: str | None = None

    @classmethod
    def open(cls, source: str, name: str | None = None) -> "LoadedModel":
        """Read a model; without a name it has its own."""
        found = find_model(source)
        model = open_served(found.folder)
        return cls(name or model.name, source, model, found.version)


class LoadedModels:
    """Models by name. Threads may ask while others load and unload: who has a model keeps it to the end."""

    def __init__(self, models: Sequence[LoadedModel] = ()) -> None:
        self._models: dict[str, LoadedModel] = {}
        self._lock = threading.Lock()
        for loaded in models:
            self.add(loaded)

    @classmethod
    def open(cls, sources: Sequence[str]) -> "LoadedModels":
        """Open each source; `NAME=SOURCE` gives it a name of its own. What is a folder as it stands is no such pair."""
        models = cls()
        for source in sources:
            name, equals, rest = source.partition("=")
            if equals and not Path(source).is_dir():
                models.load(rest, name or None)
            else:
                models.load(source)
        return models

    def all(self) -> list[LoadedModel]:
        """In the order of their loading."""
        with self._lock:
            return list(self._models.values())

    def get(self, wanted: str | None = None) -> LoadedModel:
        """The model of this name; else of this version, else of this source, else of this digest, or its beginning of 8
        letters or more: of several the one that was loaded last. Without a word the first of all.
        """
        models = self.all()
        if not models:
            raise UsageError("no model is loaded")
        if wanted is None:
            return models[0]
        fits: tuple[Callable[[LoadedModel], bool], ...] = (
            lambda one: one.name == wanted,
            lambda one: one.version == wanted,
            lambda one: one.source == wanted,
            lambda one: len(wanted) >= 8 and one.model.digest.startswith(wanted),
        )
        for fit in fits:
            for loaded in reversed(models):
                if fit(loaded):
                    return loaded
        raise UnknownNameError("model", wanted, choices=[loaded.name for loaded in models])

    def load(self, source: str, name: str | None = None) -> LoadedModel:
        """Open a model and add it; its files are read before others wait."""
        loaded = LoadedModel.open(source, name)
        self.add(loaded)
        return loaded

    def add(self, loaded: LoadedModel) -> None:
        """Add a model; a name that is taken is refused."""
        with self._lock:
            if loaded.name in self._models:
                raise UsageError(f"a model named {loaded.name} is loaded; give this one another name, or unload it")
            self._models[loaded.name] = loaded

    def unload(self, name: str) -> LoadedModel:
        """Take a model away; the last one stays, so that there is always one that answers."""
        with self._lock:
            if name not in self._models:
                raise UnknownNameError("model", name, choices=list(self._models))
            if len(self._models) == 1:
                raise UsageError(f"{name} is the only model that is loaded; load another one first")
            return self._models.pop(name)
