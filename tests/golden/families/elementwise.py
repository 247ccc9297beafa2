"""elementwise.txt"""
import torch
import torch.nn.functional as F

from writer import DTYPES, INF, NAN, SPECIAL, PAIRS, EDGES, b, constant, few, i, n, pairs, special, u, v


def clamp(x, lo, hi):
    if torch.is_tensor(lo) or torch.is_tensor(hi):
        return torch.clamp(x, lo, hi)
    return torch.clamp(x, min=lo, max=hi)


def cases(w):
    unary = {
        "neg": (torch.neg, n), "exp": (torch.exp, n), "expm1": (torch.expm1, n),
        "log": (torch.log, u), "log1p": (torch.log1p, u), "sqrt": (torch.sqrt, u),
        "square": (torch.square, n), "abs": (torch.abs, n), "sign": (torch.sign, n),
        "sin": (torch.sin, n), "cos": (torch.cos, n), "erf": (torch.erf, n),
        "tanh": (torch.tanh, n), "sigmoid": (torch.sigmoid, n), "logsigmoid": (F.logsigmoid, n),
        "relu": (F.relu, n)}
    for op, (f, make) in unary.items():
        for shape in [(), (1,), (7,), (2, 3), (0,), (2, 0, 3), (1, 1, 2, 1)]:
            w.case(op, f, make(*shape))
        values = special
        if op in ("sin", "cos"):  # huge arguments are a matter of their reduction
            values = v([x for x in SPECIAL if abs(x) < 200 or x != x or abs(x) == INF])
        if op == "log1p":  # PyTorch flushes denormals
            values = v([x for x in SPECIAL if x != 1e-45])
        w.case(op, f, values, mode="strict", second=False)
    for op, f in [("add", torch.add), ("sub", torch.sub), ("mul", torch.mul),
                  ("div", torch.div), ("maximum", torch.maximum), ("minimum", torch.minimum)]:
        for s, t in PAIRS:
            other = u(*t, lo=0.3) if op == "div" else n(*t)
            w.case(op, f, n(*s), other)
        a, c = pairs(EDGES)
        w.case(op, f, a, c, mode="strict", second=False)
        if op in ("maximum", "minimum"):
            w.case(op, f, few(6, 6), few(6, 6))
            w.case(op, f, few(6, 6), few(6))
            continue
        for x in (2.5, -1, 0, 1):
            if op != "div" or x:
                w.case(op, f, n(2, 3), x)
    for op, f in [("add", torch.add), ("sub", torch.sub)]:
        for alpha in (2.0, -0.5, 0.0):
            w.case(op, f, n(2, 3), n(3), alpha=alpha)
            w.case(op, f, n(2), 3.0, alpha=alpha)
    w.case("mul", torch.mul, n(2, 3), b(3))
    w.case("add", torch.add, n(3), i(2, 3, hi=5))
    for s, t in PAIRS:
        w.case("pow", torch.pow, u(*s, lo=0.3), n(*t))
    a, c = pairs(EDGES)
    w.case("pow", torch.pow, a, c, mode="strict", second=False)
    for p in (2, 3, 1, 0, 0.5, -1, -2, 4, 2.5, -0.5, 1.7):
        w.case("pow", torch.pow, u(2, 3), p)
        if p in (2, 3, 1, 0, 4, -1, -2):
            w.case("pow", torch.pow, n(2, 3), p)
        # PyTorch takes the exponent -0.5 for 1/sqrt, which is -inf at -0 and NaN at -inf; C's pow
        # is inf and 0 there. In float32 1.7 - 1 is not 0.7, which shows at 1e30.
        edges = [x for x in EDGES if p != -0.5 or str(x) not in ("-0.0", "-inf")]
        w.case("pow", torch.pow, v(edges), p, mode="strict", second=False,
               dtypes=("float64",) if p == 1.7 else ("float64", "float32"))
    for base in (2.0, 0.5, 0.0):
        w.case("pow", torch.pow, base, n(2, 3), second=base != 0)
    w.case("pow", torch.pow, n(5), v([2, 3, 0, 1, 4.0]), second=False)
    for lo, hi in [(-0.5, 0.5), (None, 0.2), (0.1, None), (1, -1), (-INF, 0), (0.3, 0.3)]:
        w.case("clamp", clamp, n(3, 4), lo, hi)
        w.case("clamp", clamp, few(3, 4), lo, hi)
    w.case("clamp", clamp, v([-1, -0.5, 0, 0.5, 1, INF, -INF]), -0.5, 0.5, mode="strict")
    w.case("clamp", clamp, constant(v([NAN, 1])), -0.5, 0.5)
    w.case("clamp", clamp, constant(v([NAN, 1, NAN, 0])), constant(v([0, NAN, 1, 0.0])),
           constant(v([1, 1, 2, NAN])))
    w.case("clamp", clamp, few(6, 6), few(6, 6, add=-1), few(6, add=2))
    w.case("clamp", clamp, n(3, 4), u(4, lo=-1, hi=-0.2), u(3, 1, lo=0.2, hi=1))
    w.case("clamp", clamp, n(4), n(3, 4), None)
    w.case("clamp", clamp, n(2, 3), None, n(3))
    w.case("clamp", clamp, n(), -0.5, 0.5)
    w.case("clamp", clamp, n(0, 2), -0.5, 0.5)
    for c, s, t in [((2, 3), (2, 3), (2, 3)), ((3,), (2, 1), ()), ((2, 1, 2), (3, 1), (2,)),
                    ((), (2,), (2,)), ((0,), (1,), ()), ((2, 3), (3,), ()), ((1,), (), ())]:
        w.case("where", torch.where, b(*c), n(*s), n(*t))
    w.case("where", torch.where, b(9), v(EDGES[:9]), v(EDGES[2:]), mode="strict")
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        f = getattr(torch, op)
        for s, t in PAIRS[:9]:
            w.case(op, f, few(*s), few(*t), dtypes=("float64",))
        a, c = pairs(EDGES)
        w.case(op, f, a, c)
        w.case(op, f, few(2, 3), 0)
    more_unary(w)


