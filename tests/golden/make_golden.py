#!/usr/bin/python3
"""Writes the golden values of this folder: what PyTorch says that every operation of the catalogue
gives, its gradients for a random cotangent, and second derivatives. See README.md for the format.

    /usr/bin/python3 tests/golden/make_golden.py        (needs python3-torch)
"""
import itertools
import warnings

import torch
import torch.nn.functional as F

from writer import (INF, NAN, SPECIAL, Writer, b, constant, few, i, iv, n, pairs, special, u, v)

warnings.filterwarnings("ignore")

# --- the operations ---------------------------------------------------------------------------

PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 5), (1, 5)), ((3, 1), (1, 4)), ((), (2, 2)),
         ((2, 1, 3), (4, 1)), ((), ()), ((0, 3), (3,)), ((2, 0), (2, 1)), ((1,), (1, 1)),
         ((2, 1, 2, 1), (3, 1, 2))]
EDGES = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, INF, -INF, NAN, 1e30, -1e-30]


def elementwise():
    w = Writer("elementwise.txt")
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
    w.close()


def clamp(x, lo, hi):
    if torch.is_tensor(lo) or torch.is_tensor(hi):
        return torch.clamp(x, lo, hi)
    return torch.clamp(x, min=lo, max=hi)


def activation():
    w = Writer("activation.txt")
    shapes = [(), (1,), (2, 3), (0,), (2, 0), (3, 1, 2)]
    for shape in shapes:
        w.case("leaky_relu", F.leaky_relu, n(*shape))
        w.case("softplus", F.softplus, n(*shape))
        w.case("gelu", F.gelu, n(*shape))
        w.case("silu", F.silu, n(*shape))
    for slope in (0.3, -0.5, 0.0, 1.5):
        w.case("leaky_relu", F.leaky_relu, few(2, 4), negative_slope=slope)
        w.case("leaky_relu", F.leaky_relu, n(2, 4), negative_slope=slope)
    w.case("leaky_relu", F.leaky_relu, special, mode="strict", second=False)
    for beta, threshold in [(2.0, 20.0), (0.5, 1.0), (-1.0, 20.0), (3.0, 0.0), (1.0, 20.0)]:
        w.case("softplus", F.softplus, u(2, 6, lo=-9, hi=9), beta=beta, threshold=threshold)
    w.case("softplus", F.softplus, special, second=False)
    for approximate in ("none", "tanh"):
        w.case("gelu", F.gelu, n(3, 4), approximate=approximate)
        w.case("gelu", F.gelu, u(9, lo=-6, hi=6), approximate=approximate)
        w.case("gelu", F.gelu, v([0.0, -0.0, 1e-30, -1e-30, 12.0, NAN]), second=False,
               approximate=approximate)
    w.case("silu", F.silu, v([0.0, -0.0, 1e-30, 30.0, -30.0, 1e30, NAN]), second=False)
    for op, f in [("softmax", F.softmax), ("log_softmax", F.log_softmax)]:
        for shape, dim in [((), 0), ((1,), 0), ((5,), 0), ((3, 4), 0), ((3, 4), 1), ((3, 4), -1),
                           ((2, 3, 2), 1), ((2, 3, 2), -3), ((3, 1), 1), ((0, 3), 1), ((3, 0), 1),
                           ((2, 2, 2, 3), 2)]:
            w.case(op, f, n(*shape), dim=dim)
        w.case(op, f, few(4, 4), dim=1)
        w.case(op, f, v([[1e30, 0, 1], [-1e30, 5, 2], [700, 710, -700], [-INF, 0, 1]]), dim=1)
        w.case(op, f, v([[-INF, -INF], [INF, 0], [NAN, 0], [0, NAN]]), dim=1, second=False)
        w.case(op, f, v([1000, 1000.5, -1000]), dim=0)
    w.close()


