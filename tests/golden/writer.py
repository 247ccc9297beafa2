"""Operands from recipes, and cases written as README.md says; used by make_golden.py."""
import itertools
import os

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
INF, NAN = float("inf"), float("nan")
DTYPES = {"float64": torch.float64, "float32": torch.float32}
random = torch.Generator()


# --- operands ---------------------------------------------------------------------------------
# An operand is one of these recipes (made into a tensor for each dtype), a number, or None.

def n(*shape):
    """Normal."""
    return lambda dtype: torch.randn(shape, generator=random, dtype=torch.float64).to(dtype)


def u(*shape, lo=0.1, hi=3.0):
    """Uniform in [lo, hi)."""
    return lambda dtype: (
        torch.rand(shape, generator=random, dtype=torch.float64) * (hi - lo) + lo).to(dtype)


def few(*shape, add=0):
    """Out of few values, so that there are ties."""
    return lambda dtype: (torch.randint(-1, 2, shape, generator=random) + add).to(dtype)


def v(values):
    """These values."""
    return lambda dtype: torch.tensor(values, dtype=torch.float64).to(dtype)


def i(*shape, hi):
    """Integers in [0, hi)."""
    return lambda dtype: torch.randint(0, hi, shape, generator=random)


def iv(values):
    return lambda dtype: torch.tensor(values, dtype=torch.int64)


def b(*shape):
    return lambda dtype: torch.randint(0, 2, shape, generator=random).bool()


def constant(recipe):
    """An operand of which no gradient is asked: PyTorch has none for most weights of losses."""
    made = lambda dtype: recipe(dtype)
    made.constant = True
    return made


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, INF, -INF, NAN, 1e-30, -1e-30, 1e30, -1e30, 1e-45, 87.5,
           -87.5, 89.5, -104.0, 20.0, -20.0, 20.5, 1e-8, 0.9999999, 3.0]
SPECIAL_64 = [1e-300, 1e300, -1e300, 5e-324, 1e-160, 1e160, 709.5, -709.5, 745.5, -746.0, 38.0,
              -38.0]


def special(dtype):
    return torch.tensor(SPECIAL + (SPECIAL_64 if dtype == torch.float64 else []),
                        dtype=torch.float64).to(dtype)


def pairs(values):
    """All pairs of values, as two operands."""
    both = list(itertools.product(values, values))
    return v([p[0] for p in both]), v([p[1] for p in both])


# Shapes that broadcast, and numbers at the edges.
PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 5), (1, 5)), ((3, 1), (1, 4)), ((), (2, 2)),
         ((2, 1, 3), (4, 1)), ((), ()), ((0, 3), (3,)), ((2, 0), (2, 1)), ((1,), (1, 1)),
         ((2, 1, 2, 1), (3, 1, 2))]
EDGES = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, INF, -INF, NAN, 1e30, -1e-30]


# --- writing ----------------------------------------------------------------------------------

def number(x):
    text = repr(x)
    return text[:-2] if text.endswith(".0") else text


def text_of(t):
    shape = "(" + ",".join(map(str, t.shape)) + ")"
    if t._is_zerotensor():
        t = torch.zeros(t.shape, dtype=t.dtype)
    # numpy prints the shortest text that reads back to the same float32.
    values = t.detach().reshape(-1).numpy()
    if t.dtype == torch.float32:
        words = [number(float(str(x))) for x in values]
    elif t.dtype == torch.float64:
        words = [number(float(x)) for x in values]
    else:
        words = [str(int(x)) for x in values]
    return " ".join([shape, ":"] + words)


def param_text(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(param_text, value)) + "]"
    return str(value)


class Writer:
    def __init__(self, name):
        self.file = open(os.path.join(HERE, name), "w")
        self.name = name
        self.cases = 0
        print(f"# Made by make_golden.py with PyTorch {torch.__version__}; README.md has the format.",
              file=self.file)

    def case(self, op, reference, *recipes, dtypes=("float64", "float32"), mode="loose",
             second=True, also=None, **params):
        """One case for each dtype. mode: how closely test_golden.c compares. also: parameters whose
        names are taken here."""
        params = {**params, **(also or {})}
        random.manual_seed(hash_of(op, self.cases))
        for name in dtypes:
            self.one(op, reference, recipes, name, mode, second, params)

    def one(self, op, reference, recipes, dtype_name, mode, second, params):
        dtype = DTYPES[dtype_name]
        operands = [r(dtype) if callable(r) else r for r in recipes]
        lines = ["case %s %s %s%s" % (op, dtype_name, mode, "".join(
            " %s=%s" % (k, param_text(p)) for k, p in params.items()))]
        floating = []
        for k, x in enumerate(operands):
            if x is None:
                lines.append("in none")
            elif not torch.is_tensor(x):
                lines.append("in number " + number(float(x)))
            elif x.dtype.is_floating_point:
                lines.append("in float " + text_of(x))
                if not getattr(recipes[k], "constant", False):
                    x.requires_grad_(True)
                    floating.append(k)
            else:
                lines.append("in %s %s" % ("bool" if x.dtype == torch.bool else "int64",
                                           text_of(x)))
        outputs = reference(*operands, **params)
        if torch.is_tensor(outputs):
            outputs = (outputs,)
        lines += ["out " + text_of(y) for y in outputs]
        ys = [y for y in outputs if y.dtype.is_floating_point]
        if ys and floating:
            lines += self.gradients(ys, [operands[k] for k in floating], floating, second)
        print("\n".join(lines), file=self.file)
        print("end", file=self.file)
        self.cases += 1

    def gradients(self, ys, xs, floating, second):
        dtype = ys[0].dtype
        seeds = [u(*y.shape, lo=0.5, hi=2)(dtype) for y in ys]
        lines = ["seed " + text_of(seed) for seed in seeds]
        known = [(y, seed) for y, seed in zip(ys, seeds) if y.requires_grad]
        if not known:
            return lines + ["grad %d %s" % (k, text_of(torch.zeros_like(x)))
                            for k, x in zip(floating, xs)]
        grads = torch.autograd.grad([y for y, _ in known], xs, [seed for _, seed in known],
                                    create_graph=second, allow_unused=True)
        grads = [torch.zeros_like(x) if d is None else d for d, x in zip(grads, xs)]
        lines += ["grad %d %s" % (k, text_of(d)) for k, d in zip(floating, grads)]
        if not second:
            return lines
        directions = [u(*x.shape, lo=0.5, hi=2)(dtype) for x in xs]
        s = sum((w * d).sum() for w, d in zip(directions, grads))
        if not s.requires_grad:
            seconds = [torch.zeros_like(x) for x in xs]
        else:
            seconds = torch.autograd.grad(s, xs, allow_unused=True)
            seconds = [torch.zeros_like(x) if d is None else d for d, x in zip(seconds, xs)]
        for k, w, d in zip(floating, directions, seconds):
            lines += ["dir %d %s" % (k, text_of(w)), "second %d %s" % (k, text_of(d))]
        return lines

    def close(self):
        self.file.close()
        print("%-16s %5d cases %8d bytes" % (
            self.name, self.cases, os.path.getsize(os.path.join(HERE, self.name))))


def hash_of(op, k):
    h = 2166136261
    for c in "%s%d" % (op, k):
        h = (h ^ ord(c)) * 16777619 % 2**32
    return h
