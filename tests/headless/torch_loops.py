"""The loops of Dream, LLaDA and diffusers over a small random network in PyTorch: python3 torch_loops.py BRIDGE FOLDER.

Beside the traces goes what the loops saw: the canvas after every step, and token, probability and entropy of each
proposal.
"""

import importlib.util, json, sys, types
import torch
from torch import nn

spec = importlib.util.spec_from_file_location("bridge", sys.argv[1])
bridge = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bridge)

EOS, MASK, VOCABULARY, WIDTH = 0, 1, 300, 32
PROMPT = torch.tensor([[70, 105, 110, 100], [80, 90, 100, 110]])  # two sequences, of which the first is traced


class Network(nn.Module):
    """A transformer in which every position sees every other."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.tokens, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(64, WIDTH)
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(WIDTH, 4, 64, 0.0, batch_first=True) for _ in range(2))
        self.head = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, x):
        hidden = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        for layer in self.layers:
            hidden = layer(hidden)
        logits = 3 * self.head(hidden)
        logits[..., :2] = -torch.inf  # neither ends nor masks
        return types.SimpleNamespace(logits=logits.bfloat16())


network = Network().eval()


def decode(ids):
    return bytes(id % 256 for id in ids).decode("utf-8", "replace")


class Seen:
    """What a loop sees."""

    def __init__(self):
        self.steps = []

    def step(self, before, after, logits):
        chances = logits[0].float().softmax(-1)
        entropy = torch.distributions.Categorical(probs=chances).entropy()
        proposals = {}
        for at in (before[0] == MASK).nonzero().flatten().tolist():
            best = chances[at].topk(5).indices[0]  # among equals, the one that is first there
            token = (after[0, at] if after[0, at] != MASK else best).item()
            proposals[at] = [token, chances[at, token].item(), entropy[at].item()]
        self.steps.append({"canvas": after[0].tolist(), "proposals": proposals})


def diffusion_generate(inputs, max_new_tokens, steps, generation_tokens_hook_func, generation_logits_hook_func):
    """Dream's loop, with its time grid and the most confident first."""
    x = nn.functional.pad(inputs, (0, max_new_tokens), value=MASK)
    times = torch.linspace(1, 1e-3, steps + 1)
    x = generation_tokens_hook_func(None, x, None)
    for i in range(steps):
        mask = x == MASK
        logits = network(x).logits
        logits = torch.cat([logits[:, :1], logits[:, :-1]], dim=1)
        logits = generation_logits_hook_func(i, x, logits)
        confidence, best = logits.softmax(-1).max(-1)
        confidence = confidence.masked_fill(~mask, -torch.inf)
        left = mask.sum() / mask.shape[0]
        count = int(left * (1 - times[i + 1] / times[i])) if i < steps - 1 else int(left)
        chosen = confidence.topk(count).indices
        x.scatter_(1, chosen, best.gather(1, chosen))
        x = generation_tokens_hook_func(i, x, logits)
    return x


def generate(prompt, trace, seen, steps, gen_length, block_length, temperature):
    """LLaDA's loop."""
    x = nn.functional.pad(prompt, (0, gen_length), value=MASK)
    for num_block in range(gen_length // block_length):
        for i in range(steps):
            before, mask = x.clone(), x == MASK
            logits = network(x).logits
            noise = torch.rand_like(logits, dtype=torch.float64)
            x0 = (logits.double().exp() / (-noise.log()) ** temperature).argmax(-1)
            x0_p = logits.softmax(-1).gather(-1, x0[..., None])[..., 0]
            x0_p[:, prompt.shape[1] + (num_block + 1) * block_length:] = -torch.inf
            confidence = x0_p.masked_fill(~mask, -torch.inf)
            transfer_index = torch.zeros_like(mask)
            transfer_index.scatter_(1, confidence.topk(block_length // steps).indices, True)
            x[transfer_index] = x0[transfer_index]
            first = prompt.shape[1] + num_block * block_length
            trace.step(x, logits, num_block, first, first + block_length)
            seen.step(before, x, logits)
    return x


def pipeline(input_ids, gen_length, block_length, callback_on_step_end, callback_on_step_end_tensor_inputs):
    """The loop of diffusers' LLaDA2Pipeline: blocks are counted from the start of the canvas."""
    blocks = -(-(input_ids.shape[1] + gen_length) // block_length)
    x = nn.functional.pad(input_ids, (0, blocks * block_length - input_ids.shape[1]), value=MASK)
    step = 0
    for block in range(input_ids.shape[1] // block_length, blocks):
        block_x = x[:, :(block + 1) * block_length]
        while (block_x == MASK).any():
            logits = network(block_x).logits[:, -block_length:]
            sampled_probs, sampled_tokens = logits.float().softmax(-1).max(-1)
            mask = block_x[:, -block_length:] == MASK
            chosen = sampled_probs.masked_fill(~mask, -1).topk(2).indices
            tokens = block_x[:, -block_length:].scatter(1, chosen, sampled_tokens.gather(1, chosen))
            block_x[:, -block_length:] = torch.where(mask, tokens, block_x[:, -block_length:])
            known = {"block_x": block_x, "sampled_tokens": sampled_tokens, "sampled_probs": sampled_probs}
            tensors = {name: known[name] for name in callback_on_step_end_tensor_inputs}
            block_x = callback_on_step_end(None, step, step, tensors).pop("block_x", block_x)
            step += 1
    return x[:, :input_ids.shape[1] + gen_length]


def trace(name, length):
    return bridge.Trace(f"{sys.argv[2]}/{name}.jsonl", PROMPT, length, MASK, EOS, decode, prompt="Find", model="random")


seen = {"dream": Seen(), "llada": Seen()}
with torch.no_grad():
    with trace("dream", 16) as dream:
        before = []

        def logits_hook(step, x, logits):
            before.append(x.clone())
            return logits

        def tokens_hook(step, x, logits):
            if step is not None:
                seen["dream"].step(before[step], x, logits)
            return dream.tokens_hook(step, x, logits)

        answer = diffusion_generate(PROMPT, 16, 6, tokens_hook, logits_hook)
        assert dream.canvas == answer[0].tolist() and dream.steps == 6
    with trace("llada", 16) as llada:
        answer = generate(PROMPT, llada, seen["llada"], 4, 16, 8, 0.5)
        assert llada.canvas == answer[0].tolist()
    with trace("diffusers", 13) as diffusers:
        answer = pipeline(PROMPT, 13, 6, diffusers.on_step_end, diffusers.tensor_inputs)
        assert diffusers.canvas == answer[0].tolist()

json.dump({name: seen.steps for name, seen in seen.items()}, open(f"{sys.argv[2]}/seen.json", "w"))
print(torch.__version__)