def more_unary(w):
    """Functions of one tensor: near, and at special values but where PyTorch's answer is no better
    than its formula (its squares overflow, 1 - x² has lost its digits in float32, a pole)."""
    both = lambda *s: u(*s, lo=-0.9, hi=0.9)
    unary = {
        "exp2": (n, None), "log2": (u, None), "log10": (u, None), "rsqrt": (u, None),
        "reciprocal": (u, None), "tan": (n, [x for x in SPECIAL if abs(x) < 80 or abs(x) == INF]),
        "asin": (both, [0.0, -0.0, 0.5, -0.5, 1e-30, 1e-8, 2, INF, -INF, NAN, 1, -1]),
        "acos": (both, [0.0, -0.0, 0.5, -0.5, 1e-30, 1e-8, 2, INF, -INF, NAN, 1, -1]),
        "atan": (n, [x for x in SPECIAL if abs(x) < 1e20 or abs(x) == INF]),
        "sinh": (n, None), "cosh": (n, None),
        "asinh": (n, [x for x in SPECIAL if abs(x) < 1e4 or abs(x) == INF]),
        "acosh": (lambda *s: u(*s, lo=1.1), [1, 1.5, 2, 20, 89.5, INF, NAN, 0.5]),
        "atanh": (both, [0.0, -0.0, 0.5, -0.5, 1e-30, 1e-8, 2, INF, -INF, NAN, 1, -1]),
        "sinc": (n, [0.0, -0.0, 0.5, -0.5, -1.3, 0.3, 2.25, INF, NAN]),
        "erfc": (n, None),
        "erfinv": (both, [0.0, -0.0, 0.5, -0.99, 1e-30, 1, -1, 2, INF, NAN]),
        "floor": (n, None), "ceil": (n, None), "trunc": (n, None), "frac": (n, None),
        "positive": (n, None), "deg2rad": (n, None), "rad2deg": (n, None)}
    for op, (make, values) in unary.items():
        f = getattr(torch, op)
        for shape in [(), (1,), (7,), (2, 3), (0,), (2, 0, 3), (1, 1, 2, 1)]:
            # In float32 the second derivative of PyTorch's sinc loses its digits.
            w.case(op, f, make(*shape), dtypes=("float64",) if op == "sinc" else tuple(DTYPES))
        w.case(op, f, v(values) if values else special, mode="strict", second=False)
    gamma(w)
    for decimals in (0, 1, 2, -1):
        f = torch.round
        w.case("round", f, v([0.5, 1.5, 2.5, -0.5, 1.25, 1.35, 15, 25, -125, 0.0, -0.0, 1e30, INF,
                              -INF, NAN]), decimals=decimals, mode="strict", second=False)
        w.case("round", f, n(2, 3), decimals=decimals)
    w.case("round", torch.round, n(0, 3))
    for eps in (None, 0.0, 0.1, 1e-6, 0.5, -1.0):
        w.case("logit", torch.logit, u(2, 3, lo=0.05, hi=0.95), eps=eps)
        # With eps, PyTorch's gradient of NaN is 0.
        values = [0.0, 1, 0.5, 0.25, 1e-30, -1, 2, INF] + [NAN] * (eps is None)
        w.case("logit", torch.logit, v(values), eps=eps, mode="strict", second=False)
    w.case("logit", torch.logit, u(lo=0.2, hi=0.8))
    for params in ({}, {"nan": 1.5}, {"posinf": 2.0, "neginf": -3.0},
                   {"nan": None, "posinf": None, "neginf": 7.0}):
        w.case("nan_to_num", torch.nan_to_num, special, mode="strict", **params)
        w.case("nan_to_num", torch.nan_to_num, n(2, 3), **params)
    w.case("nan_to_num", torch.nan_to_num, n())


def gamma(w):
    """PyTorch's derivative of digamma (its trigamma) is good for 10 digits; test_special.c has more.
    """
    for shape in [(), (1,), (7,), (2, 3), (0,), (2, 0, 3)]:
        w.case("lgamma", torch.lgamma, u(*shape), second=False)
        w.case("lgamma", torch.lgamma, u(*shape), dtypes=("float32",))
        w.case("digamma", torch.digamma, constant(u(*shape)), dtypes=("float64",))
        w.case("digamma", torch.digamma, u(*shape, lo=2, hi=6), dtypes=("float32",))
    w.case("lgamma", torch.lgamma, v([0.5, 1.5, 2.5, 20, -0.5, -2.5, 1e-30, 1e30, INF, NAN, 0.0]),
           mode="strict", second=False)
    values = v([0.5, 1, 2, 3, 20, -0.5, -1.5, -20.5, 1e-30, 1e30, INF, -INF, NAN, 0.0, -0.0, -1])
    w.case("digamma", torch.digamma, constant(values), mode="strict")
    for order in (0, 1, 2, 3, 7):
        f = lambda x, n: torch.polygamma(n, x)
        for shape in [(), (7,), (2, 0), (2, 3)]:
            if order > 1:
                w.case("polygamma", f, u(*shape, lo=0.4, hi=5), n=order)
            w.case("polygamma", f, u(*shape, lo=2, hi=5), n=order, dtypes=("float32",))
        if order > 1:
            w.case("polygamma", f, v([20, 150.5, 0.01]), n=order, mode="strict", second=False)
