"""arithmetic.txt: elementwise functions of two and three tensors, and masks; the older ones are in
elementwise.txt."""
import torch

from writer import EDGES, INF, NAN, PAIRS, b, constant, few, i, n, pairs, u, v

FINITE = [x for x in EDGES if abs(x) < INF]


def grid(values, keep=lambda x, y: True):
    """All pairs of values that may be compared, as two operands."""
    both = [(x, y) for x in values for y in values if keep(x, y)]
    return v([p[0] for p in both]), v([p[1] for p in both])


def cases(w):
    smooth = {"rsub": (n, n), "true_divide": (n, lambda *s: u(*s, lo=0.3)),
              "remainder": (n, lambda *s: u(*s, lo=0.3)), "fmod": (n, lambda *s: u(*s, lo=0.3)),
              # PyTorch 1.13 has no derivative of floor_divide.
              "floor_divide": (lambda *s: constant(n(*s)), lambda *s: constant(u(*s, lo=0.3))),
              "fmax": (n, n), "fmin": (n, n), "atan2": (n, n), "hypot": (n, n),
              "copysign": (n, n), "logaddexp": (n, n), "logaddexp2": (n, n),
              "xlogy": (n, lambda *s: u(*s, lo=0.3))}
    for op, (left, right) in smooth.items():
        f = getattr(torch, op)
        for s, t in PAIRS:
            w.case(op, f, left(*s), right(*t))
        if op not in ("atan2", "hypot", "logaddexp", "logaddexp2", "fmax", "fmin"):
            for x in (2.5, -1.5):
                w.case(op, f, left(2, 3), x if op != "xlogy" else abs(x))
    # Of 1e30 and 1e-30 in float32 PyTorch's remainder is NaN.
    a, c = divisible = grid(EDGES, lambda x, y: x != 1e30 or abs(y) != 1e-30)
    w.case("floor_divide", torch.floor_divide, constant(a), constant(c), mode="strict")
    for op in ("rsub", "true_divide", "remainder", "fmod", "fmax", "fmin"):
        a, c = divisible
        w.case(op, getattr(torch, op), a, c, mode="strict", second=False)
    for op in ("fmax", "fmin"):
        w.case(op, getattr(torch, op), few(6, 6), few(6, 6), second=False)
    # Where PyTorch's squares overflow or vanish its gradient is lost.
    a, c = grid([x for x in EDGES if abs(x) != 1e30 and abs(x) != 1e-30])
    w.case("atan2", torch.atan2, a, c, mode="strict", second=False)
    a, c = pairs(EDGES)
    w.case("atan2", torch.atan2, constant(a), constant(c), mode="strict")
    w.case("hypot", torch.hypot, a, c, mode="strict", second=False)
    # PyTorch's gradient of ±∞ is NaN, and so is that of NaN.
    a, c = grid(FINITE)
    w.case("copysign", torch.copysign, a, c, mode="strict", second=False)
    a, c = pairs(EDGES)
    w.case("copysign", torch.copysign, constant(a), constant(c), mode="strict")
    for op in ("logaddexp", "logaddexp2"):
        # Of equal infinities PyTorch's gradient is NaN.
        a, c = grid(EDGES + [800.0, -800.0], lambda x, y: x != y or abs(x) < INF)
        w.case(op, getattr(torch, op), a, c, second=False)
        w.case(op, getattr(torch, op), constant(v([INF, -INF])), constant(v([INF, -INF])))
    a, c = pairs(EDGES)
    w.case("xlogy", torch.xlogy, a, c, mode="strict", second=False)
    for alpha in (2.0, -0.5, 0.0):
        w.case("rsub", torch.rsub, n(2, 3), n(3), alpha=alpha)
        w.case("rsub", torch.rsub, n(2), 3.0, alpha=alpha)
    for mode in ("trunc", "floor", None):
        for s, t in PAIRS:
            w.case("div", torch.div, n(*s), u(*t, lo=0.3), rounding_mode=mode)
        a, c = divisible
        w.case("div", torch.div, a, c, mode="strict", second=False, rounding_mode=mode)
        w.case("div", torch.div, n(2, 3), -0.7, rounding_mode=mode)
    # float_power computes in float64 whatever it is given.
    for s, t in PAIRS:
        w.case("float_power", torch.float_power, u(*s, lo=0.3), n(*t), dtypes=("float64",))
    for p in (2, 0, 0.5, -1, 1.7):
        w.case("float_power", torch.float_power, u(2, 3), p, dtypes=("float64",))
    w.case("float_power", torch.float_power, 2.0, n(3), dtypes=("float64",))

    for s, t, r in [((2, 3), (2, 3), (2, 3)), ((2, 1), (3,), ()), ((), (2, 2), (2, 1)),
                    ((), (), ()), ((0, 3), (3,), ()), ((2, 1, 3), (4, 1), (3,))]:
        w.case("lerp", torch.lerp, n(*s), n(*t), n(*r))
        for value in (1.0, -2.5, 0.0):
            w.case("addcmul", torch.addcmul, n(*s), n(*t), n(*r), value=value)
            w.case("addcdiv", torch.addcdiv, n(*s), n(*t), u(*r, lo=0.4), value=value)
    for weight in (0.0, 0.25, 0.5, 0.75, 1.0, -3.0, 7.5):
        w.case("lerp", torch.lerp, n(2, 3), n(3), weight)
        w.case("lerp", torch.lerp, v([0.1, 1e30, 7, INF]), v([3.3, -1e30, 7, 1]), weight,
               second=False)
    w.case("lerp", torch.lerp, v([1, 2, 3, NAN]), v([5, 5, INF, 5]), v([0.5, 0.49, 0.2, 1]),
           second=False)
    w.case("addcdiv", torch.addcdiv, v([1, 2, INF]), v([0, 1, 1]), v([0, 0, 2]), second=False)

    def filled(x, mask, value):
        return torch.masked_fill(x, mask, value)
    for s, m in [((2, 3), (2, 3)), ((3,), (2, 3)), ((2, 3), (3,)), ((), ()), ((0, 2), (2,)),
                 ((2, 1), (1, 3))]:
        w.case("masked_fill", filled, n(*s), b(*m), 2.5)
        w.case("masked_fill", filled, n(*s), b(*m), n())
    w.case("masked_fill", filled, v(EDGES), b(11), -INF, mode="strict", second=False)
    for op in ("clamp_min", "clamp_max"):
        f = getattr(torch, op)
        for s, t in PAIRS:
            w.case(op, f, n(*s), n(*t))
        for edge in (0.3, -INF, 0):
            w.case(op, f, few(3, 4), edge)
            w.case(op, f, n(3, 4), edge)
        w.case(op, f, few(5, 5), few(5, 5), second=False)
        w.case(op, f, constant(v([NAN, 1, INF])), 0.5)

    for op in ("not_equal", "less", "less_equal", "greater", "greater_equal"):
        f = getattr(torch, op)
        for s, t in PAIRS[:6]:
            w.case(op, f, few(*s), few(*t), dtypes=("float64",))
        a, c = pairs(EDGES)
        w.case(op, f, a, c)
    for op in ("logical_and", "logical_or", "logical_xor"):
        f = getattr(torch, op)
        for s, t in PAIRS:
            w.case(op, f, b(*s), b(*t), dtypes=("float64",))
        a, c = pairs(EDGES)
        w.case(op, f, a, c)
        w.case(op, f, b(2, 3), i(3, hi=3), dtypes=("float64",))
    for op in ("logical_not", "isnan", "isinf", "isfinite"):
        f = getattr(torch, op)
        w.case(op, f, v(EDGES))
        for shape in [(), (2, 0), (2, 1, 2)]:
            w.case(op, f, few(*shape), dtypes=("float64",))
    w.case("logical_not", torch.logical_not, b(2, 3), dtypes=("float64",))
