"""shape.txt"""
import torch
import torch.nn.functional as F

from writer import INF, NAN, n, v


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
    moves(w)
    joins(w)
    parts(w)
    repeats(w)
    pads(w)


def moves(w):
    def case(op, f, x, **params):
        w.case(op, f, x, mode="strict", **params)

    for s, a, c in [((2, 3, 4), 0, -1), ((2, 3), 1, 1), ((), 0, -1), ((0, 3), 0, 1)]:
        case("swapaxes", torch.swapaxes, n(*s), axis0=a, axis1=c)
        case("swapdims", torch.swapdims, n(*s), dim0=a, dim1=c)
    for s, a, c in [((2, 3), 0, 1), ((2, 3, 4), [0, 1], [2, 0]), ((2, 3, 4), [2, -3], [0, 1]),
                    ((2, 3, 4), [], []), ((), 0, 0), ((), [], []), ((2, 1, 3, 2), [1, -1], [-1, 0]),
                    ((0, 3), 0, -1)]:
        case("movedim", torch.movedim, n(*s), source=a, destination=c)
        case("moveaxis", torch.moveaxis, n(*s), source=a, destination=c)
    for s, t in [((2, 3), [3, 2]), ((2, 3, 4), [-1, 6]), ((1, 1), []), ((), [1, 1, 1]),
                 ((0, 3), [3, 0]), ((2, 3), [-1])]:
        case("view", lambda x, size: x.view(size), n(*s), size=t)
    for s, params in [((2, 3, 4), {}), ((2, 3, 4), dict(start_dim=1)),
                      ((2, 3, 4), dict(start_dim=0, end_dim=1)), ((2, 3, 4), dict(end_dim=-2)),
                      ((), {}), ((), dict(start_dim=0, end_dim=-1)), ((0, 2, 3), dict(start_dim=1)),
                      ((2, 3), dict(start_dim=1)), ((5,), {}),
                      ((2, 1, 3, 2), dict(start_dim=-3, end_dim=2))]:
        case("flatten", torch.flatten, n(*s), **params)
    for s in [(2, 3), (), (4,), (0, 3)]:
        case("ravel", torch.ravel, n(*s))
    for s, d, t in [((2, 4), 1, [2, 2]), ((2, 4), -1, [-1, 2]), ((6,), 0, [1, 3, 2]), ((3, 2), 0, [3]),
                    ((0, 2), 0, [0, 3]), ((0, 2), 0, [-1, 3]), ((4, 3), -2, [2, -1])]:
        case("unflatten", lambda x, dim, sizes: x.unflatten(dim, sizes), n(*s), dim=d, sizes=t)
    for s, t in [((4,), [2, 4]), ((2, 1), [2, 3]), ((), [2, 2]), ((3,), [2, -1]), ((2, 3), [2, 3]),
                 ((1, 0), [3, 0])]:
        w.case("broadcast_to", torch.broadcast_to, n(*s), size=t)
    for s, dims in [((3, 4), [0]), ((3, 4), []), ((2, 3, 4), [-1, 0]), ((), []), ((), [0]),
                    ((0, 2), [0]), ((1, 3), [0, 1]), ((2, 1, 3, 2), [1, 3]), ((3, 4), 1)]:
        case("flip", lambda x, dims: torch.flip(x, [dims] if isinstance(dims, int) else dims), n(*s),
             dims=dims)
    for s in [(2, 3), (2, 3, 2), (1, 0)]:
        case("fliplr", torch.fliplr, n(*s))
    for s in [(2, 3), (4,), (0, 2)]:
        case("flipud", torch.flipud, n(*s))
    for s, shifts, dims in [((3, 4), 1, None), ((3, 4), [1, 2], [0, 1]), ((3, 4), 1, 0),
                            ((3, 4), -5, 1), ((3, 4), [1, 1], [0, 0]), ((), 1, None),
                            ((0, 2), 3, 0), ((3, 4), 1, []), ((5,), 0, 0), ((2, 3, 4), [-1, 100], [-1, 0]),
                            ((3, 4), -13, None)]:
        case("roll", lambda x, shifts, dims=None: torch.roll(x, shifts, [] if dims is None else dims),
             n(*s), shifts=shifts, **({} if dims is None else dict(dims=dims)))
    for s, k, dims in [((3, 4), 1, None), ((3, 4), -1, None), ((3, 4), 2, [1, 0]), ((3, 4), 4, None),
                       ((3, 4), 1, [0, -1]), ((2, 3, 4), 3, [0, 2]), ((2, 3, 4), 1, [-1, 1]),
                       ((2, 3, 4), 6, [1, 2]), ((0, 3), 1, None), ((3, 4), -7, None)]:
        case("rot90", lambda x, k, dims=None: torch.rot90(x, k, dims or [0, 1]), n(*s), k=k,
             **({} if dims is None else dict(dims=dims)))


