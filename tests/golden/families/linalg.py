"""linalg.txt"""
import torch

from writer import INF, NAN, constant, n, u, v

L = torch.linalg


def regular(*shape, seed=None):
    """Normal, and larger where the last two indices are equal."""
    def make(dtype):
        x = n(*shape)(torch.float64)
        k = min(shape[-2:])
        x[..., range(k), range(k)] += 3
        return x.to(dtype)
    return make


def positive(*shape):
    """Symmetric, positive definite, with eigenvalues well apart."""
    def make(dtype):
        x = n(*shape)(torch.float64)
        x = (x + x.mT) / 4 + torch.diag(torch.arange(shape[-1]) * 3.0 + 2.0 * shape[-1])
        return x.to(dtype)
    return make


def far_from_zero(*shape):
    """Of either sign: where second derivatives are not mostly rounding."""
    def make(dtype):
        x = n(*shape)(torch.float64)
        return (x + 0.5 * torch.sgn(x)).to(dtype)
    return make


def spectrum(values, rows=None):
    """Random orthonormal vectors about these singular values."""
    def make(dtype):
        k = len(values)
        q, _ = torch.linalg.qr(n(rows or k, k)(torch.float64))
        p, _ = torch.linalg.qr(n(k, k)(torch.float64))
        return (q @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ p.T).to(dtype)
    return make


F64 = dict(dtypes=("float64",))
SQUARES = [(3, 3), (1, 1), (2, 3, 3), (2, 1, 2, 2), (6, 6), (0, 0), (0, 3, 3), (3, 0, 0)]
TALL_WIDE = [(3, 3), (4, 2), (2, 4), (2, 3, 2), (2, 2, 3), (1, 1), (1, 3), (3, 1), (0, 3), (3, 0),
             (0, 2, 3), (0, 0)]


def cases(w):
    inverse_and_determinant(w)
    systems(w)
    cholesky(w)
    factors(w)
    norms(w)
    exponential(w)


def inverse_and_determinant(w):
    for op, f in [("linalg.inv", L.inv), ("inverse", torch.inverse)]:
        for s in SQUARES:
            w.case(op, f, regular(*s))
        # A condition number of 1e6: PyTorch's second derivatives lose as much.
        w.case(op, f, spectrum([1, 1e-2, 1e-3]), mode="rough", second=False, **F64)
    w.case("linalg.inv", L.inv, v([[0, 1.0], [1, 0]]))
    w.case("linalg.inv", L.inv, v([[1, 2.0], [NAN, 4]]), second=False)
    w.case("linalg.inv", L.inv, v([[INF, 0.0], [0, 1]]), second=False)
    for op, f in [("linalg.det", L.det), ("det", torch.det)]:
        for s in SQUARES:
            w.case(op, f, n(*s))
        w.case(op, f, spectrum([2, 1, 0.5]))
        # The gradient for a singular matrix is in tests/core/test_linalg.c: without create_graph
        # PyTorch 1.13 gives zeros.
        w.case(op, f, v([[1, 2.0], [NAN, 4]]), second=False)
    for op, f in [("linalg.slogdet", L.slogdet), ("slogdet", torch.slogdet)]:
        for s in SQUARES:
            w.case(op, f, regular(*s))
        w.case(op, f, v([[0, 1.0], [2, 0]]))
        w.case(op, f, v([[-3.0]]))
        w.case(op, f, v([[1e200, 0], [3, 1e150]]), **F64)
        w.case(op, f, v([[1e-30, 0], [0, 1e-30]]))
    for s in SQUARES:
        w.case("logdet", torch.logdet, positive(*s))
    w.case("logdet", torch.logdet, v([[[0, 1.0], [2, 0]], [[2, 0], [0, 1]]]))


def systems(w):
    for s, t in [((3, 3), (3, 2)), ((3, 3), (3,)), ((2, 3, 3), (3,)), ((2, 3, 3), (2, 3)),
                 ((2, 2, 2), (2, 2)), ((2, 3, 3), (3, 2)), ((3, 3), (2, 3, 1)),
                 ((2, 1, 2, 2), (3, 2, 3)), ((1, 1), (1, 1)), ((0, 0), (0, 3)), ((2, 2), (2, 0)),
                 ((0, 2, 2), (0, 2)), ((6, 6), (6, 5)), ((0, 2, 2), (2, 3)), ((3, 0, 0), (3, 0, 2))]:
        w.case("linalg.solve", L.solve, regular(*s), n(*t))
    for s, t in [((3, 3), (2, 3)), ((2, 2, 2), (1, 3, 2)), ((1, 1), (4, 1)), ((0, 0), (2, 0)),
                 ((3, 2, 2), (2, 2))]:
        w.case("linalg.solve", L.solve, regular(*s), n(*t), left=False)
    for upper in (True, False):
        for unit in (True, False):
            for s, t in [((3, 3), (3, 2)), ((2, 2, 2), (2, 1)), ((2, 1, 2, 2), (3, 2, 1)),
                         ((1, 1), (1, 2)), ((0, 0), (0, 2)), ((0, 2, 2), (2, 2)),
                         ((6, 6), (6, 4))]:
                w.case("linalg.solve_triangular", L.solve_triangular, regular(*s), n(*t),
                       upper=upper, unitriangular=unit)
            w.case("linalg.solve_triangular", L.solve_triangular, regular(3, 3), n(2, 3),
                   upper=upper, left=False, unitriangular=unit)
            w.case("linalg.solve_triangular", L.solve_triangular, regular(2, 3, 3), n(2, 3),
                   upper=upper, left=False, unitriangular=unit)
    w.case("linalg.solve_triangular", L.solve_triangular, v([[1.0, 0], [1, 0]]), v([[1.0], [2]]),
           upper=False, second=False)


