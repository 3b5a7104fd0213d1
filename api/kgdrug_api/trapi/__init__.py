"""TRAPI 1.5, the query interface of the Biomedical Data Translator (https://github.com/NCATSTranslator/ReasonerAPI)."""

from kgdrug_api.trapi.query import MOST_IDS, TrapiQuery
from kgdrug_api.trapi.routes import INFORES, VERSION, routes

__all__ = ["INFORES", "MOST_IDS", "VERSION", "TrapiQuery", "routes"]
