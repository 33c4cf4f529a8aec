"""The second yardstick: the same training in JAX, as fast as JAX reasonably goes, on a job that `npm run bench -- reference` wrote.

Our own program. It takes the step that this project takes: every sequence of a step shares one forward and one backward
pass, the reference model is asked once for every pair, at the end of phase 1, and evaluations are as many. The whole step,
with AdamW, clipping and the learning rate, is one compiled function whose old parameters and moments are given up for the
new ones (donated buffers). It needs jax and nothing else.

    python train_jax.py JOB_FOLDER > result.json    # a whole run
    python train_jax.py JOB_FOLDER --in-turn        # answers questions, a line of JSON each, so that others take turns
"""
import json
import math
import resource
import statistics
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

# Rows, and logits, in one pass over passwords, at most: as in src/training/scoring.ts.
CHUNK, LOGITS = 128, 2**25
# Steps are taken for so long in a round, in seconds, as in spec/bench/engine-process.ts.
ROUND = 0.3
# Side of the square matrices whose product is timed for the peak rate, and how often.
PEAK_SIDE, PEAK_TIMES = 2048, 12


def layer_norm(x, weight, bias, epsilon):
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x - mean).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + epsilon) * weight + bias


def rotate(x, cos, sin):
    rotary = cos.shape[-1]
    turned, kept = x[..., :rotary], x[..., rotary:]
    a, b = jnp.split(turned, 2, axis=-1)
    return jnp.concatenate((turned * cos + jnp.concatenate((-b, a), axis=-1) * sin, kept), axis=-1)


def attention(qkv, shape):
    """[rows, time, 3 * hidden] to [rows, time, hidden]; each head has its query, key and value side by side."""
    rows, length, _ = qkv.shape
    heads, width = shape["heads"], shape["hidden"] // shape["heads"]
    rotary = int(width * shape["rotaryFraction"])
    q, k, v = jnp.split(qkv.reshape(rows, length, heads, 3 * width), 3, axis=-1)
    if rotary > 0:
        frequency = 1 / shape["rotaryBase"] ** (np.arange(0, rotary, 2, dtype=np.float32) / rotary)
        angle = np.tile(np.arange(length, dtype=np.float32)[:, None] * frequency, 2)[:, None, :]
        q, k = (rotate(y, np.cos(angle), np.sin(angle)) for y in (q, k))
    scores = jnp.einsum("rqhw,rkhw->rhqk", q, k) / math.sqrt(width)
    past = np.tril(np.ones((length, length), dtype=bool))
    mixed = jnp.einsum("rhqk,rkhw->rqhw", jax.nn.softmax(jnp.where(past, scores, -jnp.inf)), v)
    return mixed.reshape(rows, length, -1)


def logits_of(parameters, shape, ids):
    """Logits [rows, time, vocabulary] of ids [rows, time]."""

    def norm(x, name):
        return layer_norm(x, parameters[f"{name}.weight"], parameters[f"{name}.bias"], shape["layerNormEpsilon"])

    def product(x, name):
        # As one matrix: XLA multiplies matrices faster on a CPU than it contracts tensors.
        return (x.reshape(-1, x.shape[-1]) @ parameters[f"{name}.weight"]).reshape(*x.shape[:-1], -1)

    def dense(x, name):
        return product(x, name) + parameters[f"{name}.bias"]

    x = parameters["gpt_neox.embed_in.weight"][ids]
    for index in range(shape["layers"]):
        block = f"gpt_neox.layers.{index}"
        attended = attention(dense(norm(x, f"{block}.input_layernorm"), f"{block}.attention.query_key_value"), shape)
        inner = dense(norm(x, f"{block}.post_attention_layernorm"), f"{block}.mlp.dense_h_to_4h")
        written = dense(jax.nn.gelu(inner, approximate=False), f"{block}.mlp.dense_4h_to_h")
        x = x + dense(attended, f"{block}.attention.dense") + written
    return product(norm(x, "gpt_neox.final_layer_norm"), "embed_out")


def scores_of(parameters, shape, tokens):
    """Log-probability of every token but the first, and how many tokens are likelier: [rows, length - 1] each."""
    logits = logits_of(parameters, shape, tokens[:, :-1])
    # A masked sum: the gradient of a look-up would be a scatter, which XLA does one number at a time on a CPU.
    chosen = tokens[:, 1:, None] == jnp.arange(logits.shape[-1])
    logit = jnp.where(chosen, logits, 0).sum(-1)
    likelier = (logits > logit[..., None]).sum(-1)
    return logit - jax.nn.logsumexp(logits, axis=-1), likelier


def learning_rate(base, step, steps, warmup):
    cosine = base * (1 + jnp.cos(math.pi * (step - warmup) / steps)) / 2
    return jnp.where(step < warmup, base * step / warmup, cosine)


