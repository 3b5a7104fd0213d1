"""The bound: FastAPI, numpy and orjson, and nothing else between a question and its answer.

CONTENT=FOLDER uvicorn bare:app
"""

import os

import orjson
from content import Content
from fastapi import FastAPI, Request, Response

content = Content(os.environ["CONTENT"])
app = FastAPI()


@app.post("/predict")
async def predict(request: Request) -> Response:
    answers = content.answer([orjson.loads(await request.body())])[0]
    return Response(orjson.dumps(answers), media_type="application/json")
