"""The fused attentions that come with PyTorch, as LongNet needs them: with the log-sum-exp of each row, so that branches can be merged."""

import torch


def flash(q, k, v, causal):
    """FlashAttention-2: [b, l, H, D] -> out [b, l, H, D], lse [b, H, l]; not differentiable in lse."""
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    out, lse = torch.ops.aten._scaled_dot_product_flash_attention(q, k, v, 0.0, causal)[:2]
    return out.transpose(1, 2), lse


def cudnn(q, k, v, causal):
    """cuDNN's attention, the one behind SDPBackend.CUDNN_ATTENTION; shapes as in `flash`. SDPA itself gives no lse, the operator below it does."""
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    out, lse = torch.ops.aten._scaled_dot_product_cudnn_attention(q, k, v, None, True, 0.0, causal, False)[:2]
    return out.transpose(1, 2), lse.reshape(lse.shape[0], lse.shape[1], -1)


KERNELS = {"flash": flash, "cudnn": cudnn}
