"""The definition in float64 on sampled rows, with torchscale's head offsets and its gradient (merge weights held constant)."""

import math

import torch

# Relative to the largest value of the reference: f16 is off by about 1e-3, a wrong mask or a wrong merge by 0.1 and more.
TOLERANCE = {"out": 1e-2, "dq": 3e-2}


class WrongResult(Exception):
    """What is not right is not timed."""


def branch_keys(h, t, N, H, branches, causal):
    """Keys of row (h, t), one tensor for each branch that it takes part in."""
    keys = []
    for w, r in branches:
        s = h // math.ceil(H / r)
        start = t // w * w
        if (t - start) % r != s:
            continue
        end = min(start + w, N)
        if causal:
            end = min(end, t + 1)
        keys.append(torch.arange(start + s, end, r))
    return keys


class Worst:
    """Largest difference, and largest value of the reference."""

    def __init__(self):
        self.difference, self.largest = 0.0, 0.0

    def compare(self, actual, exact):
        difference = (actual.detach().double() - exact).abs().max().item()
        self.difference = difference if not difference <= self.difference else self.difference  # NaN wins
        self.largest = max(self.largest, exact.abs().max().item())

    def error(self):
        return self.difference / max(self.largest, 1e-30)


def sampled_errors(q, k, v, keys_of, out, grad_out=None, dq=None, samples=24):
    """
    Largest errors of out and of dq over sampled rows of batch row 0, relative to the largest value of the reference.
    keys_of(h, t): the keys of a row, one tensor a branch. Raises WrongResult where an error is over its tolerance.
    """
    N, H, D = q.shape[1:]
    scale = 1 / math.sqrt(D)
    worst, worst_dq = Worst(), Worst()
    for sample in range(samples):
        t, h = (N - 1 if sample == 0 else sample * 7919 % N), sample % H
        keys = keys_of(h, t)
        if not keys:
            worst.compare(out[0, t, h], torch.zeros(D, dtype=torch.float64, device=q.device))
            continue
        u = torch.cat(keys).to(q.device)
        query = q[0, t, h].detach().double()
        ku, vu = k[0, u, h].detach().double(), v[0, u, h].detach().double()
        p = torch.softmax(ku @ query * scale, 0)
        worst.compare(out[0, t, h], p @ vu)
        if dq is None:
            continue
        dp = vu @ grad_out[0, t, h].double()
        exact, begin = torch.zeros(D, dtype=torch.float64, device=q.device), 0
        for part in keys:
            own = slice(begin, begin + len(part))
            begin += len(part)
            delta = (p[own] * dp[own]).sum() / p[own].sum()
            exact += scale * ((p[own] * (dp[own] - delta)) @ ku[own])
        worst_dq.compare(dq[0, t, h], exact)
    found = {"out": worst.error()} if dq is None else {"out": worst.error(), "dq": worst_dq.error()}
    wrong = [f"{name} off by {error:.1e}" for name, error in found.items() if not error <= TOLERANCE[name]]
    if wrong:
        raise WrongResult(f"{', '.join(wrong)}; not timed")
    return found
