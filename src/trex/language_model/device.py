"""The library for language models: whether it is there, and how it is told to repeat its numbers and to share a GPU."""

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
    """Ask for the same numbers each time, and for a GPU that jobs can share; has to come before JAX is imported.

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
    # by default the first process takes three quarters of a GPU's memory, and the next one on it fails
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
