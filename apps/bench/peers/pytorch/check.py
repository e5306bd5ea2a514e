"""The definition in float64 on sampled rows, with torchscale's head offsets and its gradient (merge weights held constant)."""

import math

import torch


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


def sampled_errors(q, k, v, branches, causal, out, grad_out=None, dq=None, samples=24):
    """Largest absolute errors of out and of dq over sampled rows of batch row 0."""
    N, H, D = q.shape[1:]
    scale = 1 / math.sqrt(D)
    worst, worst_dq = 0.0, 0.0
    for sample in range(samples):
        t, h = (N - 1 if sample == 0 else sample * 7919 % N), sample % H
        keys = branch_keys(h, t, N, H, branches, causal)
        u = torch.cat(keys).to(q.device)
        query = q[0, t, h].detach().double()
        ku, vu = k[0, u, h].detach().double(), v[0, u, h].detach().double()
        p = torch.softmax(ku @ query * scale, 0)
        worst = max(worst, (out[0, t, h].detach().double() - p @ vu).abs().max().item())
        if dq is None:
            continue
        dp = vu @ grad_out[0, t, h].double()
        exact, begin = torch.zeros(D, dtype=torch.float64, device=q.device), 0
        for part in keys:
            own = slice(begin, begin + len(part))
            begin += len(part)
            delta = (p[own] * dp[own]).sum() / p[own].sum()
            exact += scale * ((p[own] * (dp[own] - delta)) @ ku[own])
        worst_dq = max(worst_dq, (dq[0, t, h].double() - exact).abs().max().item())
    return worst, (worst_dq if dq is not None else None)
