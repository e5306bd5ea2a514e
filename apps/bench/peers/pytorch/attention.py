"""Attention as tasks: check first, then time. LongNet's and dense, eager and compiled, and FlexAttention."""

import time

import torch
import torch.nn.functional as F
from check import branch_keys, sampled_errors
from dilated_attention import dilated_attention
from kernels import KERNELS
from masks import mask_function, mask_keys, mask_pairs
from timing import measure
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

DTYPES = {"f16": torch.float16, "f32": torch.float32}
BACKENDS = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION, "efficient": SDPBackend.EFFICIENT_ATTENTION}


def operands(N, H, D, dtype):
    """q, k, v and the gradient that reaches the output, [1, N, H, D]."""
    torch.manual_seed(1)
    return [torch.randn(1, N, H, D, device="cuda", dtype=DTYPES[dtype]) for _ in range(4)]


def timed_task(forward, keys_of, N, H, D, dtype, backward, runs, samples=24):
    """
    Runs once, compares with the definition, then times. `firstS` is that first run in seconds: of a compiled function nearly all of it is the compiler's time.
    """
    q, k, v, grad_out = operands(N, H, D, dtype)
    if backward:
        for x in (q, k, v):
            x.requires_grad_(True)

        def work():
            out = forward(q, k, v)
            return out, torch.autograd.grad(out, (q, k, v), grad_out)
    else:
        del grad_out
        grad_out = None

        def work():
            with torch.no_grad():
                return forward(q, k, v), None

    torch.cuda.synchronize()
    begin = time.perf_counter()
    out, grads = work()
    torch.cuda.synchronize()
    first = time.perf_counter() - begin
    errors = sampled_errors(q, k, v, keys_of, out, grad_out, grads and grads[0], samples)
    del out, grads
    return {**measure(work, runs), "firstMs": first * 1e3, "error": errors["out"], "errorDq": errors.get("dq")}


def flops(N, H, D, pairs, backward):
    return 4 * D * H * pairs * (3.5 if backward else 1)


def dilated(N, H=12, D=64, branches=(), dtype="f16", causal=False, backward=False, kernel="flash", compiled=False, runs=9, **_):
    branches = [tuple(branch) for branch in branches]
    attend = KERNELS[kernel]

    def forward(q, k, v):
        return dilated_attention(q, k, v, branches, causal, attend)

    run = torch.compile(forward, dynamic=False) if compiled else forward
    result = timed_task(run, lambda h, t: branch_keys(h, t, N, H, branches, causal), N, H, D, dtype, backward, runs)
    pairs = sum(N * min(w, N) / r**2 for w, r in branches)
    return {**result, "flops": flops(N, H, D, pairs, backward)}


def dense(N, H=12, D=64, dtype="f16", causal=False, backward=False, kernel=None, runs=9, **_):
    backend = BACKENDS[kernel or ("flash" if dtype == "f16" else "efficient")]

    def forward(q, k, v):
        with sdpa_kernel(backend):
            q, k, v = (x.transpose(1, 2) for x in (q, k, v))
            return F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2)

    keys = mask_keys("causal" if causal else "full", N)
    result = timed_task(forward, lambda h, t: keys(t), N, H, D, dtype, backward, runs, 8)
    return {**result, "flops": flops(N, H, D, N * N, backward)}


def flex(N, H=12, D=64, mask="full", dtype="f16", backward=False, runs=9, window=1024, documents=None, **_):
    """FlexAttention, compiled, as its own documentation says to use it. `maskMs` is what a second block mask of the same kind takes to build."""
    allowed = mask_function(mask, N, window, documents)
    blocks, built = None, {}
    if allowed is not None:
        for name in ("maskFirstMs", "maskMs"):
            torch.cuda.synchronize()
            begin = time.perf_counter()
            blocks = create_block_mask(allowed, None, None, N, N, device="cuda")
            torch.cuda.synchronize()
            built[name] = (time.perf_counter() - begin) * 1e3
        torch.cuda.empty_cache()
    attend = torch.compile(flex_attention, dynamic=False)

    def forward(q, k, v):
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        return attend(q, k, v, block_mask=blocks).transpose(1, 2)

    keys = mask_keys(mask, N, window, documents)
    result = timed_task(forward, lambda h, t: keys(t), N, H, D, dtype, backward, runs, 8)
    return {**result, **built, "flops": flops(N, H, D, mask_pairs(mask, N, window, documents), backward)}
