"""The size of a language model, and the floating-point operations that it takes; needs no JAX."""

from dataclasses import dataclass

HEAD = 64  # width of an attention head
PADDED_TO = 64  # rows of the embedding, a multiple of this: GPUs multiply other shapes several times slower


@dataclass(frozen=True)
class Shape:
    """Of a model.

    vocab_size: ids that the model reads and predicts, the document border included. context: tokens of a window.
    """

    depth: int
    vocab_size: int
    context: int
    tied_embeddings: bool = True

    @property
    def width(self) -> int:
        return HEAD * self.depth

    @property
    def rows(self) -> int:
        """Of an embedding; those from `vocab_size` on have no meaning and no probability."""
        return -(-self.vocab_size // PADDED_TO) * PADDED_TO

    @property
    def block_parameters(self) -> int:
        """Of all blocks: 4 width^2 in attention and 8 width^2 in the feed-forward each."""
        return 12 * self.depth * self.width**2

    @property
    def parameters(self) -> int:
        """All that are trained, those of the embeddings included, padding not."""
        return self.block_parameters + (1 if self.tied_embeddings else 2) * self.vocab_size * self.width

    @property
    def training_flops(self) -> int:
        """Floating-point operations of training on one token: three times those of reading it.

        2 for each parameter that multiplies (the blocks' and the output embedding's; the input embedding is looked up)
        and 2 depth width context for attention, which sees half a context on average.
        """
        return 3 * self.reading_flops

    @property
    def reading_flops(self) -> int:
        """Floating-point operations of predicting one token."""
        multiplied = self.block_parameters + self.vocab_size * self.width
        return 2 * multiplied + 2 * self.depth * self.width * self.context
