"""loss.txt"""
import itertools

import torch
import torch.nn.functional as F

from writer import INF, NAN, constant, few, i, iv, n, u, v


def cases(w):
    reductions = ("mean", "sum", "none")
    shapes = [(), (1,), (3, 2), (2, 1, 3), (0,), (0, 2)]
    for shape, reduction in itertools.product(shapes, reductions):
        w.case("mse_loss", F.mse_loss, n(*shape), n(*shape), reduction=reduction)
        w.case("l1_loss", F.l1_loss, n(*shape), n(*shape), reduction=reduction)
        w.case("huber_loss", F.huber_loss, n(*shape), n(*shape), reduction=reduction)
        w.case("smooth_l1_loss", F.smooth_l1_loss, n(*shape), n(*shape), reduction=reduction)
    ties = (few(3, 5), few(3, 5))
    w.case("mse_loss", lambda x, t: F.mse_loss(x, t.to(x.dtype)), n(4), i(4, hi=3))
    w.case("l1_loss", F.l1_loss, *ties)
    for size in (0.4, 1.0, 2.0):
        for reduction in reductions:
            w.case("huber_loss", F.huber_loss, n(3, 4), n(3, 4), delta=size, reduction=reduction)
            w.case("smooth_l1_loss", F.smooth_l1_loss, n(3, 4), n(3, 4), beta=size,
                   reduction=reduction)
        # At an edge the second derivative is a matter of taste.
        w.case("huber_loss", F.huber_loss, *ties, delta=size, second=False)
        w.case("smooth_l1_loss", F.smooth_l1_loss, *ties, beta=size, second=False)
    # With beta 0 PyTorch's derivative at equal operands is -1, for both of them.
    w.case("smooth_l1_loss", F.smooth_l1_loss, n(3, 4), n(3, 4), beta=0.0, second=False)
    far = (v([1e30, -1e30, 1e-30, INF, NAN, -INF, 3]), v([0, 1, 0, 0, 0, 0, INF]))
    for op, f in [("mse_loss", F.mse_loss), ("l1_loss", F.l1_loss), ("huber_loss", F.huber_loss),
                  ("smooth_l1_loss", F.smooth_l1_loss)]:
        w.case(op, f, *far, reduction="none", second=False)

    def classes(f):
        return lambda x, target, weight=None, **params: f(x, target, weight=weight, **params)

    cross_entropy, nll = classes(F.cross_entropy), classes(F.nll_loss)
    for reduction in reductions:
        for x, t, classes_ in [((4, 3), (4,), 3), ((2, 3, 4), (2, 4), 3), ((3,), (), 3),
                               ((2, 3, 2, 2), (2, 2, 2), 3), ((1, 1), (1,), 1), ((0, 3), (0,), 3)]:
            for weight in (None, constant(u(classes_))):
                for op, f in [("cross_entropy", cross_entropy), ("nll_loss", nll)]:
                    w.case(op, f, n(*x), i(*t, hi=classes_), weight, reduction=reduction)
                    if t:
                        w.case(op, f, n(*x), i(*t, hi=classes_), weight, ignore_index=0,
                               reduction=reduction)
                w.case("cross_entropy", cross_entropy, n(*x), i(*t, hi=classes_), weight,
                       reduction=reduction, label_smoothing=0.1)
                w.case("cross_entropy", cross_entropy, n(*x), i(*t, hi=classes_), weight,
                       reduction=reduction, label_smoothing=0.3, ignore_index=0)
                if x[0]:
                    w.case("cross_entropy", cross_entropy, n(*x), u(*x, lo=0, hi=1), weight,
                           reduction=reduction)
                    w.case("cross_entropy", cross_entropy, n(*x), u(*x, lo=0, hi=1), weight,
                           reduction=reduction, label_smoothing=0.2)
    for op, f in [("cross_entropy", cross_entropy), ("nll_loss", nll)]:
        w.case(op, f, n(4, 3), iv([1, -100, 2, -100]))
        w.case(op, f, n(4, 3), iv([1, -1, 2, 0]), constant(u(3)), ignore_index=-1)
        w.case(op, f, n(2, 3), iv([-100, -100]))
        w.case(op, f, n(2, 3), iv([-100, -100]), reduction="sum")
        w.case(op, f, n(3, 3), iv([0, 1, 2]), constant(v([0, 1, 0])))
    w.case("cross_entropy", cross_entropy, v([[1000, -1000, 0], [0, 0, 0]]), iv([1, 0]))
    w.case("cross_entropy", cross_entropy, v([[-INF, 0, 1], [0, 0, -INF]]), iv([1, 0]),
           reduction="none")
    w.case("cross_entropy", cross_entropy, v([[-INF, 0, 1], [0, 1, 2]]), iv([0, 1]),
           reduction="none", second=False)

    def bce(x, t, weight=None, **params):
        return F.binary_cross_entropy(x, t, weight=weight, **params)

    def logits(x, t, weight=None, pos_weight=None, **params):
        return F.binary_cross_entropy_with_logits(x, t, weight=weight, pos_weight=pos_weight,
                                                  **params)

    # rough: PyTorch adds 1e-12 to the divisors of the second derivative.
    for shape, reduction in itertools.product(shapes, reductions):
        w.case("binary_cross_entropy", bce, u(*shape, lo=0.05, hi=0.95), u(*shape, lo=0, hi=1),
               mode="rough", reduction=reduction)
        w.case("binary_cross_entropy_with_logits", logits, n(*shape), u(*shape, lo=0, hi=1),
               reduction=reduction)
    for weight in [(3, 2), (2,), (3, 1), ()]:
        for reduction in reductions:
            w.case("binary_cross_entropy", bce, u(3, 2, lo=0.05, hi=0.95), u(3, 2, lo=0, hi=1),
                   constant(u(*weight)), mode="rough", reduction=reduction)
            w.case("binary_cross_entropy_with_logits", logits, n(3, 2), u(3, 2, lo=0, hi=1),
                   constant(u(*weight)), mode="rough", reduction=reduction)
            w.case("binary_cross_entropy_with_logits", logits, n(3, 2), u(3, 2, lo=0, hi=1), None,
                   constant(u(*weight)), reduction=reduction)
    w.case("binary_cross_entropy_with_logits", logits, n(3, 2), u(3, 2, lo=0, hi=1),
           constant(u(3, 2)), constant(u(2)))
    # PyTorch does not clamp the logarithms in the target's derivative.
    edge = (v([0, 1, 0, 1, 1e-30, 0.5]), constant(v([0, 1, 1, 0, 1, 0.5])))
    w.case("binary_cross_entropy", bce, *edge, reduction="none", second=False)
    w.case("binary_cross_entropy", bce, *edge, second=False)
    w.case("binary_cross_entropy_with_logits", logits,
           v([0, -0.0, 100, -100, 1000, -1000, INF, -INF, NAN, 1e30]),
           v([0, 1, 1, 0, 0, 1, 1, 0, 0, 1]), reduction="none", second=False)