def reduction():
    w = Writer("reduction.txt")
    places = [((), None), ((), 0), ((1,), 0), ((5,), None), ((5,), 0), ((2, 3), None), ((2, 3), 0),
              ((2, 3), -1), ((2, 3), [0, 1]), ((2, 3, 4), [0, 2]), ((2, 3, 4), [-2]),
              ((2, 3, 4), [1, 2]), ((2, 1, 3), 1), ((1, 1), [0, 1]), ((2, 2, 2, 2), [0, 2])]
    empty = [((0,), None), ((0, 3), 0), ((0, 3), 1), ((3, 0), None), ((2, 0, 2), [0, 2])]

    def of(f, all_of):
        def reference(x, dim=None, keepdim=False):
            if dim is None and keepdim:
                dim = list(range(x.dim()))
            return all_of(x) if dim is None else f(x, dim, keepdim)
        return reference

    for op, f in [("sum", of(torch.sum, torch.sum)), ("mean", of(torch.mean, torch.mean))]:
        for (shape, dim), keepdim in itertools.product(places + empty, (False, True)):
            w.case(op, f, n(*shape), dim=dim, keepdim=keepdim)
        w.case(op, f, n(2, 3), dim=[])
        w.case(op, f, n(40, 3), dim=0, dtypes=("float32",))
        w.case(op, f, v([[1, INF], [-INF, INF], [NAN, 1], [1e308, 1e308]]), dim=1, second=False)
    for op in ("amax", "amin"):
        f = of(getattr(torch, op), getattr(torch, op))
        for shape, dim in places:
            w.case(op, f, n(*shape), dim=dim)
            w.case(op, f, few(*shape), dim=dim, keepdim=True)
        w.case(op, f, n(0, 3), dim=1)
        w.case(op, f, n(2, 3), dim=[])
        w.case(op, f, v([[0.0, -0.0], [INF, INF], [-INF, 1], [1e-30, -1e-30]]), dim=1)
        w.case(op, f, v([[NAN, 1], [1, NAN], [NAN, NAN]]), dim=1, second=False)
    for op in ("max", "min"):
        f = getattr(torch, op)
        for shape in [(), (1,), (5,), (2, 3), (2, 2, 2)]:
            w.case(op, f, n(*shape))
            w.case(op, f, few(*shape))
        # Of a NaN the gradient is NaN here; PyTorch shares it among the NaNs.
        w.case(op, f, v([1, INF, INF]))
        for shape, dim in [((), 0), ((), -1), ((1,), 0), ((5,), 0), ((2, 3), 0), ((2, 3), -1),
                           ((2, 3, 4), 1), ((0, 3), 1), ((3, 1), 1)]:
            for keepdim in (False, True):
                w.case(op, f, n(*shape), dim=dim, keepdim=keepdim)
        w.case(op, f, few(5, 6), dim=0)
        w.case(op, f, few(5, 6), dim=1)
        w.case(op, f, v([[1, NAN, 3], [NAN, NAN, 1], [-INF, -INF, -INF]]), dim=1, second=False)
        for s, t in PAIRS[:5]:
            w.case(op, f, few(*s), few(*t))
    for (shape, dim), keepdim in itertools.product(
            [p for p in places if p[1] is not None], (False, True)):
        w.case("logsumexp", torch.logsumexp, n(*shape), dim=dim, keepdim=keepdim)
    w.case("logsumexp", torch.logsumexp, n(0, 3), dim=1)
    w.case("logsumexp", torch.logsumexp, n(3, 0), dim=1)
    # PyTorch's derivative exp(x - y) loses digits in float32 here.
    w.case("logsumexp", torch.logsumexp, v([[1000, 1000.5], [-1000, -1001], [-INF, 2]]), dim=1,
           dtypes=("float64",))
    w.case("logsumexp", torch.logsumexp, v([[INF, 1], [NAN, 1], [INF, INF]]), dim=1,
           second=False)
    w.close()


