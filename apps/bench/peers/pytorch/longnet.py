"""
PyTorch as a peer: LongNet's attention as torchscale computes it, dense attention, FlexAttention, cuBLAS, and a LongNetLM training step; eager and compiled.
Needs only torch.

    python3 longnet.py [--quick] [--json FILE]   runs everything below and prints a line for each
    python3 longnet.py --serve                   one JSON request a line on stdin, one JSON reply a line on stdout
"""

import argparse
import contextlib
import gc
import json
import os
import signal
import sys
import time

import torch
from attention import DTYPES, dense, dilated, flex
from check import WrongResult
from kernels import KERNELS
from longnet_lm import LongNetLM, training_step
from timing import measure

# Seconds that one request may take unless it says otherwise; compiling is most of it.
LIMIT = 100


def matmul(n, dtype="f16", runs=9, **_):
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.manual_seed(1)
    a, b = (torch.randn(n, n, device="cuda", dtype=DTYPES[dtype]) for _ in range(2))
    y = a @ b
    rows = torch.arange(0, n, max(1, n // 8), device="cuda")
    error = (y[rows].double() - a[rows].double() @ b.double()).abs().max().item()
    # Sums of n products of unit normals have deviation sqrt(n); f16 results are rounded to 2^-11 of themselves.
    if not error <= (2**-10 * n**0.5 * 5 if dtype == "f16" else 2e-6 * n):
        raise WrongResult(f"off by {error:.1e}; not timed")
    del y
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


def lm(
    N=32768, dim=768, layers=12, heads=12, hidden=3072, vocab=256, branches=(), compiled=False, kernel="flash", runs=6, tokens=None, lr=3e-4, **_
):
    """Training steps; `tokens` is a list of sequences of N + 1, one a step."""
    torch.manual_seed(1)
    branches = [tuple(branch) for branch in branches]
    model = LongNetLM(N, dim, layers, heads, hidden, vocab, branches, KERNELS[kernel]).cuda()
    text = torch.tensor(tokens or [[(i * i + (i >> 3)) % 251 for i in range(N + 1)]], device="cuda")
    step = training_step(torch.compile(model) if compiled else model, lr)
    losses = []
    result = measure(lambda: losses.append(step(text[len(losses) % len(text)][None])), runs, warmup=1)
    losses = [loss.item() for loss in losses]
    if not losses[-1] < losses[0]:
        raise WrongResult(f"the loss does not fall ({' '.join(f'{loss:.3f}' for loss in losses)})")
    parameters = sum(p.numel() for p in model.parameters())
    return {**result, "losses": losses, "parameters": parameters, "tokensPerSecond": N / result["ms"] * 1e3}


def info(**_):
    return {
        "torch": torch.__version__, "cuda": torch.version.cuda, "python": sys.version.split()[0],
        "device": torch.cuda.get_device_name(), "driverMemoryBytes": torch.cuda.mem_get_info()[1],
    }


KINDS = {"info": info, "dilated": dilated, "dense": dense, "flex": flex, "matmul": matmul, "lm": lm}


def answer(request):
    """The request with its result; a failure is told, and does not end the process."""
    began = time.perf_counter()
    options = {key: value for key, value in request.items() if key not in ("kind", "limit")}
    try:
        with time_limit(request.get("limit", LIMIT)):
            result = KINDS[request["kind"]](**options)
    except WrongResult as error:
        result = {"wrong": str(error)}
    except Exception as error:  # out of memory, no kernel, no compiler, over time, ...
        text = str(error).strip().splitlines()
        result = {"failed": f"{type(error).__name__}: {text[0] if text else ''}"[:300], "seconds": time.perf_counter() - began}
    try:
        torch._dynamo.reset()
        gc.collect()  # models and optimisers hold on to each other
        torch.cuda.empty_cache()
    except Exception as error:  # an error of a kernel comes up at the next call and stays: this process cannot measure any more
        result.setdefault("failed", f"{type(error).__name__}: {error}"[:300])
        result["fatal"] = True
    return {**{key: value for key, value in request.items() if key not in ("tokens", "documents")}, **result}


def geometric(N):
    """The configuration of the torchscale column: w = 2048..32768, r = 1..16, as far as w <= N."""
    return [(2048 << i, 1 << i) for i in range(5) if 2048 << i <= N]


def everything(quick):
    for N in (8192, 32768) if quick else (8192, 32768, 131072, 1048576):
        for causal in (False, True):
            for backward in (False, True):
                task = {"kind": "dilated", "N": N, "branches": geometric(N), "causal": causal, "backward": backward}
                yield task
                for kernel in ("flash", "cudnn"):
                    yield {**task, "compiled": True, "kernel": kernel}
    for dtype, N in (("f16", 8192), ("f32", 8192)) if quick else (("f16", 8192), ("f16", 32768), ("f32", 8192), ("f32", 16384)):
        for backward in (False, True):
            yield {"kind": "dense", "N": N, "dtype": dtype, "backward": backward}
    for mask in ("full", "causal", "window", "documents"):
        for backward in (False, True):
            yield {"kind": "flex", "N": 8192, "mask": mask, "backward": backward, "documents": [0, 1000, 3000, 8192]}
    for n in (4096,) if quick else (4096, 8192):
        for dtype in ("f16", "f32"):
            yield {"kind": "matmul", "n": n, "dtype": dtype}
    base = [(2048, 1), (4096, 2), (8192, 4), (16384, 6), (32768, 12)]
    yield {"kind": "lm", "branches": base}
    for kernel in ("flash", "cudnn"):
        yield {"kind": "lm", "branches": base, "compiled": True, "kernel": kernel, "limit": 240}


def line(reply):
    what = " ".join(f"{key}={reply[key]}" for key in ("N", "n", "dtype", "mask", "causal", "backward", "compiled", "kernel") if key in reply)
    for bad in ("failed", "wrong"):
        if bad in reply:
            return f"{reply['kind']:8} {what}: {bad}: {reply[bad]}"
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
    parser.add_argument("--kinds", help="comma-separated: dilated, dense, flex, matmul, lm")
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
            with open(f"{arguments.json}.part", "w") as file:
                json.dump({"info": info(), "results": replies}, file)
            os.replace(f"{arguments.json}.part", arguments.json)


if __name__ == "__main__":  # the compiler's worker processes import this file
    main()
