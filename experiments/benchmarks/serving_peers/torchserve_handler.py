"""TorchServe's handler: a batch of requests to as many answers."""

import logging
from typing import Any

import orjson
from content import Content


class Handler:
    def initialize(self, context: Any) -> None:
        self.content = Content(context.model_yaml_config["content"])
        if context.model_yaml_config["quiet"]:  # TorchServe's worker prints lines for each batch, which Java then reads
            logging.getLogger().setLevel(logging.WARNING)

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[bytes]:
        for i in range(len(data)):
            context.set_response_content_type(i, "application/json")
        return [orjson.dumps(answers) for answers in self.content.answer([request["body"] for request in data])]