def joins(w):
    for shapes, dim in [([(2, 3)] * 2, 0), ([(2, 3)] * 3, 1), ([(2, 3)] * 2, -1), ([(), ()], 0),
                        ([(3,)], -2), ([(0, 2)] * 2, 1), ([(1,)] * 7, 0), ([(), ()], -1)]:
        w.case("stack", lambda *xs, dim: torch.stack(xs, dim), *[n(*s) for s in shapes],
               mode="strict", dim=dim)
    for op, sets in [
            ("hstack", [[(2,), (3,)], [(), ()], [(2, 1), (2, 3)], [(2, 1, 2), (2, 2, 2)], [(0,), (2,)],
                        [(), (3,)], [(2, 3)]]),
            ("vstack", [[(2,), (2,)], [(), ()], [(3,), (2, 3)], [(1, 2, 2), (2, 2, 2)], [(0, 2), (1, 2)],
                        [(3,)]]),
            ("dstack", [[(2,), (2,)], [(), ()], [(2, 3), (2, 3)], [(2, 3, 1), (2, 3, 2)],
                        [(2, 3), (2, 3, 2)], [(3,), (1, 3, 2)]]),
            ("column_stack", [[(2,), (2,)], [(2,), (2, 3)], [(), ()], [(2, 1), (2, 2)],
                              [(2, 1, 2), (2, 2, 2)]])]:
        for shapes in sets:
            w.case(op, lambda *xs: getattr(torch, op)(xs), *[n(*s) for s in shapes], mode="strict")


def parts(w):
    def case(op, f, x, **params):
        w.case(op, f, x, mode="strict", **params)

    for s, dim, start, length in [((3, 4), 0, 1, 2), ((3, 4), 0, -1, 1), ((3, 4), 0, 3, 0),
                                  ((3, 4), -1, -4, 4), ((3, 4), 1, 1, 2), ((5,), 0, 0, 5),
                                  ((2, 3, 2), 1, 2, 1), ((0, 2), 0, 0, 0)]:
        case("narrow", torch.narrow, n(*s), dim=dim, start=start, length=length)
    for s, dim, index in [((3, 4), 0, 0), ((3, 4), 0, -1), ((3, 4), -1, -4), ((2, 3, 4), 1, 2), ((4,), 0, 3),
                          ((2, 0), 0, 1), ((1, 1), 0, 0)]:
        case("select", torch.select, n(*s), dim=dim, index=index)

    def split(x, split_size_or_sections, dim=0):
        return torch.split(x, split_size_or_sections, dim)

    for s, size, dim in [((5, 2), 2, 0), ((2, 5), 3, 1), ((4,), 9, 0), ((0, 2), 0, 0), ((0, 2), 3, 0),
                         ((3, 4), [1, 2], 0), ((3, 4), [1, 0, 3], -1), ((6,), 1, 0), ((2, 3), [3], 1),
                         ((0, 2), [0, 0], 0), ((4, 2), 4, 0)]:
        case("split", split, n(*s), split_size_or_sections=size, dim=dim)
    for s, chunks, dim in [((3, 4), 2, 0), ((3, 4), 5, 1), ((3, 4), 3, 1), ((0, 2), 3, 0), ((7,), 3, -1),
                           ((4,), 1, 0), ((2, 3, 2), 2, 1)]:
        case("chunk", torch.chunk, n(*s), chunks=chunks, dim=dim)
    for s, dim in [((3, 4), 0), ((3, 4), -1), ((2, 3, 2), 1), ((1,), 0), ((2, 0), 0), ((4,), 0)]:
        case("unbind", torch.unbind, n(*s), dim=dim)
    for s, d, size, step in [((3, 4), 0, 2, 1), ((3, 4), 1, 2, 3), ((3, 4), 0, 0, 1), ((), 0, 1, 1),
                             ((), 0, 0, 1), ((7,), 0, 3, 2), ((7,), 0, 3, 1), ((2, 6, 2), 1, 2, 2),
                             ((2, 6, 2), -2, 4, 1), ((5,), 0, 5, 9), ((4,), -1, 1, 2), ((0, 2), 0, 0, 1),
                             ((3, 4), 0, 0, 2), ((0, 4), 1, 2, 1), ((2, 5), 1, 3, 1)]:
        w.case("unfold", lambda x, dimension, size, step: x.unfold(dimension, size, step), n(*s),
               dimension=d, size=size, step=step)


