"""recurrent.txt"""
import itertools

import torch

from writer import n, v

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def cell(kind):

    def f(x, h, *rest, nonlinearity="tanh"):
        c = rest[0] if kind == "lstm" else None
        w_ih, w_hh, b_ih, b_hh = (list(rest[1 if kind == "lstm" else 0:]) + [None, None])[:4]
        zero = torch.zeros(*x.shape[:-1], w_hh.shape[1], dtype=x.dtype)
        h = zero if h is None else h
        batch = (lambda t: t) if x.dim() == 2 else (lambda t: t.unsqueeze(0))
        back = (lambda t: t) if x.dim() == 2 else (lambda t: t.squeeze(0))
        weights = (w_ih, w_hh, b_ih, b_hh)
        if kind == "lstm":
            c = zero if c is None else c
            return tuple(map(back, torch.lstm_cell(batch(x), (batch(h), batch(c)), *weights)))
        name = "gru_cell" if kind == "gru" else "rnn_%s_cell" % nonlinearity
        return back(getattr(torch, name)(batch(x), batch(h), *weights))
    return f


def network(kind):
    first = 3 if kind == "lstm" else 2

    def f(x, *rest, num_layers=1, nonlinearity="tanh", has_biases=True, bidirectional=False,
          batch_first=False):
        states, weights = rest[:first - 1], rest[first - 1:]
        hidden = weights[1].shape[1]
        more = {"nonlinearity": nonlinearity} if kind == "rnn" else {}
        module = getattr(torch.nn, kind.upper())(
            x.shape[-1], hidden, num_layers, bias=has_biases, batch_first=batch_first,
            bidirectional=bidirectional, dtype=x.dtype, **more)
        for name, weight in zip([m for m, _ in module.named_parameters()], weights):
            delattr(module, name)
            setattr(module, name, weight)
        module._flat_weights = list(weights)
        count = num_layers * (2 if bidirectional else 1)
        shape = (count, hidden) if x.dim() == 2 else (
            count, x.shape[0 if batch_first else 1], hidden)
        states = [torch.zeros(shape, dtype=x.dtype) if s is None else s for s in states]
        y, last = module(x, tuple(states) if kind == "lstm" else states[0])
        return (y, *last) if kind == "lstm" else (y, last)
    return f


def cases(w):
    for kind, gates in GATES.items():
        op = kind + "_cell"
        for batch, inputs, hidden in [((2,), 3, 4), ((), 3, 2), ((1,), 1, 1), ((0,), 2, 3),
                                      ((3,), 2, 1)]:
            state = [n(*batch, hidden)] * (2 if kind == "lstm" else 1)
            weights = [n(gates * hidden, inputs), n(gates * hidden, hidden)]
            biases = [n(gates * hidden), n(gates * hidden)]
            for words in [{}] if kind != "rnn" else [{}, {"nonlinearity": "relu"}]:
                w.case(op, cell(kind), n(*batch, inputs), *state, *weights, *biases, **words)
                w.case(op, cell(kind), n(*batch, inputs), *state, *weights, **words)
                w.case(op, cell(kind), n(*batch, inputs), *[None for _ in state], *weights, *biases,
                       **words)
            for one in ([biases[0]], [None, biases[1]]):
                w.case(op, cell(kind), n(*batch, inputs), *state, *weights, *one,
                       dtypes=("float64",), second=False)
        # Gates that are shut or open.
        state = [v([[1.0, -1]])] * (2 if kind == "lstm" else 1)
        w.case(op, cell(kind), v([[1000.0, -1000]]), *state, n(gates * 2, 2), n(gates * 2, 2),
               n(gates * 2), n(gates * 2), second=False)

        for (steps, batch, inputs, hidden), layers, both in itertools.product(
                [(3, 2, 2, 2), (1, 1, 1, 1), (4, 3, 2, 1)], (1, 2), (False, True)):
            for has_biases, first, given in [(True, False, True), (False, True, False)]:
                directions = 2 if both else 1
                weights = []
                for layer, _ in itertools.product(range(layers), range(directions)):
                    width = inputs if layer == 0 else hidden * directions
                    weights += [n(gates * hidden, width), n(gates * hidden, hidden)]
                    weights += [n(gates * hidden), n(gates * hidden)] if has_biases else []
                state = n(layers * directions, batch, hidden) if given else None
                states = [state] * (2 if kind == "lstm" else 1)
                x = n(batch, steps, inputs) if first else n(steps, batch, inputs)
                words = {"nonlinearity": "relu"} if kind == "rnn" and first else {}
                w.case(kind, network(kind), x, *states, *weights, num_layers=layers,
                       has_biases=has_biases, bidirectional=both, batch_first=first,
                       dtypes=("float64", "float32") if steps == 3 and layers == 1 and first else
                       ("float64",), **words)
            # Without a batch axis.
            state = n(layers * directions, hidden)
            states = [state] * (2 if kind == "lstm" else 1)
            w.case(kind, network(kind), n(steps, inputs), *states, *weights, num_layers=layers,
                   has_biases=False, bidirectional=both, dtypes=("float64",))
        # Many steps: cotangents of steps laid side by side, products that become one.
        states = [None] * (2 if kind == "lstm" else 1)
        w.case(kind, network(kind), n(40, 1, 2), *states, n(gates * 2, 2), n(gates * 2, 2),
               n(gates * 2), n(gates * 2), dtypes=("float64",))
