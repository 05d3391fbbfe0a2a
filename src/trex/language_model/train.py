"""Training: AdamW over windows of a stream of ids, from which a killed job goes on.

Several models of one shape can be trained side by side (`jax.vmap`), which fills a GPU that one small model does not;
each has its own seed: its initial parameters and its order of the documents.
"""

import json
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np
import optax

from trex.files import sha256 as file_sha256
from trex.language_model.budgets import Segment
from trex.language_model.model import Parameters, initial_parameters, losses
from trex.language_model.shape import Shape

log = logging.getLogger(__name__)

CHUNK = 32  # steps whose windows go to the device at once; the learning curve has a point for each chunk
PADDING = -1
CHECKPOINT_SECONDS = 300.0  # between two checkpoints; a killed job loses this much at most
WIDTH_OF_RATE = 256  # the width that the learning rate is given for


@dataclass(frozen=True)
class Options:
    """How a model is trained.

    batch: windows in a step. learning_rate: the highest, of a model of width 256; other widths have it times
    sqrt(256 / width). seeds: of the models that are trained side by side. attention: of `model.losses`.
    """

    batch: int
    learning_rate: float
    weight_decay: float
    seeds: tuple[int, ...]
    attention: str | None = None

    def highest_rate(self, shape: Shape) -> float:
        return self.learning_rate * (WIDTH_OF_RATE / shape.width) ** 0.5


@dataclass
class State:
    """What training changes. Every array has a first axis for the seeds."""

    parameters: Parameters
    optimizer: Any


@dataclass
class Progress:
    """How far a training came: what a checkpoint holds.

    segment, step: the next ones. trunk: the state to go back to after a fall; None outside. curve: rows (segment,
    step, loss of each seed in nats a token). seconds: of training, of so many steps. results: what was measured after
    each budget.
    """

    state: State
    segment: int = 0
    step: int = 0
    trunk: State | None = None
    curve: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0
    steps: int = 0
    results: dict[str, Any] = field(default_factory=dict)

    def note(self, first: int, n: int, values: jax.Array) -> None:
        """Add the mean losses of n steps from `first` on to the curve, once the device has them."""
        self.curve.append([self.segment, first + n, *np.asarray(values[:n]).mean(axis=0).tolist()])


def _optimizer(options: Options) -> optax.GradientTransformation:
    """AdamW without the learning rate, which every step brings along."""
    return optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.scale_by_adam(b1=0.9, b2=0.95),
        optax.add_decayed_weights(options.weight_decay),
    )


def initial_state(shape: Shape, options: Options) -> State:
    keys = jnp.stack([jax.random.key(seed) for seed in options.seeds])
    parameters = jax.jit(jax.vmap(partial(initial_parameters, shape=shape)))(keys)
    return State(parameters, jax.jit(jax.vmap(_optimizer(options).init))(parameters))


def for_each_seed(function: Callable, axes: tuple[int | None, ...], seeds: int) -> Callable:
    """`jax.vmap`; a single seed is computed as it is, which a CPU does many times faster than a stack of one."""
    if seeds > 1:
        return jax.vmap(function, in_axes=axes)

    def alone(*arguments: Any) -> Any:
        own = [
            jax.tree.map(lambda x: x[0], argument) if axis == 0 else argument
            for argument, axis in zip(arguments, axes, strict=True)
        ]
        return jax.tree.map(lambda x: x[None], function(*own))

    return alone


