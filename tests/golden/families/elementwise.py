"""elementwise.txt"""
import torch
import torch.nn.functional as F

from writer import INF, NAN, SPECIAL, PAIRS, EDGES, b, constant, few, i, n, pairs, special, u, v


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
