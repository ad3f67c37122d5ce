"""BERT: a family of encoders."""

from harness.architecture_case import ArchitectureCase, assert_close, hidden_of, theirs_of
from kerasft.presets import load_preset


class TestBert(ArchitectureCase):
    name = "bert"
    heads = {
        "": ({"classifier"}, set()),
        "ForMaskedLM": ({"bert.pooler.dense", "classifier"}, {"cls"}),
        "ForPreTraining": ({"classifier"}, {"cls"}),
        "ForNextSentencePrediction": ({"classifier"}, {"cls"}),
    }
    variants = [
        {"layer_norm_eps": 1e-3, "type_vocab_size": 1},
        {"layer_norm_eps": 0.1, "layers": 1, "heads": 1, "num_labels": 7},
    ]

    def test_without_a_pooler_it_loads_with_mean_pooling(self, tmp_path):
        """Masked-language models have none; with pooling "mean" none is wanted either."""
        theirs = self.write(tmp_path, "ForMaskedLM")
        ours, report = load_preset(str(tmp_path)).build_classifier(3, "mean")
        assert report.new == ["classifier.weight", "classifier.bias"]
        assert_close(hidden_of(ours), theirs_of(theirs)[0])
