"""LitServe: one worker that scores, one process that answers HTTP.

python litserve_server.py PORT BATCH_SIZE BATCH_TIMEOUT FAST_QUEUE
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

import litserve
import orjson
from content import Content
from fastapi import Response


class Kgdrug(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.content = Content(os.environ["CONTENT"])

    def predict(self, x: Any, **kwargs: Any) -> Any:
        return self.content.answer(x) if isinstance(x, Sequence) else self.content.answer([x])[0]

    # a response made here is sent as it is; of a dict, FastAPI would copy every value first
    def encode_response(self, output: Any, **kwargs: Any) -> Any:
        return Response(orjson.dumps(output), media_type="application/json")


if __name__ == "__main__":
    port, size, timeout, fast = sys.argv[1:]
    api = Kgdrug(max_batch_size=int(size), batch_timeout=float(timeout))
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=fast == "True")
    server.run(
        port=int(port), host="127.0.0.1", num_api_servers=1, generate_client_file=False, log_level="warning",
        access_log=False,
    )  # fmt: skip
