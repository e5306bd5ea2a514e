"""PyTorch as a peer: LongNet's attention as torchscale computes it, dense FlashAttention, cuBLAS, and a LongNetLM training step. Needs only torch.

    python3 longnet.py [--quick] [--json FILE]   runs everything below and prints a line for each
    python3 longnet.py --serve                   one JSON request a line on stdin, one JSON reply a line on stdout
"""

import argparse
import contextlib
import gc
import json
import signal
import sys

import torch
import torch.nn.functional as F
from check import sampled_errors
from dilated_attention import dilated_attention
from longnet_lm import LongNetLM, training_step
from timing import measure
from torch.nn.attention import SDPBackend, sdpa_kernel

DTYPES = {"f16": torch.float16, "f32": torch.float32}


def operands(N, H, D, dtype, count=3):
    torch.manual_seed(1)
    return [torch.randn(1, N, H, D, device="cuda", dtype=DTYPES[dtype]) for _ in range(count)]


def attention_flops(N, H, D, branches):
    return 4 * D * H * sum(N * min(w, N) / r**2 for w, r in branches)


def run_attention(forward, q, k, v, backward, grad_out):
    """A function to time, and what it gave once."""
    if not backward:
        def work():
            with torch.no_grad():
                return forward(q, k, v)
        return work, work(), None
    for x in (q, k, v):
        x.requires_grad_(True)

    def both():
        out = forward(q, k, v)
        return out, torch.autograd.grad(out, (q, k, v), grad_out)

    out, grads = both()
    return both, out, grads


def dilated(N, H=12, D=64, branches=(), dtype="f16", causal=False, backward=False, runs=9, **_):
    q, k, v, grad_out = operands(N, H, D, dtype, 4)
    if not backward:
        grad_out = None
    work, out, grads = run_attention(
        lambda q, k, v: dilated_attention(q, k, v, branches, causal), q, k, v, backward, grad_out
    )
    error, error_dq = sampled_errors(q, k, v, branches, causal, out, grad_out, grads and grads[0])
    del out, grads
    factor = 3.5 if backward else 1
    return {**measure(work, runs), "flops": factor * attention_flops(N, H, D, branches), "error": error, "errorDq": error_dq}


def dense(N, H=12, D=64, dtype="f16", causal=False, backward=False, runs=9, **_):
    q, k, v, grad_out = operands(N, H, D, dtype, 4)
    kernel = SDPBackend.FLASH_ATTENTION if dtype == "f16" else SDPBackend.EFFICIENT_ATTENTION

    def forward(q, k, v):
        with sdpa_kernel(kernel):
            q, k, v = (x.transpose(1, 2) for x in (q, k, v))
            return F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2)

    work, out, _grads = run_attention(forward, q, k, v, backward, grad_out)
    error, _ = sampled_errors(q, k, v, [(N, 1)], causal, out, samples=8)
    del out, _grads
    return {**measure(work, runs), "flops": (3.5 if backward else 1) * attention_flops(N, H, D, [(N, 1)]), "error": error}


