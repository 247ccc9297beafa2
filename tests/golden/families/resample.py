"""resample.txt"""
import torch
import torch.nn.functional as F

from writer import constant, n


def cases(w):
    def interpolate(x, **params):
        return F.interpolate(x, **params)

    # A linear mode to the input's own size copies it; where scale_factor is not 1 then, PyTorch's
    # gradient is not that of a copy. In float32 PyTorch finds the positions in float32 too, which the third decimal of a scale shows.
    for mode in ("nearest", "nearest-exact", "area", "linear"):
        corners = [{}] if mode != "linear" else [{}, dict(align_corners=True),
                                                 dict(align_corners=False)]
        for c in corners:
            for shape, params in [
                    ((2, 2, 4), dict(size=7)), ((1, 2, 5), dict(size=3)), ((1, 2, 5), dict(size=5)),
                    ((1, 2, 5), dict(size=[1])), ((1, 2, 1), dict(size=4)), ((0, 2, 5), dict(size=2)),
                    ((1, 1, 5), dict(scale_factor=2.0)), ((1, 1, 5), dict(scale_factor=0.5)),
                    ((1, 1, 5), dict(scale_factor=1.75)), ((1, 1, 7), dict(scale_factor=0.625)),
                    ((1, 1, 5), dict(scale_factor=1.25)),
                    ((1, 1, 5), dict(scale_factor=1.75, recompute_scale_factor=True)),
                    ((1, 1, 5), dict(scale_factor=[1.75], recompute_scale_factor=False))]:
                w.case("interpolate", interpolate, n(*shape), also=dict(mode=mode), **c, **params)
    # The gradient of PyTorch's nearest modes rounds positions otherwise than the function does.
    for mode, size, scale in [("nearest", 31, 1.3), ("nearest-exact", 31, 1.3), ("nearest", 13, 3.7),
                              ("nearest-exact", 32, 1.3), ("nearest", 31, 2.7)]:
        w.case("interpolate", interpolate, constant(n(1, 1, size)), also=dict(mode=mode),
               scale_factor=scale)
    for mode in ("nearest", "nearest-exact", "area", "bilinear", "bicubic"):
        corners = [{}] if not mode.startswith("bi") else [{}, dict(align_corners=True)]
        for c in corners:
            for shape, params in [
                    ((1, 2, 3, 4), dict(size=[5, 3])), ((1, 1, 4, 4), dict(size=2)),
                    ((1, 1, 2, 1), dict(size=[3, 2])), ((0, 1, 2, 2), dict(size=3)),
                    ((1, 1, 3, 4), dict(scale_factor=[2.0, 0.5])),
                    ((1, 1, 3, 5), dict(scale_factor=1.75)),
                    ((1, 1, 3, 5), dict(scale_factor=1.75, recompute_scale_factor=True)),
                    ((1, 1, 5, 5), dict(size=[5, 7]))]:
                w.case("interpolate", interpolate, n(*shape), also=dict(mode=mode), **c, **params)
    for mode in ("nearest", "nearest-exact", "area", "trilinear"):
        for shape, params in [((1, 1, 2, 3, 2), dict(size=[3, 2, 4])), ((1, 2, 2, 2, 3), dict(size=1)),
                              ((1, 1, 2, 3, 2), dict(scale_factor=1.75))]:
            w.case("interpolate", interpolate, n(*shape), also=dict(mode=mode), **params)
    w.case("interpolate", interpolate, n(1, 1, 2, 3, 2), also=dict(mode="trilinear"), size=[4, 3, 1],
           align_corners=True)

    # PyTorch's gradients of shuffles do not take empty tensors, and its pixel_unshuffle leaves their
    # shape as it is.
    def some(*shape):
        return n(*shape) if 0 not in shape else constant(n(*shape))

    for shape, r in [((1, 4, 2, 3), 2), ((9, 1, 2), 3), ((2, 1, 4, 2, 1), 2), ((0, 4, 2, 2), 2),
                     ((1, 0, 2, 2), 2), ((1, 3, 2, 2), 1), ((1, 8, 0, 2), 2)]:
        w.case("pixel_shuffle", F.pixel_shuffle, some(*shape), mode="strict", upscale_factor=r)
    for shape, r in [((1, 1, 4, 6), 2), ((2, 3, 6), 3), ((2, 1, 2, 2, 4), 2), ((1, 3, 2, 2), 1)]:
        w.case("pixel_unshuffle", F.pixel_unshuffle, some(*shape), mode="strict", downscale_factor=r)
    # PyTorch's channel_shuffle has no derivative.
    for shape, groups in [((2, 6, 2), 3), ((1, 4, 2, 2), 2), ((0, 4, 2), 2), ((1, 6, 1, 2, 1), 2),
                          ((2, 3, 2), 3)]:
        w.case("channel_shuffle", F.channel_shuffle, constant(n(*shape)), mode="strict", groups=groups)

    for shape, params in [
            ((1, 2, 4, 4), dict(kernel_size=2)), ((0, 2, 4, 4), dict(kernel_size=3)),
            ((2, 4, 5), dict(kernel_size=[2, 3], stride=[2, 1], padding=1, dilation=[1, 2])),
            ((2, 1, 3, 3), dict(kernel_size=3)), ((1, 2, 2, 3), dict(kernel_size=1, padding=[1, 0])),
            ((1, 1, 1, 1), dict(kernel_size=2, padding=3, stride=4)),
            ((1, 1, 5, 6), dict(kernel_size=2, dilation=3, stride=[1, 2]))]:
        w.case("unfold", F.unfold, n(*shape), mode="strict", **params)
    for shape, params in [
            ((1, 8, 9), dict(output_size=4, kernel_size=2)), ((0, 8, 9), dict(output_size=[4, 4], kernel_size=2)),
            ((4, 8), dict(output_size=[4, 5], kernel_size=2, stride=[2, 1], padding=[0, 1], dilation=[1, 3])),
            ((2, 18, 1), dict(output_size=3, kernel_size=3)),
            ((1, 2, 12), dict(output_size=[2, 3], kernel_size=1, padding=[1, 0])),
            ((1, 4, 4), dict(output_size=1, kernel_size=2, padding=3, stride=4))]:
        w.case("fold", F.fold, n(*shape), **params)
