"""conv.txt"""
import torch
import torch.nn.functional as F

from writer import INF, NAN, n, u, v


def cases(w):
    # Without input channels PyTorch's result has no output channels either; here it is the bias.
    # Kernels of size 1, groups = channels, windows that are all of the image, many and few positions.
    for x, k, b, params in [
            ((2, 3, 7), (4, 3, 3), True, {}), ((2, 3, 7), (4, 3, 3), False, dict(stride=2, padding=1)),
            ((1, 2, 6), (2, 2, 4), True, dict(padding="same")),
            ((1, 2, 6), (3, 2, 2), False, dict(padding="same", dilation=3)),
            ((1, 1, 1), (1, 1, 4), True, dict(padding="same")),
            ((2, 1, 5), (2, 1, 2), True, dict(padding="valid", stride=3)),
            ((4, 5), (6, 2, 3), True, dict(groups=2)),
            ((2, 4, 9), (4, 1, 3), True, dict(groups=4, padding=2, dilation=2)),
            ((2, 4, 9), (8, 1, 3), False, dict(groups=4, stride=2)),
            ((2, 4, 9), (12, 1, 2), True, dict(groups=4)), ((3, 2, 4), (5, 2, 4), True, {}),
            ((3, 4, 4), (6, 2, 4), True, dict(groups=2)), ((2, 3, 5), (2, 3, 1), True, {}),
            ((2, 3, 5), (2, 3, 1), True, dict(stride=2)), ((2, 3, 5), (2, 3, 1), True, dict(padding=1)),
            ((0, 2, 5), (3, 2, 2), True, {}), 
            ((1, 2, 70), (3, 2, 5), True, dict(padding=2)), ((1, 1, 3), (1, 1, 2), True, dict(stride=10)),
            ((1, 1, 1), (1, 1, 1), False, dict(padding=4, stride=3)),
            ((1, 1, 3), (1, 1, 2), False, dict(padding=[3], stride=[2], dilation=[5])),
            ((1, 2, 300), (3, 2, 3), False, dict(dtypes=("float32",)))]:
        w.case("conv1d", F.conv1d, n(*x), n(*k), n(k[0]) if b else None, **params)
    for x, k, b, params in [
            ((2, 2, 4, 5), (3, 2, 2, 3), True, {}), ((1, 1, 8, 8), (3, 1, 5, 5), True, dict(padding=2)),
            ((2, 2, 7, 7), (4, 2, 3, 3), True, {}), ((2, 2, 9, 7), (4, 2, 3, 2), False, dict(padding=1)),
            ((2, 2, 5, 4), (3, 2, 3, 2), False, dict(stride=[2, 1], padding=[1, 2], dilation=[1, 2])),
            ((1, 2, 4, 5), (2, 2, 2, 4), True, dict(padding="same")),
            ((1, 2, 4, 5), (2, 2, 3, 2), True, dict(padding="same", dilation=[2, 1])),
            ((2, 4, 3, 3), (4, 1, 2, 2), True, dict(groups=4, stride=2, padding=1)),
            ((1, 3, 6, 7), (3, 1, 3, 3), True, dict(groups=3, padding=1)),
            ((1, 4, 3, 3), (6, 2, 2, 2), False, dict(groups=2, padding=1)),
            ((2, 3, 4, 2), (2, 3, 1, 1), True, {}), ((2, 4, 6, 6), (6, 2, 1, 1), True, dict(groups=2)),
            ((3, 2, 3, 2), (5, 2, 3, 2), True, {}), ((2, 4, 3, 2), (4, 2, 3, 2), True, dict(groups=2)),
            ((2, 3, 6), (1, 2, 2, 1), True, {}), ((0, 2, 3, 3), (1, 2, 2, 2), True, {}),
            ((1, 1, 2, 2), (1, 1, 2, 2), True, dict(padding=3, stride=4)),
            ((2, 1, 1, 9), (2, 1, 1, 3), True, dict(padding=[0, 1]))]:
        w.case("conv2d", F.conv2d, n(*x), n(*k), n(k[0]) if b else None, **params)
    for x, k, b, params in [
            ((1, 2, 3, 3, 2), (2, 2, 2, 2, 2), True, {}), ((2, 1, 4, 4, 4), (2, 1, 3, 3, 3), True, {}),
            ((1, 2, 3, 3, 2), (2, 2, 2, 3, 1), False, dict(stride=[1, 2, 1], padding=[1, 1, 0])),
            ((2, 2, 2, 3), (2, 1, 2, 2, 2), True, dict(groups=2, padding="same")),
            ((1, 1, 4, 3, 3), (2, 1, 2, 2, 2), False, dict(dilation=2, padding=1)),
            ((1, 2, 4, 4, 4), (3, 2, 1, 1, 1), True, {}), ((2, 2, 2, 2, 2), (3, 2, 2, 2, 2), True, {}),
            ((0, 1, 2, 2, 2), (1, 1, 1, 2, 1), True, {}), ((1, 2, 4, 4, 4), (3, 2, 2, 2, 2), True, {})]:
        w.case("conv3d", F.conv3d, n(*x), n(*k), n(k[0]) if b else None, **params)
    for x, k, o, params in [
            ((2, 3, 4), (3, 2, 3), 2, {}),
            ((2, 3, 4), (3, 2, 3), 0, dict(stride=2, padding=1, output_padding=1)),
            ((4, 3), (4, 2, 2), 4, dict(groups=2, stride=3)),
            ((2, 3, 3), (3, 1, 3), 3, dict(groups=3, dilation=2, padding=2)),
            ((1, 2, 4), (2, 3, 1), 3, {}), ((1, 2, 4), (2, 3, 1), 3, dict(stride=3, output_padding=2)),
            ((2, 2, 1), (2, 3, 4), 3, {}), ((2, 4, 1), (4, 3, 4), 6, dict(groups=2)),
            ((1, 1, 4), (1, 1, 2), 0, dict(dilation=3, output_padding=2)),
            ((0, 2, 3), (2, 1, 2), 1, {}), ((1, 2, 40), (2, 3, 2), 3, dict(padding=1)),
            ((1, 1, 2), (1, 1, 3), 1, dict(padding=1, stride=4)), ((1, 1, 6), (1, 1, 2), 0, dict(padding=2))]:
        w.case("conv_transpose1d", F.conv_transpose1d, n(*x), n(*k), n(o) if o else None, **params)
    for x, k, o, params in [
            ((2, 2, 3, 2), (2, 3, 2, 2), 3, {}), ((1, 2, 6, 6), (2, 3, 3, 3), 3, dict(padding=1)),
            ((1, 2, 2, 3), (2, 2, 3, 2), 0, dict(stride=[2, 3], padding=[1, 0], output_padding=[1, 2])),
            ((2, 4, 2, 2), (4, 1, 2, 2), 0, dict(groups=4, dilation=2)),
            ((2, 2, 3), (2, 2, 2, 2), 2, dict(stride=2)), ((1, 3, 4, 4), (3, 2, 1, 1), 2, {}),
            ((2, 4, 3, 3), (4, 3, 2, 2), 6, dict(groups=2, stride=2, output_padding=[1, 0]))]:
        w.case("conv_transpose2d", F.conv_transpose2d, n(*x), n(*k), n(o) if o else None, **params)
    for x, k, o, params in [
            ((1, 2, 2, 2, 2), (2, 2, 2, 1, 2), 2, {}),
            ((1, 2, 2, 2, 1), (2, 1, 2, 2, 2), 0, dict(stride=2, padding=1, output_padding=1, groups=2)),
            ((2, 2, 1, 2), (2, 2, 2, 1, 2), 0, dict(dilation=[1, 1, 2])),
            ((2, 1, 3, 4, 4), (1, 2, 2, 2, 2), 2, {})]:
        w.case("conv_transpose3d", F.conv_transpose3d, n(*x), n(*k), n(o) if o else None, **params)
    # Magnitudes, and what is not finite, in windows that lie side by side and in direct sums.
    for k in [(2, 1, 2), (3, 1, 2)]:
        w.case("conv1d", F.conv1d, v([[[1e30, -1e30, 1e-30, 0, -0.0, 3]]]), u(*k), None)
        w.case("conv1d", F.conv1d, v([[[1, INF, 2, NAN, 3, 4, 5, -INF]]]), u(*k), None, second=False)
    w.case("conv1d", F.conv1d, v([[[1e300, -1e300, 1e-300, 5e-324]]]), u(2, 1, 2), None,
           dtypes=("float64",))
