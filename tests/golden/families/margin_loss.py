"""margin_loss.txt"""
import itertools

import torch
import torch.nn.functional as F

from writer import INF, NAN, constant, few, i, iv, n, u, v


def signs(*shape):
    """1 and -1."""
    return constant(lambda dtype: i(*shape, hi=2)(dtype).to(dtype) * 2 - 1)


def cases(w):
    reductions = ("mean", "sum", "none")
    shapes = [(), (1,), (3, 2), (2, 1, 3), (0,), (0, 2)]
    for shape, reduction in itertools.product(shapes, reductions):
        w.case("hinge_embedding_loss", F.hinge_embedding_loss, n(*shape), signs(*shape),
               reduction=reduction)
        w.case("margin_ranking_loss", F.margin_ranking_loss, n(*shape), n(*shape), signs(*shape),
               reduction=reduction, margin=0.5)
        # PyTorch has no gradient for this target.
        w.case("soft_margin_loss", F.soft_margin_loss, n(*shape), signs(*shape),
               reduction=reduction)
        if shape:
            w.case("multilabel_soft_margin_loss", F.multilabel_soft_margin_loss, n(*shape),
                   u(*shape, lo=0, hi=1), reduction=reduction)
    for margin in (1.0, 0.0, -0.5, 2.5):
        w.case("hinge_embedding_loss", F.hinge_embedding_loss, few(3, 5), signs(3, 5),
               margin=margin, reduction="none")
        w.case("hinge_embedding_loss", F.hinge_embedding_loss, n(3, 3), constant(few(3, 3)),
               margin=margin)
        w.case("margin_ranking_loss", F.margin_ranking_loss, few(3, 5), few(3, 5), signs(3, 5),
               margin=margin, reduction="none")
        w.case("margin_ranking_loss", F.margin_ranking_loss, n(3, 1), n(1, 4), n(3, 4),
               margin=margin)
    w.case("hinge_embedding_loss", F.hinge_embedding_loss, v([INF, -INF, 1e30, -1e30, 1e-30]),
           constant(v([1, -1, -1, -1, -1])), reduction="none", second=False)
    w.case("soft_margin_loss", F.soft_margin_loss, n(3, 4), constant(n(3, 4)))
    # Beyond 709 PyTorch's exponential overflows.
    w.case("soft_margin_loss", F.soft_margin_loss, v([0, -0.0, 30, -30, 600, -600]),
           constant(v([1, -1, 1, 1, 1, 1])), reduction="none", second=False, dtypes=("float64",))

    for reduction in reductions:
        for a, b, t in [((4, 3), (4, 3), (4,)), ((3,), (3,), ()), ((4, 3), (1, 3), (4,)),
                        ((1, 1), (1, 1), (1,)), ((0, 3), (0, 3), (0,)), ((2, 0), (2, 0), (2,))]:
            for margin in (0.0, 0.4, -0.5):
                w.case("cosine_embedding_loss", F.cosine_embedding_loss, n(*a), n(*b), signs(*t),
                       margin=margin, reduction=reduction, second=a != (1, 1),
                       dtypes=("float64",) if a == (1, 1) else ("float64", "float32"))
    w.case("cosine_embedding_loss", F.cosine_embedding_loss, n(5, 2), n(5, 2),
           constant(v([0, 1, -1, 0.5, 2])), reduction="none")
    w.case("cosine_embedding_loss", F.cosine_embedding_loss, v([[0, 0], [1e-8, 0], [1e8, 1], [0, 0]]),
           v([[1, 2], [1, 1], [2e8, 1], [0, 0]]), constant(v([1, -1, -1, -1])), reduction="none",
           second=False)

    def with_distance(anchor, positive, negative, distance_function=None, **params):
        function = None
        if distance_function == "cosine_distance":
            function = lambda a, b: 1 - F.cosine_similarity(a, b, dim=-1)
        return F.triplet_margin_with_distance_loss(anchor, positive, negative,
                                                   distance_function=function, **params)

    triplets = [((4, 3), (4, 3), (4, 3)), ((3,), (3,), (3,)), ((), (), ()), ((4, 3), (1, 3), (4, 1)),
                ((2, 3, 2), (2, 3, 2), (2, 3, 2)), ((0, 3), (0, 3), (0, 3))]
    for reduction, swap, shapes_ in itertools.product(reductions, (False, True), triplets):
        operands = [n(*s) for s in shapes_]
        w.case("triplet_margin_loss", F.triplet_margin_loss, *operands, reduction=reduction,
               swap=swap, mode="rough", dtypes=("float64",) if shapes_[0] == () else ("float64", "float32"))
        w.case("triplet_margin_with_distance_loss", with_distance, *operands, reduction=reduction,
               swap=swap, margin=2.0, mode="rough",
               dtypes=("float64",) if shapes_[0] == () else ("float64", "float32"))
        if shapes_[0]:
            w.case("triplet_margin_with_distance_loss", with_distance, *operands,
                   distance_function="cosine_distance", reduction=reduction, swap=swap, second=False,
                   dtypes=("float64",))
    for p in (1.0, 3.0, 1.5, INF, 0.5, 0.0):
        for swap in (False, True):
            w.case("triplet_margin_loss", F.triplet_margin_loss, n(4, 3), n(4, 3), n(4, 3), p=p,
                   margin=2.0, swap=swap, second=False)
    for eps in (0.0, 0.25):
        w.case("triplet_margin_loss", F.triplet_margin_loss, few(5, 2), few(5, 2), few(5, 2),
               eps=eps, swap=True, margin=0.5, second=False)

    def with_weight(f):
        return lambda x, t, weight=None, **params: f(x, t, weight=weight, **params)

    soft, margins = with_weight(F.multilabel_soft_margin_loss), with_weight(F.multi_margin_loss)
    for weight in [(4,), (3, 4), (3, 1), ()]:
        for reduction in reductions:
            w.case("multilabel_soft_margin_loss", soft, n(3, 4), u(3, 4, lo=0, hi=1), u(*weight),
                   reduction=reduction)
    w.case("multilabel_soft_margin_loss", soft, n(2, 0), n(2, 0))
    w.case("multilabel_soft_margin_loss", soft, v([[1e4, -1e4, 30, -30]]), v([[1, 0, 0, 1]]))

    for reduction, p in itertools.product(reductions, (1, 2)):
        for x, t, classes in [((4, 3), (4,), 3), ((3,), (), 3), ((3,), (1,), 3), ((), (), 1),
                              ((2, 1), (2,), 1), ((1, 3), (), 3), ((1, 3), (1,), 3)]:
            for weight in (None, constant(u(classes))):
                w.case("multi_margin_loss", margins, n(*x), i(*t, hi=classes), weight, p=p,
                       reduction=reduction, second=False)
        for margin in (0.3, -0.5, 3.0, 0.0):
            w.case("multi_margin_loss", margins, few(5, 4), i(5, hi=4), p=p, margin=margin,
                   reduction=reduction, second=False)
    w.case("multi_margin_loss", margins, constant(n(0, 3)), i(0, hi=3), reduction="none")
    # Of a vector's pieces, as PyTorch has no second derivative of it.
    def squared(x, t, **params):
        own = x.gather(1, t[:, None])
        others = torch.ones_like(x).scatter(1, t[:, None], 0)
        return ((1 - own + x).clamp(min=0)**2 * others).mean(1).mean()
    w.case("multi_margin_loss", squared, n(4, 3), i(4, hi=3), p=2)

    for reduction in reductions:
        for x, t in [((3,), [0, 2, -1]), ((3,), [-1, 0, 1]), ((3,), [2, 1, 0]), ((), 0), ((), -1),
                     ((2, 4), [[0, 3, -1, 1], [1, -1, 0, 0]]), ((2, 1), [[0], [-1]]),
                     ((2, 3), [[0, 0, -1], [1, 1, 1]]), ((1, 5), [[4, 2, -1, -1, -1]])]:
            w.case("multilabel_margin_loss", F.multilabel_margin_loss, n(*x), iv(t),
                   reduction=reduction, second=False)
        w.case("multilabel_margin_loss", F.multilabel_margin_loss, few(3, 5),
               iv([[0, 3, -1, 1, 2], [1, 2, 3, 4, 0], [-1, 0, 0, 0, 0]]), reduction=reduction,
               second=False)
    w.case("multilabel_margin_loss", F.multilabel_margin_loss, constant(n(0, 3)), i(0, 3, hi=3),
           reduction="none")