def compiled_step(job, phase, sizes):
    """One optimiser step of a phase; `sizes` has the rows of each kind, in the order in which they are packed."""
    about, beta, weights, steps = job["optimiser"], job["beta"], phase["weights"], len(phase["steps"])

    def loss_of(trained, frozen, tokens, reference):
        log_p, _ = scores_of({**trained, **frozen}, job["model"], tokens)
        of, start = {}, 0
        for kind, size in sizes.items():
            of[kind] = slice(start, start + size)
            start += size
        total = 0.0
        if "chosen" in of:
            gain = log_p.sum(-1) - reference
            margin = gain[of["chosen"]] - gain[of["rejected"]]
            total += weights["dpo"] * -jax.nn.log_sigmoid(beta * margin).mean()
        for kind in ("useful", "random"):
            if kind in of:
                total += weights[kind] * -log_p[of[kind]].mean()
        return total

    def step(trained, first, second, frozen, tokens, reference, number):
        loss, gradients = jax.value_and_grad(loss_of)(trained, frozen, tokens, reference)
        norm = jnp.sqrt(sum(jnp.square(gradient).sum() for gradient in gradients.values()))
        scale = jnp.minimum(1, about["clipNorm"] / (norm + 1e-6))
        rate = learning_rate(about["learningRate"], number, steps, about["warmupSteps"])
        beta1, beta2 = about["beta1"], about["beta2"]
        # 1 - beta ** (number + 1), without the digits that float32 would lose in the difference.
        bias1, bias2 = (-jnp.expm1((number + 1) * math.log(b)) for b in (beta1, beta2))

        def update(parameter, gradient, m, v):
            g = gradient * scale
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g * g
            kept = parameter * (1 - rate * about["weightDecay"])
            return kept - rate / bias1 * m / (jnp.sqrt(v / bias2) + about["epsilon"]), m, v

        updated = {name: update(trained[name], gradients[name], first[name], second[name]) for name in trained}
        trained, first, second = ({name: of[part] for name, of in updated.items()} for part in range(3))
        return trained, first, second, loss

    return jax.jit(step, donate_argnums=(0, 1, 2))


