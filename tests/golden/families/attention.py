"""attention.txt"""
import itertools
import math

import torch
import torch.nn.functional as F

from writer import INF, b, few, n, v


def attention(q, k, v, mask=None, is_causal=False, scale=None):
    """torch.nn.functional.scaled_dot_product_attention as PyTorch 2 documents it."""
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = q @ k.transpose(-2, -1) * scale
    if is_causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, -INF)
    elif mask is not None:
        scores = scores + mask
    return torch.softmax(scores, -1) @ v


def shared(q, k, v, enable_gqa=True, **params):
    """Its documentation's repeat_interleave."""
    return attention(q, k.repeat_interleave(q.shape[-3] // k.shape[-3], -3),
                     v.repeat_interleave(q.shape[-3] // v.shape[-3], -3), **params)


def heads(q, k, v, in_w, in_b, out_w, out_b, mask=None, padding=None, num_heads=1,
          batch_first=False, need_weights=True, average_attn_weights=True):
    swap = batch_first and q.dim() == 3
    if swap:
        q, k, v = (x.transpose(0, 1) for x in (q, k, v))
    y, w = F.multi_head_attention_forward(
        q, k, v, q.shape[-1], num_heads, in_w, in_b, None, None, False, 0.0, out_w, out_b,
        attn_mask=mask, key_padding_mask=padding, need_weights=need_weights,
        average_attn_weights=average_attn_weights)
    y = y.transpose(0, 1) if swap else y
    return (y, w) if need_weights else y


def some(*shape, shut=True):
    """A mask (true shuts out, or lets in) that leaves something in each row."""

    def made(dtype):
        m = b(*shape)(dtype)
        m[..., 0] = not shut
        return m
    return made


NAMES = ["self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight",
         "self_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight",
         "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"]


def encoder(src, *rest, nhead=1, **params):
    weights, masks = rest[:12], rest[12:]
    layer = torch.nn.TransformerEncoderLayer(src.shape[-1], nhead, weights[4].shape[0], 0.0,
                                             dtype=src.dtype, **params)
    assert list(layer.state_dict()) == NAMES
    for name, weight in zip(NAMES, weights):
        parent, _, last = name.rpartition(".")
        parent = layer.get_submodule(parent)
        delattr(parent, last)
        setattr(parent, last, weight)
    return layer.train()(src, *masks)


def cases(w):
    op = "scaled_dot_product_attention"
    for q, k, val in [((2, 3), (4, 3), (4, 2)), ((2, 2, 3), (2, 4, 3), (2, 4, 2)),
                      ((2, 2, 3, 2), (2, 2, 3, 2), (2, 2, 3, 2)), ((1, 1), (1, 1), (1, 1)),
                      ((2, 1, 2, 3), (3, 4, 3), (3, 4, 1)), ((3, 2), (1, 2), (1, 2)),
                      ((0, 3), (4, 3), (4, 2)), ((2, 3), (0, 3), (0, 2)),
                      ((0, 2, 3), (0, 4, 3), (0, 4, 2))]:
        w.case(op, attention, n(*q), n(*k), n(*val))
        w.case(op, attention, n(*q), n(*k), n(*val), scale=0.3)
        if k[-2]:
            w.case(op, attention, n(*q), n(*k), n(*val), is_causal=True)
            w.case(op, attention, n(*q), n(*k), n(*val), some(q[-2], k[-2], shut=False))
            w.case(op, attention, n(*q), n(*k), n(*val), some(k[-2], shut=False))
            w.case(op, attention, n(*q), n(*k), n(*val), n(q[-2], k[-2]))
    w.case(op, attention, n(2, 3, 2, 3), n(2, 3, 4, 3), n(2, 3, 4, 2), some(2, 1, 2, 4, shut=False))
    w.case(op, attention, n(2, 2), n(3, 2), n(3, 2), v([[0, -INF, -INF], [-INF, 0, 1]]))
    w.case(op, attention, few(3, 2), few(3, 2), n(3, 2), scale=1000.0)
    for q, k in [((4, 2, 3), (2, 3, 3)), ((2, 4, 2, 2), (2, 1, 3, 2)), ((3, 2, 2), (3, 2, 2))]:
        w.case(op, shared, n(*q), n(*k), n(*k), enable_gqa=True)

    op = "multi_head_attention"
    for (length, source, batch, width, count), first, biases in itertools.product(
            [(3, 2, 2, 4, 2), (1, 3, 1, 2, 1), (2, 3, 2, 3, 3)], (False, True), (False, True)):
        q = n(batch, length, width) if first else n(length, batch, width)
        k = n(batch, source, width) if first else n(source, batch, width)
        # PyTorch takes it without a bias of the input's projections, but not of the output's.
        weights = [n(3 * width, width), n(3 * width) if biases else None, n(width, width), n(width)]
        for masks in [(), (some(length, source),), (n(length, source),),
                      (some(batch * count, length, source), some(batch, source)),
                      (None, some(batch, source))]:
            if biases or not masks:
                w.case(op, heads, q, k, k, *weights, *masks, num_heads=count, batch_first=first,
                       dtypes=("float64",) if masks or width == 3 else ("float64", "float32"))
        if not biases:
            continue
        w.case(op, heads, q, k, k, *weights, num_heads=count, batch_first=first,
               average_attn_weights=False, dtypes=("float64",))
        w.case(op, heads, q, k, k, *weights, num_heads=count, batch_first=first,
               need_weights=False, dtypes=("float64",))
    for masks in [(), (some(3, 2), some(2)), (some(2, 3, 2),), (n(3, 2), some(2))]:
        w.case(op, heads, n(3, 4), n(2, 4), n(2, 4), n(12, 4), n(12), n(4, 4), n(4), *masks,
               num_heads=2, batch_first=len(masks) == 1)

    op = "transformer_encoder_layer"
    for (length, batch, width, inner, count), activation, norm_first in [
            ((3, 2, 4, 2, 2), "relu", False), ((2, 1, 3, 5, 1), "relu", True),
            ((2, 2, 3, 1, 3), "gelu", False), ((3, 2, 4, 3, 2), "gelu", True)]:
        weights = [n(3 * width, width), n(3 * width), n(width, width), n(width), n(inner, width),
                   n(inner), n(width, inner), n(width), n(width), n(width), n(width), n(width)]
        for shape, masks, first in [((length, batch, width), (), False),
                                    ((batch, length, width), (some(length, length),), True),
                                    ((length, batch, width), (None, some(batch, length)), False),
                                    ((length, width), (n(length, length),), False)]:
            w.case(op, encoder, n(*shape), *weights, *masks, nhead=count, activation=activation,
                   norm_first=norm_first, batch_first=first,
                   dtypes=("float64",) if masks or width == 3 else ("float64", "float32"))
        w.case(op, encoder, n(length, batch, width), *weights, nhead=count, activation=activation,
               layer_norm_eps=0.1, dtypes=("float64",))
