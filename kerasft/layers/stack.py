"""What the encoder and the decoder have in common: N blocks, one upon the other."""

from typing import Any, ClassVar

import keras

from kerasft.layers.layer_normalization import LayerNormalization


class Stack(keras.layers.Layer):
    """N blocks of one kind; normalized at the end where the blocks normalize first.

    (What leaves a block that normalizes last is normalized already.)

    Args:
        layers: Number of blocks, the paper's N.
        d_model: Width of the vectors.
        heads: Attention heads.
        d_ff: Width inside the feed-forward layers.
        dropout: Dropout of the residual connections.
        norm_first: Where they normalize, see `ResidualConnection`.
    """

    block: ClassVar[type[keras.layers.Layer]]

    def __init__(
        self,
        layers: int,
        d_model: int,
        heads: int,
        d_ff: int,
        dropout: float = 0.1,
        norm_first: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.blocks = [
            self.block(d_model, heads, d_ff, dropout, norm_first, name=f"block_{index}")
            for index in range(layers)
        ]
        self.settings = {"layers": layers, **self.blocks[0].settings}
        self.norm = LayerNormalization(name="norm") if norm_first else None

    def build(self, x_shape: Any) -> None:
        """Makes the blocks' weights."""
        for block in self.blocks:
            block.build(x_shape)
        if self.norm is not None:
            self.norm.build(x_shape)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), **self.settings}
