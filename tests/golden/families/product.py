"""product.txt"""
import torch
import torch.nn.functional as F

from writer import INF, NAN, constant, n, v


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
    named(w)


def named(w):
    """Products under their own names."""
    for s, t in [((2, 3), (3, 4)), ((1, 1), (1, 1)), ((2, 0), (0, 3)), ((0, 2), (2, 3)),
                 ((5, 4), (4, 1))]:
        w.case("mm", torch.mm, n(*s), n(*t))
    for s, t in [((2, 2, 3), (2, 3, 2)), ((0, 2, 3), (0, 3, 2)), ((1, 2, 0), (1, 0, 2)),
                 ((3, 1, 4), (3, 4, 1))]:
        w.case("bmm", torch.bmm, n(*s), n(*t))
    for s, t in [((2, 3), (3,)), ((0, 3), (3,)), ((2, 0), (0,)), ((1, 1), (1,))]:
        w.case("mv", torch.mv, n(*s), n(*t))
    for s in (3, 0, 1, 40):
        w.case("dot", torch.dot, n(s), n(s))
        w.case("vdot", torch.vdot, n(s), n(s))
    w.case("dot", torch.dot, v([INF, 1, 0]), v([1, NAN, INF]), second=False)
    for s, t in [((3,), (3,)), ((2, 3), (4, 3)), ((2, 2, 3), (3,)), ((3,), (2, 1, 3)), ((), (2, 3)),
                 ((2, 0), (3, 0)), ((2, 1, 3), (4, 2, 3))]:
        w.case("inner", torch.inner, n(*s), n(*t))
    for s, t in [(2, 3), (0, 3), (1, 1)]:
        w.case("outer", torch.outer, n(s), n(t))
        w.case("ger", torch.ger, n(s), n(t))
    w.case("outer", torch.outer, v([INF, 0, NAN]), v([0, 1, -INF]), second=False)
    scales = [{}, {"alpha": 0.5, "beta": -2.0}, {"beta": 0.0}, {"alpha": 0.0}]
    for scale in scales:
        for s in [(2, 4), (4,), (2, 1), (), (1, 1)]:
            w.case("addmm", torch.addmm, n(*s), n(2, 3), n(3, 4), **scale)
        for s in [(2,), (1,), ()]:
            w.case("addmv", torch.addmv, n(*s), n(2, 3), n(3), **scale)
        for s in [(2, 3), (3,), (2, 1), ()]:
            w.case("addr", torch.addr, n(*s), n(2), n(3), **scale)
        for s in [(2, 2, 2), (2, 1), (), (2, 1, 1)]:
            w.case("baddbmm", torch.baddbmm, n(*s), n(2, 2, 3), n(2, 3, 2), **scale)
        for s in [(2, 2), (2,), ()]:
            w.case("addbmm", torch.addbmm, n(*s), n(3, 2, 3), n(3, 3, 2), **scale)
    w.case("addmm", torch.addmm, constant(v([[NAN, INF]])), n(2, 3), n(3, 2), beta=0.0)
    w.case("addmm", torch.addmm, n(2, 2), n(2, 0), n(0, 2))
    for s, t, dim in [((2, 3), (2, 3), -1), ((2, 3), (2, 3), 0), ((2, 3), (3,), 1), ((4,), (4,), 0),
                      ((2, 1, 3), (4, 1), 1), ((2, 0), (2, 0), 1)]:
        w.case("linalg.vecdot", torch.linalg.vecdot, n(*s), n(*t), dim=dim)
        w.case("vecdot", torch.linalg.vecdot, n(*s), n(*t), dim=dim)
    for s, t, dim in [((3,), (3,), 0), ((2, 3), (2, 3), 1), ((3, 3), (3, 3), 0), ((3, 3), (3, 3), 1),
                      ((3, 0), (3, 0), 0), ((2, 3), (1, 3), -1)]:
        w.case("linalg.cross", torch.linalg.cross, n(*s), n(*t), dim=dim)
        w.case("cross", torch.cross, n(*s), n(*t), dim=dim)
    for s in [(3,), (3, 3), (2, 3), (3, 2), (2, 3, 3)]:
        w.case("cross", torch.cross, n(*s), n(*s))
    w.case("linalg.matmul", torch.linalg.matmul, n(2, 2, 3), n(3, 2))
    for text, *shapes in [
            ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij,kj->ki", (2, 3), (4, 3)),
            ("ii", (3, 3)), ("ii->i", (3, 3)), ("ba->ab", (2, 3)), ("ba", (2, 3)), ("ab->", (2, 3)),
            ("ij,ij->ij", (2, 3), (2, 3)), ("ij,ij->i", (2, 3), (2, 3)), ("ij,ij", (2, 3), (2, 3)),
            ("i,j,k->kij", (2,), (3,), (4,)), ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
            ("...ij,jk->...ik", (2, 2, 3), (3, 2)), ("...ij,...jk", (2, 1, 2, 3), (3, 3, 2)),
            ("...,...", (2, 3), (3,)), ("i...->...i", (2, 3, 4)), ("i...", (2, 3)),
            ("ij,ij->ij", (2, 3), (1, 3)), ("ij,j,jk,k->i", (2, 3), (3,), (3, 2), (2,)),
            ("iij,ij->j", (2, 2, 3), (2, 3)), (",i->i", (), (3,)), ("ij,jk->ik", (2, 0), (0, 3)),
            ("ij,k->i", (2, 3), (4,)), ("aBc,Bca->ac", (2, 3, 2), (3, 2, 2)),
            ("bqhd,bkhd->bhqk", (2, 3, 2, 2), (2, 4, 2, 2)), ("iiji->j", (2, 2, 3, 2)),
            ("Ab,bA", (2, 3), (3, 2)), ("ijk,ilm,njm,nlk,abc->", (2, 2, 2), (2, 2, 2), (2, 2, 2),
                                        (2, 2, 2), (2, 2, 2)),
            ("ij->ji", (0, 2)), ("a->a", (1,)), ("ab,cd->abcd", (1, 2), (2, 1))]:
        w.case("einsum", lambda *x, equation: torch.einsum(equation, *x),
               *[n(*s) for s in shapes], equation=text)
    for s, t, dims in [((2, 3, 4), (3, 4, 2), 2), ((2, 3), (3, 4), 1), ((2, 3), (2,), 0),
                       ((2, 3, 4), (4, 2, 3), [[0, 2], [1, 0]]), ((2, 3), (3, 2), [[-1, 0], [0, 1]]),
                       ((2, 3), (1, 2), [[1], [0]]), ((2, 1), (3, 2), [[1], [0]]),
                       ((2, 0), (0, 3), 1), ((2, 3), (4, 5), [[], []])]:
        w.case("tensordot", torch.tensordot, n(*s), n(*t), dims=dims)
    for s, t in [((2, 3), (3, 2)), ((2,), (3, 2)), ((2, 1, 2), (2,)), ((), (3,)), ((0, 2), (2, 2)),
                 ((1, 1), (2, 2))]:
        w.case("kron", torch.kron, n(*s), n(*t))
    for shapes in [((2, 3), (3, 4), (4, 2)), ((3,), (3, 2), (2, 4), (4,)), ((2, 3), (3,)),
                   ((2, 3), (3, 1), (1, 4), (4, 2), (2, 3)), ((2, 0), (0, 3), (3, 2)), ((3,), (3,))]:
        w.case("linalg.multi_dot", lambda *x: torch.linalg.multi_dot(x), *[n(*s) for s in shapes])
    for s, power in [((3, 3), 3), ((3, 3), 0), ((2, 2, 2), 2), ((2, 2), 1), ((2, 2), 7), ((0, 0), 2),
                     ((1, 1), 10), ((0, 2, 2), 3), ((3, 3), -1), ((2, 2, 2), -3), ((2, 2), -2)]:
        w.case("linalg.matrix_power", torch.linalg.matrix_power, n(*s), n=power)
        if power >= 0:
            w.case("matrix_power", torch.matrix_power, n(*s), n=power)

    for x1, x2, weight in [((2, 3), (2, 4), (5, 3, 4)), ((3,), (2,), (2, 3, 2)),
                           ((2, 2, 3), (2, 2, 1), (1, 3, 1)), ((0, 3), (0, 2), (2, 3, 2)),
                           ((1, 1), (1, 1), (1, 1, 1)), ((9, 2), (9, 3), (2, 2, 3))]:
        w.case("bilinear", F.bilinear, n(*x1), n(*x2), n(*weight), n(weight[0]))
        w.case("bilinear", F.bilinear, n(*x1), n(*x2), n(*weight))
