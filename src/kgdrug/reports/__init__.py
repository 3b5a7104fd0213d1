"""Self-contained pages and plots, and the words for what they show."""

from kgdrug.reports.graph_page import graph_page
from kgdrug.reports.model_page import model_page
from kgdrug.reports.words import overview

__all__ = ["graph_page", "model_page", "overview"]
