"""The networks of `make bench`: each as a request to gradd and as PyTorch's functions.

    networks.py NAME DTYPE THREADS COUNT IN OUT

runs one in PyTorch, forward and the gradients of everything trainable, on the tensors of the request
IN; prints the seconds and the CPU time of each of COUNT runs and writes loss and gradients to OUT as raw elements.
"""

import base64
import json
import sys
import time

import numpy

# --- what gradd is asked ------------------------------------------------------------------------

NETWORKS = {}  # name → function(random) giving (what, request without dtype)


def network(function):
    NETWORKS[function.__name__] = function
    return function


class Random:
    """Tensors of the request: name → array. Weights are scaled by their fan-in."""

    def __init__(self):
        self.generator = numpy.random.default_rng(1)
        self.tensors = {}

    def __call__(self, name, *shape, fan=1, base=0.0):
        noise = self.generator.standard_normal(shape)
        self.tensors[name] = base + noise * (1 / numpy.sqrt(fan) if base == 0 else 0.1)


@network
def mlp(r):
    r("x", 256, 512)
    r("W1", 512, 2048, fan=512)
    r("b1", 2048, fan=512)
    r("W2", 2048, 512, fan=2048)
    r("b2", 512, fan=2048)
    r("target", 256, 512)
    return "gelu MLP (512→2048→512, batch 256)", {
        "layers": ["linear", "gelu", "linear"], "loss": "mse",
        "wrt": ["x", "W1", "b1", "W2", "b2"]}


@network
def lenet(r):
    r("x", 64, 1, 28, 28)
    for i, (out, inner) in enumerate([(6, 1), (16, 6)], 1):
        r(f"K{i}", out, inner, 5, 5, fan=25 * inner)
        r(f"k{i}", out, fan=25 * inner)
    for i, (inner, out) in enumerate([(400, 120), (120, 84), (84, 10)], 1):
        r(f"W{i}", inner, out, fan=inner)
        r(f"b{i}", out, fan=inner)
    r("target", 64, 10)
    return "LeNet-5 (batch 64)", {
        "layers": [
            {"op": "conv2d", "inputs": ["x", "K1", "k1"], "padding": 2}, "relu",
            {"op": "max_pool2d", "kernel_size": 2},
            {"op": "conv2d", "weight": "K2", "bias": "k2"}, "relu",
            {"op": "max_pool2d", "kernel_size": 2},
            {"op": "reshape", "shape": [64, 400]},
            "linear", "relu", "linear", "relu", "linear"],
        "loss": "mse",
        "wrt": ["x", "K1", "k1", "K2", "k2", "W1", "b1", "W2", "b2", "W3", "b3"]}


@network
def attention(r):
    r("x", 8, 128, 256)
    r("scale", 256, base=1.0)
    r("shift", 256, fan=100)
    r("w_in", 768, 256, fan=256)
    r("b_in", 768, fan=256)
    r("w_out", 256, 256, fan=256)
    r("b_out", 256, fan=256)
    r("target", 8, 128, 256)
    return "layer-normed attention (batch 8, 128 tokens, 256 wide, 4 heads)", {
        "layers": [
            {"op": "layer_norm", "inputs": ["x", "scale", "shift"], "normalized_shape": [256],
             "output": "n"},
            {"op": "multi_head_attention", "num_heads": 4, "batch_first": True, "output": "a",
             "inputs": ["n", "n", "n", "w_in", "b_in", "w_out", "b_out"]},
            {"op": "add", "inputs": ["x", "a"]}],
        "loss": "mse",
        "wrt": ["x", "scale", "shift", "w_in", "b_in", "w_out", "b_out"]}


@network
def lstm(r):
    r("x", 64, 32, 128)
    for name in "h", "c":
        r(name, 1, 32, 128, fan=4)
    for name in "w_ih", "w_hh":
        r(name, 512, 128, fan=128)
    for name in "b_ih", "b_hh":
        r(name, 512, fan=128)
    r("target", 64, 32, 128)
    return "LSTM (hidden 128, 64 steps, batch 32)", {
        "layers": [{"op": "lstm", "inputs": ["x", "h", "c", "w_ih", "w_hh", "b_ih", "b_hh"],
                    "output": ["y", None, None]}],
        "loss": {"op": "mse_loss", "input": "y", "target": "target"},
        "wrt": ["x", "h", "c", "w_ih", "w_hh", "b_ih", "b_hh"]}


def request(name, dtype):
    """The text of the request, and what it is."""
    random = Random()
    what, spec = NETWORKS[name](random)
    tensors = {}
    for key, array in random.tensors.items():
        data = base64.b64encode(array.astype(dtype).tobytes()).decode()
        tensors[key] = {"shape": array.shape, "dtype": dtype, "base64": data}
    return what, json.dumps({"dtype": dtype, "tensors": tensors, **spec})


# --- the same in PyTorch ------------------------------------------------------------------------


def torch_networks():
    import torch
    import torch.nn.functional as F

    def mlp(t):
        return F.linear(F.gelu(F.linear(t["x"], t["W1"].T, t["b1"])), t["W2"].T, t["b2"])

    def lenet(t):
        y = F.max_pool2d(F.relu(F.conv2d(t["x"], t["K1"], t["k1"], padding=2)), 2)
        y = F.max_pool2d(F.relu(F.conv2d(y, t["K2"], t["k2"])), 2).flatten(1)
        y = F.relu(F.linear(y, t["W1"].T, t["b1"]))
        y = F.relu(F.linear(y, t["W2"].T, t["b2"]))
        return F.linear(y, t["W3"].T, t["b3"])

    def attention(t):
        n = F.layer_norm(t["x"], (256,), t["scale"], t["shift"]).transpose(0, 1)
        a, _ = F.multi_head_attention_forward(
            n, n, n, 256, 4, t["w_in"], t["b_in"], None, None, False, 0.0, t["w_out"], t["b_out"],
            training=False, need_weights=False)
        return t["x"] + a.transpose(0, 1)

    def lstm(t):
        weights = [t[k] for k in ("w_ih", "w_hh", "b_ih", "b_hh")]
        return torch._VF.lstm(t["x"], (t["h"], t["c"]), weights, True, 1, 0.0, False, False,
                              False)[0]

    return {f.__name__: f for f in (mlp, lenet, attention, lstm)}


def main(name, dtype, threads, count, source, target):
    import torch

    torch.set_num_threads(int(threads))
    with open(source) as f:
        given = json.load(f)
    tensors = {}
    for key, t in given["tensors"].items():
        array = numpy.frombuffer(base64.b64decode(t["base64"]), dtype).reshape(t["shape"])
        tensors[key] = torch.from_numpy(array.copy()).requires_grad_(key in given["wrt"])
    # PyTorch keeps W as (out, in): its transpose is laid out so, as a Linear's own would be.
    for key, t in tensors.items():
        if t.dim() == 2 and key[0] == "W":
            tensors[key] = t.detach().T.contiguous().T.requires_grad_()
    function, wrt = torch_networks()[name], [tensors[key] for key in given["wrt"]]
    for i in range(int(count)):
        begin, cpu = time.perf_counter(), time.process_time()
        loss = torch.nn.functional.mse_loss(function(tensors), tensors["target"])
        gradients = torch.autograd.grad(loss, wrt)
        print(f"{time.perf_counter() - begin:.9f} {time.process_time() - cpu:.9f}")
        if i == 0:
            with open(target, "wb") as f:
                for t in [loss, *gradients]:
                    f.write(t.detach().contiguous().numpy().tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
