"""Writes small random Hugging Face checkpoints with `transformers`, as tests' ground truth."""

import json
from pathlib import Path

import torch
import transformers

WORDS = """
the a an of to and in is it you that he was for on are with as his they be at one have this from
or had by hot but some what there we can out other were all your when up use word how said each
she which do their time if will way about many then them would write like so these her long make
thing see him two has look more day could go come did my sound no most number who over know
water than call first people may down side been now find any new work part take get place made
live where after back little only round man year came show every good me give our under name
very through just form much great think say help low line before turn cause same mean differ
move right boy old too does tell sentence set three want air well also play small end put home
read hand port large spell add even land hello world jon sumit model news opinion comparison
""".split()  # noqa: SIM905  (a list would take a page)
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [*"abcdefghijklmnopqrstuvwxyz0123456789.,!?'-:;()"]
VOCABULARY = list(
    dict.fromkeys([*SPECIALS, *LETTERS, *(f"##{c}" for c in LETTERS if c.isalnum()), *WORDS])
)
CASED = [*VOCABULARY, *(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), *(w.title() for w in WORDS[:40])]

# What transformers calls the sizes of a family, where it is not the usual.
SIZES = {
    "distilbert": {
        "hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
    },
}  # fmt: skip


def vocabulary(cased: bool = False) -> list[str]:
    """The word pieces of the tiny checkpoints, in id order."""
    return list(dict.fromkeys(CASED)) if cased else VOCABULARY


def write_checkpoint(
    directory: Path,
    model_type: str = "distilbert",
    head: str = "",
    *,
    num_labels: int = 3,
    layers: int = 3,
    width: int = 16,
    heads: int = 4,
    cased: bool = False,
    tokenizer: str = "both",
    seed: int = 0,
    **config: object,
) -> torch.nn.Module:
    """Writes a random checkpoint of a family and returns the transformers model (eval mode).

    Args:
        directory: Where to write; made if missing.
        model_type: "bert", "distilbert" or another family of transformers.
        head: "" (bare model), or a transformers suffix such as "ForSequenceClassification",
            "ForMaskedLM", "ForPreTraining" (BERT) or "ForTokenClassification".
        num_labels: Classes of a sequence-classification head.
        layers: Transformer layers.
        width: Hidden width; the feed-forward is twice as wide.
        heads: Attention heads.
        cased: Whether the vocabulary keeps capitals.
        tokenizer: Which tokenizer files to leave: "both", "json" or "vocab".
        seed: Seed of the random weights.
        **config: Further fields of the transformers config (`hidden_act="relu"`, ...).
    """
    directory.mkdir(parents=True, exist_ok=True)
    pieces = vocabulary(cased)
    torch.manual_seed(seed)
    sizes = {
        "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
        "intermediate_size": 2 * width,
    }  # fmt: skip
    settings = transformers.AutoConfig.for_model(
        model_type,
        **{SIZES.get(model_type, {}).get(name, name): size for name, size in sizes.items()},
        **{
            **{"vocab_size": len(pieces), "max_position_embeddings": 64, "initializer_range": 0.2},
            **{"num_labels": num_labels, **config},
        },
    )
    family = type(settings).__name__.removesuffix("Config")
    model = getattr(transformers, family + (head or "Model"))(settings).eval()
    with torch.no_grad():
        # transformers starts biases at 0 and norms at 1, which would hide swapped tensors.
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(directory)
    (directory / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    (directory / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": not cased, "tokenizer_class": f"{family}Tokenizer"})
    )
    if tokenizer in ("both", "json"):
        transformers.BertTokenizerFast(
            vocab=str(directory / "vocab.txt"), do_lower_case=not cased
        ).save_pretrained(directory)
        if tokenizer == "json":
            (directory / "vocab.txt").unlink(missing_ok=True)
        else:
            (directory / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return model


def write_pooling(directory: Path, mode: str, width: int = 16) -> None:
    """Makes of a bare checkpoint a directory of sentence-transformers.

    Args:
        mode: "cls" or "mean".
        width: Of the encoder.
    """
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    (directory / "modules.json").write_text(json.dumps(modules))
    flags = {"cls_token": mode == "cls", "mean_tokens": mode == "mean"}
    pooling = {f"pooling_mode_{name}": on for name, on in flags.items()}
    (directory / "1_Pooling").mkdir()
    (directory / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": width, **pooling})
    )
