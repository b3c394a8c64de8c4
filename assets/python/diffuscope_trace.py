"""Writes traces of denoising loops in Python, which diffuscope shows: `diffuscope replay run.jsonl`.

Any model, any device; nothing but Python 3.8 is needed. Tensors are used through their own methods.

    with Trace("run.jsonl", prompt_ids, gen_length=64, mask_id=tokenizer.mask_token_id, eos_id=tokenizer.eos_token_id,
               decode=tokenizer.decode, prompt="What is denoising?", model="Dream-v0-Instruct-7B") as trace:
        # Dream: a hook.
        model.diffusion_generate(prompt_ids, max_new_tokens=64, generation_tokens_hook_func=trace.tokens_hook)
        # LLaDA: a line in generate.py, below `x[transfer_index] = x0[transfer_index]`; the block begins at `first`.
        trace.step(x, logits, num_block, first, first + block_length)
        # LLaDA2 in diffusers: a callback.
        pipeline(..., callback_on_step_end=trace.on_step_end, callback_on_step_end_tensor_inputs=trace.tensor_inputs)

The first sequence of a batch is traced. docs/trace-format.md of diffuscope says what each field means.
"""
import base64, functools, json, math, time

TOP = 5  # alternatives of a proposal
PART = "\ufffd"  # what part of a character is decoded as


def plain(values, depth=1):
    """A list of numbers, or of rows of them, out of a tensor, an array or lists; the first sequence out of a batch."""
    values = values.tolist() if hasattr(values, "tolist") else list(values)
    nested = values[0] if values and depth == 2 else values
    return values[0] if nested and isinstance(nested[0], list) else values


def propose(logits, asked):
    """A proposal for each position that is asked for: (token, probability, entropy in nats, the likeliest [(id,
    probability)]). `asked` has the token that was written there; where it has None, the likeliest is proposed."""
    found = {}
    if hasattr(logits, "softmax"):  # a tensor: on its device, and some rows at a time, for vocabularies are large
        rows, positions = logits.reshape(-1, logits.shape[-1]), list(asked)
        for part in (positions[first:first + 64] for first in range(0, len(positions), 64)):
            chances = rows[part].float().softmax(-1)
            best, ids = (values.tolist() for values in chances.topk(min(TOP, chances.shape[-1]), -1))
            entropies = (-(chances * chances.clamp(min=1e-30).log()).sum(-1)).tolist()
            for i, at in enumerate(part):
                token = asked[at]
                own = (ids[i][0], best[i][0]) if token is None else (token, chances[i][token].item())
                found[at] = (*own, entropies[i], list(zip(ids[i], best[i])))
        return found
    rows = plain(logits, 2)
    for at, token in asked.items():
        weights = [math.exp(value - max(rows[at])) for value in rows[at]]
        chances = [weight / sum(weights) for weight in weights]
        best = sorted(range(len(chances)), key=lambda id: -chances[id])[:TOP]
        token = best[0] if token is None else token
        entropy = -sum(chance * math.log(chance) for chance in chances if chance > 0)
        found[at] = (token, chances[token], entropy, [(id, chances[id]) for id in best])
    return found


def column(numbers):
    """Whole numbers as a column of a trace: seven bits a byte, the sign in the lowest bit, in base64."""
    out = bytearray()
    for number in numbers:
        number = 2 * number if number >= 0 else -2 * number - 1
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return base64.b64encode(bytes(out)).decode()


