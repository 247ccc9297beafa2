"""The nearest alternative: POST /grad of a linear layer with mse, by FastAPI and PyTorch.

It answers the benchmark's request and nothing else: no validation, no errors, no other layers.
The body is read with json.loads and not by a pydantic model, and the answer is written with
json.dumps: on these tensors both are several times faster than what FastAPI does by itself.
ALTERNATIVE_JSON=ujson takes that module in place of json.
"""

import importlib
import os

import torch
from fastapi import FastAPI, Request, Response

json = importlib.import_module(os.environ.get("ALTERNATIVE_JSON", "json"))
torch.set_num_threads(int(os.environ.get("ALTERNATIVE_THREADS", "1")))

app = FastAPI(openapi_url=None)


def leaf(value):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


@app.post("/grad")
async def grad(request: Request):
    given = json.loads(await request.body())["tensors"]
    x, W, b = leaf(given["x"]), leaf(given["W"]), leaf(given["b"])
    target = torch.tensor(given["target"], dtype=torch.float64)
    loss = torch.nn.functional.mse_loss(torch.addmm(b, x, W), target)
    dx, dW, db = torch.autograd.grad(loss, (x, W, b))
    answer = {
        "loss": loss.item(),
        "gradients": {"x": dx.tolist(), "W": dW.tolist(), "b": db.tolist()},
    }
    return Response(json.dumps(answer), media_type="application/json")
