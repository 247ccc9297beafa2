"""likelihood_loss.txt"""
import itertools

import torch
import torch.nn.functional as F

from writer import INF, NAN, constant, n, u, v

SHAPES = [(), (1,), (3, 2), (2, 1, 3), (0,), (0, 2), (2, 0)]


def cases(w):
    reductions = ("mean", "sum", "none")
    for shape, reduction in itertools.product(SHAPES, reductions + ("batchmean",)):
        w.case("kl_div", F.kl_div, n(*shape), u(*shape), reduction=reduction)
        w.case("kl_div", F.kl_div, n(*shape), n(*shape), reduction=reduction, log_target=True)
    # At a target of 0 PyTorch's derivative for it is NaN.
    far = (v([0, -1, -1e4, 1e30, -INF, 2, NAN, 1, 1]), constant(v([0, 1, 0.5, 1e-30, 1, 0, 1, INF, NAN])))
    w.case("kl_div", F.kl_div, *far, reduction="none", second=False)
    w.case("kl_div", F.kl_div, v([0, -1, -1e4, 2]), v([-1e4, 0, -INF, 5]), reduction="none",
           log_target=True, second=False)
    w.case("kl_div", F.kl_div, n(3), constant(v([-1, 0, 2])), reduction="none")

    for shape, reduction, full in itertools.product(SHAPES, reductions, (False, True)):
        w.case("poisson_nll_loss", F.poisson_nll_loss, n(*shape), u(*shape), reduction=reduction,
               full=full)
        w.case("poisson_nll_loss", F.poisson_nll_loss, u(*shape), u(*shape), reduction=reduction,
               full=full, log_input=False)
    for eps in (1e-8, 0.1):
        w.case("poisson_nll_loss", F.poisson_nll_loss, v([0, 1e-3, 2, 1e30]), u(4), eps=eps,
               log_input=False, reduction="none")
    w.case("poisson_nll_loss", F.poisson_nll_loss, v([0, 1, -1, 3, -100, 80]),
           constant(v([0, 1, 1.5, 20, 1e5, 0])), full=True, reduction="none")

    for reduction, full in itertools.product(reductions, (False, True)):
        for shape, var in [((), ()), ((1,), (1,)), ((3, 2), (3, 2)), ((3, 2), (3,)),
                           ((3, 2), (3, 1)), ((2, 2), (2,)), ((2, 3, 2), (2, 3)),
                           ((2, 3, 2), (2, 3, 1)), ((3,), ()), ((0,), (0,)), ((0, 2), (0, 2))]:
            w.case("gaussian_nll_loss", F.gaussian_nll_loss, n(*shape), n(*shape), u(*var),
                   reduction=reduction, full=full)
    for eps in (1e-6, 0.5):
        # The derivative for var goes through the bound.
        w.case("gaussian_nll_loss", F.gaussian_nll_loss, n(4), n(4), v([0, 1e-9, 0.25, 2]), eps=eps,
               reduction="none")
    w.case("gaussian_nll_loss", F.gaussian_nll_loss, v([1e10, 0, 1]), v([0, 1e-10, 1]),
           v([1e-3, 1e10, 1e-30]), reduction="none", dtypes=("float64",), second=False)