def shape():
    w = Writer("shape.txt")

    def slice_of(x, dim=0, start=None, end=None, step=1):
        index = [slice(None)] * x.dim()
        index[dim] = slice(start, end, step)
        return x[tuple(index)]

    def squeeze(x, dim=None):
        if dim is None:
            return torch.squeeze(x)
        dims = [dim] if isinstance(dim, int) else dim
        for d in sorted((d % max(x.dim(), 1) for d in dims), reverse=True):
            x = torch.squeeze(x, d)
        return x

    def case(op, f, x, **params):
        w.case(op, f, x, mode="strict", **params)

    for s, a, c in [((2, 3), 0, 1), ((2, 3, 4), 0, -1), ((2, 3), 1, 1), ((), 0, -1), ((0, 3), 0, 1),
                    ((2, 1, 3, 2), -3, 3)]:
        case("transpose", torch.transpose, n(*s), dim0=a, dim1=c)
    for s, dims in [((2, 3, 4), [2, 0, 1]), ((2, 3, 4), [-3, -1, -2]), ((3,), [0]), ((), []),
                    ((2, 0, 3), [1, 2, 0]), ((2, 1, 3, 2), [3, 1, 0, 2]),
                    ((2, 2, 1, 2, 3), [4, 2, 0, 3, 1])]:
        case("permute", torch.permute, n(*s), dims=dims)
    for s, t in [((2, 3), [3, 2]), ((2, 3, 4), [-1, 6]), ((1, 1), []), ((), [1, 1, 1]),
                 ((0, 3), [3, 0]), ((2, 3), [-1]), ((2, 0), [0]), ((4,), [2, -1, 1])]:
        case("reshape", torch.reshape, n(*s), shape=t)
    for s, dim in [((1, 2, 1, 3), None), ((1, 2, 1, 3), 0), ((1, 2, 1, 3), [-2, 1]), ((2, 3), None),
                   ((), 0), ((1, 0), None), ((1, 1), None), ((3, 1), 0)]:
        case("squeeze", squeeze, n(*s), **({} if dim is None else {"dim": dim}))
    for s, dim in [((2, 3), 0), ((2, 3), -1), ((2, 3), 1), ((), 0), ((), -1), ((0,), -2)]:
        case("unsqueeze", torch.unsqueeze, n(*s), dim=dim)
    for s, t in [((1, 3), [2, 3]), ((3,), [2, 4, 3]), ((2, 1, 3), [-1, 4, -1]), ((), [2, 2]),
                 ((), []), ((1,), [0]), ((1, 1), [3, 2]), ((2, 3), [2, 3])]:
        w.case("expand", lambda x, size: x.expand(size), n(*s), size=t)
    for shapes, dim in [([(2, 3), (1, 3)], 0), ([(2, 3), (2, 1), (2, 2)], 1),
                        ([(2, 1, 2), (2, 3, 2)], -2), ([(3,)], 0), ([(0,), (2, 2), (2, 2)], 0),
                        ([(2, 0), (2, 3)], 1), ([(1,)] * 10, 0), ([(0,), (0,)], 0)]:
        w.case("cat", lambda *xs, dim: torch.cat(xs, dim), *[n(*s) for s in shapes], mode="strict",
               dim=dim)
    for s, params in [((5, 3), {}), ((5, 3), dict(start=1, end=4)), ((5, 3), dict(dim=-1, start=-2)),
                      ((7,), dict(start=1, step=3)), ((2, 7), dict(dim=1, end=-1, step=2)),
                      ((2, 3, 4), dict(dim=1, start=1, end=2)), ((5,), dict(start=3, end=1)),
                      ((5,), dict(start=-100, end=100)), ((0, 2), dict(start=0)),
                      ((6,), dict(start=-3, end=-1)), ((6,), dict(step=100))]:
        case("slice", slice_of, n(*s), **params)
    w.close()


