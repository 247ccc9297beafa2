"""piecewise.txt"""
import torch
import torch.nn.functional as F

from writer import INF, NAN, constant, few, n, special, u, v

SHAPES = [(), (1,), (2, 3), (0,), (2, 0), (3, 1, 2)]


def cases(w):
    plain = {"relu6": {}, "hardtanh": {}, "hardsigmoid": {}, "hardswish": {}, "hardshrink": {},
             "softshrink": {}, "threshold": dict(threshold=0.1, value=20.0), "elu": {}, "selu": {},
             "celu": {}}
    # PyTorch divides by 6 in hardsigmoid's gradient with a constant of float32's precision,
    # and has no second derivative of it.
    narrow = ("float32",)
    # Where there is a NaN, PyTorch's gradient depends on the place among the vector's lanes, and
    # softshrink makes 0 of it.
    numbers = lambda dtype: (lambda x: x[~x.isnan()])(special(dtype))
    for op, params in plain.items():
        f = getattr(F, op)
        for shape in SHAPES:
            for low, high in [(-2, 2), (-5, 8)]:
                w.case(op, f, u(*shape, lo=low, hi=high), **params,
                       second=op != "hardsigmoid",
                       dtypes=narrow if op == "hardsigmoid" else ("float64", "float32"))
        edges = v([0.0, -0.0, 0.5, -0.5, 1, -1, 3, -3, 6, 0.1, 2.999, -2.999, 1e-30, -1e-30, 3.001])
        # At 3 the gradient of hardswish is 1.5 for an element alone and 1 among a vector's lanes.
        smooth = (lambda make: lambda dtype: (lambda x: x[x != 3])(make(dtype)))
        if op == "hardswish":
            w.case(op, f, v([3.0, -3.0]), second=False)
        where = smooth if op == "hardswish" else (lambda make: make)
        both = [("float32",)] if op == "hardsigmoid" else [("float64",), ("float32",)]
        for dtypes in both:
            w.case(op, f, where(edges), second=False, dtypes=dtypes, **params)
            w.case(op, f, where(numbers), second=False, dtypes=dtypes, **params)
        w.case(op, f, constant(edges), **params)
        w.case(op, f, constant(numbers if op == "softshrink" else special), **params)
    w.case("selu", F.selu, few(2, 4), second=False)
    for low, high in [(-0.5, 2.0), (0.0, 1.0), (-1.0, -0.25), (1.0, -1.0), (1.0, 1.0),
                      (-INF, 0.5), (-INF, INF)]:
        w.case("hardtanh", F.hardtanh, n(2, 5), min_val=low, max_val=high)
        w.case("hardtanh", F.hardtanh, few(2, 4), min_val=low, max_val=high, second=False)
    for lambd in (0.0, 0.25, 1.0, INF):
        w.case("hardshrink", F.hardshrink, n(2, 5), lambd=lambd)
        w.case("hardshrink", F.hardshrink, few(2, 4), lambd=lambd, second=False)
        w.case("softshrink", F.softshrink, n(2, 5), lambd=lambd)
        w.case("softshrink", F.softshrink, few(2, 4), lambd=lambd, second=False)
    w.case("hardshrink", F.hardshrink, n(2, 5), lambd=-0.5)
    for edge, value in [(0.0, 0.0), (0.0, -3.0), (-1.0, 7.0), (INF, 2.0), (-INF, 2.0), (1.0, NAN)]:
        w.case("threshold", F.threshold, n(2, 5), threshold=edge, value=value)
        w.case("threshold", F.threshold, few(2, 4), threshold=edge, value=value, second=False)
    for alpha in (0.0, 0.25, 2.5, -0.75):
        w.case("elu", F.elu, n(2, 5), alpha=alpha)
        w.case("elu", F.elu, few(2, 4), alpha=alpha, second=False)
        if alpha:
            w.case("celu", F.celu, n(2, 5), alpha=alpha)
            w.case("celu", F.celu, few(2, 4), alpha=alpha, second=False)

    for shape, weight in [((), ()), ((), (1,)), ((3,), (1,)), ((3,), ()), ((2, 3), (1,)),
                          ((2, 3), ()), ((2, 3), (3,)), ((2, 3, 4), (3,)), ((2, 1, 3), (1,)),
                          ((2, 2, 1, 3), (2,)), ((0, 3), (3,)), ((2, 3, 0), (3,))]:
        w.case("prelu", F.prelu, n(*shape), n(*weight))
    w.case("prelu", F.prelu, few(3, 4), u(4), second=False)
    w.case("prelu", F.prelu, few(3, 4), u(1), second=False)
    w.case("prelu", F.prelu, constant(v([0.0, -0.0, INF, -INF, NAN, 1e-30, -1e30])),
           constant(v([-0.25])))
