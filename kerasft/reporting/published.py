"""How many parameters well-known language models have, as their makers published it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A model whose makers published how many parameters it has.

    Attributes:
        name: The model.
        authors: Who, and when.
        paper: What they called the paper.
        link: Where it stands.
    """

    name: str
    parameters: float
    authors: str
    paper: str
    link: str


PUBLISHED = (
    Published(
        "BERT-base", 110e6, "Devlin et al. 2019",
        "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
        "https://arxiv.org/abs/1810.04805",
    ),
    Published(
        "BERT-large", 340e6, "Devlin et al. 2019",
        "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
        "https://arxiv.org/abs/1810.04805",
    ),
    Published(
        "T5-11B", 11e9, "Raffel et al. 2020",
        "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
        "https://arxiv.org/abs/1910.10683",
    ),
    Published(
        "GPT-3", 175e9, "Brown et al. 2020", "Language Models are Few-Shot Learners",
        "https://arxiv.org/abs/2005.14165",
    ),
    Published(
        "Llama 3.1 405B", 405e9, "Llama Team 2024", "The Llama 3 Herd of Models",
        "https://arxiv.org/abs/2407.21783",
    ),
    Published(
        "DeepSeek-V3", 671e9, "DeepSeek-AI 2024", "DeepSeek-V3 Technical Report",
        "https://arxiv.org/abs/2412.19437",
    ),
    Published(
        "Kimi K2", 1e12, "Kimi Team 2025", "Kimi K2: Open Agentic Intelligence",
        "https://arxiv.org/abs/2507.20534",
    ),
)  # fmt: skip
"""From the smallest on; models of many experts count all of them, as their makers do."""