class Trace:
    """A trace that is written while a run makes its steps. `decode` makes text of a list of ids; `settings` are the knobs
    that say what the loop does, as `diffuscope knobs` has them; `reason` is why a step writes a token, in its words."""

    tensor_inputs = ["block_x", "sampled_tokens", "sampled_probs"]

    def __init__(self, path, prompt_ids, gen_length, mask_id, eos_id, decode, prompt="", model="model",
                 architecture="?", parameters=0, layers=0, device="?", settings=None, reason="quota"):
        self.prompt_ids, self.mask_id, self.eos_id, self.reason = plain(prompt_ids), mask_id, eos_id, reason
        self.text = functools.lru_cache(None)(lambda *ids: decode(list(ids)).encode("utf-8", "replace").decode())
        self.canvas = self.prompt_ids + [mask_id] * gen_length
        self.shown = self.pieces(self.canvas)
        self.steps, self.named, self.before = 0, set(), {}
        self.header = {"denoiser": {"name": model, "architecture": architecture, "parameters": parameters,
                                    "layers": layers, "device": device},
                       "settings": {"gen-length": gen_length, **(settings or {})}, "prompt": prompt,
                       "prompt_ids": self.prompt_ids, "prompt_pieces": self.shown[:len(self.prompt_ids)],
                       "gen_length": gen_length, "mask_id": mask_id, "eos_id": eos_id, "given": []}
        self.file = open(path, "w")
        self.first = [{"diffuscope": {"format": 2, "program": "0.1.0"}, "header": self.header}]
        self.clock = time.perf_counter()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.end()
        self.file.close()

    def tokens_hook(self, step, x, logits):
        """Dream's `generation_tokens_hook_func`. Before the first step it is called without one."""
        self.begin(x) if step is None else self.step(x, logits)
        return x

    def on_step_end(self, pipeline, step, timestep, tensors):
        """diffusers' `callback_on_step_end`. `block_x` ends with the active block, which the samples are for."""
        canvas, drafts, chances = (plain(tensors[name]) for name in self.tensor_inputs)
        start, block = len(canvas) - len(drafts), len(canvas) // len(drafts) - len(self.prompt_ids) // len(drafts) - 1
        self.step(canvas, None, block, start, len(canvas), dict(enumerate(zip(drafts, chances), start)))
        return {}

    def begin(self, x):
        """The canvas before the first step; needed only where tokens behind the prompt are given."""
        canvas, length = plain(x), len(self.canvas)
        if len(canvas) != length:
            raise ValueError(f"the canvas has {len(canvas)} positions, but prompt_ids and gen_length make {length}")
        self.canvas, self.shown = canvas, self.pieces(canvas)
        self.header["given"] = [{"position": at, "token": canvas[at], "text": self.shown[at], "pinned": False}
                                for at in range(len(self.prompt_ids), length) if canvas[at] != self.mask_id]

    def step(self, x, logits=None, block=0, start=0, end=None, drafts=None):
        """A step: the canvas after it, the logits for the canvas before it (a row for every position, which predicts
        that position), and the active block from `start` to before `end`. Where there are no logits, `drafts` has
        {position: (token, probability)}, and entropies are 0."""
        took = time.perf_counter() - self.clock
        prompt, length, before, canvas = len(self.prompt_ids), len(self.canvas), self.canvas, plain(x)
        canvas = (canvas + before[len(canvas):])[:length]
        start, end = max(start, prompt), min(end or length, length)
        is_written = lambda at: canvas[at] not in (before[at], self.mask_id)
        written = [at for at in range(prompt, length) if is_written(at)]
        remasked = [at for at in range(prompt, length) if canvas[at] == self.mask_id != before[at]]
        asked = {at: canvas[at] if is_written(at) else None
                 for at in range(prompt, length) if before[at] == self.mask_id or is_written(at)}
        proposals = propose(logits, asked) if logits is not None else {
            at: (*drafts[at], 0.0, [drafts[at]]) for at in asked if at in (drafts or ())}
        confidence = lambda at: proposals[at][1] if at in proposals else 0.0
        named = {id for *_, best in proposals.values() for id, _ in best} | {canvas[at] for at in written}
        named = sorted(named - self.named)
        self.named.update(named)
        shown, self.shown = self.shown, self.pieces(canvas)
        self.write({
            "step": self.steps, "region": {"block": block, "start": start, "end": end},
            "commits": [{"position": at, "token": canvas[at], "confidence": confidence(at),
                         "reason": self.reason if before[at] == self.mask_id else "edit"} for at in written],
            "remasked": remasked,
            "cost": {"nfe": 1, "guide_forwards": 0, "computed": length, "reused": 0, "guide_computed": 0,
                     "denoiser_us": int(took * 1e6), "guide_us": 0, "other_us": 0},
            "columns": self.columns(proposals),
            "pieces": [{"position": at, "text": self.shown[at]}
                       for at in range(prompt, length) if self.shown[at] != shown[at]],
            "texts": [{"id": id, "text": self.pieces([id])[0]} for id in named],
        })
        self.canvas, self.steps, self.clock = canvas, self.steps + 1, time.perf_counter()

    def pieces(self, ids):
        """What each token adds to the text of those before it: a space that some tokenizers leave out at the start of a
        text, and a character whose bytes lie in several tokens, which goes to the last of them."""
        pieces, near = [], (self.mask_id,)
        for id in ids:
            if id == self.mask_id:
                near, piece = (id,), ""
            else:
                before, after = self.text(*near), self.text(*near, id)
                if not after.startswith(before) and after.startswith(before.rstrip(PART)):  # a character is whole
                    before = before.rstrip(PART)
                    for at in range(len(pieces))[:-len(near) - 1:-1]:
                        pieces[at] = pieces[at].rstrip(PART)
                        if pieces[at]:
                            break
                near, piece = (*near, id)[-4:], after[len(before):] if after.startswith(before) else self.text(id)
            pieces.append(piece)
        return pieces

    def columns(self, proposals):
        """Proposals, {position: (token, probability, entropy, [(id, probability)])}, as differences to those before."""
        at, end = [], 0  # runs of positions that have one now and had none, or the other way round: gap, length
        for position in sorted(set(self.before) ^ set(proposals)):
            at[-1:] = [at[-1] + 1] if at and position == end else [*at[-1:], position - end, 1]
            end = position + 1
        kinds, order, ids, shares, numbers, now = [], [], [], [], [], {}
        for position, (token, chance, entropy, best) in sorted(proposals.items()):
            old = self.before.get(position, ([0] * TOP, 0, 0))
            names = [id for id, _ in best]
            rounded = [round(65535 * value) for _, value in best] + [0] * (TOP - len(best))
            place = names.index(token) if token in names else TOP
            kind = place + 256 * (TOP - len(best))
            kinds[-2:] = [kind, kinds[-1] + 1] if kinds and kinds[-2] == kind else [*kinds[-2:], kind, 1]
            order.append(6 ** len(best) - 1)  # all of them are named
            ids += names + [token] * (place == TOP)
            shares += [new - value for new, value in zip(rounded[:len(best)], old[0])]
            chance = round(65535 * chance) if place == TOP else rounded[place]
            shares += [chance - old[1]] * (place == TOP)
            numbers.append(round(4096 * entropy) - old[2])
            now[position] = (rounded, chance, round(4096 * entropy))
        self.before = now
        columns = {"at": at, "kinds": kinds, "order": order, "ids": ids, "shares": shares, "numbers": numbers}
        return {name: column(values) for name, values in columns.items() if values}

    def end(self, reason="nothing-masked"):
        """The end of the run; called by `with`."""
        answer = self.canvas[len(self.prompt_ids):]
        answer = answer[:answer.index(self.eos_id)] if self.eos_id in answer else answer
        tokens = [id for id in answer if id != self.mask_id]
        reason = None if self.mask_id in self.canvas else reason
        self.write({"end": {"reason": reason, "answer": self.text(*tokens), "tokens": len(tokens)}})

    def write(self, line):
        for line in (*self.first, line):
            self.file.write(json.dumps(line) + "\n")
        self.first = []
        self.file.flush()
