"""A decoder-only transformer of today's form.

RMSNorm before every block and after the embedding, rotary positions, normalised queries and keys, squared-ReLU
feed-forward, no biases. One dial, `depth`, sets its size: the width is 64 times the depth, and a head is 64 wide.
"""

from typing import Any

import jax
import jax.numpy as jnp

from trex.language_model.shape import HEAD, Shape

INITIAL_EMBEDDING = 0.02  # standard deviation

Parameters = dict[str, Any]


def initial_parameters(key: jax.Array, shape: Shape) -> Parameters:
    """Float32; blocks are stacked: the first axis of each of their arrays is the depth."""
    keys = jax.random.split(key, 6)
    depth, width = shape.depth, shape.width

    def normal(key: jax.Array, *size: int) -> jax.Array:
        return jax.random.normal(key, size, jnp.float32)

    parameters = {
        "embedding": INITIAL_EMBEDDING * normal(keys[0], shape.rows, width),
        "attention_in": width**-0.5 * normal(keys[1], depth, width, 3 * width),
        "attention_out": jnp.zeros((depth, width, width)),
        "forward_in": width**-0.5 * normal(keys[2], depth, width, 4 * width),
        "forward_out": jnp.zeros((depth, 4 * width, width)),
    }
    if not shape.tied_embeddings:
        parameters["output"] = INITIAL_EMBEDDING * normal(keys[3], shape.rows, width)
    return parameters


def _norm(x: jax.Array) -> jax.Array:
    """RMSNorm without a scale, which the matrix after it has."""
    exact = x.astype(jnp.float32)
    return (exact * jax.lax.rsqrt(jnp.mean(exact**2, axis=-1, keepdims=True) + 1e-6)).astype(x.dtype)


def _rotated(x: jax.Array) -> jax.Array:
    """Rotary positions (Su et al. 2021, arXiv 2104.09864). [batch, context, heads, HEAD]"""
    half = HEAD // 2
    frequency = 10_000.0 ** (-jnp.arange(half, dtype=jnp.float32) / half)
    angle = jnp.arange(x.shape[1], dtype=jnp.float32)[:, None] * frequency
    cos, sin = jnp.cos(angle)[:, None].astype(x.dtype), jnp.sin(angle)[:, None].astype(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def _block(x: jax.Array, of: Parameters, attention: str | None) -> jax.Array:
    batch, context, width = x.shape
    qkv = (_norm(x) @ of["attention_in"]).reshape(batch, context, 3, width // HEAD, HEAD)
    q, k = _rotated(_norm(qkv[:, :, 0])), _rotated(_norm(qkv[:, :, 1]))
    mixed = jax.nn.dot_product_attention(q, k, qkv[:, :, 2], is_causal=True, implementation=attention)
    x = x + mixed.reshape(batch, context, width) @ of["attention_out"]
    return x + jnp.square(jax.nn.relu(_norm(x) @ of["forward_in"])) @ of["forward_out"]


@jax.custom_vjp
def rows_by_product(embedding: jax.Array, ids: jax.Array) -> jax.Array:
    """`embedding[ids]`, whose gradient is a matrix product. That of a look-up is a scatter. In bfloat16 its sums stop
    growing: adding 1 to 256 leaves 256. On a GPU it also adds in any order."""
    return embedding[ids]


def _rows_forward(embedding: jax.Array, ids: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return embedding[ids], (embedding, ids)


def _rows_backward(kept: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, None]:
    embedding, ids = kept
    is_row = jax.nn.one_hot(ids, len(embedding), dtype=gradient.dtype)
    of_rows = jnp.einsum("btv,btd->vd", is_row, gradient, preferred_element_type=jnp.float32)
    return of_rows.astype(embedding.dtype), None


rows_by_product.defvjp(_rows_forward, _rows_backward)


def losses(
    parameters: Parameters, tokens: jax.Array, possible: jax.Array, attention: str | None = None
) -> jax.Array:
    """Minus the log probability, in nats, of every token but the first of a window, given those before it.

    Matrices are multiplied in bfloat16 on a GPU, in float32 on a CPU; probabilities are float32.

    Args:
        tokens: int32 [batch, context + 1]; negative ones are padding, whose loss is 0.
        possible: bool [rows], ids that have a probability at all.
        attention: its implementation in `jax.nn.dot_product_attention`.

    Returns:
        float32 [batch, context]
    """
    on_cpu = jax.default_backend() == "cpu"
    dtype = jnp.float32 if on_cpu else jnp.bfloat16
    cast = {name: value.astype(dtype) for name, value in parameters.items()}
    embedding, output = cast.pop("embedding"), cast.pop("output", None)
    ids = jnp.maximum(tokens[:, :-1], 0)
    x = _norm(embedding[ids] if on_cpu else rows_by_product(embedding, ids))
    x, _ = jax.lax.scan(lambda x, of: (_block(x, of, attention), None), x, cast)
    logits = jnp.einsum(
        "btd,vd->btv",
        _norm(x),
        embedding if output is None else output,
        preferred_element_type=jnp.float32,
    )
    logits = jnp.where(possible, logits, -1e9)
    target = tokens[:, 1:]
    # a sum over the vocabulary and no lookup, whose gradient would be a scatter
    is_target = jnp.arange(logits.shape[-1]) == target[..., None]
    chosen = jnp.sum(jnp.where(is_target, logits, 0), axis=-1)
    return jnp.where(target >= 0, jax.nn.logsumexp(logits, axis=-1) - chosen, 0)
