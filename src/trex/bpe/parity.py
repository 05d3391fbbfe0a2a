"""Parity-aware BPE (arXiv 2508.04796) from counts of words by corpus, identical to `tokenizers`' `ParityBpeTrainer`.

Every step merges the best pair of the corpus that compresses worst so far. `trex.bpe.parity_specification` says in
plain Python what is computed, docs/parity.md how it relates to `tokenizers`.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from trex.arrow import frozen
from trex.bpe.model import BpeModel
from trex.bpe.parity_loop import Limits, Rotation
from trex.bpe.parity_stretches import Columns, ParityTraining, count_of_rank
from trex.bpe.stretches import Workspace, initial_tokens
from trex.bpe.text_passes import Counted, count_made, count_made_in_training
from trex.bpe.training import DEFAULT_OPTIONS, BpeOptions
from trex.bpe.turns import Turns
from trex.bpe.words import EvalCounts, FlatWords

NO_LIMIT = 2**62


@dataclass(frozen=True)
class ParityModel(BpeModel):
    """A vocabulary with the corpora that led its steps.

    leaders: int32 [steps], the corpus whose turn it was; GLOBAL (-1): all together.
    """

    leaders: np.ndarray = field(kw_only=True)


def train_parity(
    words: FlatWords,
    corpora: EvalCounts,
    vocab_size: int,
    turns: Turns,
    options: BpeOptions = DEFAULT_OPTIONS,
    *,
    development: EvalCounts | None = None,
    evaluation: EvalCounts | None = None,
    workspace: Workspace | None = None,
    count_uses: bool = False,
) -> ParityModel:
    """Train parity-aware BPE: the merges of `ParityBpeTrainer`, whatever the order of the words.

    Args:
        words: as of `train_flat`.
        corpora: counts of the words in training text, one column a corpus. Their order breaks ties between corpora.
        vocab_size: alphabet and special tokens included; fewer if no corpus has a pair left. (`ParityBpeTrainer` counts
            merges instead, and ends earlier by those whose token is spelled like a special one.)
        turns: how corpora take turns.
        options: theta is not used.
        development: counts in the text, one column a corpus, in which compression is compared; None: training text.
        evaluation: `token_counts` of the model then gives the tokens of its columns at every vocabulary size.
        workspace: memory from an earlier training.
        count_uses: the model also knows how often the training text of all corpora together has each entry.

    Raises:
        ValueError: a setting or an array does not fit. OverflowError: too much text.
    """
    n_corpora = corpora.n_columns
    if not n_corpora:
        raise ValueError("parity-aware BPE needs a corpus")
    turns.check(n_corpora, development is not None)
    initial = initial_tokens(options.special_tokens, options.alphabet)
    if vocab_size < initial.n_tokens:
        raise ValueError(
            f"vocabulary size {vocab_size} is below the {initial.n_tokens} tokens of the alphabet and the specials"
        )
    evaluation = (EvalCounts.empty() if evaluation is None else evaluation).arrays()
    if len(evaluation.words) and int(evaluation.words[-1]) >= len(words):
        raise ValueError(
            f"the evaluation counts name word {evaluation.words[-1]}, but there are only {len(words)}"
        )
    columns = Columns.build(len(words), corpora, development)
    order = np.array(options.alphabet.by_code_point, np.uint8)
    ranks = np.empty(256, np.uint8)
    ranks[order] = np.arange(256)
    training = ParityTraining(
        words,
        columns,
        evaluation.words,
        initial._replace(spellings=ranks[initial.spellings]),
        vocab_size,
        workspace or Workspace(),
    )
    rotation = _rotation(turns, columns, columns.tokens(words.sizes), len(training.vocabulary.steps))
    longest = NO_LIMIT if options.max_token_length is None else options.max_token_length
    limits = Limits(
        vocab_size, turns.global_merges, longest, max(1, options.min_frequency), np.empty(0, np.int64)
    )
    together = columns.sums(np.where(columns.columns < n_corpora, columns.counts, 0))
    if turns.global_merges:
        first = count_of_rank(together, turns.global_merges)
        training.run(rotation._replace(together=True), limits._replace(thetas=np.array([first])))
    training.run(rotation, limits._replace(n_steps=NO_LIMIT, thetas=columns.first_thetas(vocab_size)))
    n_tokens, n_steps = training.size.tolist()
    vocabulary = training.vocabulary
    steps = vocabulary.steps[:n_steps]
    made = count_made(training.tokens, training.counted, evaluation, steps, n_tokens)
    data = order[vocabulary.spellings].tobytes()
    return ParityModel(
        tuple(options.special_tokens),
        tuple(data[a:b] for a, b in pairwise(vocabulary.offsets[: n_tokens + 1].tolist())),
        steps,
        vocabulary.vocab_before[:n_steps],
        options.alphabet,
        made[initial.byte_id].sum(axis=0),
        made,
        _made_in_training(training, together, steps) if count_uses else None,
        leaders=rotation.leaders[:n_steps],
    )


def _made_in_training(training: ParityTraining, counts: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """int64 [tokens]: how often each token was made in words of counts int64 [words]."""
    # words of development text alone count nothing, and are in the slots all the same
    words = np.union1d(training.evaluated, np.flatnonzero(training.counted.counts)).astype(np.uint32)
    counted = Counted(frozen(counts), frozen(words))
    return count_made_in_training(training.tokens, counted, steps, int(training.size[0]))


def _rotation(turns: Turns, columns: Columns, tokens: np.ndarray, most_steps: int) -> Rotation:
    """Before the first step; tokens int64 [columns]."""
    n = columns.n_corpora
    first = columns.n_columns - n
    at_first = tokens[first:].copy()
    return Rotation(
        together=False,
        windowed=turns.variant == "window",
        most=turns.alpha / n,
        tokens=tokens,
        first_column=first,
        at_first=at_first,
        ratio=np.array([] if turns.ratio is None else turns.ratio, float),
        units=np.array(np.ones(n) if turns.units is None else turns.units, float),
        # without text, a ratio would be 0 / 0
        exhausted=(at_first == 0) & (turns.ratio is not None),
        recent=np.zeros(turns.window_size, np.int32),
        had=np.zeros(n, np.int64),
        n_turns=np.zeros(1, np.int64),
        leaders=np.empty(most_steps, np.int32),
    )
