"""scan.txt"""
import torch

from writer import INF, NAN, constant, few, n, v

PLACES = [((), 0), ((), -1), ((1,), 0), ((6,), 0), ((2, 3), 0), ((2, 3), -1), ((2, 3, 4), 1),
          ((2, 1, 3), 1), ((0,), 0), ((0, 3), 0), ((0, 3), 1), ((3, 0), 0), ((2, 2, 2, 2), -3)]


def cases(w):
    for op in ("cumsum", "cumprod", "logcumsumexp", "cummax", "cummin"):
        f = getattr(torch, op)
        for shape, dim in PLACES:
            w.case(op, f, n(*shape), dim=dim)
    w.case("cumsum", torch.cumsum, v([1, INF, 2, -INF, 3]), dim=0, second=False)
    w.case("cumsum", torch.cumsum, v([[1e30, 1, -1e30], [NAN, 1, 2]]), dim=1, second=False)
    # Zeros: none, one, several; by line and across.
    zeros = [[2, 3, 4, 5], [2, 0, 4, 5], [0, 3, 4, 5], [2, 3, 4, 0], [2, 0, 0, 5], [0, 3, 4, 0],
             [0, 0, 0, 0]]
    for row in zeros:
        w.case("cumprod", torch.cumprod, v(row), dim=0)
    w.case("cumprod", torch.cumprod, v(zeros), dim=0)
    w.case("cumprod", torch.cumprod, v(zeros), dim=1)
    w.case("cumprod", torch.cumprod, few(3, 6), dim=1)
    w.case("cumprod", torch.cumprod, constant(v([2, INF, 0, NAN])), dim=0)
    # A leading -∞ and +∞ have gradient NaN in PyTorch, where a first -∞ has 0 here. Of large
    # logits its gradient has lost half of its digits.
    w.case("logcumsumexp", torch.logcumsumexp, v([1, -INF, 2, 3]), dim=0, second=False)
    w.case("logcumsumexp", torch.logcumsumexp, constant(v(
        [[-INF, -INF, 1, 2], [1, INF, 2, INF], [-INF, -INF, -INF, -INF], [1, NAN, 2, 3],
         [-INF, NAN, INF, 1]])), dim=1)
    w.case("logcumsumexp", torch.logcumsumexp, constant(v([1e4, -1e4, 1e4, 1e4 + 1])), dim=0)
    for op in ("cummax", "cummin"):
        f = getattr(torch, op)
        w.case(op, f, few(4, 5), dim=0)
        w.case(op, f, few(4, 5), dim=1)
        w.case(op, f, v([[1, INF, INF, 2], [-INF, -INF, 0, -INF], [0.0, -0.0, 0.0, -0.0],
                         [1, NAN, 3, NAN], [NAN, 1, 2, 3]]), dim=1, second=False)
