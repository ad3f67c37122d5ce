import keras
import pytest

from harness import small
from kerasft.errors import AdapterError, ConfigError
from kerasft.peft.model_layers import layers_with_weights
from kerasft.peft.targets import find_any_layers, find_layers, last_layers, matches


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return small.backbone_classifier(layers=12)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("query", "transformer_layer_0/self_attention_layer/query", True),
        ("query", "transformer_layer_0/self_attention_layer/query_norm", False),
        ("classifier", "pre_classifier", False),
        ("classifier", "tower/classifier", True),
        ("transformer_layer_1/.*", "transformer_layer_11/output", False),
        ("transformer_layer_1/.*", "encoder/transformer_layer_1/output", True),
        ("a|b", "x/b", True),
        ("transformer_layer_[45]/.*/(query|value)", "transformer_layer_4/attention/value", True),
        ("transformer_layer_[45]/.*/(query|value)", "transformer_layer_4/attention/key", False),
    ],
)
def test_a_pattern_matches_a_whole_path_or_its_end(pattern, path, expected) -> None:
    assert matches(pattern, path) is expected


def test_layers_come_once_each_in_the_models_order(model: keras.Model) -> None:
    found = find_layers(model, ["transformer_layer_(1|10|2)/.*/(query|value)", "query"])
    paths = [layer.path for layer in found]
    attention = "transformer_layer_{}/self_attention_layer/{}"
    assert paths[:4] == [
        attention.format(0, "query"), attention.format(1, "query"),
        attention.format(1, "value"), attention.format(2, "query"),
    ]  # fmt: skip
    assert len(paths) == len(set(paths)) == 12 + 3


def test_everything_dense_can_be_meant_but_what_is_excluded(model: keras.Model) -> None:
    everything = find_layers(model, [".*"])
    assert len(everything) == 12 * 6 + 1
    head = model.get_layer("classifier")
    assert find_layers(model, [".*"], excluding=[head]) == everything[:-1]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("qeury", r"'qeury' matches no Dense or EinsumDense layer; near names are .*query'"),
        ("clasifier", "near names are 'classifier'"),
        ("transformer_layer_1/self_attention/query", r"near names are 'transformer_layer_1/self_"),
        ("transformer_layer_1", r"a TransformerEncoder and not.*write 'transformer_layer_1/\.\*'"),
        ("token_embedding", "which is a ReversibleEmbedding and not a Dense or EinsumDense"),
        ("xyz", "matches no Dense or EinsumDense layer; near names are 'transformer_layer_0/"),
    ],
)
def test_a_pattern_that_finds_nothing_is_an_error(model: keras.Model, pattern, message) -> None:
    with pytest.raises(AdapterError, match=message):
        find_layers(model, ["query", pattern])


def test_a_target_inside_a_layer_that_trains_in_full_is_an_error(model: keras.Model) -> None:
    with pytest.raises(AdapterError, match="'classifier', which is to be trained in full"):
        find_layers(model, ["classifier"], excluding=[model.get_layer("classifier")])


def test_a_broken_pattern_is_an_error(model: keras.Model) -> None:
    with pytest.raises(ConfigError, match=r"'\(query' is no valid regular expression"):
        find_layers(model, ["(query"])


def test_a_model_without_dense_layers_says_so() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.LayerNormalization()])
    with pytest.raises(AdapterError, match="matches no Dense or EinsumDense layer; the model has"):
        find_layers(model, ["query"])


def test_any_layer_with_weights_can_be_found(model: keras.Model) -> None:
    found = find_any_layers(model, ["classifier", "embeddings_layer_norm"])
    assert [layer.path for layer in found] == ["embeddings_layer_norm", "classifier"]
    with pytest.raises(AdapterError, match=r"'clasifier' matches no layer.*'classifier'"):
        find_any_layers(model, ["clasifier"])


def test_last_layers(model: keras.Model) -> None:
    patterns = last_layers(model, 2)
    found = [layer.path for layer in find_layers(model, patterns)]
    assert found == [
        f"transformer_layer_{block}/self_attention_layer/{name}"
        for block in (10, 11)
        for name in ("query", "value")
    ]
    assert len(last_layers(model, 12, names=("key",))) == 12
    (norm,) = last_layers(model, 1, names=("feedforward_layer_norm",))  # of any kind
    assert norm == "transformer_layer_11/(?:.*/)?(?:feedforward_layer_norm)"
    with pytest.raises(AdapterError, match=r"The last 13 blocks.*the model has 12"):
        last_layers(model, 13)
    with pytest.raises(AdapterError, match="last 0 blocks"):
        last_layers(model, 0)
    with pytest.raises(AdapterError, match="'q_lin' matches no"):
        last_layers(model, 2, names=("q_lin",))
    with pytest.raises(AdapterError, match="do not stand in one row of numbered blocks"):
        last_layers(model, 1, names=("classifier",))


def test_two_layers_of_one_path_are_refused() -> None:
    def tower() -> keras.Model:
        x = keras.Input((4,))
        return keras.Model(x, keras.layers.Dense(4, name="same")(x))

    x = keras.Input((4,))
    model = keras.Model(x, tower()(x) + tower()(x))
    with pytest.raises(AdapterError, match="Two layers of the model share the path 'same'"):
        layers_with_weights(model)
