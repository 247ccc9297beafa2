"""distance.txt"""
import itertools

import torch
import torch.nn.functional as F

from writer import INF, NAN, constant, few, n, u, v


def cases(w):
    powers = (2.0, 1.0, 0.0, INF, 3.0, 1.5, 0.5)

    # PyTorch's cdist and pdist have second derivatives for p = 2 only, cdist's through another
    # function: distances taken apart give them, with the same first ones.
    def of_parts(x1, x2, p):
        d = x1.unsqueeze(-2) - x2.unsqueeze(-3)
        return d.norm(p, -1) if p != 2 else d.square().sum(-1).sqrt()

    for p in powers:
        for a, b in [((3, 2), (4, 2)), ((1, 1), (1, 1)), ((2, 1, 2, 3), (2, 3, 3)),
                     ((2, 2, 3), (3, 3)), ((1, 3), (4, 3))]:
            w.case("cdist", torch.cdist, n(*a), n(*b), p=p, second=False)
            if p not in (0.0, INF):
                w.case("cdist", of_parts, n(*a), n(*b), p=p, dtypes=("float64",))
        for a, b in [((0, 3), (2, 3)), ((2, 3), (0, 3)), ((0, 2, 3), (2, 3))]:
            w.case("cdist", torch.cdist, n(*a), n(*b), p=p, second=False)
        w.case("cdist", torch.cdist, constant(n(2, 0)), constant(n(3, 0)), p=p)
        w.case("cdist", torch.cdist, few(4, 3), few(3, 3), p=p, second=False)
        w.case("cdist", torch.cdist, n(5, 20), n(4, 20), p=p, second=False, dtypes=("float32",))
        for shape in [(4, 2), (2, 3), (3, 1)]:
            w.case("pdist", F.pdist, n(*shape), p=p, second=False)
        for shape in [(1, 2), (0, 3), (3, 0)]:  # PyTorch's gradient crashes
            w.case("pdist", F.pdist, constant(n(*shape)), p=p)
        w.case("pdist", F.pdist, few(5, 3), p=p, second=False)
    # Far from the origin, close to each other: PyTorch's product form would lose all digits.
    near = v([[1e4, 1e4], [1e4 + 0.5, 1e4], [1e4, 1e4 + 2]])
    for mode in ("use_mm_for_euclid_dist_if_necessary", "donot_use_mm_for_euclid_dist"):
        w.case("cdist", torch.cdist, near, near, compute_mode=mode, second=False)
    w.case("cdist", torch.cdist, n(3, 4), n(2, 4), compute_mode="use_mm_for_euclid_dist",
           second=False, dtypes=("float64",))
    for p in (2.0, 1.0, 3.0, INF):
        w.case("cdist", torch.cdist, constant(v([[1e30, 0], [INF, 1], [1e-30, 0], [0, 1]])),
               constant(v([[0, 0], [1, 0]])), p=p, dtypes=("float64",))

    # rough: with p < 2 PyTorch's second derivative divides by other powers.
    for p in powers + (-1.0, -INF):
        for a, b in [((3, 2), (3, 2)), ((3,), (3,)), ((), ()), ((2, 1, 3), (4, 3)), ((2, 3), (3,)),
                     ((2, 1), (1, 4)), ((0, 2), (0, 2)), ((1, 1), (1, 1))]:
            for keepdim in (False, True):
                w.case("pairwise_distance", F.pairwise_distance, n(*a), n(*b), p=p,
                       keepdim=keepdim, second=p not in (INF, -INF), mode="rough",
                       dtypes=("float64",) if a in [(), (1, 1)] else ("float64", "float32"))
        w.case("pairwise_distance", F.pairwise_distance, few(6, 3), few(6, 3), p=p, eps=0.0,
               second=False)
    for eps in (1e-6, 0.0, 0.5, -0.25):
        w.case("pairwise_distance", F.pairwise_distance, n(3, 2), n(3, 2), eps=eps)
    w.case("pairwise_distance", F.pairwise_distance, constant(v([[INF, 1], [NAN, 1], [1e200, 1]])),
           constant(v([[0, 0], [0, 0], [0, 0]])), dtypes=("float64",))

    for a, b, dim in [((3, 2), (3, 2), 1), ((3, 2), (3, 2), 0), ((3, 2), (3, 2), -1),
                      ((2, 3, 2), (3, 1), -2), ((2, 3), (3,), -1), ((4,), (4,), 0), ((), (), 0),
                      ((0, 2), (0, 2), 1), ((2, 0), (2, 0), 1), ((2, 1), (2, 1), 1),
                      ((1, 2, 3), (2, 1, 3), 2), ((2, 1, 3), (2, 4, 1), 1)]:
        # Vectors of one element: 0, but for what rounding leaves.
        one = a in [(2, 1), (), (2, 1, 3)]
        make = (lambda *shape: u(*shape, lo=0.5)) if one else n
        w.case("cosine_similarity", F.cosine_similarity, make(*a), make(*b), dim=dim,
               second=not one)
    for eps in (1e-8, 0.5, 5.0):
        w.case("cosine_similarity", F.cosine_similarity, n(3, 2), n(3, 2), eps=eps, second=False)
    zeros = (v([[0.0, 0], [1, 2], [0, 0]]), v([[1.0, 2], [0, 0], [0, 0]]))
    w.case("cosine_similarity", F.cosine_similarity, *zeros, second=False)
    w.case("cosine_similarity", F.cosine_similarity, v([[1e10, 1e10], [1e-12, 0]]),
           v([[1e10, -1e9], [1, 1]]), second=False)
