"""What a service keeps while it runs: the models it has loaded, and what people say of their answers. No HTTP."""

from kgdrug.serving.batches import Batches, answer_each
from kgdrug.serving.feedback import Feedback, Judgement, as_annotations
from kgdrug.serving.loaded import LoadedModel, LoadedModels

__all__ = ["Batches", "Feedback", "Judgement", "LoadedModel", "LoadedModels", "answer_each", "as_annotations"]
