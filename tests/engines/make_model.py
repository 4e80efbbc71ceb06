"""Writes a llama model of random weights as a GGUF file: half a megabyte, made in a second, nothing downloaded.

    make_model.py OUT.gguf [WIDTH LAYERS]

What it says means nothing, and its name says so. Each answer is printable ASCII of as many tokens as were asked for, since printable
characters are favoured over bytes and control tokens, the end of the text among them. Where a grammar demands something, a tool's call or
JSON, it says that and ends.
"""

import pathlib
import sys

import gguf
import numpy

NAME = "random-weights"
CONTEXT, HEADS = 32768, 4

# How much pieces are favoured; control tokens: 0. "<" begins the mark of text, "[" that of a call: where both may come it is a call, and
# after one the end. Either is a piece and a byte.
PRINTABLE, BYTE, RARE = 3.0, -1.0, {"<": -8.0, "<0x3C>": -8.0, "[": -4.0, "<0x5B>": -4.0}

# From the template the server learns what a call looks like, and makes a grammar of it. An answer's text stands between marks, so that where
# a call is demanded the grammar leaves this model no room to ramble first.
TEMPLATE = """\
{%- if tools %}<|im_start|>system
You may call these functions:
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}<|im_end|>
{% endif %}
{%- for m in messages %}<|im_start|>{{ m.role }}
{% if m.tool_calls %}
{%- for call in m.tool_calls %}[CALL]{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}{% endfor %}
{%- elif m.role == 'assistant' %}<text>{{ m.content or '' }}</text>
{%- else %}{{ m.content or '' }}
{%- endif %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def vocabulary():
    """Pieces with their kinds, and where the printable ones begin. Every byte has a token, so that any text has some."""
    kinds = gguf.TokenType
    pieces = [("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)]
    pieces += [(f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256)]
    pieces += [("<|im_start|>", kinds.CONTROL), ("<|im_end|>", kinds.CONTROL)]
    printable = len(pieces)
    # U+2581 is a space.
    words = ["\u2581"] + [chr(code) for code in range(33, 127)] + ["\u2581" + word for word in ("the", "of", "and", "to", "in", "a")]
    pieces += [(word, kinds.NORMAL) for word in words]
    return pieces, printable


def write_model(path, width=64, layers=2):
    random = numpy.random.default_rng(1)

    def weights(*shape, deviation=0.3):
        return random.normal(0, deviation, shape).astype(numpy.float32)

    pieces, printable = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(NAME)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(width // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(pieces))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece.encode() for piece, _ in pieces])
    writer.add_token_scores([-float(max(0, at - printable + 1)) for at in range(len(pieces))])
    writer.add_token_types([kind for _, kind in pieces])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(printable - 1)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    # The first dimension is the same at every place, and no layer writes to it: its column of the head is what each piece is favoured by.
    embedding = weights(len(pieces), width, deviation=1.0)
    embedding[:, 0] = 8
    head = numpy.zeros((len(pieces), width), numpy.float32)
    head[printable:] = weights(len(pieces) - printable, width, deviation=0.5)
    for at, (piece, kind) in enumerate(pieces):
        favour = PRINTABLE if at >= printable else BYTE if kind == gguf.TokenType.BYTE else 0
        head[at, 0] = RARE.get(piece, favour)
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output_norm.weight", numpy.ones(width, numpy.float32))
    writer.add_tensor("output.weight", head)
    for layer in range(layers):
        block = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}{norm}.weight", numpy.ones(width, numpy.float32))
        for projection in ("attn_q", "attn_k", "attn_v"):
            writer.add_tensor(f"{block}{projection}.weight", weights(width, width))
        writer.add_tensor(f"{block}ffn_gate.weight", weights(2 * width, width))
        writer.add_tensor(f"{block}ffn_up.weight", weights(2 * width, width))
        for projection, inputs in (("attn_output", width), ("ffn_down", 2 * width)):
            output = weights(width, inputs)
            output[0] = 0
            writer.add_tensor(f"{block}{projection}.weight", output)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write_model(pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:]))