def cholesky(w):
    # PyTorch's gradients for a factor fill both triangles of it, though one is not read.
    def triangle(x, upper):
        return torch.triu(x) if upper else torch.tril(x)

    for op, f in [("linalg.cholesky", L.cholesky), ("cholesky", torch.cholesky)]:
        for s in SQUARES:
            for upper in (False, True):
                w.case(op, f, positive(*s), upper=upper)
        w.case(op, f, v([[4.0, 99], [2, 5]]), upper=False)
        w.case(op, f, v([[4.0, 2], [99, 5]]), upper=True)
        w.case(op, f, v([[1.0, 0], [NAN, 1]]), second=False)
    for upper in (False, True):
        for s, t in [((3, 2), (3, 3)), ((2, 3, 1), (3, 3)), ((2, 2), (2, 2, 2)), ((1, 1), (1, 1)),
                     ((0, 2), (0, 0)), ((0, 2, 2), (2, 2))]:
            w.case("cholesky_solve",
                   lambda b, f, upper: torch.cholesky_solve(b, triangle(f, upper), upper),
                   n(*s), regular(*t), upper=upper)
        for s in SQUARES:
            w.case("cholesky_inverse",
                   lambda f, upper: torch.cholesky_inverse(triangle(f, upper), upper), regular(*s),
                   upper=upper)


def factors(w):
    for s in TALL_WIDE:
        w.case("linalg.qr", L.qr, n(*s))
        wide = s[-2] <= s[-1]
        for mode in ("complete", "r"):
            refused = mode == "r" or not wide
            w.case("linalg.qr", lambda x, mode: L.qr(x, mode),
                   constant(n(*s)) if refused else n(*s), also={"mode": mode})
    w.case("linalg.qr", L.qr, v([[1.0, NAN], [2, 3]]), second=False)
    for s in SQUARES:
        for uplo in ("L", "U"):
            w.case("linalg.eigh", L.eigh, positive(*s), UPLO=uplo)
            w.case("linalg.eigvalsh", L.eigvalsh, positive(*s), UPLO=uplo)
    w.case("linalg.eigh", L.eigh, v([[1.0, 99], [2, -3]]), UPLO="l")
    w.case("linalg.eigvalsh", L.eigvalsh, v([[1.0, 2], [99, -3]]), UPLO="u")
    w.case("linalg.eigvalsh", L.eigvalsh, v([[1.0, 0], [0, 1]]), second=False)
    w.case("linalg.eigvalsh", L.eigvalsh, v([[0.0, 0], [0, 0]]), second=False)
    for s in TALL_WIDE:
        w.case("linalg.svd", L.svd, n(*s))
        w.case("linalg.svd", L.svd, n(*s), full_matrices=False)
        w.case("linalg.svdvals", L.svdvals, n(*s))
    w.case("linalg.svdvals", L.svdvals, v([[1.0, 0], [0, 1]]), second=False)
    w.case("linalg.svdvals", L.svdvals, v([[0.0, 0], [0, 0]]), second=False)
    w.case("linalg.svd", L.svd, spectrum([3, 1, 0.1], 4), second=False, mode="rough",
           full_matrices=False, **F64)
    for s in TALL_WIDE:
        w.case("linalg.pinv", L.pinv, n(*s))
    for s in [(3, 3), (2, 2, 2), (0, 0)]:
        w.case("linalg.pinv", L.pinv, positive(*s), hermitian=True)
        w.case("linalg.pinv", L.pinv, positive(*s), hermitian=False, atol=0.1)
    for params in [dict(rtol=1e-2), dict(atol=0.5), dict(atol=0.5, rtol=0.01), dict(rtol=0.0),
                   dict(atol=0.0), dict(rtol=2.0), dict(atol=-1.0, rtol=-1.0)]:
        w.case("linalg.pinv", L.pinv, spectrum([3, 1, 0.4, 0.02], 5), **F64, **params)
    w.case("linalg.pinv", L.pinv, v([[1.0, 2], [2, 4]]))
    w.case("linalg.pinv", L.pinv, v([[1.0, 2], [2, 4]]), hermitian=True)
    w.case("linalg.pinv", L.pinv, v([[0.0, 0], [0, 0], [0, 0]]))
    for params in [dict(), dict(rcond=1e-2), dict(rcond=0.2)]:
        w.case("pinverse", torch.pinverse, spectrum([3, 1, 0.4], 4), **params)


