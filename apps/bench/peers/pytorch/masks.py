"""The masks of the dense tasks: as FlexAttention takes them, as lists of keys for the check, and how many pairs they keep."""

import bisect

import torch


def mask_function(mask, N, window=None, documents=None):
    """mask_mod of FlexAttention; None where everything is seen. documents: where each document begins, and N at the end."""
    if mask == "full":
        return None
    if mask == "causal":
        return lambda b, h, q, kv: q >= kv
    if mask == "window":
        return lambda b, h, q, kv: (q >= kv) & (q - kv < window)
    if mask == "documents":
        starts = torch.tensor(documents[1:-1], device="cuda", dtype=torch.int64)
        document = torch.bucketize(torch.arange(N, device="cuda"), starts, right=True)
        return lambda b, h, q, kv: (document[q] == document[kv]) & (q >= kv)
    raise ValueError(f"mask {mask}")


def mask_keys(mask, N, window=None, documents=None):
    """The keys of row t, as `sampled_errors` takes them."""
    def first(t):
        if mask == "window":
            return max(0, t - window + 1)
        if mask == "documents":
            return documents[bisect.bisect_right(documents, t) - 1]
        return 0

    return lambda t: [torch.arange(first(t), N if mask == "full" else t + 1)]


def mask_pairs(mask, N, window=None, documents=None):
    """Pairs that are counted as work: by the convention of dense attention, causal is not taken off."""
    if mask == "window":
        return N * min(window, N)
    if mask == "documents":
        return sum((end - begin) ** 2 for begin, end in zip(documents, documents[1:]))
    return N * N
