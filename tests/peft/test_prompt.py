"""Prompt tuning: the battery beside PEFT, and what is its own."""

import functools

import keras
import numpy as np
import peft as hugging_face_peft
import pytest
import torch
import transformers

from harness import checkpoints, classifiers, peft_twins, small, t5_twins, wordpieces
from harness.gradients import value_and_gradients
from harness.virtual_token_case import COUNT, SIZES, VirtualTokenCase, place_of
from kerasft import backends
from kerasft.architectures import build_transformer, shift_right
from kerasft.errors import AdapterError, ConfigError, DataError
from kerasft.peft import METHODS, PromptConfig, apply, load_adapter, save_adapter
from kerasft.presets import load_preset

TAGS = ["O", "B-PER", "I-PER"]


class TestPrompt(VirtualTokenCase):
    method = PromptConfig
    trains = ("prompt_embeddings",)
    trained = COUNT * 16

    @staticmethod
    def theirs(kind: str) -> hugging_face_peft.PromptTuningConfig:
        return hugging_face_peft.PromptTuningConfig(
            task_type="SEQ_CLS", num_virtual_tokens=COUNT, **SIZES
        )

    def copy_into(self, theirs, ours):
        place_of(ours).prompt_embeddings.assign(_vectors_of(theirs).detach().numpy())

    def gradients_of(self, theirs, ours):
        return {place_of(ours).prompt_embeddings.path: _vectors_of(theirs).grad.numpy()}


def _vectors_of(theirs: torch.nn.Module) -> torch.Tensor:
    return theirs.prompt_encoder["default"].embedding.weight


def test_the_second_text_of_a_pair_is_a_second_text_behind_the_vectors(tmp_path):
    checkpoints.write_checkpoint(tmp_path / "base", "bert", "ForSequenceClassification")
    theirs = hugging_face_peft.get_peft_model(
        peft_twins.theirs(tmp_path / "base"), TestPrompt.theirs("bert")
    ).eval()
    theirs.save_pretrained(tmp_path / "a")
    model = peft_twins.ours(tmp_path / "base")
    load_adapter(model, tmp_path / "a")
    segments = np.tile(np.arange(9) > 4, (6, 1)).astype("int32")
    with torch.no_grad():
        expected = theirs(
            input_ids=peft_twins.IDS,
            attention_mask=peft_twins.MASK,
            token_type_ids=torch.tensor(segments, dtype=torch.long),
        ).logits.numpy()
    found = small.numpy(model({**small.TOKENS, "segment_ids": segments}, training=False))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found - small.logits(model)).max() > 0.01


@pytest.mark.parametrize("kind", ["distilbert", "bert"])
def test_a_tagger_gives_the_tags_of_the_texts_tokens(kind, tmp_path):
    """PEFT's model gives those of the virtual tokens as well, which come first."""
    checkpoints.write_checkpoint(tmp_path / "base", kind, "ForTokenClassification", num_labels=3)
    base = transformers.AutoModelForTokenClassification.from_pretrained(tmp_path / "base")
    config = hugging_face_peft.PromptTuningConfig(
        task_type="TOKEN_CLS", num_virtual_tokens=COUNT, **SIZES
    )
    theirs = hugging_face_peft.get_peft_model(base, config).eval()
    theirs.save_pretrained(tmp_path / "a")
    model, _ = load_preset(str(tmp_path / "base")).build_tagger(TAGS)
    load_adapter(model, tmp_path / "a")
    with torch.no_grad():
        expected = theirs(input_ids=peft_twins.IDS, attention_mask=peft_twins.MASK).logits.numpy()
    assert expected.shape == (6, COUNT + 9, 3)
    real = small.TOKENS["padding_mask"]
    found = small.logits(model)
    assert found.shape == (6, 9, 3)
    np.testing.assert_allclose(found[real], expected[:, COUNT:][real], atol=1e-5)


