"""The yardstick: the paper's protocol as people would write it in PyTorch, on a job that `npm run bench -- reference` wrote.

On the GPU where torch finds one, in float32 as it is written (no TF32), and else on THREADS of the processor.

Our own program, and a plain one on purpose: every loss has a forward pass of its own, the reference model runs again at
every step, and the model is evaluated every 5 steps, as in the paper's code. It needs torch and nothing else.

    python train.py JOB_FOLDER THREADS > result.json
"""
import json
import math
import resource
import sys
import time
from array import array
from copy import deepcopy
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

EVALUATE_EVERY = 5


class Attention(nn.Module):
    def __init__(self, hidden, heads, rotary, base):
        super().__init__()
        self.heads, self.rotary, self.base = heads, rotary, base
        self.query_key_value = nn.Linear(hidden, 3 * hidden)
        self.dense = nn.Linear(hidden, hidden)

    def rotate(self, x, cos, sin):
        turned, kept = x[..., : self.rotary], x[..., self.rotary :]
        a, b = turned.chunk(2, dim=-1)
        return torch.cat((turned * cos + torch.cat((-b, a), dim=-1) * sin, kept), dim=-1)

    def forward(self, x):
        batch, length, hidden = x.shape
        width = hidden // self.heads
        qkv = self.query_key_value(x).view(batch, length, self.heads, 3 * width).transpose(1, 2)
        q, k, v = qkv.chunk(3, dim=-1)
        if self.rotary > 0:
            frequency = 1 / self.base ** (torch.arange(0, self.rotary, 2) / self.rotary)
            angle = torch.arange(length)[:, None] * frequency
            angle = torch.cat((angle, angle), dim=-1)
            q, k = (self.rotate(y, angle.cos(), angle.sin()) for y in (q, k))
        scores = q @ k.transpose(-1, -2) / math.sqrt(width)
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(future, float("-inf")).softmax(-1) @ v
        return self.dense(mixed.transpose(1, 2).reshape(batch, length, hidden))


class Layer(nn.Module):
    def __init__(self, hidden, heads, inner, rotary, base, epsilon):
        super().__init__()
        self.input_layernorm = nn.LayerNorm(hidden, eps=epsilon)
        self.post_attention_layernorm = nn.LayerNorm(hidden, eps=epsilon)
        self.attention = Attention(hidden, heads, rotary, base)
        self.mlp = nn.ModuleDict(
            {"dense_h_to_4h": nn.Linear(hidden, inner), "dense_4h_to_h": nn.Linear(inner, hidden)}
        )

    def forward(self, x):
        inner = F.gelu(self.mlp["dense_h_to_4h"](self.post_attention_layernorm(x)))
        return x + self.attention(self.input_layernorm(x)) + self.mlp["dense_4h_to_h"](inner)


class GPTNeoX(nn.Module):
    def __init__(self, shape):
        super().__init__()
        hidden, heads = shape["hidden"], shape["heads"]
        rotary = int(hidden / heads * shape["rotaryFraction"])
        layer = lambda: Layer(
            hidden, heads, hidden * shape["intermediateFactor"], rotary, shape["rotaryBase"], shape["layerNormEpsilon"]
        )
        self.gpt_neox = nn.ModuleDict(
            {
                "embed_in": nn.Embedding(shape["vocabulary"], hidden),
                "layers": nn.ModuleList([layer() for _ in range(shape["layers"])]),
                "final_layer_norm": nn.LayerNorm(hidden, eps=shape["layerNormEpsilon"]),
            }
        )
        self.embed_out = nn.Linear(hidden, shape["vocabulary"], bias=False)

    def forward(self, ids):
        x = self.gpt_neox["embed_in"](ids)
        for layer in self.gpt_neox["layers"]:
            x = layer(x)
        return self.embed_out(self.gpt_neox["final_layer_norm"](x))


