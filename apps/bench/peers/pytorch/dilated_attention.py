"""LongNet's dilated attention as torchscale computes it: gather, FlashAttention, scatter, merge by log-sum-exp.

Source: microsoft/torchscale (MIT), torchscale/component/dilated_attention.py, class DilatedAttention: `gathering`, `dense_to_sparse`, `attention_ops`,
`sparse_to_dense`, `scattering`. Its `einops.rearrange` and `flash_attn_func` are written with PyTorch's own operators; the order of the copies is kept,
because they are most of its time. Shapes: B batch, N tokens, H heads, D head dim, w segment, r dilation, n segments.
"""

import torch
import torch.nn.functional as F
from kernels import flash

EMPTY_LSE = -1e8  # torchscale's stand-in for minus infinity


def padding_to(length, multiple):
    return -length % multiple


def dense_to_sparse(x, r):
    """[b, g, H, D] -> [b, ceil(g / r), H, D]: head h keeps the rows of residue floor(h / ceil(H / r))."""
    b, g, H, D = x.shape
    rows, heads = padding_to(g, r), padding_to(H, r)
    if rows or heads:
        x = F.pad(x, (0, 0, 0, heads, 0, rows))
    x = x.reshape(b, -1, r, r, (H + heads) // r, D)  # b l r1 r2 h d
    x = torch.diagonal(x, dim1=2, dim2=3)  # b l h d r
    return x.permute(0, 1, 4, 2, 3).flatten(2, 3)[:, :, :H]


def gather(x, w, r):
    """[B, N, H, D] -> [B·n, l, H, D] over head-major memory, as torchscale hands it to FlashAttention."""
    B, N, H, D = x.shape
    g = min(w, N)
    padding = padding_to(N, g)
    if padding:
        x = F.pad(x, (0, 0, 0, 0, 0, padding))
    x = dense_to_sparse(x.reshape(-1, g, H, D), r)
    return x.transpose(1, 2).contiguous().transpose(1, 2)  # 'b l h d -> (b h) l d' and back


def sparse_to_dense(out, lse, r):
    """[b, l, H, D], [b, H, l] -> [b, H, l·r, D], [b, H, l·r, 1]; rows that no head kept are 0 and EMPTY_LSE."""
    b, l, H, D = out.shape
    heads = padding_to(H, r)
    if heads:
        out = F.pad(out, (0, 0, 0, heads))
        lse = F.pad(lse, (0, 0, 0, heads), value=EMPTY_LSE)
    h = (H + heads) // r
    out = torch.diag_embed(out.reshape(b, l, r, h, D).permute(0, 1, 3, 4, 2))  # b l h d r1 r2
    out = out.permute(0, 5, 2, 1, 4, 3).reshape(b, r * h, l * r, D)[:, :H]
    lse = torch.diag_embed(lse.reshape(b, r, h, l).permute(0, 3, 2, 1))  # b l h r1 r2
    lse = lse.masked_fill_(lse == 0, EMPTY_LSE)
    lse = lse.permute(0, 4, 2, 1, 3).reshape(b, r * h, l * r, 1)[:, :H]
    return out, lse


def scatter(out, lse, B, N, w, r):
    """One branch back in place: [B·H, N, D] and [B·H, N, 1]."""
    H, D = out.shape[2:]
    g = min(w, N)
    out, lse = sparse_to_dense(out, lse, r)
    # Cut where r does not divide w; torchscale does not, and so shifts the segments behind.
    out, lse = out[:, :, :g], lse[:, :, :g]
    out = out.reshape(B, -1, H, g, D).transpose(1, 2).reshape(B * H, -1, D)[:, :N]
    lse = lse.reshape(B, -1, H, g, 1).transpose(1, 2).reshape(B * H, -1, 1)[:, :N]
    return out, lse


def dilated_attention(q, k, v, branches, causal=False, attend=flash):
    """q, k, v [B, N, H, D] (f16 or bf16) -> [B, N, H, D]; branches: pairs (segment, dilation); attend: see kernels.py."""
    B, N, H, D = q.shape
    outs, lses = [], []
    for w, r in branches:
        out, lse = attend(gather(q, w, r), gather(k, w, r), gather(v, w, r), causal)
        out, lse = scatter(out, lse[:, :, : out.shape[1]], B, N, w, r)
        outs.append(out)
        lses.append(lse)
    with torch.no_grad():
        most = torch.stack(lses).amax(0)
        weights = [torch.exp(lse - most) for lse in lses]
        total = torch.stack(weights).sum(0)
        weights = [weight / total for weight in weights]
    merged = 0
    for out, weight in zip(outs, weights):
        merged = merged + out * weight.type_as(out)
    return merged.reshape(B, H, N, D).transpose(1, 2).reshape(B, N, H, D)
