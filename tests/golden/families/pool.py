"""pool.txt"""
import torch
import torch.nn.functional as F

from writer import INF, NAN, constant, few, n, u, v


def cases(w):
    one = [((2, 2, 7), dict(kernel_size=2)), ((2, 7), dict(kernel_size=3, stride=2, padding=1)),
           ((1, 2, 6), dict(kernel_size=3, stride=2, ceil_mode=True)),
           ((1, 2, 6), dict(kernel_size=2, stride=3, padding=1, ceil_mode=True)),
           ((1, 2, 5), dict(kernel_size=4, stride=1, padding=2)), ((0, 2, 6), dict(kernel_size=3)),
           ((1, 1, 1), dict(kernel_size=1)), ((1, 1, 1), dict(kernel_size=3, stride=1, padding=1)),
           ((1, 1, 2), dict(kernel_size=3, stride=3, ceil_mode=True)),
           ((2, 1, 9), dict(kernel_size=[2], stride=[], padding=[1])), ((1, 1, 4), dict(kernel_size=2, stride=9))]
    two = [((1, 2, 4, 5), dict(kernel_size=2)), ((2, 5, 5), dict(kernel_size=2, ceil_mode=True)),
           ((2, 1, 5, 4), dict(kernel_size=[3, 2], stride=[2, 1], padding=1)),
           ((1, 1, 3, 3), dict(kernel_size=3, stride=[], padding=1)), ((0, 2, 4, 4), dict(kernel_size=2)),
           ((1, 1, 5, 7), dict(kernel_size=3, stride=2, padding=1, ceil_mode=True)),
           ((1, 2, 6, 1), dict(kernel_size=[2, 1], stride=[3, 1]))]
    three = [((1, 1, 3, 3, 4), dict(kernel_size=2, stride=1)),
             ((1, 4, 3, 3), dict(kernel_size=[2, 3, 2], padding=[1, 0, 1], ceil_mode=True)),
             ((1, 2, 2, 4, 2), dict(kernel_size=[1, 2, 2])), ((0, 1, 2, 2, 2), dict(kernel_size=2))]
    more = [[((1, 2, 7), dict(kernel_size=3, stride=1, dilation=2)),
             ((1, 1, 9), dict(kernel_size=2, stride=2, padding=1, dilation=3, ceil_mode=True))],
            [((1, 1, 7, 6), dict(kernel_size=[3, 2], stride=2, padding=1, dilation=[2, 3]))],
            [((1, 1, 3, 4, 3), dict(kernel_size=2, stride=1, dilation=[2, 1, 1]))]]
    for d, places in enumerate([one, two, three]):
        op = "max_pool%dd" % (d + 1)
        f = getattr(F, op)
        # A plain max_pool1d is another function in PyTorch, without second derivatives.
        for shape, params in places + more[d]:
            w.case(op, f, n(*shape), return_indices=True, **params)
            w.case(op, f, few(*shape), return_indices=True, **params)
            w.case(op, f, n(*shape), **params)
        op = "avg_pool%dd" % (d + 1)
        f = getattr(F, op)
        for shape, params in places:
            w.case(op, f, n(*shape), **params)
            w.case(op, f, n(*shape), count_include_pad=False, **params)
            if d:
                w.case(op, f, n(*shape), divisor_override=3, **params)
    special = [[1, NAN, 2, NAN, 3, 4, 5], [-INF, -INF, -INF, 0, -0.0, INF, INF],
               [1e30, 1e-30, -1e30, 0, 1e-45, -1e-45, 2]]
    w.case("max_pool1d", F.max_pool1d, v(special), kernel_size=3, stride=1, return_indices=True)
    w.case("max_pool2d", F.max_pool2d, v([special]), kernel_size=2, stride=1, padding=1,
           return_indices=True)
    w.case("avg_pool1d", F.avg_pool1d, v(special), kernel_size=3, stride=1, second=False)
    w.case("avg_pool2d", F.avg_pool2d, v([special]), kernel_size=2, stride=1, second=False)
    w.case("adaptive_max_pool1d", F.adaptive_max_pool1d, v(special), output_size=3,
           return_indices=True)
    w.case("adaptive_avg_pool1d", F.adaptive_avg_pool1d, v(special), output_size=3, second=False)
    w.case("avg_pool2d", F.avg_pool2d, n(1, 1, 3, 3), kernel_size=2, divisor_override=-7)

    for d, places in enumerate([
            [((2, 2, 7), 3), ((2, 5), 8), ((2, 2, 5), 0), ((2, 2, 5), [5]), ((0, 2, 5), 2), ((1, 1, 1), 4)],
            [((1, 2, 5, 6), [3, 2]), ((2, 4, 3), [None, 2]), ((0, 2, 4, 3), 1), ((1, 2, 3, 4), 5),
             ((1, 1, 3, 3), [0, 2]), ((1, 1, 2, 3), [None, None]), ((2, 2, 7, 5), 1)],
            [((1, 1, 3, 4, 3), 2), ((2, 3, 2, 3), [2, None, 5]), ((0, 1, 2, 2, 2), 1),
             ((1, 2, 2, 2, 3), 1), ((1, 1, 4, 4, 4), [3, 4, 2])]]):
        for shape, size in places:
            # PyTorch's gradient does not take results without elements.
            take = constant if size == 0 or size == [0, 2] else lambda recipe: recipe
            op = "adaptive_avg_pool%dd" % (d + 1)
            w.case(op, getattr(F, op), take(n(*shape)), output_size=size)
            op = "adaptive_max_pool%dd" % (d + 1)
            for recipe in (n(*shape), few(*shape)):
                w.case(op, getattr(F, op), take(recipe), output_size=size, return_indices=True)

    # At a norm of 0 with an exponent below 1, PyTorch's gradient is NaN; here it is 0.
    for p in (1, 2, 3, 2.5, -1):
        w.case("lp_pool1d", F.lp_pool1d, u(2, 2, 6), norm_type=p, kernel_size=3)
        w.case("lp_pool1d", F.lp_pool1d, u(2, 7), norm_type=p, kernel_size=3, stride=2, ceil_mode=True)
        w.case("lp_pool2d", F.lp_pool2d, u(1, 2, 4, 4), norm_type=p, kernel_size=2)
        w.case("lp_pool2d", F.lp_pool2d, u(1, 5, 4), norm_type=p, kernel_size=[2, 3], stride=[2, 1],
               ceil_mode=True)
    w.case("lp_pool1d", F.lp_pool1d, n(2, 2, 6), norm_type=2, kernel_size=2)
    w.case("lp_pool1d", F.lp_pool1d, v([[0, 0, 1, -1, 0, 0, 3, 0]]), norm_type=2, kernel_size=2,
           second=False)
    w.case("lp_pool1d", F.lp_pool1d, v([[1, 2, NAN, 4, INF, 5, 3, -INF]]), norm_type=2, kernel_size=2,
           second=False)
    w.case("lp_pool1d", F.lp_pool1d, v([[1, 2, -1, -4, 0, 0]]), norm_type=1, kernel_size=2, second=False)
    w.case("lp_pool1d", F.lp_pool1d, n(0, 2, 6), norm_type=2, kernel_size=2)
