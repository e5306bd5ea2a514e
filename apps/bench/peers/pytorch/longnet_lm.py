"""The LongNetLM of this repository in PyTorch: pre-LN with sub-LN (MAGNETO), xPos, causal dilated attention, tied byte vocabulary."""

import torch
import torch.nn.functional as F
from dilated_attention import dilated_attention
from kernels import flash
from torch import nn


def xpos_tables(N, D, scale_base=512):
    """cos, sin and scale [N, 1, D / 2], positions relative to the middle."""
    half = torch.arange(0, D, 2, dtype=torch.float64)
    position = torch.arange(N, dtype=torch.float64)
    angle = position[:, None] * 10000 ** (-half / D)
    zeta = (half / D + 0.4) / 1.4
    scale = zeta ** ((position[:, None] - N // 2) / scale_base)
    return tuple(x.float()[:, None, :] for x in (angle.cos(), angle.sin(), scale.clamp(2**-8, 2**8)))


def rotate(x, cos, sin):
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, odd * cos + even * sin), -1).flatten(-2)


class Layer(nn.Module):
    def __init__(self, dim, heads, hidden, branches, attend):
        super().__init__()
        self.heads, self.branches, self.attend = heads, branches, attend
        self.attention_norm, self.inner_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.query, self.key, self.value, self.output = (nn.Linear(dim, dim) for _ in range(4))
        self.feed_forward_norm, self.hidden_norm = nn.LayerNorm(dim), nn.LayerNorm(hidden)
        self.up, self.down = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x, tables):
        B, N, E = x.shape
        cos, sin, scale = tables
        y = self.attention_norm(x)
        q, k, v = (f(y).view(B, N, self.heads, -1) for f in (self.query, self.key, self.value))
        q = rotate(q, (cos * scale).to(q), (sin * scale).to(q))
        k = rotate(k, (cos / scale).to(k), (sin / scale).to(k))
        out = dilated_attention(q, k, v, self.branches, True, self.attend).reshape(B, N, E)
        x = x + self.output(self.inner_norm(out))
        y = F.gelu(self.up(self.feed_forward_norm(x)))
        return x + self.down(self.hidden_norm(y))


class LongNetLM(nn.Module):
    def __init__(self, N, dim, layers, heads, hidden, vocab, branches, attend=flash):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim)
        nn.init.normal_(self.embedding.weight, std=dim**-0.5)
        self.layers = nn.ModuleList(Layer(dim, heads, hidden, branches, attend) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        for i, table in enumerate(xpos_tables(N, dim // heads)):
            self.register_buffer(f"table{i}", table)

    def forward(self, tokens):
        """tokens [B, N + 1] -> mean cross entropy of the next token."""
        x = self.embedding(tokens[:, :-1])
        for layer in self.layers:
            x = layer(x, (self.table0, self.table1, self.table2))
        logits = F.linear(self.norm(x), self.embedding.weight)
        return F.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten())


def training_step(model, lr=3e-4):
    """A function that does one mixed-precision step (f16 autocast, loss scaling, clipping, AdamW) and returns the loss."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, fused=True)
    scaler = torch.amp.GradScaler("cuda")

    def step(tokens):
        with torch.autocast("cuda", torch.float16):
            loss = model(tokens)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    return step
