"""reduction.txt"""
import itertools

import torch

from writer import INF, NAN, PAIRS, b, constant, few, n, v


def cases(w):
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
    more(w, of, places)


def flat_norm(x, p="fro", dim=None, keepdim=False):
    if dim is None and keepdim:
        dim = list(range(x.dim()))
    return torch.norm(x, p=p, dim=dim, keepdim=keepdim)


def nan_at(*shape):
    """Normal, some elements NaN."""
    def make(dtype):
        x = n(*shape)(dtype)
        return torch.where(torch.arange(x.numel()).reshape(x.shape) % 3 == 1, torch.full_like(x, NAN), x)
    return make


def more(w, of, places):
    single = [p for p in places if not isinstance(p[1], list)]
    zeros = [[2, 3, 4], [2, 0, 4], [0, 3, 4], [2, 3, 0], [2, 0, 0], [0, 3, 0], [0, 0, 0]]

    def prod(x, dim=None, keepdim=False):
        return torch.prod(x) if dim is None else torch.prod(x, dim, keepdim)
    for (shape, dim), keepdim in itertools.product(
            single + [((0,), None), ((0, 3), 0), ((0, 3), 1)], (False, True)):
        if dim is not None or not keepdim:
            w.case("prod", prod, n(*shape), dim=dim, keepdim=keepdim)
    for row in zeros:
        w.case("prod", prod, v(row), second=row.count(0) < 2)
    w.case("prod", prod, v(zeros), dim=1)
    w.case("prod", prod, v(zeros), dim=0)
    # PyTorch divides by the element again: ∞/∞.
    w.case("prod", prod, constant(v([1, INF, 2])))
    w.case("prod", prod, v([0, INF, 2]), second=False)
    w.case("prod", prod, v([1e200, 1e-200, 3]), dtypes=("float64",), second=False)

    # PyTorch's var of a scalar has a gradient of the wrong shape.
    for op in ("var", "std"):
        f = getattr(torch, op)

        def moment(x, dim=None, correction=None, unbiased=None, keepdim=False):
            if dim is None:
                dim = list(range(x.dim()))
            if unbiased is not None:
                return f(x, dim=dim, unbiased=unbiased, keepdim=keepdim)
            return f(x, dim=dim, correction=correction, keepdim=keepdim)
        for (shape, dim), keepdim in itertools.product(places, (False, True)):
            if shape not in ((), (1,), (1, 1)) and (shape, dim) != ((2, 1, 3), 1):
                # Second derivatives that are 0 are noise in float32.
                for params in ({"keepdim": keepdim}, {"correction": 0}):
                    w.case(op, moment, n(*shape), dim=dim, dtypes=("float64",), **params)
                    w.case(op, moment, n(*shape), dim=dim, dtypes=("float32",), second=False,
                           **params)
        for params in ({"correction": 2}, {"correction": -1}, {"unbiased": False}, {"unbiased": True},
                       {"dim": []}, {"correction": 1, "unbiased": True}):
            params = {"dim": 1, **params}
            w.case(op, lambda x, **p: moment(x, **{**p, "dim": p["dim"] or None}), n(3, 5), **params)
        w.case(op, moment, constant(v([[1, 2], [3, 3]])), dim=1, correction=3)
        w.case(op, moment, constant(n(2, 0)), dim=1)
        w.case(op, moment, constant(n(0)))
        w.case(op, moment, n(0, 3), dim=1)
        w.case(op, moment, v([[3, 3, 3], [0.1, 0.1, 0.1]]), dim=1, second=False)
        # Of large means PyTorch's gradient has lost digits.
        w.case(op, moment, constant(v([1e8, 1e8 + 1, 1e8 + 3])), dtypes=("float64",))
        w.case(op, moment, v([4096, 4097, 4099, 4100]), second=False)
        w.case(op, moment, constant(v([1, NAN, 2])))
        w.case(op, moment, constant(v([1, INF, 2])))

    orders = (2.0, 1.0, 3.0, 0.5, 1.5, INF, -INF, -1.0, -2.5, 4.0)
    for (shape, dim), keepdim in itertools.product(places, (False, True)):
        w.case("norm", flat_norm, n(*shape), dim=dim, keepdim=keepdim)
        w.case("linalg.vector_norm", torch.linalg.vector_norm, n(*shape), dim=dim, keepdim=keepdim)
    for order in orders:
        w.case("norm", flat_norm, n(2, 3), p=order)
        w.case("norm", flat_norm, n(2, 3), p=order, dim=1)
        w.case("norm", flat_norm, v([0.0, 3, -4, 0, -0.0]), p=order, second=False)
        w.case("norm", flat_norm, v([0.0, 0, -0.0]), p=order, second=False)
        w.case("norm", flat_norm, v([5.0]), p=order)
        w.case("linalg.vector_norm", torch.linalg.vector_norm, n(2, 3, 2), ord=order, dim=[0, 2])
        w.case("linalg.vector_norm", torch.linalg.vector_norm, constant(v([1, INF, NAN])), ord=order)
        w.case("linalg.vector_norm", torch.linalg.vector_norm, constant(v([1, INF, -2])), ord=order)
        if order > 0 and order < INF:
            w.case("linalg.vector_norm", torch.linalg.vector_norm, n(0, 3), ord=order)
            w.case("linalg.vector_norm", torch.linalg.vector_norm, n(0, 3), ord=order, dim=0)
        for s, t in PAIRS[:7]:
            w.case("dist", lambda a, b, p: torch.dist(a, b, p), n(*s), n(*t), p=order)
    # PyTorch has no derivative of the order 0, which is 0.
    for x in (v([1.0, 0, -0.0, 3]), few(3, 4), v([NAN, 0, INF])):
        w.case("norm", flat_norm, constant(x), p=0.0)
        w.case("linalg.vector_norm", torch.linalg.vector_norm, constant(x), ord=0.0)
    w.case("linalg.vector_norm", torch.linalg.vector_norm, few(3, 4), ord=INF, dim=1, second=False)
    w.case("linalg.vector_norm", torch.linalg.vector_norm, n(0, 3), ord=INF, dim=1)
    w.case("linalg.vector_norm", torch.linalg.vector_norm, n(2, 3), dim=[])
    w.case("norm", flat_norm, n(2, 3), p="fro", dim=[0, 1])
    w.case("dist", lambda a, b: torch.dist(a, b), v([1, 2]), v([1, 2]), second=False)

    for op in ("nansum", "nanmean"):
        f = of(getattr(torch, op), getattr(torch, op))
        for (shape, dim), keepdim in itertools.product(places, (False, True)):
            w.case(op, f, n(*shape), dim=dim, keepdim=keepdim)
        w.case(op, f, nan_at(4, 5), dim=1)
        w.case(op, f, nan_at(4, 5), dim=[0, 1], keepdim=True)
        w.case(op, f, nan_at(7))
        # The gradient of nothing but NaN is NaN in PyTorch's nanmean, 0 here.
        w.case(op, f, v([[NAN, 3], [1, INF], [NAN, -INF]]), dim=1, second=False)
        w.case(op, f, constant(v([[NAN, NAN], [1, NAN]])), dim=1)
        w.case(op, f, n(0, 3), dim=0, second=False)
        w.case(op, f, n(0, 3), dim=1)
    # Which of several equal elements along dim is the median is not said: PyTorch's choice varies.
    for op in ("median", "nanmedian"):
        f = getattr(torch, op)
        for shape in [(), (1,), (4,), (5,), (2, 3), (3, 2, 4)]:
            w.case(op, f, n(*shape))
            w.case(op, f, few(*shape))
            w.case(op, f, nan_at(*shape))
        w.case(op, f, v([INF, -INF, 0.0, -0.0, 3]))
        w.case(op, f, v([INF, -INF, INF, -INF]))
        w.case(op, f, v([NAN, NAN]))
        w.case(op, f, constant(n(0)))
        for (shape, dim), keepdim in itertools.product(single, (False, True)):
            if dim is not None:
                w.case(op, lambda x, dim, keepdim: f(x, dim, keepdim), n(*shape), dim=dim,
                       keepdim=keepdim)
        w.case(op, f, v([[3, 1, 2], [-5, 1e30, -1e30], [INF, -INF, 1e-30]]), dim=1)
        w.case(op, f, v([[3, NAN, 2, 1], [5, 4, 7, NAN]]), dim=1)
        w.case(op, f, n(0, 3), dim=1)
        w.case(op, lambda x, dim: f(x, dim)[0], constant(few(5, 6)), dim=0)
    for op in ("all", "any"):
        f = getattr(torch, op)
        masks = lambda x, dim=None, keepdim=False: f(x) if dim is None else f(x, dim, keepdim)
        for (shape, dim), keepdim in itertools.product(single, (False, True)):
            if dim is not None or not keepdim:
                w.case(op, masks, b(*shape), dim=dim, keepdim=keepdim, dtypes=("float64",))
        for shape, dim in [((0,), None), ((0, 3), 0), ((0, 3), 1)]:
            w.case(op, masks, b(*shape), dim=dim, dtypes=("float64",))
        w.case(op, masks, few(4, 3), dim=1)
        w.case(op, masks, v([[NAN, 1], [0.0, -0.0], [INF, 1e-30]]), dim=1)
    for shape, dim, keepdim in [((2, 3), None, False), ((3, 3), [0, 1], True), ((2, 3, 2), [0, -1], False),
                                ((4, 1), [1, 0], False)]:
        w.case("norm", lambda x, p, dim=None, keepdim=False: torch.norm(x, p, dim, keepdim), n(*shape),
               mode="rough", p="nuc", dim=dim, keepdim=keepdim)