def norms(w):
    f = L.matrix_norm
    for order in ("fro", "nuc", 2, -2, 1, -1, INF, -INF):
        for s, dim, keep in [((3, 2), [-2, -1], False), ((2, 3, 2), [-2, -1], True),
                             ((2, 3, 2), [0, 1], False), ((2, 3, 2), [2, 0], True),
                             ((1, 1), [0, 1], False), ((2, 3, 1, 2), [-1, 1], False),
                             ((0, 2, 2), [1, 2], False)]:
            w.case("linalg.matrix_norm", lambda x, ord, dim, keepdim: f(x, ord, dim, keepdim),
                   n(*s), ord=order, dim=dim, keepdim=keep)
        w.case("linalg.norm", lambda x, ord: L.norm(x, ord), n(3, 2), ord=order)
        w.case("linalg.norm", lambda x, ord, dim: L.norm(x, ord, dim), n(2, 3, 2), ord=order,
               dim=[-1, 0])
    for order in ("fro", "nuc", 1, INF):
        w.case("linalg.matrix_norm", lambda x, ord: f(x, ord), v([[0.0, 0], [0, 0]]), ord=order,
               second=False)
    for s, order in [((2, 0), "fro"), ((2, 0), "nuc"), ((0, 3), 1), ((3, 0), INF), ((0, 0), "nuc")]:
        w.case("linalg.matrix_norm", lambda x, ord: f(x, ord), n(*s), ord=order)
    w.case("linalg.matrix_norm", lambda x: f(x), n(3, 2))
    w.case("linalg.matrix_norm", lambda x, ord: f(x, ord), v([[1.0, NAN], [2, 3]]), ord=1,
           second=False)
    for order in (0, 0.5, 1, 1.5, 2, 3, 4, -1, -2.5, INF, -INF):
        some = n if order >= 0 else far_from_zero
        w.case("linalg.norm", lambda x, ord: L.norm(x, ord), some(5), ord=order)
        w.case("linalg.norm", lambda x, ord, dim: L.norm(x, ord, dim), some(2, 3), ord=order, dim=0)
        w.case("linalg.norm", lambda x, ord, dim, keepdim: L.norm(x, ord, dim, keepdim),
               some(2, 3, 2), ord=order, dim=[-2], keepdim=True)
        w.case("linalg.norm", lambda x, ord, dim: L.norm(x, ord, dim), far_from_zero(), ord=order,
               dim=0)
        for values in ([0.0, 1, -0.0, -2], [0.0, 0, -0.0], [3.0, -3, 1]):
            w.case("linalg.norm", lambda x, ord: L.norm(x, ord), v(values), ord=order, second=False)
        if 0 <= order < INF:
            w.case("linalg.norm", lambda x, ord, dim: L.norm(x, ord, dim), n(0, 3), ord=order,
                   dim=0)
    for s in [(4,), (2, 3), (2, 2, 2), (), (0,), (0, 3)]:
        some = n if s else far_from_zero
        w.case("linalg.norm", lambda x: L.norm(x), some(*s))
        w.case("linalg.norm", lambda x, keepdim: L.norm(x, keepdim=keepdim), some(*s), keepdim=True)
    for s, dim in [((2, 3), 1), ((2, 3), [1]), ((2, 3), [0, 1]), ((2, 3, 2), [2, 0])]:
        w.case("linalg.norm", lambda x, dim: L.norm(x, dim=dim), n(*s), dim=dim)
    w.case("linalg.norm", lambda x, ord, dim: L.norm(x, ord, dim), v([[1.0, -2], [NAN, 1], [INF, 1]]),
           ord=2, dim=1, second=False)

    def cond(x, p):
        # torch.linalg.cond of 1.13 overwrites what its own gradient needs.
        if p in (2, -2) or x.numel() == 0:
            return L.cond(x, p)
        return f(x, p) * f(L.inv(x), p)

    for p in (2, -2, "fro", "nuc", 1, -1, INF, -INF):
        for s in [(3, 3), (2, 2, 2), (0, 0)]:
            w.case("linalg.cond", cond, regular(*s), p=p)
    w.case("linalg.cond", lambda x: L.cond(x), regular(4, 2))
    w.case("linalg.cond", lambda x, p: L.cond(x, p), regular(2, 2, 3), p=-2)


def exponential(w):
    for op, f in [("linalg.matrix_exp", L.matrix_exp), ("matrix_exp", torch.matrix_exp)]:
        for s in SQUARES:
            w.case(op, f, u(*s, lo=-1, hi=1))
        w.case(op, f, u(3, 3, lo=-1e-3, hi=1e-3))
        w.case(op, f, u(3, 3, lo=-5, hi=5))
        w.case(op, f, v([[0.0, 0], [0, 0]]))
        w.case(op, f, v([[0.0, 1], [0, 0]]))
        w.case(op, f, v([[0.0, -20], [20, 0]]), **F64)
        w.case(op, f, v([[-5.0]]))
        w.case(op, f, v([[-30.0, 1], [0, -40]]))
