"""CUDA-event timing and peak memory."""

import statistics
import time

import torch


def measure(work, runs=9, warmup=2, budget_s=6.0):
    """First run apart; then the median of `runs` (at least 5 unless `budget_s` is over), device time in ms, and peak bytes allocated."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    begin = time.perf_counter()
    work()
    torch.cuda.synchronize()
    first = (time.perf_counter() - begin) * 1e3
    peak = torch.cuda.max_memory_allocated()
    for _ in range(warmup):
        work()
    torch.cuda.synchronize()
    times, walls = [], []
    started = time.perf_counter()
    while len(times) < runs and (len(times) < 3 or time.perf_counter() - started < budget_s):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin = time.perf_counter()
        start.record()
        work()
        end.record()
        end.synchronize()
        walls.append((time.perf_counter() - begin) * 1e3)
        times.append(start.elapsed_time(end))
    return {
        "ms": statistics.median(times),
        "wallMs": statistics.median(walls),
        "bestMs": min(times),
        "firstMs": first,
        "runs": len(times),
        "peakBytes": peak,
    }
