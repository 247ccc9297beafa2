"""index.txt"""
import torch
import torch.nn.functional as F

from writer import INF, NAN, constant, few, i, iv, n, v


def cases(w):
    for s, index, dim in [((3, 4), i(3, 2, hi=4), 1), ((3, 4), i(5, 2, hi=3), 0), ((), iv(0), 0),
                          ((), iv([0, 0]), 0), ((4,), iv(1), 0), ((4,), i(9, hi=4), -1),
                          ((3, 4), i(0, hi=1), 0), ((3, 4), i(0, 4, hi=1), 0),
                          ((2, 3, 4), i(1, 7, 3, hi=3), 1), ((2, 3, 4), i(2, 3, 2, hi=4), -1),
                          ((2, 3, 1), i(2, 2, 1, hi=2), 0), ((1, 1), i(3, 1, hi=1), 0)]:
        w.case("gather", lambda x, k, dim: torch.gather(x, dim, k), n(*s), index, dim=dim)
    w.case("gather", lambda x, k, dim: torch.gather(x, dim, k), v([[INF, NAN], [1, -INF]]),
           iv([[0, 0], [1, 0]]), dim=1, second=False)
    for s, index, dim in [((3, 4), i(5, hi=3), 0), ((3, 4), i(2, hi=4), -1), ((3, 4), iv(1), 0),
                          ((), iv([0]), 0), ((), iv(0), 0), ((3, 4), i(0, hi=1), 1),
                          ((2, 3, 4), i(6, hi=3), 1), ((0, 3), iv([2, 0]), 1), ((5,), i(7, hi=5), 0),
                          ((3, 4), iv([1, 1, 1]), 0)]:
        w.case("index_select", lambda x, k, dim: torch.index_select(x, dim, k), n(*s), index,
               dim=dim)
    for s, index in [((3, 4), iv([-1, 0])), ((3, 4), i(2, 3, hi=12)), ((3, 4), iv([-12, 11, -12])),
                     ((), iv([0, -1])), ((), iv(0)), ((4,), iv(-2)), ((4,), i(0, 2, hi=1))]:
        w.case("take", torch.take, n(*s), index)
    for s, index, dim in [((3, 4), iv([[0], [1], [2]]), 1), ((3, 4), iv([[1]]), 1),
                          ((3, 4), iv([[1], [11]]), None), ((3, 4), i(5, 4, hi=3), 0),
                          ((3, 1, 2), i(1, 4, 2, hi=3), 0), ((3, 1, 2), i(4, 4, 1, hi=3), -3),
                          ((2, 3, 4), i(2, 3, 2, hi=4), 2), ((4,), iv([3, 3, 0]), 0),
                          ((4,), iv(2), None), ((3, 4), i(3, 0, hi=1), 1)]:
        w.case("take_along_dim", lambda x, k, dim=None: torch.take_along_dim(x, k, dim), n(*s),
               index, **({} if dim is None else dict(dim=dim)))
    scatters(w)
    tables(w)
    orders(w)


def scatters(w):
    def scatter(x, index, src=None, dim=0, value=None):
        return torch.scatter(x, dim, index, value if src is None else src)

    def source(index, shape):
        # Where src is larger than index, PyTorch has no gradient for it.
        made = n(*shape)
        return made if tuple(index(torch.float64).shape) == shape else constant(made)

    # Places written twice: the last one stays; the gradient for each is that of the place.
    for s, index, src, dim in [((3, 4), iv([[0, 1]]), (1, 3), 0), ((3, 4), iv([[0, 1], [2, 2]]), (3, 4), 0),
                               ((3, 4), iv([[3, 0], [1, 2], [2, 0]]), (3, 2), 1), ((), iv(0), (), 0),
                               ((4,), iv(0), (), 0), ((4,), iv([0]), (), 0), ((), iv(0), (4,), 0),
                               ((4,), iv([0, 0, 0]), (3,), 0), ((4,), iv([2, 1, 2, 2, 0]), (6,), 0),
                               ((2, 3, 2), i(2, 4, 1, hi=3), (2, 5, 2), 1), ((3, 4), i(0, hi=1), (3, 4), 0),
                               ((2, 3), iv([[1, 1, 0], [0, 0, 0], [1, 0, 1]]), (3, 3), 0),
                               ((1, 1), iv([[0, 0]]), (1, 2), 1)]:
        w.case("scatter", scatter, n(*s), index, source(index, src), dim=dim, mode="strict")
    for s, index, value, dim in [((3, 4), iv([[0, 1]]), 5.0, 0), ((), iv([0, 0]), 2.0, 0), ((), iv(0), 2.5, 0),
                                 ((4,), iv(0), INF, 0), ((3, 4), i(0, hi=1), 1.0, 0),
                                 ((2, 3), iv([[2, 1], [0, 0]]), -0.5, -1)]:
        w.case("scatter", scatter, n(*s), index, dim=dim, value=value, mode="strict")

    def scatter_add(x, index, src, dim):
        return torch.scatter_add(x, dim, index, src)

    for s, index, src, dim in [((4,), iv([0, 0, 0]), (4,), 0), ((), iv(0), (), 0), ((4,), iv([0]), (), 0),
                               ((4,), iv(0), (), 0), ((4,), iv(0), (4,), 0), ((3, 4), i(5, 3, hi=3), (5, 4), 0),
                               ((3, 4), i(2, 3, hi=4), (2, 3), 1), ((2, 3, 2), i(2, 4, 1, hi=3), (2, 5, 2), 1),
                               ((3, 4), i(0, hi=1), (3, 4), 0), ((3, 1), i(3, 6, hi=1), (3, 6), -1)]:
        w.case("scatter_add", scatter_add, n(*s), index, source(index, src), dim=dim)

    def index_add(x, index, source, dim, alpha=1):
        return torch.index_add(x, dim, index, source, alpha=alpha)

    for s, index, src, dim, alpha in [((3, 4), iv([0, 0]), (2, 4), 0, 2), ((3, 4), iv(0), (1, 4), 0, 1),
                                         ((4,), iv([1]), (1,), 0, -0.5), ((4,), iv(1), (), 0, 1),
                                         ((), iv([0]), (), 0, 3), ((), iv(0), (), 0, 1),
                                         ((), iv([0, 0]), (2,), 0, 1), ((3, 4), i(0, hi=1), (0, 4), 0, 1),
                                         ((2, 3, 2), i(5, hi=3), (2, 5, 2), 1, 1.5),
                                         ((2, 3), i(4, hi=3), (2, 4), -1, 0)]:
        w.case("index_add", index_add, n(*s), index, n(*src), dim=dim, alpha=alpha)


