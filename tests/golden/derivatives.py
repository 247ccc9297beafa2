#!/usr/bin/python3
"""Writes functional/derivatives.txt: torch.autograd.functional's jvp, jacobian, hvp and hessian for a
few small cases of every operation, as the families ask for them. Format: README.md.

    /usr/bin/python3 tests/golden/derivatives.py
"""
import importlib
import os
import sys
import warnings

import torch
from torch.autograd import functional

import writer
from writer import DTYPES, HERE, hash_of, number, param_text, text_of, u

warnings.filterwarnings("ignore")
EACH, MOST = 2, 4  # cases of an operation with the same operands and parameters; at all
LARGEST_IN, LARGEST_OUT = 18, 12  # elements


class Chooser:
    """Takes a family's cases as writer.Writer does, and writes those that are small and smooth."""

    def __init__(self, file):
        self.file = file
        self.written = {}
        self.asked = 0
        self.failed = {}

    def case(self, op, reference, *recipes, dtypes=("float64", "float32"), mode="loose",
             second=True, also=None, **params):
        params = {**params, **(also or {})}
        self.asked += 1
        if params.get("scale_grad_by_freq"):  # PyTorch's derivative of that derivative forgets it
            return
        if op in ("linalg.pinv", "pinverse") and params:  # where singular values are cut off
            return
        key = (op, len(recipes), tuple(sorted(params)))
        if ("float64" not in dtypes
                or self.written.get(op, 0) >= MOST or self.written.get(key, 0) >= EACH):
            return
        writer.random.manual_seed(hash_of(op, self.asked))
        dtype = DTYPES["float64"]
        operands = [r(dtype) if callable(r) else r for r in recipes]
        which = [k for k, x in enumerate(operands)
                 if torch.is_tensor(x) and x.dtype.is_floating_point
                 and not getattr(recipes[k], "constant", False)]
        xs = tuple(operands[k] for k in which)

        def f(*values):
            given = list(operands)
            for k, x in zip(which, values):
                given[k] = x
            return reference(*given, **params)

        y = f(*xs)
        size = sum(x.numel() for x in xs)
        if (not all(x.numel() for x in xs) or not xs or not torch.is_tensor(y) or not y.dtype.is_floating_point
                or not 0 < size <= LARGEST_IN or not 0 < y.numel() <= LARGEST_OUT
                or not all(torch.isfinite(t).all() and t.abs().max() < 1e3 for t in (y, *xs))):
            return
        lines = ["case %s float64 %s%s" % (op, mode, "".join(
            " %s=%s" % (k, param_text(p)) for k, p in params.items()))]
        for x in operands:
            if x is None:
                lines.append("in none")
            elif not torch.is_tensor(x):
                lines.append("in number " + number(float(x)))
            else:
                kind = ("float" if x.dtype.is_floating_point else
                        "bool" if x.dtype == torch.bool else "int64")
                lines.append("in %s %s" % (kind, text_of(x)))
        try:
            lines += ["out " + text_of(y)] + self.derivatives(f, xs, which, y, second)
        except RuntimeError as error:  # some have no second derivative, or one that fails
            self.failed.setdefault(op, str(error).splitlines()[0])
            return
        if "nan" in " ".join(lines):
            return
        print("\n".join(lines + ["end"]), file=self.file)
        self.written[op] = self.written.get(op, 0) + 1
        self.written[key] = self.written.get(key, 0) + 1

    @staticmethod
    def derivatives(f, xs, which, y, second):
        seed = u(*y.shape, lo=0.5, hi=2)(y.dtype)
        towards = tuple(u(*x.shape, lo=0.5, hi=2)(x.dtype) for x in xs)

        def scalar(*values):
            return (seed * f(*values)).sum()

        lines = ["seed " + text_of(seed)]
        lines += ["dir %d %s" % (k, text_of(v)) for k, v in zip(which, towards)]
        lines.append("jvp " + text_of(functional.jvp(f, xs, towards)[1]))
        jacobian = functional.jacobian(f, xs)
        if any(j.abs().max() > 1e6 for j in jacobian):  # at the edge of a domain
            return ["nan"]
        lines += ["jacobian %d %s" % (k, text_of(j)) for k, j in zip(which, jacobian)]
        if not second:
            return lines
        products = functional.hvp(scalar, xs, towards)[1]
        lines += ["hvp %d %s" % (k, text_of(h)) for k, h in zip(which, products)]
        for k, row in zip(which, functional.hessian(scalar, xs)):
            lines += ["hessian %d %d %s" % (k, i, text_of(h)) for i, h in zip(which, row)]
        return lines


def main():
    folder = os.path.join(HERE, "functional")
    os.makedirs(folder, exist_ok=True)
    families = sorted(f[:-3] for f in os.listdir(os.path.join(HERE, "families"))
                      if f.endswith(".py"))
    with open(os.path.join(folder, "derivatives.txt"), "w") as file:
        print(f"# Made by derivatives.py with PyTorch {torch.__version__}; README.md has the format.",
              file=file)
        w = Chooser(file)
        for name in families:
            importlib.import_module("families." + name).cases(w)
    ops = [k for k in w.written if isinstance(k, str)]
    for op, error in w.failed.items():
        if op not in w.written:
            print(f"{op}: PyTorch fails: {error}")
    print(f"{len(ops)} operations, {sum(w.written[k] for k in ops)} cases")


if __name__ == "__main__":
    sys.exit(main())