def make_steps(
    shape: Shape, options: Options, possible: np.ndarray
) -> Callable[[State, np.ndarray, np.ndarray, int], tuple[State, jax.Array]]:
    """A function that takes up to CHUNK steps: (state, windows [CHUNK, seeds, batch, context + 1], rates [CHUNK], n)
    -> (state, sum of the losses of each step [CHUNK, seeds]).

    possible: bool [rows], the ids that exist.
    """
    optimizer = _optimizer(options)
    allowed = jnp.asarray(possible)

    def loss(parameters: Parameters, tokens: jax.Array) -> jax.Array:
        nats = losses(parameters, tokens, allowed, options.attention)
        return nats.sum() / jnp.maximum((tokens[:, 1:] >= 0).sum(), 1)

    def step(
        parameters: Parameters, optimizer_state: Any, tokens: jax.Array, rate: jax.Array
    ) -> tuple[Parameters, Any, jax.Array]:
        value, gradient = jax.value_and_grad(loss)(parameters, tokens)
        updates, optimizer_state = optimizer.update(gradient, optimizer_state, parameters)
        parameters = jax.tree.map(lambda p, u: p - rate * u, parameters, updates)
        return parameters, optimizer_state, value

    of_all = for_each_seed(step, (0, 0, 0, None), len(options.seeds))

    @jax.jit
    def steps(
        parameters: Parameters, optimizer_state: Any, windows: jax.Array, rates: jax.Array, n: int
    ) -> Any:
        def body(i: jax.Array, carry: Any) -> Any:
            parameters, optimizer_state, values = carry
            parameters, optimizer_state, value = of_all(parameters, optimizer_state, windows[i], rates[i])
            return parameters, optimizer_state, values.at[i].set(value)

        values = jnp.zeros((CHUNK, len(options.seeds)))
        return jax.lax.fori_loop(0, n, body, (parameters, optimizer_state, values))

    def run(state: State, windows: np.ndarray, rates: np.ndarray, n: int) -> tuple[State, jax.Array]:
        parameters, optimizer_state, values = steps(state.parameters, state.optimizer, windows, rates, n)
        return State(parameters, optimizer_state), values

    return run


def windows_of(streams: Sequence[np.ndarray], first: int, n: int, batch: int, context: int) -> np.ndarray:
    """int32 [CHUNK, seeds, batch, context + 1]: windows of n steps, from step `first` on.

    A stream is cut into `batch` pieces of one length, and a step takes the next window of each. So a step has text from
    all over, and not the neighbouring windows of one or two documents, whose gradients are alike. Windows that follow
    each other share a token, the last target of one and the first input of the next; behind the end is padding.

    >>> windows_of([np.arange(9)], 0, 2, batch=2, context=2)[:2, 0].tolist()
    [[[0, 1, 2], [6, 7, 8]], [[2, 3, 4], [8, -1, -1]]]
    """
    taken = np.full((CHUNK, len(streams), batch, context + 1), PADDING, dtype=np.int32)
    for s, ids in enumerate(streams):
        length = -(-len(ids) // (batch * context)) * context
        for lane in range(batch):
            begin = lane * length + first * context
            piece = ids[begin : begin + n * context + 1]
            padded = np.full(n * context + 1, PADDING, dtype=np.int32)
            padded[: len(piece)] = piece
            windows = np.lib.stride_tricks.sliding_window_view(padded, context + 1)
            taken[:n, s, lane] = windows[::context]
    return taken


@dataclass
class Training:
    """One training of models of one shape, one a seed, on their streams.

    plan: its segments. possible: bool [rows], the ids that exist. checkpoint: a file, or None. of: what else the
    results depend on, as a checkpoint of another training is not taken.
    """

    shape: Shape
    options: Options
    streams: Sequence[np.ndarray]
    plan: Sequence[Segment]
    possible: np.ndarray
    checkpoint: Path | None = None
    of: str = ""

    def run(self, measure: Callable[[State], Any]) -> Progress:
        """Train, and measure after each fall; goes on from a checkpoint of the same training.

        measure: what it returns for a state must be JSON-able or numpy arrays in a mapping; kept by budget.
        """
        progress = self._begin()
        rate = self.options.highest_rate(self.shape)
        take = make_steps(self.shape, self.options, self.possible)
        windows = np.full(
            (CHUNK, len(self.streams), self.options.batch, self.shape.context + 1), PADDING, np.int32
        )
        take(progress.state, windows, np.zeros(CHUNK, np.float32), 0)  # compiles, before the clock starts
        saved = monotonic()
        while progress.segment < len(self.plan):
            segment = self.plan[progress.segment]
            if segment.budgets and progress.trunk is None:
                progress.trunk = progress.state
            waiting: list[tuple[int, int, jax.Array]] = []
            began = monotonic()
            for at, n in _chunks(segment, progress.step):
                rates = np.zeros(CHUNK, dtype=np.float32)
                rates[:n] = rate * segment.rates[at - segment.first : at - segment.first + n]
                windows = windows_of(self.streams, at, n, self.options.batch, self.shape.context)
                progress.state, values = take(progress.state, windows, rates, n)
                progress.steps += n
                waiting.append((at, n, values))
                if len(waiting) > 1:  # the device is never idle while a chunk's losses are fetched
                    progress.note(*waiting.pop(0))
                if self.checkpoint and monotonic() - saved > CHECKPOINT_SECONDS:
                    progress.note(*waiting.pop(0))
                    progress.step = at + n
                    progress.seconds += monotonic() - began
                    save(progress, self.checkpoint, self._identity())
                    saved = began = monotonic()
            for chunk in waiting:
                progress.note(*chunk)
            progress.seconds += monotonic() - began
            if segment.budgets:
                measured = measure(progress.state)
                progress.results |= dict.fromkeys(segment.budgets, measured)
                assert progress.trunk is not None
                progress.state, progress.trunk = progress.trunk, None
                log.info("measured after %d steps", segment.last)
            progress.segment += 1
            following = self.plan[progress.segment : progress.segment + 1]
            progress.step = following[0].first if following else segment.last
        return progress

    def _begin(self) -> Progress:
        state = initial_state(self.shape, self.options)
        if self.checkpoint and self.checkpoint.exists():
            found = load(self.checkpoint, state, self._identity())
            if found:
                log.info("going on from step %d, which a checkpoint holds", found.step)
                return found
        return Progress(state)

    def _identity(self) -> str:
        """Of the same training; a checkpoint of another is not taken."""
        text = [sha256(np.ascontiguousarray(ids)).hexdigest() for ids in self.streams]
        plan = [(segment.first, segment.last, segment.budgets) for segment in self.plan]
        return repr((self.shape, self.options, plan, text, self.of))


def _chunks(segment: Segment, step: int) -> Iterator[tuple[int, int]]:
    """(first step, steps) of the chunks of a segment from `step` on."""
    for at in range(max(step, segment.first), segment.last, CHUNK):
        yield at, min(CHUNK, segment.last - at)


# --- Checkpoints ------------------------------------------------------------------------------------------


def _leaves(state: State) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves((state.parameters, state.optimizer))]


