"""What a model must provide to be decoded step by step."""

from typing import Any, Protocol


class StepModel(Protocol):
    """An encoder-decoder that gives the next token's log-probabilities, one position at a time.

    The cache of keys and values has one *slot* for each position and beam: the token of beam `j` at
    position `p` is in slot `p * beams + j` of its row, and stays there. A search that drops one
    beam and splits another moves nothing; it only changes which slots each beam sees (its
    ancestors). So the cache is never copied, the source's keys and values are kept once per row
    instead of once a beam, and all beams of a row attend in one product. Slots hidden from a beam
    do not affect it.

    Attributes:
        variables: All Keras variables of the model, as `keras.Model` has them.
    """

    variables: list[Any]

    def start_decoding(self, source_ids: Any, length: int, beams: int = 1) -> Any:
        """Encodes the sources and makes room for `length` positions of `beams` beams.

        Args:
            source_ids: (batch, source_length) int32, padded.
            length: Most positions that will be decoded.
            beams: Hypotheses that are followed for each source.

        Returns:
            The state: nested tensors of fixed shapes.
        """
        ...

    def decode_step(self, state: Any, token_ids: Any, visible: Any, position: Any) -> Any:
        """Takes the tokens of one position and gives the log-probabilities of the next.

        Args:
            state: As `start_decoding` or the step before returned it.
            token_ids: (batch, beams) int32, the token of each beam at `position`.
            visible: (batch or 1, beams, length * beams) bool, the slots that each beam sees:
                one at each position up to `position`, its own included.
            position: () int32, counted from 0.

        Returns:
            (log_probs, state): (batch, beams, vocabulary) float32, and the state with this
            position's slots filled.
        """
        ...
