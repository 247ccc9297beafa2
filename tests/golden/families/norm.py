"""norm.txt"""
import itertools

import torch
import torch.nn.functional as F

from writer import INF, NAN, b, few, n, u, v


def stats(x, axes):
    """Mean and variance with n - 1, as the running statistics take them."""
    count = 1
    for a in axes:
        count *= x.shape[a]
    return x.mean(axes), ((x - x.mean(axes, keepdim=True)) ** 2).sum(axes) / (count - 1)


def by_running(x, mean, var, weight, bias, eps):
    """Written out, as PyTorch has no derivative for running statistics; the values are its own."""
    shape = [-1] + [1] * (x.dim() - 2)
    y = (x - mean.view(shape)) / torch.sqrt(var + eps).view(shape)
    y = y if weight is None else y * weight.view(shape)
    y = y if bias is None else y + bias.view(shape)
    plain = [None if t is None else t.detach() for t in (x, mean, var, weight, bias)]
    assert torch.allclose(y, F.batch_norm(*plain, False, 0, eps), rtol=1e-4, atol=1e-5)
    return y


def batch_norm(x, mean=None, var=None, weight=None, bias=None, training=False, momentum=0.1,
               eps=1e-5):
    copies = [None if t is None else t.detach().clone() for t in (mean, var)]
    if not training:
        return by_running(x, mean, var, weight, bias, eps)
    y = F.batch_norm(x, *copies, weight, bias, True, momentum, eps)
    if mean is None or var is None:
        return y
    # The updates are written out for their gradients; the values are those of F.batch_norm.
    now = stats(x, [0] + list(range(2, x.dim())))
    new = [(1 - momentum) * old + momentum * t for old, t in zip((mean, var), now)]
    for t, copy in zip(new, copies):
        assert torch.allclose(t, copy, rtol=1e-5, atol=1e-6)
    return (y, *new)


def instance_norm(x, mean=None, var=None, weight=None, bias=None, use_input_stats=True,
                  momentum=0.1, eps=1e-5):
    if not use_input_stats:
        return by_running(x, mean, var, weight, bias, eps)
    copies = [None if t is None else t.detach().clone() for t in (mean, var)]
    y = F.instance_norm(x, *copies, weight, bias, True, momentum, eps)
    if mean is None or var is None:
        return y
    now = [t.mean(0) for t in stats(x, list(range(2, x.dim())))]
    new = [(1 - momentum) * old + momentum * t for old, t in zip((mean, var), now)]
    for t, copy in zip(new, copies):
        assert torch.allclose(t, copy, rtol=1e-5, atol=1e-6)
    return (y, *new)


def layer_norm(x, weight=None, bias=None, normalized_shape=(), eps=1e-5):
    return F.layer_norm(x, normalized_shape, weight, bias, eps)


def group_norm(x, weight=None, bias=None, num_groups=1, eps=1e-5):
    return F.group_norm(x, num_groups, weight, bias, eps)


def rms_norm(x, weight=None, normalized_shape=(), eps=None):
    """As torch.nn.functional.rms_norm of PyTorch 2.4 and later."""
    axes = list(range(x.dim() - len(normalized_shape), x.dim()))
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    y = x * torch.rsqrt((x * x).mean(axes, keepdim=True) + eps)
    return y if weight is None else y * weight


def dropped(mask_axes):
    """F.dropout with the mask written out."""

    def f(x, mask=None, p=0.5, training=True):
        if not training or (p == 0 and mask is None):
            return F.dropout(x, p, False) * 1
        if p == 1:
            return F.dropout(x, 1, True)
        return x * (mask.to(x.dtype) / (1 - p))
    return f


def alpha_dropout(x, mask=None, p=0.5, training=False):
    if not training:
        return F.alpha_dropout(x, p, False) * 1
    # Source: _dropout_impl of ATen/native/Dropout.cpp.
    alpha = 1.7580993408473766
    a = 1 / ((alpha * alpha * p + 1) * (1 - p)) ** 0.5
    keep = mask.to(x.dtype)
    return x * (keep * a) + (keep - 1) * (alpha * a) + alpha * a * p


