"""reduction.txt"""
import itertools

import torch

from writer import INF, NAN, PAIRS, few, n, v


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