@pytest.mark.parametrize("architecture", ["distilbert", "bert"])
@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_vectors_that_are_those_of_tokens_do_what_the_tokens_do(architecture, pooling):
    ids = (7, 9, 30)
    model = classifiers.build(architecture, pooling)
    before = np.array([[*ids, *row] for row in small.TOKENS["token_ids"]], "int32")
    mask = np.concatenate([np.ones((6, 3), bool), small.TOKENS["padding_mask"]], axis=1)
    longer = {"token_ids": before, "padding_mask": mask}
    hidden = small.numpy(model.backbone(longer, training=False))
    expected = small.numpy(model(longer, training=False))
    apply(model, PromptConfig(num_virtual_tokens=3, init_ids=ids))
    own = small.numpy(model.backbone(small.TOKENS, training=False))
    np.testing.assert_allclose(own[mask[:, 3:]], hidden[:, 3:][mask[:, 3:]], atol=1e-5)
    if pooling == "first":
        np.testing.assert_allclose(small.logits(model), expected, atol=1e-5)
    else:  # over the text's tokens, not the virtual ones
        real = mask[:, 3:, None]
        mean = (hidden[:, 3:] * real).sum(1) / real.sum(1)
        pooled = small.numpy(model.pooled(_tensors(small.TOKENS)))
        np.testing.assert_allclose(pooled, mean, atol=1e-5)


def _tensors(arrays):
    return {name: keras.ops.convert_to_tensor(array) for name, array in arrays.items()}


def test_a_start_from_few_ids_begins_again_and_from_many_is_cut():
    table = small.numpy(classifiers.build().backbone.token_embedding.embeddings)
    for count, ids, rows in ((5, (7, 9), [7, 9, 7, 9, 7]), (2, (3, 4, 5), [3, 4])):
        model = classifiers.build()
        apply(model, PromptConfig(num_virtual_tokens=count, init_ids=ids))
        np.testing.assert_array_equal(small.numpy(place_of(model).prompt_embeddings), table[rows])
    vocabulary = len(table)
    with pytest.raises(AdapterError, match=f"token {vocabulary} of init_ids because the model has"):
        apply(classifiers.build(), PromptConfig(init_ids=(3, vocabulary)))
    with pytest.raises(ConfigError, match=r"init_ids must be a list of token ids, got \(1\.5,\)"):
        PromptConfig(init_ids=(1.5,))


def test_a_text_and_the_vectors_need_a_position_each():
    model = classifiers.build()
    apply(model, PromptConfig(num_virtual_tokens=60))
    assert model.max_length == 4
    ids = np.ones((1, 5), "int32")
    with pytest.raises(DataError, match="a text of 5 tokens and 60 virtual tokens are more than t"):
        model({"token_ids": ids, "padding_mask": ids > 0})


# T5 and the Transformer: the vectors stand before the sources.

BATCH = t5_twins.batch(rows=4)
INPUTS = {"source_ids": BATCH["source_ids"], "target_ids": shift_right(BATCH["labels"])}


def their_logits(model: torch.nn.Module) -> torch.Tensor:
    return model(
        **t5_twins.their_inputs(INPUTS["source_ids"]),
        decoder_input_ids=torch.tensor(INPUTS["target_ids"], dtype=torch.long),
    ).logits


THEIRS = {
    "prompt": hugging_face_peft.PromptTuningConfig,
    "p_tuning": functools.partial(hugging_face_peft.PromptEncoderConfig, encoder_hidden_size=6),
}


@pytest.mark.parametrize("method", THEIRS)
@pytest.mark.parametrize("submodules", [None, 1])
def test_a_t5_goes_to_peft_and_comes_from_it(tmp_path, submodules, method):
    """PEFT makes vectors for the decoder too (submodules None), but puts them nowhere."""
    t5_twins.write(tmp_path / "base", num_layers=2)

    def base():
        return transformers.T5ForConditionalGeneration.from_pretrained(tmp_path / "base")

    config = THEIRS[method](
        task_type="SEQ_2_SEQ_LM", num_virtual_tokens=COUNT, num_transformer_submodules=submodules
    )
    theirs = hugging_face_peft.get_peft_model(base(), config).eval()
    assert len(_vectors_of(theirs)) == COUNT * (submodules or 2)
    theirs.save_pretrained(tmp_path / "theirs")
    model = t5_twins.ours(tmp_path / "base")
    plain = small.numpy(model(INPUTS))
    load_adapter(model, tmp_path / "theirs")
    logits = their_logits(theirs)
    direction = np.random.default_rng(0).standard_normal(plain.shape).astype("float32") / 100
    vectors = [place_of(model).prompt_embeddings]
    found, gradients = value_and_gradients(lambda: model(INPUTS), [], vectors, direction)
    np.testing.assert_allclose(found, logits.detach().numpy(), atol=1e-4)
    if method == "prompt":
        (logits * torch.tensor(direction)).sum().backward()
        wanted = _vectors_of(theirs).grad.numpy()[:COUNT]
        np.testing.assert_allclose(gradients[0], wanted, atol=1e-4)
        assert np.abs(wanted).max() > 1e-3
    assert np.abs(found - plain).max() > 0.01 and model.frozen_backbone() is None
    save_adapter(model, tmp_path / "ours", str(tmp_path / "base"))
    fresh = t5_twins.ours(tmp_path / "base")
    apply(fresh, METHODS[method](num_virtual_tokens=COUNT))
    save_adapter(fresh, tmp_path / "fresh", str(tmp_path / "base"))
    for folder, ours in (("ours", model), ("fresh", fresh)):
        again = hugging_face_peft.PeftModel.from_pretrained(base(), tmp_path / folder).eval()
        expected = their_logits(again).detach().numpy()
        np.testing.assert_allclose(small.numpy(ours(INPUTS)), expected, atol=1e-4)