def cases(w):
    # --- batch_norm
    for shape in [(4, 3), (2, 3, 4), (3, 2, 2, 2), (2, 1, 3), (1, 3, 4), (3, 2, 1), (2, 1, 2, 2, 2),
                  (9, 2)]:
        c = shape[1]
        w.case("batch_norm", batch_norm, n(*shape), n(c), u(c), n(c), n(c))
        w.case("batch_norm", batch_norm, n(*shape), n(c), u(c), None, n(c), eps=0.1)
        w.case("batch_norm", batch_norm, n(*shape), None, None, n(c), n(c), training=True)
        w.case("batch_norm", batch_norm, n(*shape), None, None, n(c), None, training=True, eps=0.01)
        w.case("batch_norm", batch_norm, n(*shape), n(c), u(c), None, None, training=True,
               momentum=0.3)
    for momentum in (0.0, 1.0):
        w.case("batch_norm", batch_norm, n(4, 2), n(2), u(2), n(2), n(2), training=True,
               momentum=momentum)
    w.case("batch_norm", batch_norm, n(0, 2, 3), n(2), u(2), n(2), n(2))
    # Channels whose values are equal: only eps is under the root.
    w.case("batch_norm", batch_norm, v([[1, 2], [1, 2], [1, 2.0]]), training=True)
    # PyTorch loses digits where means are large; test_norm.c looks at those.
    w.case("batch_norm", batch_norm, v([[100, 2], [101, NAN], [103, 1]]), training=True,
           second=False, dtypes=("float64",))
    w.case("batch_norm", batch_norm, v([[1e-20, 1e10], [-1e-20, 3e10], [2e-20, -1e10]]),
           training=True, second=False)
    w.case("batch_norm", batch_norm, n(3, 2), v([1, 2]), v([0, 4.0]), second=False)

    # --- instance_norm
    for shape in [(2, 3, 4), (2, 2, 2, 3), (1, 1, 5), (3, 2, 1, 4), (2, 1, 2, 2, 2)]:
        c = shape[1]
        w.case("instance_norm", instance_norm, n(*shape))
        w.case("instance_norm", instance_norm, n(*shape), None, None, n(c), n(c), eps=0.1)
        w.case("instance_norm", instance_norm, n(*shape), n(c), u(c), n(c), n(c), momentum=0.4)
        w.case("instance_norm", instance_norm, n(*shape), n(c), u(c), None, n(c),
               use_input_stats=False)

    # --- layer_norm, rms_norm
    for shape, k in [((2, 6), 1), ((2, 3, 4), 1), ((2, 3, 4), 2), ((2, 3, 4), 3), ((9,), 1),
                     ((2, 17), 1), ((2, 2, 8), 1), ((0, 3), 1), ((2, 1, 1, 3), 2)]:
        last = list(shape[len(shape) - k:])
        for eps in (1e-5, 0.1):
            w.case("layer_norm", layer_norm, n(*shape), n(*last), n(*last), normalized_shape=last,
                   eps=eps)
            w.case("rms_norm", rms_norm, n(*shape), n(*last), normalized_shape=last, eps=eps)
        # PyTorch has no second derivative without a weight.
        w.case("layer_norm", layer_norm, n(*shape), normalized_shape=last, second=False)
        w.case("layer_norm", layer_norm, n(*shape), None, n(*last), normalized_shape=last,
               second=False)
        w.case("layer_norm", layer_norm, n(*shape), n(*last), None, normalized_shape=last)
        w.case("rms_norm", rms_norm, n(*shape), normalized_shape=last)
    w.case("layer_norm", layer_norm, v([[3, 3, 3], [INF, 1, 2], [NAN, 1, 2], [-0.0, 0, 0]]),
           normalized_shape=[3], second=False)
    w.case("layer_norm", layer_norm, v([[1e3, 1e3 + 1, 1e3 + 2], [1e-150, 0, 0]]),
           normalized_shape=[3], second=False, dtypes=("float64",))
    # One element: 0, where PyTorch rounds otherwise unless the numbers are simple.
    w.case("layer_norm", layer_norm, few(4, 1), few(1), few(1), normalized_shape=[1])
    w.case("layer_norm", layer_norm, few(4, 6), normalized_shape=[6], second=False)
    w.case("rms_norm", rms_norm, v([[0, 0, 0], [1e-30, 0, 0], [1e10, 1, 0], [NAN, 1, 2]]),
           normalized_shape=[3], second=False)

    # --- group_norm
    for shape, groups in [((2, 4, 3), 1), ((2, 4, 3), 2), ((2, 4, 3), 4), ((2, 6), 2), ((2, 6), 1),
                          ((1, 4, 2, 2), 2), ((3, 2, 1, 4), 2), ((2, 1, 3), 1), ((0, 4, 2), 2),
                          ((2, 4, 1, 2, 2), 2)]:
        c = shape[1]
        # In float32 small groups need an eps that is not small.
        w.case("group_norm", group_norm, n(*shape), n(c), n(c), num_groups=groups,
               dtypes=("float64",))
        w.case("group_norm", group_norm, n(*shape), n(c), n(c), num_groups=groups, eps=0.1)
        w.case("group_norm", group_norm, n(*shape), num_groups=groups, eps=0.1)
        w.case("group_norm", group_norm, n(*shape), n(c), None, num_groups=groups,
               dtypes=("float64",))

    # --- local_response_norm
    for shape in [(2, 5, 3), (1, 7, 2, 2), (2, 1, 3), (1, 4, 1, 2, 2)]:
        for size in (1, 2, 3, 4, 9):
            w.case("local_response_norm", F.local_response_norm, n(*shape), size=size)
            w.case("local_response_norm", F.local_response_norm, n(*shape), size=size, alpha=0.7,
                   beta=0.5, k=2.0)
    w.case("local_response_norm", F.local_response_norm, v([[[0.0], [1e10], [-1e-20], [-0.0]]]),
           size=2, alpha=0.5)

    # --- normalize
    for (shape, dim), p in itertools.product(
            [((2, 3), 1), ((2, 3), 0), ((2, 3, 2), -2), ((5,), 0), ((0, 3), 1)],
            (2.0, 1.0, 3.0, 1.5, INF)):
        w.case("normalize", lambda x, p, dim: F.normalize(x, p, dim), n(*shape), p=p, dim=dim)
    for shape in [(2, 1), ()]:
        w.case("normalize", lambda x, p, dim: F.normalize(x, p, dim), few(*shape, add=2), p=2.0,
               dim=-1, dtypes=("float64",))
    for p in (0.5, -1.0, 0.0, -INF):
        w.case("normalize", lambda x, p: F.normalize(x, p), u(3, 4), p=p)
    w.case("normalize", lambda x, dim: F.normalize(x, 2.0, tuple(dim)), n(2, 3, 2), dim=[0, 2])
    w.case("normalize", F.normalize, n(2, 3), eps=100.0)
    # Zero vectors: the second derivative is a matter of taste.
    for p in (1.0, 2.0, 3.0):
        w.case("normalize", lambda x, p: F.normalize(x, p), v([[0, 0, 0], [3, 0, 4], [-0.0, 0, 1]]),
               p=p, second=False)
    w.case("normalize", F.normalize, v([[1e-13, 0], [1e-12, 0], [INF, 1], [NAN, 1], [1e100, 1e100]]),
           dtypes=("float64",), second=False)

    # --- dropout
    for shape, mask in [((3, 4), (3, 4)), ((2, 3, 2), (2, 1, 2)), ((5,), (5,)), ((), ()),
                        ((0, 2), (2,))]:
        for p in (0.0, 0.2, 0.5):
            w.case("dropout", dropped(0), n(*shape), b(*mask), p=p)
            w.case("alpha_dropout", alpha_dropout, n(*shape), b(*shape), p=p, training=True)
        w.case("dropout", dropped(0), n(*shape), None, p=0.0)
        w.case("dropout", dropped(0), n(*shape), None, p=1.0)
        w.case("dropout", dropped(0), n(*shape), None, p=0.3, training=False)
        w.case("alpha_dropout", alpha_dropout, n(*shape), None)
    w.case("dropout", dropped(0), v([INF, -INF, NAN, -1.0, 2]), None, p=1.0, second=False)
    for op, shape, mask in [("dropout1d", (3, 4), (3, 1)), ("dropout1d", (2, 3, 2), (2, 3, 1)),
                            ("dropout2d", (2, 3, 2, 2), (2, 3, 1, 1)),
                            ("dropout2d", (2, 3, 2), (2, 3, 1)),
                            ("dropout3d", (2, 3, 1, 2, 2), (2, 3, 1, 1, 1)),
                            ("dropout3d", (3, 1, 2, 2), (3, 1, 1, 1))]:
        for p in (0.25, 0.5):
            w.case(op, dropped(1), n(*shape), b(*mask), p=p)
        w.case(op, dropped(1), n(*shape), None, p=1.0)
        w.case(op, dropped(1), n(*shape), None, training=False)