def load_weights(path):
    """Reads a safetensors file of float32."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    read = lambda of: np.frombuffer(data, "<f4", math.prod(of["shape"]), 8 + length + of["data_offsets"][0])
    return {name: jnp.array(read(of).reshape(of["shape"])) for name, of in header.items()}


class Training:
    """The model, and the phase that it is in."""

    def __init__(self, folder):
        self.job = json.loads((folder / "job.json").read_text())
        self.tokens = np.fromfile(folder / "tokens.bin", "<i4").reshape(-1, self.job["length"])
        self.phases = {phase["name"]: phase for phase in self.job["phases"]}
        self.parameters = load_weights(folder / "weights.safetensors")
        self.reference = None
        shape = self.job["model"]
        self.score = jax.jit(lambda parameters, tokens: scores_of(parameters, shape, tokens))
        self.steps = {name: compiled_step(self.job, phase, self.sizes(phase)) for name, phase in self.phases.items()}

    @staticmethod
    def sizes(phase):
        return {kind: rows for kind, (_, rows) in phase["steps"][0].items()}

    def begin(self, name):
        """Starts a phase, with moments of 0; compares with the model as phase 1 left it."""
        if name != "pretrain" and self.reference is None:
            self.reference = self.reference_log_probabilities()
        self.phase, trainable = self.phases[name], self.phases[name]["trainable"]
        self.take = self.steps[name]
        self.trained = {name: self.parameters[name] for name in trainable}
        self.frozen = {name: value for name, value in self.parameters.items() if name not in self.trained}
        self.first, self.second = (jax.tree.map(jnp.zeros_like, self.trained) for _ in range(2))

    def batch(self, number):
        """The tokens of a step, packed, and the reference log-probabilities of its rows."""
        rows = np.concatenate([np.arange(start, start + rows) for start, rows in self.phase["steps"][number].values()])
        return self.tokens[rows], None if self.reference is None else self.reference[rows]

    def step(self, number):
        """Begins one step, counted from 0. Returns its loss, which may still be in computation."""
        # They are given up, so nothing else may hold them: `leave` puts the new ones back.
        self.trained, self.first, self.second, loss = self.take(
            self.trained, self.first, self.second, self.frozen, *self.batch(number), number
        )
        return loss

    def leave(self):
        self.parameters = {**self.frozen, **self.trained}

    def evaluate(self):
        """Mean log-probability of the letters of each evaluated set, and how many tokens are likelier, in the mean."""
        sizes = [rows for _, rows in self.phase["evaluated"]]
        rows = np.concatenate([np.arange(start, start + rows) for start, rows in self.phase["evaluated"]])
        scores = self.score({**self.frozen, **self.trained}, self.tokens[rows])
        sets = [np.split(np.asarray(of), np.cumsum(sizes)[:-1]) for of in scores]
        return [[float(part.mean()) for part in of] for of in sets]

    def chunk(self):
        vocabulary, length = self.job["model"]["vocabulary"], self.job["length"] - 1
        return max(1, min(CHUNK, LOGITS // (length * vocabulary)))

    def reference_log_probabilities(self):
        """Sum over the letters of every row that is compared, each password once; by row of tokens.bin."""
        spans = [
            span
            for phase in self.phases.values()
            for step in phase["steps"]
            for kind, span in step.items()
            if kind in ("chosen", "rejected")
        ]
        rows = np.concatenate([np.arange(start, start + count) for start, count in spans])
        passwords, which = np.unique(self.tokens[rows], axis=0, return_inverse=True)
        size = self.chunk()
        padded = np.resize(passwords, (-(-len(passwords) // size) * size, passwords.shape[1]))
        sums = np.concatenate(
            [
                np.asarray(self.score(self.parameters, padded[start : start + size])[0]).sum(-1)
                for start in range(0, len(padded), size)
            ]
        )
        reference = np.zeros(len(self.tokens), np.float32)
        reference[rows] = sums[which.reshape(-1)]
        return reference

    def compile(self):
        """Runs everything that training runs once, on copies, so that training compiles nothing. Returns seconds."""
        started = time.perf_counter()
        for name, phase in self.phases.items():
            trained = {name: self.parameters[name] for name in phase["trainable"]}
            frozen = {name: value for name, value in self.parameters.items() if name not in trained}
            copies = [jax.tree.map(jnp.copy, trained), *(jax.tree.map(jnp.zeros_like, trained) for _ in range(2))]
            rows = sum(self.sizes(phase).values())
            reference = None if name == "pretrain" else np.zeros(rows, np.float32)
            jax.block_until_ready(self.steps[name](*copies, frozen, self.tokens[:rows], reference, 0))
        evaluated = sum(rows for _, rows in self.phases["joint"]["evaluated"])
        for rows in (evaluated, self.chunk()):
            jax.block_until_ready(self.score(self.parameters, np.resize(self.tokens, (rows, self.tokens.shape[1]))))
        return time.perf_counter() - started


def peak_mebibytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def whole_run(training):
    """Every step and evaluation of the three phases; what is timed begins when everything is compiled."""
    compile_seconds = training.compile()
    every, losses, evaluations, seen = training.job["every"], {}, [], 0
    started = time.perf_counter()
    for name, phase in training.phases.items():
        training.begin(name)
        losses[name] = []
        for number in range(len(phase["steps"])):
            losses[name].append(training.step(number))
            seen += sum(rows for _, rows in phase["steps"][number].values()) * (training.job["length"] - 1)
            if (number + 1) % every == 0 or number + 1 == len(phase["steps"]):
                log_probabilities, ranks = training.evaluate()
                found = {"logProbabilities": log_probabilities, "ranks": ranks}
                evaluations.append({"phase": name, "step": number + 1, **found})
        losses[name] = [float(loss) for loss in losses[name]]
        training.leave()
    return {
        "seconds": time.perf_counter() - started,
        "compileSeconds": compile_seconds,
        "tokens": seen,
        "peakMiB": peak_mebibytes(),
        "losses": losses,
        "evaluations": evaluations,
        "version": jax.__version__,
    }


def peak_rates():
    """GFLOP/s of a large float32 product, the best of some: in JAX, and in numpy's library for linear algebra."""
    matrix = np.full((PEAK_SIDE, PEAK_SIDE), 0.5, np.float32)
    on_device, product = jnp.array(matrix), jax.jit(jnp.matmul)

    def rate(multiply):
        def seconds():
            started = time.perf_counter()
            multiply()
            return time.perf_counter() - started

        return 2 * PEAK_SIDE**3 / min(seconds() for _ in range(PEAK_TIMES)) / 1e9

    return {
        "JAX": rate(lambda: product(on_device, on_device).block_until_ready()),
        "numpy": rate(lambda: matrix @ matrix),
    }


def in_turn(training):
    """Answers the questions of spec/bench/measuring.ts that come in as lines of JSON, until there are no more."""
    number = 0

    def begin_step():
        nonlocal number
        number += 1
        return training.step((number - 1) % len(training.phase["steps"]))

    def round_of_steps():
        # JAX prepares a step while it computes the one before: what is timed is from the end of one to the end of the next.
        taken, started = [], time.perf_counter()
        until, last, loss = started + ROUND, started, begin_step()
        while loss is not None:
            following = begin_step() if last < until else None
            float(loss)
            now = time.perf_counter()
            taken.append(now - last)
            last, loss = now, following
        return {"step": 1000 * statistics.median(taken), "peakMemoryMiB": peak_mebibytes()}

    for line in sys.stdin:
        question = json.loads(line)
        if question["ask"] == "begin":
            if number > 0:
                training.leave()
            training.begin(question["phase"])
            number = 0
            for _ in range(3):  # the first compiles
                float(begin_step())
            answer = {}
        elif question["ask"] == "steps":
            answer = round_of_steps()
        else:
            answer = peak_rates()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    training = Training(Path(sys.argv[1]))
    if "--in-turn" in sys.argv[2:]:
        in_turn(training)
    else:
        json.dump(whole_run(training), sys.stdout)
