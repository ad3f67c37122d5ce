"""Writes adapterhub.safetensors: tiny random models with AdapterHub's bottleneck adapters.

AdapterHub's package pins a transformers older than ours, so it needs an environment of its own:

    python -m venv /tmp/adapterhub
    /tmp/adapterhub/bin/pip install adapters torch
    /tmp/adapterhub/bin/python tests/golden/make_adapterhub.py

For each family the file holds, under names that begin with "bert/":

    config (in the metadata)             the model's config.json
    model/<name>                         its weights, as transformers names them
    inputs/<name>                        token ids, and the direction of the gradients
    <style>/adapter/<name>               the adapters' weights, as AdapterHub names them
    <style>/gradient/<name>              gradients of sum(logits * direction)
    <style>/logits

It was written with adapters 1.3.0, transformers 4.57.6 and torch 2.13.0.
"""

import json
from pathlib import Path

import adapters
import safetensors.torch
import torch
import transformers

OUTPUT = Path(__file__).with_name("adapterhub.safetensors")
WIDTH, FACTOR = 16, 4
ENCODER = {"vocab_size": 30, "max_position_embeddings": 12, "num_labels": 3}
MODELS = {
    "bert": transformers.BertForSequenceClassification(
        transformers.BertConfig(
            hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
            **ENCODER,
        )
    ),
    "distilbert": transformers.DistilBertForSequenceClassification(
        transformers.DistilBertConfig(
            dim=WIDTH, n_layers=2, n_heads=2, hidden_dim=24, **ENCODER,
        )
    ),
    "t5": transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=30, d_model=WIDTH, d_kv=8, d_ff=24, num_layers=2, num_heads=2,
            feed_forward_proj="gated-gelu", tie_word_embeddings=False, decoder_start_token_id=0,
        )
    ),
}  # fmt: skip
STYLES = {
    "houlsby": adapters.DoubleSeqBnConfig,
    "pfeiffer": adapters.SeqBnConfig,
    "parallel": adapters.ParBnConfig,
}


def main() -> None:
    """Makes the models one after the other, and each style's adapters on a copy."""
    torch.manual_seed(0)
    ids = torch.randint(5, 30, (4, 8))
    mask = (torch.arange(8)[None] < torch.tensor([[8], [5], [3], [7]])).long()
    ids = ids * mask
    tensors, metadata = {}, {}
    for family, model in MODELS.items():
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                start = 1.0 if parameter.ndim == 1 and "norm" in name.lower() else 0.0
                start = 0.0 if name.endswith("bias") else start
                parameter.copy_(start + 0.3 * torch.randn_like(parameter))
        metadata[family] = json.dumps(model.config.to_diff_dict(), default=str)
        for name, tensor in model.state_dict().items():
            if name not in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"):
                tensors[f"{family}/model/{name}"] = tensor.clone()
        inputs = {"input_ids": ids, "attention_mask": mask}
        if family == "t5":
            targets = torch.randint(2, 30, (4, 5))
            targets[:, 0] = 0
            inputs["decoder_input_ids"] = targets
        direction = torch.randn(model.eval()(**inputs).logits.shape)
        for name, tensor in {**inputs, "direction": direction}.items():
            tensors[f"{family}/inputs/{name}"] = tensor.to(
                torch.float32 if name == "direction" else torch.int32
            )
        adapters.init(model)
        for style, config in STYLES.items():
            model.add_adapter(style, config=config(reduction_factor=FACTOR))
            model.train_adapter(style)
            added = {n: p for n, p in model.named_parameters() if f".{style}." in n}
            with torch.no_grad():
                for parameter in added.values():
                    parameter.copy_(0.3 * torch.randn_like(parameter))
            model.eval()
            logits = model(**inputs).logits
            model.zero_grad()
            (logits * direction).sum().backward()
            tensors[f"{family}/{style}/logits"] = logits.detach()
            for name, parameter in added.items():
                plain = name.replace(f"adapters.{style}.", "")
                tensors[f"{family}/{style}/adapter/{plain}"] = parameter.detach().clone()
                tensors[f"{family}/{style}/gradient/{plain}"] = parameter.grad.clone()
    safetensors.torch.save_file(tensors, OUTPUT, metadata)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size:,} bytes, {len(tensors)} tensors")


if __name__ == "__main__":
    main()
