"""ctc_loss.txt"""
import torch
import torch.nn.functional as F

from writer import INF, constant, iv, n, v


def of_paths(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean",
             zero_infinity=False):
    """ctc_loss by its recursion, so that the derivatives are those of the value: PyTorch's own adds
    e^log_probs, which is nothing once it has gone through log_softmax, and has no second one."""
    unbatched = log_probs.dim() == 2
    p = log_probs.unsqueeze(1) if unbatched else log_probs
    steps, lengths = input_lengths.reshape(-1).tolist(), target_lengths.reshape(-1).tolist()
    rows = targets.reshape(p.shape[1], -1) if targets.dim() == 2 or unbatched else None
    losses, at = [], 0
    never = p.new_tensor(-INF)
    for k in range(p.shape[1]):
        labels = (rows[k, :lengths[k]] if rows is not None
                  else targets[at:at + lengths[k]]).tolist()
        at += lengths[k]
        states = [blank] + [s for label in labels for s in (label, blank)]
        alpha = [p[0, k, s] if j < 2 else never for j, s in enumerate(states)]
        for t in range(1, steps[k]):
            before = alpha
            alpha = []
            for j, s in enumerate(states):
                come = [before[j - d] for d in range(3)
                        if j >= d and (d < 2 or s != states[j - 2])]
                come = [a for a in come if a != -INF]
                alpha.append(p[t, k, s] + torch.logsumexp(torch.stack(come), 0) if come else never)
        ends = [a for a in alpha[-2:] if a != -INF]
        losses.append(-torch.logsumexp(torch.stack(ends), 0) if ends
                      else p.new_tensor(0 if zero_infinity else INF))
    loss = torch.stack(losses)
    if reduction == "mean":
        loss = loss / target_lengths.reshape(-1).clamp(min=1)
    loss = loss[0] if unbatched else loss
    loss = loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()
    agree(loss, log_probs, targets, input_lengths, target_lengths, blank=blank,
          reduction=reduction, zero_infinity=zero_infinity)
    return loss


def agree(loss, log_probs, targets, input_lengths, target_lengths, **params):
    """PyTorch's value; and its gradient through log_softmax."""
    own = F.ctc_loss(log_probs.detach(), targets, input_lengths, target_lengths, **params)
    assert torch.allclose(loss.detach(), own, rtol=1e-5 if own.dtype == torch.float32 else 1e-13)
    if loss.requires_grad and log_probs.dtype == torch.float64:
        x = log_probs.detach().requires_grad_()
        y = F.ctc_loss(x.log_softmax(-1), targets, input_lengths, target_lengths, **params)
        own, = torch.autograd.grad(y.sum(), x)
        if depth[0] == 0:
            depth[0] = 1
            y = of_paths(x.log_softmax(-1), targets, input_lengths, target_lengths, **params)
            mine, = torch.autograd.grad(y.sum(), x)
            depth[0] = 0
            assert torch.allclose(mine, own, rtol=1e-10, atol=1e-12), (mine, own)


depth = [0]


def logs(*shape):
    return lambda dtype: n(*shape)(torch.float64).log_softmax(-1).to(dtype)


def cases(w):
    def case(*operands, **params):
        w.case("ctc_loss", of_paths, *operands, **params)

    for reduction in ("mean", "sum", "none"):
        for zero_infinity in (False, True):
            more = dict(reduction=reduction, zero_infinity=zero_infinity)
            case(logs(5, 2, 4), iv([[1, 2], [3, 3]]), iv([5, 4]), iv([2, 2]), **more)
            case(logs(5, 2, 4), iv([[1, 2], [3, -100]]), iv([5, 5]), iv([2, 1]), **more)
            case(logs(4, 3, 3), iv([1, 2, 1, 1]), iv([4, 4, 2]), iv([2, 2, 0]), **more)
            case(logs(5, 3), iv([1, 2]), iv(5), iv(2), **more)
            case(logs(5, 3), iv([[1, 2]]), iv([4]), iv([2]), **more)
        case(logs(4, 2, 3), iv([[0, 1], [1, 1]]), iv([4, 3]), iv([2, 2]), blank=2,
             reduction=reduction)
        # A target that fits no path; the other one has its gradient.
        case(logs(4, 2, 3), iv([[1, 2], [1, 1]]), iv([4, 2]), iv([2, 2]), zero_infinity=True,
             reduction=reduction)
        case(logs(1, 2, 3), iv([[1], [2]]), iv([1, 1]), iv([1, 1]), reduction=reduction)
        case(logs(3, 2, 3), iv([[], []]), iv([3, 2]), iv([0, 0]), reduction=reduction)
    case(n(5, 2, 4), iv([[1, 2], [3, 1]]), iv([5, 4]), iv([2, 2]))
    case(logs(6, 1, 1), iv([[]]), iv([6]), iv([0]))
    case(logs(7, 2, 3), iv([[1, 1, 1], [1, 2, 1]]), iv([7, 6]), iv([3, 3]))
    case(logs(10, 1, 4), iv([[1, 2, 3, 2]]), iv([10]), iv([4]), reduction="sum")
    # Steep: differences of thousands.
    case(v([[[0, -1e4, -2e4]], [[-1e4, 0, -3e4]], [[-5e3, -1, 0]]]), iv([[1, 2]]), iv([3]), iv([2]))
    case(v([[[-1e4, -1e3]], [[-1e4, -2e3]], [[-1, -1e4]]]), iv([[1]]), iv([3]), iv([1]))
    # No path: the value only, as the gradient is not a number.
    case(constant(logs(2, 2, 3)), iv([[1, 1], [1, 2]]), iv([2, 2]), iv([2, 2]), reduction="none")
    case(constant(logs(2, 2, 3)), iv([[1, 1], [1, 2]]), iv([2, 2]), iv([2, 2]))
