"""The library for language models, and how it is told to give the same numbers each time."""

import importlib.util
import logging
import os

# One thread on a CPU: sums in another order have other last digits, and jobs run side by side. On a GPU, operations
# that add in a fixed order.
_FLAGS = (
    "--xla_cpu_multi_thread_eigen=false",
    "intra_op_parallelism_threads=1",
    "--xla_gpu_deterministic_ops=true",
)


def installed() -> bool:
    """Whether JAX and Optax are there."""
    return all(importlib.util.find_spec(name) for name in ("jax", "optax"))


def prepare() -> None:
    """Ask for the same numbers each time; has to come before JAX is imported.

    Raises:
        ValueError: JAX or Optax is not installed; says how to install them.
    """
    if not installed():
        raise ValueError(
            "language models need JAX and Optax, which are not installed: run ./install.sh --language-model, or set "
            "language_model.check.seeds to 0"
        )
    logging.getLogger("jax").setLevel(logging.WARNING)  # it tells of every device that it does not find
    given = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = " ".join(filter(None, [given, *_FLAGS]))