def load_weights(model, path):
    """Reads a safetensors file of float32; linear weights are stored [in, out], the transpose of torch's."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    parameters = dict(model.named_parameters())
    header.pop("__metadata__", None)
    assert parameters.keys() == header.keys(), parameters.keys() ^ header.keys()
    for name, about in header.items():
        begin, end = (8 + length + offset for offset in about["data_offsets"])
        values = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32)
        shape = parameters[name].shape
        transposed = len(shape) == 2 and "embed_in" not in name
        placed = (values.view(shape[::-1]).T if transposed else values.view(shape)).contiguous()
        parameters[name].data = placed.to(parameters[name].device)


def log_probabilities(model, tokens):
    """Log-probability of every token but the first: [sequences, length - 1]."""
    logits = model(tokens[:, :-1])
    return logits.log_softmax(-1).gather(-1, tokens[:, 1:, None]).squeeze(-1)


def step_loss(model, reference, batch, weights, beta):
    total = 0
    if "chosen" in batch:
        chosen = log_probabilities(model, batch["chosen"]).sum(-1)
        rejected = log_probabilities(model, batch["rejected"]).sum(-1)
        with torch.no_grad():
            reference_chosen = log_probabilities(reference, batch["chosen"]).sum(-1)
            reference_rejected = log_probabilities(reference, batch["rejected"]).sum(-1)
        margin = (chosen - reference_chosen) - (rejected - reference_rejected)
        total = total + weights["dpo"] * -F.logsigmoid(beta * margin).mean()
    for kind in ("useful", "random"):
        if kind in batch:
            total = total + weights[kind] * -log_probabilities(model, batch[kind]).mean()
    return total


def learning_rate(base, step, steps, warmup):
    if step < warmup:
        return base * step / warmup
    return base * (1 + math.cos(math.pi * (step - warmup) / steps)) / 2


def main(folder, threads):
    torch.set_num_threads(threads)
    on_gpu = torch.cuda.is_available()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.set_default_device("cuda" if on_gpu else "cpu")  # of whatever is made from here on
    job = json.loads((folder / "job.json").read_text())
    stored = array("i")
    stored.frombytes((folder / "tokens.bin").read_bytes())
    tokens = torch.tensor(stored, dtype=torch.long).view(-1, job["length"])
    rows = lambda span: tokens[span[0] : span[0] + span[1]]
    model = GPTNeoX(job["model"])
    load_weights(model, folder / "weights.safetensors")
    optimiser_of, reference, losses, seen = job["optimiser"], None, {}, 0
    started = time.perf_counter()
    for phase in job["phases"]:
        if phase["name"] != "pretrain" and reference is None:
            reference = deepcopy(model)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name in phase["trainable"])
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimiser = torch.optim.AdamW(
            trained,
            betas=(optimiser_of["beta1"], optimiser_of["beta2"]),
            eps=optimiser_of["epsilon"],
            weight_decay=optimiser_of["weightDecay"],
        )
        losses[phase["name"]] = []
        for step, spans in enumerate(phase["steps"]):
            batch = {kind: rows(span) for kind, span in spans.items()}
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(
                    optimiser_of["learningRate"], step, len(phase["steps"]), optimiser_of["warmupSteps"]
                )
            loss = step_loss(model, reference, batch, phase["weights"], job["beta"])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, optimiser_of["clipNorm"])
            optimiser.step()
            losses[phase["name"]].append(loss.item())
            seen += sum(part.shape[0] for part in batch.values()) * (job["length"] - 1)
            if (step + 1) % EVALUATE_EVERY == 0:
                with torch.no_grad():
                    for span in phase["evaluated"]:
                        log_probabilities(model, rows(span)).mean().item()
    if on_gpu:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {"seconds": seconds, "tokens": seen, "peakMiB": peak, "losses": losses, "torch": torch.__version__}
    result["gpu"] = torch.cuda.get_device_name() if on_gpu else None
    json.dump(result, sys.stdout)


main(Path(sys.argv[1]), int(sys.argv[2]))
