"""The nearest alternative: POST /grad of a linear layer with mse, by FastAPI and PyTorch.

It answers the benchmark's request and nothing else: no validation, no errors, no other layers.
The body is read with json.loads and not by a pydantic model, and the answer is written with
json.dumps: on these tensors both are several times faster than what FastAPI does by itself.
ALTERNATIVE_JSON=ujson takes that module in place of json; ALTERNATIVE_JSON=pydantic is the same
service as FastAPI's documentation would have it, with a model of the request.
"""

import importlib
import os

import torch
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

READER = os.environ.get("ALTERNATIVE_JSON", "json")
json = importlib.import_module("json" if READER == "pydantic" else READER)
torch.set_num_threads(int(os.environ.get("ALTERNATIVE_THREADS", "1")))

app = FastAPI(openapi_url=None)


def leaf(value):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def gradients(given):
    x, W, b = leaf(given["x"]), leaf(given["W"]), leaf(given["b"])
    target = torch.tensor(given["target"], dtype=torch.float64)
    loss = torch.nn.functional.mse_loss(torch.addmm(b, x, W), target)
    dx, dW, db = torch.autograd.grad(loss, (x, W, b))
    return {
        "loss": loss.item(),
        "gradients": {"x": dx.tolist(), "W": dW.tolist(), "b": db.tolist()},
    }


async def from_text(request: Request):
    answer = gradients(json.loads(await request.body())["tensors"])
    return Response(json.dumps(answer), media_type="application/json")


class Tensors(BaseModel):
    x: list[list[float]]
    W: list[list[float]]
    b: list[float]
    target: list[list[float]]


class Specification(BaseModel):
    tensors: Tensors
    layers: list[str]
    loss: str


async def from_model(given: Specification):
    return gradients(given.tensors.dict())


app.post("/grad")(from_model if READER == "pydantic" else from_text)
