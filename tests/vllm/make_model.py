"""Writes a tiny Llama for vLLM whose weights are random numbers: it says nothing, and takes no download.

    make_model.py FOLDER

The tokenizer knows single bytes, so any text goes in. Only printable characters can come out, and no end: an answer has as many tokens as were
asked for.
"""

import json
import pathlib
import sys

import numpy
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

CONTEXT = 16384  # more than a client is told to demand that will leave
WIDTH, LAYERS, HEADS, INNER = 128, 4, 4, 256
VOCABULARY = 320  # a multiple of 64
SPECIAL = ["<s>", "</s>", "<|turn|>", "<|end|>"]
TEMPLATE = (
    "{% for m in messages %}<|turn|>{{ m['role'] }}\n{{ m['content'] or '' }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)


def make_tokenizer():
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: at for at, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    return tokenizer


def make_weights(tokenizer):
    draw = numpy.random.default_rng(1)

    def random(*shape, scale=0.3):
        return draw.normal(0, scale, shape).astype(numpy.float32)

    head = numpy.zeros((VOCABULARY, WIDTH), numpy.float32)
    for code in range(ord(" "), ord("~") + 1):
        head[tokenizer.encode(chr(code)).ids[0]] = random(WIDTH, scale=0.5)
    weights = {"model.embed_tokens.weight": random(VOCABULARY, WIDTH, scale=1.0), "model.norm.weight": numpy.ones(WIDTH, numpy.float32),
               "lm_head.weight": head}
    for layer in range(LAYERS):
        shapes = {**{f"self_attn.{name}_proj": (WIDTH, WIDTH) for name in "qkvo"},
                  "mlp.gate_proj": (INNER, WIDTH), "mlp.up_proj": (INNER, WIDTH), "mlp.down_proj": (WIDTH, INNER)}
        weights |= {f"model.layers.{layer}.{name}.weight": random(*shape) for name, shape in shapes.items()}
        weights |= {f"model.layers.{layer}.{name}.weight": numpy.ones(WIDTH, numpy.float32)
                    for name in ("input_layernorm", "post_attention_layernorm")}
    return weights


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    first, _, _, last = (tokenizer.token_to_id(token) for token in SPECIAL)
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": SPECIAL[0], "eos_token": SPECIAL[3], "pad_token": SPECIAL[1],
        "model_max_length": CONTEXT, "clean_up_tokenization_spaces": False, "chat_template": TEMPLATE}))
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": WIDTH, "intermediate_size": INNER,
        "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": HEADS, "head_dim": WIDTH // HEADS,
        "hidden_act": "silu", "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": False, "bos_token_id": first, "eos_token_id": last, "torch_dtype": "float32", "attention_bias": False}))
    save_file(make_weights(tokenizer), str(folder / "model.safetensors"), metadata={"format": "pt"})


if __name__ == "__main__":
    main(*sys.argv[1:])