def _t5(tmp_path):
    t5_twins.write(tmp_path, num_layers=2)
    return t5_twins.ours(tmp_path)


def _transformer(tmp_path):
    keras.utils.set_random_seed(0)
    return build_transformer(40, 40, 30, 30, d_model=16, N=2, h=2, d_ff=24, pad_id=0)


@pytest.mark.parametrize("build", [_t5, _transformer])
def test_a_writer_reads_vectors_as_it_reads_tokens(build, tmp_path):
    ids = (7, 9, 30)
    model = build(tmp_path)
    sources = INPUTS["source_ids"]
    longer = np.array([[*ids, *row] for row in sources], "int32")

    def first_step(source_ids):
        state = model.start_decoding(source_ids, 3)
        visible = keras.ops.convert_to_tensor(np.arange(3)[None, None] < 1)
        start = keras.ops.convert_to_tensor(np.full((4, 1), 2))
        return small.numpy(model.decode_step(state, start, visible, 0)[0])

    expected = small.numpy(model({**INPUTS, "source_ids": longer})), first_step(longer)
    report = apply(model, PromptConfig(num_virtual_tokens=3, init_ids=ids))
    assert len(report.adapted) == 1 and report.counts.trained == 3 * 16
    np.testing.assert_allclose(small.numpy(model(INPUTS)), expected[0], atol=1e-4)
    np.testing.assert_allclose(first_step(sources), expected[1], atol=1e-4)


def test_the_transformers_vectors_are_saved_by_its_own_names(tmp_path):
    """PEFT has no such model: the file is the same, and ours alone."""
    model = _transformer(tmp_path)
    apply(model, PromptConfig(num_virtual_tokens=COUNT))
    expected = backends.compile_forward(model)(INPUTS)
    save_adapter(model, tmp_path / "a", "")
    again = _transformer(tmp_path)
    load_adapter(again, tmp_path / "a")
    np.testing.assert_array_equal(backends.compile_forward(again)(INPUTS), expected)
    with pytest.raises(
        AdapterError, match="cannot take 30 virtual tokens because the model has 30"
    ):
        apply(_transformer(tmp_path), PromptConfig(num_virtual_tokens=30))


def test_without_ids_it_starts_from_tokens_of_the_vocabulary():
    starts = []
    for seed in (1, 1, 2):
        backends.seed_everything(seed)
        model = classifiers.build()
        apply(model, PromptConfig(num_virtual_tokens=5))
        table = small.numpy(model.backbone.token_embedding.embeddings)
        starts.append(small.numpy(place_of(model).prompt_embeddings))
        assert all((table == row).all(axis=1).any() for row in starts[-1])
    np.testing.assert_array_equal(starts[0], starts[1])
    assert (starts[0] != starts[2]).any()


def test_a_start_from_a_text_is_from_its_tokens():
    tokenizer = wordpieces.tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "speaks", "##er"])
    config = PromptConfig(num_virtual_tokens=3, init_text="Who speaks?")
    assert config.with_tokenizer(tokenizer).init_ids == (4, 5, 1)
    assert PromptConfig().with_tokenizer(tokenizer) == PromptConfig()
    with pytest.raises(ConfigError, match=r"init_text needs the model's tokenizer: .*with_tok"):
        apply(classifiers.build(), config)
    with pytest.raises(ConfigError, match=r"init_text ' ' has no token; give words"):
        PromptConfig(init_text=" ").with_tokenizer(tokenizer)
