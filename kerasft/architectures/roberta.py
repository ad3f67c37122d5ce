"""RoBERTa (Liu et al. 2019, "RoBERTa: A Robustly Optimized BERT Pretraining Approach").

XLM-R (Conneau et al. 2020, "Unsupervised Cross-lingual Representation Learning at Scale") and
CamemBERT (Martin et al. 2020) are the same model of other texts and another vocabulary.
"""

from collections.abc import Mapping
from typing import Any

from kerasft.architectures.dense_head import DenseHeadArchitecture
from kerasft.architectures.encoder import EncoderArguments
from kerasft.architectures.padded_positions import PaddedArguments, PaddedPositionsEncoder
from kerasft.text.byte_level import byte_level_from
from kerasft.text.fairseq import camembert_from, xlm_r_from
from kerasft.text.pretrained import TokenizerKind


class Roberta(DenseHeadArchitecture):
    """RoBERTa in transformers and here.

    A pair of texts has one segment; separators alone tell them apart. What is written is a RoBERTa
    whatever was read: transformers' XLM-R and CamemBERT compute and name the same.
    """

    name = "roberta"
    tokenizers = (
        TokenizerKind(
            byte_level_from, ("RobertaTokenizer",), ("roberta",), ("vocab.json", "merges.txt")
        ),
        TokenizerKind(
            xlm_r_from, ("XLMRobertaTokenizer",), ("xlm-roberta",), ("sentencepiece.bpe.model",)
        ),
        TokenizerKind(
            camembert_from, ("CamembertTokenizer",), ("camembert",), ("sentencepiece.bpe.model",)
        ),
    )
    model_types = ("xlm-roberta", "camembert")
    arguments = PaddedArguments
    encoder = PaddedPositionsEncoder
    twin = "Roberta"
    prefix = "roberta."

    def new_arguments(self, pad_id: int, **sizes: Any) -> EncoderArguments:
        """One segment, and positions behind the padding token of the tokenizer."""
        return PaddedArguments(**{"num_segments": 1, "pad_id": pad_id, **sizes})

    def values_from_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in a `config.json`."""
        pieces = 30522 if config.get("model_type") in self.model_types else 50265
        values = super().values_from_config({"vocab_size": pieces, **config})
        pad_id = config.get("pad_token_id", 1)
        if isinstance(pad_id, int) and isinstance(values["max_length"], int):
            values["max_length"] -= pad_id + 1
        return {**values, "pad_id": pad_id}

    def config_from_arguments(self, arguments: EncoderArguments) -> dict[str, Any]:
        """The inverse."""
        assert isinstance(arguments, PaddedArguments)
        return {**super().config_from_arguments(arguments), "pad_token_id": arguments.pad_id}