def repeats(w):
    for s, r in [((3, 4), [2, 1]), ((3, 4), [2, 1, 1]), ((3, 4), [0, 1]), ((), [2, 2]), ((), []),
                 ((2, 3), [2, 1, 3]), ((2, 1), [1, 4]), ((0, 2), [2, 2]), ((3,), 4),
                 ((1, 2, 1, 2), [2, 2, 1, 2])]:
        w.case("repeat", lambda x, repeats: x.repeat(repeats), n(*s), repeats=r)
    for s, d in [((3, 4), [2]), ((3, 4), []), ((3, 2), [2, 1, 3]), ((), [2]), ((3,), [0]), ((2, 3), [1, 2]),
                 ((2, 2, 2), [3, 1])]:
        w.case("tile", lambda x, dims: torch.tile(x, dims), n(*s), dims=d)

    def repeat_interleave(x, repeats, dim=None):
        if isinstance(repeats, list):
            repeats = torch.tensor(repeats)
        return torch.repeat_interleave(x, repeats, dim)

    for s, r, d in [((3, 4), 2, None), ((3, 4), 2, 0), ((3, 4), [1, 2, 0], 0), ((3, 4), [2], 0),
                    ((3, 4), 0, 1), ((), 3, None), ((), [2], None), ((4,), [1, 0, 2, 3], None),
                    ((2, 3, 2), [1, 0, 2], -2), ((2, 2), [0, 1, 2, 3], None), ((3, 2), [0, 0, 0], 0),
                    ((0, 2), 3, 0), ((2, 3, 2), 3, 1)]:
        w.case("repeat_interleave", repeat_interleave, n(*s), repeats=r,
               **({} if d is None else dict(dim=d)))


def pads(w):
    def pad(x, pad, mode="constant", value=None):
        return F.pad(x, pad, mode, value)

    for s, p, params in [((3, 4), [1, 2], {}), ((3, 4), [], {}), ((), [], {}), ((3, 4), [-1, -2], {}),
                         ((3, 4), [-2, -2], {}), ((3, 4), [1, 1], dict(value=3.0)),
                         ((3, 4), [1, -2, -1, 3], dict(value=-0.5)), ((3, 4), [-4, 1], {}),
                         ((3, 4), [0, 0, 2, 0], dict(also=dict(mode="constant"))), ((3, 0), [1, 1], {}),
                         ((2, 3, 2), [1, 0, 0, 2, 1, 1], dict(value=INF)),
                         ((2, 3), [1, 1], dict(value=NAN)), ((3,), [0, 0], {}),
                         ((3,), [2, 0], dict(value=-0.0)), ((2, 3), [-1, 1, 1, -1], {})]:
        w.case("pad", pad, n(*s), pad=p, **params)
    for s, p in [((3, 4), [1, 1]), ((3, 4), [3, 3]), ((2, 3, 4), [1, 1]), ((2, 3, 4), [1, 1, 2, 0]),
                 ((1, 2, 3, 4), [1, 3, 2, 1]), ((1, 2, 3, 2), [1, 1, 2, 0, 1, 0]),
                 ((1, 2, 2, 3, 2), [1, 0, 1, 2, 0, 1]), ((3, 4), [0, 0]), ((3, 4), [-1, 3]),
                 ((3, 4), [-1, 1]), ((3, 4), [2, -3]), ((3, 4), [-5, 2]), ((0, 3), [1, 1]),
                 ((0, 2, 3), [1, 1]), ((2, 4), [1, 0])]:
        w.case("pad", pad, n(*s), pad=p, also=dict(mode="reflect"))
    for s, p in [((3, 4), [1, 1]), ((3, 4), [7, 0]), ((2, 3, 4), [1, 1, 2, 0]), ((3, 4), [-5, 9]),
                 ((3, 4), [-1, 2]), ((3, 4), [2, -3]), ((3, 4), [-4, 1]), ((1, 2, 3, 4), [1, 3, 2, 1]),
                 ((1, 2, 2, 3, 2), [1, 0, 1, 2, 3, 1]), ((3, 1), [2, 2]), ((3, 4), [0, 0]),
                 ((0, 2, 3), [1, 1])]:
        w.case("pad", pad, n(*s), pad=p, also=dict(mode="replicate"))
    # PyTorch 1.13 takes circular padding with a batch only; here as reflect.
    for s, p in [((1, 3, 4), [1, 2]), ((1, 3, 4), [4, 4]), ((1, 2, 3, 4), [1, 2, 1, 0]),
                 ((1, 1, 2, 3, 2), [1, 2, 0, 1, 2, 0]), ((0, 2, 3), [1, 1])]:
        w.case("pad", pad, n(*s), pad=p, also=dict(mode="circular"))
