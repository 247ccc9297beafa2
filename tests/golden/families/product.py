"""product.txt"""
import torch
import torch.nn.functional as F

from writer import INF, NAN, n, v


def cases(w):
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
