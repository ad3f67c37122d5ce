"""The parameters of each part, against sums by hand."""

from kerasft import peft
from kerasft.architectures import Classifier, EncoderArguments, part_counts

ARGUMENTS = EncoderArguments(
    vocab_size=50,
    num_layers=2,
    num_heads=2,
    hidden_size=8,
    intermediate_size=12,
    max_length=16,
    num_segments=2,
)
EMBEDDINGS = (50 + 16 + 2) * 8 + 2 * 8
LAYER = 4 * (8 * 8 + 8) + (8 * 12 + 12) + (12 * 8 + 8) + 4 * 8
HEAD = (8 * 8 + 8) + (8 * 3 + 3)


def test_all_of_them_train():
    model = Classifier("bert", ARGUMENTS, 3)
    counts = part_counts(model)
    assert {name: part["parameters"] for name, part in counts.items()} == {
        "embeddings": EMBEDDINGS,
        "layer 1": LAYER,
        "layer 2": LAYER,
        "head": HEAD,
        "all parts": EMBEDDINGS + 2 * LAYER + HEAD,
    }
    assert list(counts) == ["embeddings", "layer 1", "layer 2", "head", "all parts"]
    assert all(part["trained"] == part["parameters"] for part in counts.values())
    assert counts["all parts"]["parameters"] == model.count_params()
    assert counts["all parts"]["parameters"] == ARGUMENTS.parameter_count + HEAD


def test_without_a_pooler():
    counts = part_counts(Classifier("bert", ARGUMENTS, 3, "mean"))
    assert counts["head"]["parameters"] == 8 * 3 + 3


def test_what_an_adapter_leaves_frozen():
    model = Classifier("bert", ARGUMENTS, 3)
    peft.apply(
        model,
        peft.LoRAConfig(
            targets=("transformer_layer_1/.*/(query|value)",),
            rank=2,
            modules_to_save=model.head_layers,
        ),
    )
    counts = part_counts(model)
    adapters = 2 * (8 * 2 + 2 * 8)
    assert counts["embeddings"] == {"parameters": EMBEDDINGS, "trained": 0}
    assert counts["layer 1"] == {"parameters": LAYER, "trained": 0}
    assert counts["layer 2"] == {"parameters": LAYER + adapters, "trained": adapters}
    assert counts["head"] == {"parameters": HEAD, "trained": HEAD}
    assert counts["all parts"]["trained"] == peft.parameter_counts(model).trained