def tables(w):
    for index, classes in [(iv([0, 2]), -1), (iv([0, 2]), 5), (iv(1), 3), (i(2, 3, hi=4), 4), (i(0, hi=1), 3),
                           (iv([[3], [3]]), -1)]:
        w.case("one_hot", F.one_hot, index, num_classes=classes, dtypes=("float64",))

    def embedding(k, weight, **params):
        # PyTorch scales long rows in the table itself: in a copy here.
        return F.embedding(k, weight * 1, **params)

    for index, s, params in [(iv([0, 2]), (3, 4), {}), (iv(1), (3, 4), {}), (i(2, 3, hi=5), (5, 2), {}),
                             (i(0, 2, hi=1), (3, 2), {}), (iv([1, 1, 1, 0]), (3, 2), {}),
                             (iv([0, 2, 0]), (3, 2), dict(padding_idx=0)),
                             (iv([0, 2, 2]), (3, 2), dict(padding_idx=-1)),
                             (iv([0, 2, 2, 2]), (3, 2), dict(scale_grad_by_freq=True)),
                             (iv([[0, 1], [1, 1]]), (3, 2), dict(scale_grad_by_freq=True, padding_idx=0)),
                             (iv([0, 1]), (3, 2), dict(padding_idx=2)), (iv([0, 0]), (1, 1), {}),
                             (iv([0, 1]), (2, 0), {})]:
        w.case("embedding", embedding, index, n(*s), **params)
    for params in [dict(max_norm=1.0), dict(max_norm=1.0, norm_type=1.0), dict(max_norm=0.5, norm_type=INF),
                   dict(max_norm=1.0, norm_type=3.0), dict(max_norm=1.0, norm_type=0.0),
                   dict(max_norm=100.0), dict(max_norm=1.0, padding_idx=2),
                   dict(max_norm=1.0, scale_grad_by_freq=True)]:
        # Of the second derivatives, zeros, PyTorch knows nothing.
        w.case("embedding", embedding, iv([0, 2, 2]), n(3, 4), second=False, **params)


def orders(w):
    special = [3.0, NAN, 1.0, 3.0, -0.0, 0.0, NAN, -INF, INF, 1e-30]

    def both(f):
        return lambda x, **params: tuple(f(x, **params))

    for s, params in [((5,), {}), ((3, 4), dict(dim=0)), ((3, 4), dict(descending=True)),
                      ((2, 3, 2), dict(dim=1, descending=True)), ((), {}), ((), dict(dim=0)),
                      ((0, 2), dict(dim=0)), ((2, 0), {}), ((1,), {}), ((37,), {}), ((2, 40), {}),
                      ((9, 2), dict(dim=-2))]:
        w.case("sort", both(torch.sort), n(*s), **params)
        w.case("argsort", torch.argsort, n(*s), **params)
    # Ties in their order, which PyTorch promises where `stable` is set.
    for s in [(6,), (33,), (5, 4)]:
        for descending in (False, True):
            w.case("sort", both(torch.sort), few(*s), stable=True, descending=descending)
            w.case("sort", both(torch.sort), v(special), stable=True, descending=descending,
                   second=False)
    for s, params in [((5,), dict(k=2)), ((3, 4), dict(k=2, dim=0)), ((3, 4), dict(k=4, largest=False)),
                      ((4,), dict(k=0)), ((), dict(k=1)), ((2, 3, 2), dict(k=1, dim=1, largest=False)),
                      ((0, 2), dict(k=0, dim=0)), ((30,), dict(k=7))]:
        w.case("topk", both(torch.topk), n(*s), **params)
    for s, params in [((5,), dict(k=1)), ((3, 4), dict(k=2, dim=0)), ((3, 4), dict(k=4, keepdim=True)),
                      ((), dict(k=1)), ((2, 3, 2), dict(k=3, dim=1)), ((30,), dict(k=11)),
                      ((1, 1), dict(k=1, keepdim=True)), ((0, 3), dict(k=2))]:
        w.case("kthvalue", both(torch.kthvalue), n(*s), **params)
    for op in ("argmax", "argmin"):
        for s, params in [((5,), {}), ((3, 4), {}), ((3, 4), dict(dim=0)), ((3, 4), dict(dim=-1, keepdim=True)),
                          ((), {}), ((), dict(dim=0)), ((2, 3, 2), dict(dim=1)), ((0, 2), dict(dim=1)),
                          ((3, 1), dict(dim=1))]:
            w.case(op, getattr(torch, op), n(*s), **params)
            w.case(op, getattr(torch, op), few(*s), **params)
        w.case(op, getattr(torch, op), n(3, 4), keepdim=True)
        w.case(op, getattr(torch, op), v(special))