def matmul(n, dtype="f16", runs=9, **_):
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.manual_seed(1)
    a, b = (torch.randn(n, n, device="cuda", dtype=DTYPES[dtype]) for _ in range(2))
    y = a @ b
    rows = torch.arange(0, n, max(1, n // 8), device="cuda")
    error = (y[rows].double() - a[rows].double() @ b.double()).abs().max().item()
    return {**measure(lambda: a @ b, runs), "flops": 2 * n**3, "error": error}


@contextlib.contextmanager
def time_limit(seconds):
    def stop(*_):
        raise TimeoutError(f"took longer than {seconds} s")
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def lm(N=32768, dim=768, layers=12, heads=12, hidden=3072, vocab=256, branches=(), compiled=False, runs=6, tokens=None, lr=3e-4, limit=60, **_):
    """Training steps; `tokens` is a list of sequences of N + 1, one a step."""
    torch.manual_seed(1)
    model = LongNetLM(N, dim, layers, heads, hidden, vocab, branches).cuda()
    text = torch.tensor(tokens or [[(i * i + (i >> 3)) % 251 for i in range(N + 1)]], device="cuda")
    step = training_step(torch.compile(model) if compiled else model, lr)
    losses = []
    with time_limit(limit) if compiled else contextlib.nullcontext():
        result = measure(lambda: losses.append(step(text[len(losses) % len(text)][None])), runs, warmup=1)
    losses = [loss.item() for loss in losses]
    parameters = sum(p.numel() for p in model.parameters())
    return {**result, "losses": losses, "parameters": parameters, "tokensPerSecond": N / result["ms"] * 1e3}


def info(**_):
    return {
        "torch": torch.__version__, "cuda": torch.version.cuda, "python": sys.version.split()[0],
        "device": torch.cuda.get_device_name(), "driverMemoryBytes": torch.cuda.mem_get_info()[1],
    }


KINDS = {"info": info, "dilated": dilated, "dense": dense, "matmul": matmul, "lm": lm}


def answer(request):
    """The request with its result; a failure is told, and does not end the process."""
    try:
        result = KINDS[request["kind"]](**{key: value for key, value in request.items() if key != "kind"})
    except Exception as error:  # out of memory, no kernel, no compiler, ...
        result = {"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]}
    gc.collect()  # models and optimisers hold on to each other
    torch.cuda.empty_cache()
    return {**{key: value for key, value in request.items() if key != "tokens"}, **result}


def geometric(N):
    """The configuration of the torchscale column: w = 2048..32768, r = 1..16, as far as w <= N."""
    return [(2048 << i, 1 << i) for i in range(5) if 2048 << i <= N]


def everything(quick):
    for N in (8192, 32768) if quick else (8192, 32768, 131072, 1048576):
        for causal in (False, True):
            for backward in (False, True):
                yield {"kind": "dilated", "N": N, "branches": geometric(N), "causal": causal, "backward": backward}
    for dtype, N in (("f16", 8192), ("f32", 8192)) if quick else (("f16", 8192), ("f16", 32768), ("f32", 8192), ("f32", 16384)):
        for backward in (False, True):
            yield {"kind": "dense", "N": N, "dtype": dtype, "backward": backward}
    for n in (4096,) if quick else (4096, 8192):
        for dtype in ("f16", "f32"):
            yield {"kind": "matmul", "n": n, "dtype": dtype}
    base = [(2048, 1), (4096, 2), (8192, 4), (16384, 6), (32768, 12)]
    yield {"kind": "lm", "branches": base}
    yield {"kind": "lm", "branches": base, "compiled": True}


def line(reply):
    what = " ".join(f"{key}={reply[key]}" for key in ("N", "n", "dtype", "causal", "backward", "compiled") if key in reply)
    if "failed" in reply:
        return f"{reply['kind']:8} {what}: {reply['failed']}"
    tflops = f"{reply['flops'] / reply['ms'] / 1e9:7.1f} TFLOP/s  " if "flops" in reply else ""
    error = f"err {reply['error']:.1e}" if "error" in reply else ""
    if reply.get("errorDq") is not None:
        error += f" dq {reply['errorDq']:.1e}"
    loss = f"loss {reply['losses'][0]:.3f} -> {reply['losses'][-1]:.3f}, {reply['tokensPerSecond']:.0f} tokens/s" if "losses" in reply else ""
    return (
        f"{reply['kind']:8} {what}: {reply['ms']:8.3f} ms (first {reply['firstMs']:.0f}, wall {reply['wallMs']:.2f}, {reply['runs']} runs)  "
        f"{tflops}{reply['peakBytes'] / 1e9:.2f} GB  {error}{loss}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--kinds", help="comma-separated: dilated, dense, matmul, lm")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if arguments.serve:
        for text in sys.stdin:
            print(json.dumps(answer(json.loads(text))), flush=True)
        return
    print(info(), flush=True)
    replies = []
    for request in everything(arguments.quick):
        if arguments.kinds and request["kind"] not in arguments.kinds.split(","):
            continue
        replies.append(answer(request))
        print(line(replies[-1]), flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"info": info(), "results": replies}, file)


main()
