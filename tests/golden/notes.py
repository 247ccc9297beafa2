#!/usr/bin/python3
"""Writes notes.def: the experiment of tests/server/test_notes.c as PyTorch computes it.

100 samples of 4 features in (-5, 5), 2 outputs made by W_true and b_true, W drawn at random, b = 0:
one step of 0.1, then 20 of 0.01, in float64. Numbers are Python's repr, which reads back exactly.

    tests/golden/notes.py > tests/golden/notes.def
"""
import torch

torch.set_default_dtype(torch.float64)
random = torch.Generator().manual_seed(20260101)

W_true = torch.tensor([[1, 1], [1.5, 1.5], [2, 3], [2.5, -0.5]])
b_true = torch.tensor([0.0, -1.0])
x = torch.rand(100, 4, generator=random) * 10 - 5
target = x @ W_true + b_true
W = torch.randn(4, 2, generator=random)
b = torch.zeros(2)
rows = [0, 49, 99]  # of dx: all of it would be long


def numbers(*tensors):
    return ", ".join(repr(v) for t in tensors for v in t.flatten().tolist())


print(f"/* Made by tests/golden/notes.py with PyTorch {torch.__version__}. */\n")
print("/* SAMPLE(x…, target…) */")
for xi, ti in zip(x, target):
    print(f"SAMPLE({numbers(xi, ti)})")
print("\n/* START(W…), b is 0 */")
print(f"START({numbers(W)})")
print(f"\n/* STEP(rate, loss, dW…, db…, dx of the rows {rows}…): before the update */")
for rate in [0.1] + [0.01] * 20:
    leaves = [t.clone().requires_grad_() for t in (x, W, b)]
    y = leaves[0] @ leaves[1] + leaves[2]
    loss = torch.nn.functional.mse_loss(y, target)
    dx, dW, db = torch.autograd.grad(loss, leaves)
    print(f"STEP({rate}, {numbers(loss.detach(), dW, db, dx[rows])})")
    W = W - rate * dW
    b = b - rate * db
print("\n/* END(loss) */")
print(f"END({numbers(torch.nn.functional.mse_loss(x @ W + b, target))})")