def save(progress: Progress, path: Path, identity: str) -> None:
    """Write a checkpoint whole or not at all."""
    arrays = {f"state_{i}": leaf for i, leaf in enumerate(_leaves(progress.state))}
    if progress.trunk:
        arrays |= {f"trunk_{i}": leaf for i, leaf in enumerate(_leaves(progress.trunk))}
    for budget, measured in progress.results.items():
        arrays |= {f"result:{budget}:{name}": values for name, values in measured.items()}
    about = {
        "identity": identity,
        "segment": progress.segment,
        "step": progress.step,
        "trunk": progress.trunk is not None,
        "curve": progress.curve,
        "seconds": progress.seconds,
        "steps": progress.steps,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with open(part, "wb") as file:
            np.savez(file, about=np.array(json.dumps(about)), **arrays)
            file.flush()
            file.write(bytes.fromhex(file_sha256(part)))
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _whole(path: Path) -> bool:
    """Whether a checkpoint ends with the SHA-256 of what is before."""
    digest = sha256()
    with open(path, "rb") as file:
        left = path.stat().st_size - digest.digest_size
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            digest.update(block)
            left -= len(block)
        return file.read() == digest.digest()


def load(path: Path, like: State, identity: str) -> Progress | None:
    """What a checkpoint holds; None if it is of another training or cannot be read.

    like: a state of the same structure.
    """
    try:
        if not _whole(path):
            raise ValueError("it is damaged")
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            if about["identity"] != identity:
                log.warning("%s is of another training, so this one begins at its beginning", path)
                return None
            structure = jax.tree.structure((like.parameters, like.optimizer))

            def state(kind: str) -> State:
                leaves = [jnp.asarray(file[f"{kind}_{i}"]) for i in range(structure.num_leaves)]
                return State(*jax.tree.unflatten(structure, leaves))

            results: dict[str, dict[str, np.ndarray]] = {}
            for key in file.files:
                if key.startswith("result:"):
                    _, budget, name = key.split(":", 2)
                    results.setdefault(budget, {})[name] = file[key]
            return Progress(
                state("state"),
                about["segment"],
                about["step"],
                state("trunk") if about["trunk"] else None,
                about["curve"],
                about["seconds"],
                about["steps"],
                results,
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        log.warning("the checkpoint %s cannot be read, so training begins at its beginning: %s", path, error)
        return None
