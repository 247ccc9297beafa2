"""activation.txt"""
import torch
import torch.nn.functional as F

from writer import INF, NAN, constant, few, n, special, u, v


def cases(w):
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
    for op in ("mish", "softsign", "tanhshrink"):
        f = getattr(F, op)
        for shape in shapes:
            w.case(op, f, n(*shape))
        w.case(op, f, u(9, lo=-6, hi=6))
        w.case(op, f, constant(special))
        w.case(op, f, v([0.0, -0.0, 1e-30, -1e-30, 12.0, -12.0, 30.0, -30.0, 1e4, -1e4]),
               second=False)
    w.case("softsign", F.softsign, v([1e3, -1e4, 0.5]))
    for shape, dim in [((2,), 0), ((2,), -1), ((3, 4), 1), ((4, 3), 0), ((2, 6, 2), 1),
                       ((2, 6, 2), -2), ((0,), 0), ((2, 0), 1), ((0, 2), 1), ((2, 2, 2, 4), 3)]:
        w.case("glu", F.glu, n(*shape), dim=dim)
    w.case("glu", F.glu, n(3, 2))
    w.case("glu", F.glu, v([[1, 2, 800, -800], [INF, 0, -INF, 0], [3, 1, INF, 1e30]]))
    for op, f in [("softmax", F.softmax), ("log_softmax", F.log_softmax), ("softmin", F.softmin)]:
        for shape, dim in [((), 0), ((1,), 0), ((5,), 0), ((3, 4), 0), ((3, 4), 1), ((3, 4), -1),
                           ((2, 3, 2), 1), ((2, 3, 2), -3), ((3, 1), 1), ((0, 3), 1), ((3, 0), 1),
                           ((2, 2, 2, 3), 2)]:
            w.case(op, f, n(*shape), dim=dim)
        w.case(op, f, few(4, 4), dim=1)
        w.case(op, f, v([[1e30, 0, 1], [-1e30, 5, 2], [700, 710, -700], [-INF, 0, 1]]), dim=1)
        w.case(op, f, v([[-INF, -INF], [INF, 0], [NAN, 0], [0, NAN]]), dim=1, second=False)
        w.case(op, f, v([1000, 1000.5, -1000]), dim=0)