def product():
    w = Writer("product.txt")
    for s, t in [((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)),
                 ((2, 2, 3), (2, 3, 2)), ((2, 1, 2, 3), (3, 3, 2)), ((2, 2, 3), (3, 4)),
                 ((2, 3), (2, 3, 2)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,)), ((1, 1), (1, 1)),
                 ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((0, 2, 3), (3, 2)), ((0,), (0,)),
                 ((9, 8), (8, 9)), ((1, 2, 3), (4, 1, 3, 2)), ((2, 1, 1, 2), (1, 3, 2, 1)),
                 ((2, 3), (0, 3, 2))]:
        w.case("matmul", torch.matmul, n(*s), n(*t))
    w.case("matmul", torch.matmul, v([[INF, 1], [0, NAN], [1e30, 1]]), v([[1, 0], [2, 3.0]]),
           second=False)

    def linear(x, weight, bias=None, weight_layout="in_out"):
        if weight_layout == "in_out":
            weight = weight.transpose(0, 1)
        return F.linear(x, weight, bias)

    for x, inputs, outputs in [((2, 3), 3, 5), ((3,), 3, 5), ((2, 2, 3), 3, 4), ((1, 1), 1, 1),
                               ((0, 3), 3, 2), ((2, 0), 0, 3), ((2, 3), 3, 0), ((5, 8), 8, 9)]:
        w.case("linear", linear, n(*x), n(inputs, outputs), n(outputs))
        w.case("linear", linear, n(*x), n(inputs, outputs))
        w.case("linear", linear, n(*x), n(outputs, inputs), n(outputs), weight_layout="out_in")
        w.case("linear", linear, n(*x), n(outputs, inputs), None, weight_layout="out_in")
    w.close()


