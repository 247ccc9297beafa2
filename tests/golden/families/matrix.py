"""matrix.txt"""
import torch

from writer import INF, NAN, n, v


def cases(w):
    def case(op, f, x, **params):
        w.case(op, f, x, mode="strict", **params)

    for op in ("tril", "triu"):
        for s, k in [((3, 4), 0), ((3, 4), 1), ((3, 4), -1), ((4, 3), -2), ((4, 3), 100), ((4, 3), -100),
                     ((2, 3, 4), 1), ((2, 1, 2, 2), 0), ((0, 3), 0), ((3, 0), 0), ((1, 1), 0), ((2, 0, 2), 1)]:
            case(op, getattr(torch, op), n(*s), diagonal=k)
        w.case(op, getattr(torch, op), v([[NAN, INF], [-INF, NAN]]), second=False)
    # PyTorch 1.13 refuses diagonals that miss the matrix; here, as in later ones, they are empty.
    for s, k in [((4,), 0), ((4,), 1), ((4,), -2), ((3, 4), 0), ((3, 4), -1), ((3, 4), 3), ((3, 4), -2),
                 ((4, 3), 1), ((0,), 2), ((0, 3), 0), ((1,), 0), ((1, 1), 0)]:
        case("diag", torch.diag, n(*s), diagonal=k)
    for s, k in [((3, 4), 1), ((), 0), ((2,), -1), ((2, 1, 2), 0), ((0,), 1)]:
        case("diagflat", torch.diagflat, n(*s), offset=k)
    for s, offset, a, b in [((3, 4), 0, 0, 1), ((3, 4), 5, 0, 1), ((3, 4), 1, 1, 0), ((2, 3, 4), 0, 0, 2),
                            ((2, 3, 4), -1, -1, -2), ((2, 3, 4), 1, 1, -1), ((2, 2, 3, 3), -1, 2, 3),
                            ((3, 4), -3, 0, 1), ((3, 4), -2, 0, 1), ((0, 3), 0, 0, 1), ((1, 5, 1), 0, 0, 2)]:
        case("diagonal", torch.diagonal, n(*s), offset=offset, dim1=a, dim2=b)
    for s, offset, a, b in [((4,), 0, -2, -1), ((3, 2), 1, 0, 2), ((4,), -1, 1, 0), ((2, 3), 0, -2, -1),
                            ((2, 3), -2, 0, 1), ((2, 0), 0, -2, -1), ((2, 2, 2), 1, 1, -1), ((0,), 1, 0, 1)]:
        case("diag_embed", torch.diag_embed, n(*s), offset=offset, dim1=a, dim2=b)
    # For tall matrices PyTorch's gradient goes on below the diagonal.
    for s in [(3, 3), (3, 4), (2, 4), (0, 3), (1, 1), (4, 3)]:
        w.case("trace", torch.trace, n(*s))
