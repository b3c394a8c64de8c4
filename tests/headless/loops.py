"""Denoising loops over a random model, traced by the bridge: python3 loops.py BRIDGE FOLDER."""

import importlib.util, math, random, sys

spec = importlib.util.spec_from_file_location("bridge", sys.argv[1])
bridge = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bridge)

VOCABULARY = ["<eos>", "<mask>", " the", " goat", " plays", "\u202e", " <script>", " caf\u00e9", "\ud83c"]
EOS, MASK, PROMPT = 0, 1, [3, 4]


class Plain:
    """As little of a tensor as the bridge asks for."""

    def __init__(self, values):
        self.values = values

    def tolist(self):
        return self.values


class Tensor(Plain):
    """As much of PyTorch's as it uses."""

    def __getitem__(self, at):
        return Tensor([self.values[i] for i in at] if isinstance(at, list) else self.values[at])

    @property
    def shape(self):
        return (len(self.values), *Tensor(self.values[0]).shape) if isinstance(self.values, list) else ()

    def reshape(self, any, width):
        assert any == -1
        while len(self.shape) > 2:
            self = Tensor([row for part in self.values for row in part])
        assert self.shape[1] == width
        return self

    def each(self, change):
        return Tensor([[change(value) for value in row] for row in self.values])

    def float(self):
        return self

    def softmax(self, dim):
        weights = [[math.exp(value - max(row)) for value in row] for row in self.values]
        return Tensor([[weight / sum(row) for weight in row] for row in weights])

    def topk(self, count, dim):
        ids = [sorted(range(len(row)), key=lambda id: -row[id])[:count] for row in self.values]
        return Tensor([[row[id] for id in best] for row, best in zip(self.values, ids)]), Tensor(ids)

    def clamp(self, min):
        return self.each(lambda value: max(value, min))

    def log(self):
        return self.each(math.log)

    def __mul__(self, other):
        return Tensor([[a * b for a, b in zip(*rows)] for rows in zip(self.values, other.values)])

    def sum(self, dim):
        return Tensor([sum(row) for row in self.values])

    def __neg__(self):
        return Tensor([-value for value in self.values])

    def item(self):
        return self.values


def decode(ids):
    return "".join(VOCABULARY[id] for id in ids)


def model(canvas, random):
    return [[random.gauss(0, 2) - 50 * (id < 2) for id in range(len(VOCABULARY))] for _ in canvas]


def steps(masks, random, count=2, end=None):
    """Canvas, logits for it, and the canvas after the `count` most certain masks up to `end` are written."""
    canvas = PROMPT + [MASK] * masks
    while MASK in canvas[:end]:
        logits = model(canvas, random)
        masked = [at for at in range(len(canvas))[:end] if canvas[at] == MASK]
        chosen = sorted(masked, key=lambda at: -max(logits[at]))[:count]
        after = [logits[at].index(max(logits[at])) if at in chosen else id for at, id in enumerate(canvas)]
        yield canvas, logits, after
        canvas = after


def trace(name, masks, **options):
    return bridge.Trace(f"{sys.argv[2]}/{name}.jsonl", Plain([PROMPT]), masks, MASK, EOS, decode, prompt="goat plays",
                        model="random", layers=2, **options)


with trace("dream", 8, settings={"temperature": 0.2}) as dream:
    dream.tokens_hook(None, Tensor([PROMPT + [MASK] * 8]), None)
    for step, (_, logits, after) in enumerate(steps(8, random.Random(1))):
        assert dream.tokens_hook(step, Tensor([after]), Tensor([logits])).values == [after]

with trace("plain", 8, settings={"temperature": 0.2}) as plain:
    for step, (_, logits, after) in enumerate(steps(8, random.Random(1))):
        plain.tokens_hook(step, Plain([after]), Plain([logits]))

with trace("llada", 8, reason="threshold") as llada:
    canvas = None
    for canvas, logits, after in steps(8, random.Random(2), end=6):
        llada.step(after, logits, block=0, start=2, end=6)
    after = after[:5] + [MASK] + after[6:]
    llada.step(after, logits, block=1, start=6, end=10)  # takes one back

with trace("diffusers", 8) as diffusers:
    names = dict.fromkeys(diffusers.tensor_inputs)
    for step, (canvas, logits, after) in enumerate(steps(8, random.Random(3), end=6)):
        samples = [row.index(max(row)) for row in logits[2:6]]
        tensors = {"block_x": Plain([after[:6]]), "sampled_tokens": Plain([samples]),
                   "sampled_probs": Plain([[0.5] * 4])}
        assert diffusers.on_step_end(None, step, step, {name: tensors[name] for name in names}) == {}
    after[4], samples[2] = 2, 2  # an edit
    diffusers.on_step_end(None, 2, 2, {**tensors, "block_x": Plain([after[:6]]), "sampled_tokens": Plain([samples])})

BYTES = [b"<eos>", b"<mask>", b" the", b" goat \xf0\x9f", b"\x90\x90"]
with bridge.Trace(f"{sys.argv[2]}/spelt.jsonl", [2], 4, MASK, EOS,
                  lambda ids: b"".join(BYTES[id] for id in ids).decode("utf-8", "replace")) as spelt:
    spelt.tokens_hook(None, Tensor([[2, 1, 1, 1, 2]]), None)  # the last token is given
    spelt.step([2, 1, 4, 1, 2])
    spelt.step([2, 3, 4, 2, 2])

try:
    spelt.begin([2] * 6)
except ValueError as error:
    assert str(error) == "the canvas has 6 positions, but prompt_ids and gen_length make 5", error

try:
    with trace("broken", 4) as broken:
        for _, logits, after in steps(4, random.Random(4)):
            broken.step(after, logits)
            raise KeyboardInterrupt
except KeyboardInterrupt:
    pass