def loss():
    w = Writer("loss.txt")
    reductions = ("mean", "sum", "none")
    shapes = [(), (1,), (3, 2), (2, 1, 3), (0,), (0, 2)]
    for shape, reduction in itertools.product(shapes, reductions):
        w.case("mse_loss", F.mse_loss, n(*shape), n(*shape), reduction=reduction)
        w.case("l1_loss", F.l1_loss, n(*shape), n(*shape), reduction=reduction)
        w.case("huber_loss", F.huber_loss, n(*shape), n(*shape), reduction=reduction)
        w.case("smooth_l1_loss", F.smooth_l1_loss, n(*shape), n(*shape), reduction=reduction)
    ties = (few(3, 5), few(3, 5))
    w.case("mse_loss", lambda x, t: F.mse_loss(x, t.to(x.dtype)), n(4), i(4, hi=3))
    w.case("l1_loss", F.l1_loss, *ties)
    for size in (0.4, 1.0, 2.0):
        for reduction in reductions:
            w.case("huber_loss", F.huber_loss, n(3, 4), n(3, 4), delta=size, reduction=reduction)
            w.case("smooth_l1_loss", F.smooth_l1_loss, n(3, 4), n(3, 4), beta=size,
                   reduction=reduction)
        # At an edge the second derivative is a matter of taste.
        w.case("huber_loss", F.huber_loss, *ties, delta=size, second=False)
        w.case("smooth_l1_loss", F.smooth_l1_loss, *ties, beta=size, second=False)
    # With beta 0 PyTorch's derivative at equal operands is -1, for both of them.
    w.case("smooth_l1_loss", F.smooth_l1_loss, n(3, 4), n(3, 4), beta=0.0, second=False)
    far = (v([1e30, -1e30, 1e-30, INF, NAN, -INF, 3]), v([0, 1, 0, 0, 0, 0, INF]))
    for op, f in [("mse_loss", F.mse_loss), ("l1_loss", F.l1_loss), ("huber_loss", F.huber_loss),
                  ("smooth_l1_loss", F.smooth_l1_loss)]:
        w.case(op, f, *far, reduction="none", second=False)

    def classes(f):
        return lambda x, target, weight=None, **params: f(x, target, weight=weight, **params)

    cross_entropy, nll = classes(F.cross_entropy), classes(F.nll_loss)
    for reduction in reductions:
        for x, t, classes_ in [((4, 3), (4,), 3), ((2, 3, 4), (2, 4), 3), ((3,), (), 3),
                               ((2, 3, 2, 2), (2, 2, 2), 3), ((1, 1), (1,), 1), ((0, 3), (0,), 3)]:
            for weight in (None, constant(u(classes_))):
                for op, f in [("cross_entropy", cross_entropy), ("nll_loss", nll)]:
                    w.case(op, f, n(*x), i(*t, hi=classes_), weight, reduction=reduction)
                    if t:
                        w.case(op, f, n(*x), i(*t, hi=classes_), weight, ignore_index=0,
                               reduction=reduction)
                w.case("cross_entropy", cross_entropy, n(*x), i(*t, hi=classes_), weight,
                       reduction=reduction, label_smoothing=0.1)
                w.case("cross_entropy", cross_entropy, n(*x), i(*t, hi=classes_), weight,
                       reduction=reduction, label_smoothing=0.3, ignore_index=0)
                if x[0]:
                    w.case("cross_entropy", cross_entropy, n(*x), u(*x, lo=0, hi=1), weight,
                           reduction=reduction)
                    w.case("cross_entropy", cross_entropy, n(*x), u(*x, lo=0, hi=1), weight,
                           reduction=reduction, label_smoothing=0.2)
    for op, f in [("cross_entropy", cross_entropy), ("nll_loss", nll)]:
        w.case(op, f, n(4, 3), iv([1, -100, 2, -100]))
        w.case(op, f, n(4, 3), iv([1, -1, 2, 0]), constant(u(3)), ignore_index=-1)
        w.case(op, f, n(2, 3), iv([-100, -100]))
        w.case(op, f, n(2, 3), iv([-100, -100]), reduction="sum")
        w.case(op, f, n(3, 3), iv([0, 1, 2]), constant(v([0, 1, 0])))
    w.case("cross_entropy", cross_entropy, v([[1000, -1000, 0], [0, 0, 0]]), iv([1, 0]))
    w.case("cross_entropy", cross_entropy, v([[-INF, 0, 1], [0, 0, -INF]]), iv([1, 0]),
           reduction="none")
    w.case("cross_entropy", cross_entropy, v([[-INF, 0, 1], [0, 1, 2]]), iv([0, 1]),
           reduction="none", second=False)

    def bce(x, t, weight=None, **params):
        return F.binary_cross_entropy(x, t, weight=weight, **params)

    def logits(x, t, weight=None, pos_weight=None, **params):
        return F.binary_cross_entropy_with_logits(x, t, weight=weight, pos_weight=pos_weight,
                                                  **params)

    # rough: PyTorch adds 1e-12 to the divisors of the second derivative.
    for shape, reduction in itertools.product(shapes, reductions):
        w.case("binary_cross_entropy", bce, u(*shape, lo=0.05, hi=0.95), u(*shape, lo=0, hi=1),
               mode="rough", reduction=reduction)
        w.case("binary_cross_entropy_with_logits", logits, n(*shape), u(*shape, lo=0, hi=1),
               reduction=reduction)
    for weight in [(3, 2), (2,), (3, 1), ()]:
        for reduction in reductions:
            w.case("binary_cross_entropy", bce, u(3, 2, lo=0.05, hi=0.95), u(3, 2, lo=0, hi=1),
                   constant(u(*weight)), mode="rough", reduction=reduction)
            w.case("binary_cross_entropy_with_logits", logits, n(3, 2), u(3, 2, lo=0, hi=1),
                   constant(u(*weight)), mode="rough", reduction=reduction)
            w.case("binary_cross_entropy_with_logits", logits, n(3, 2), u(3, 2, lo=0, hi=1), None,
                   constant(u(*weight)), reduction=reduction)
    w.case("binary_cross_entropy_with_logits", logits, n(3, 2), u(3, 2, lo=0, hi=1),
           constant(u(3, 2)), constant(u(2)))
    # PyTorch does not clamp the logarithms in the target's derivative.
    edge = (v([0, 1, 0, 1, 1e-30, 0.5]), constant(v([0, 1, 1, 0, 1, 0.5])))
    w.case("binary_cross_entropy", bce, *edge, reduction="none", second=False)
    w.case("binary_cross_entropy", bce, *edge, second=False)
    w.case("binary_cross_entropy_with_logits", logits,
           v([0, -0.0, 100, -100, 1000, -1000, INF, -INF, NAN, 1e30]),
           v([0, 1, 1, 0, 0, 1, 1, 0, 0, 1]), reduction="none", second=False)
    w.close()


if __name__ == "__main__":
    elementwise()
    activation()
    reduction()
    shape()
    product()
    loss()
