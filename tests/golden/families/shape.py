"""shape.txt"""
import torch

from writer import n


def cases(w):

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
