"""A server whose model does what no model should: it never returns, or a library in it panics."""

import ctypes
import sys
import threading

from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from kerasft.cli.main import main
from kerasft.predict import Predictor

SECRET = "sec" + "ret"  # a traceback shows lines of the program; not this word
real = Predictor.predict
panicking = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
panicking.pre_tokenizer = pre_tokenizers.Split(Regex("(x+x+)+y"), "isolated")


def predict(self: Predictor, texts: list[str]) -> list:
    if "stuck" in texts:
        ctypes.CDLL(None).sleep(1000)
    if "panic" in texts:
        panicking.encode_batch([SECRET + "x" * 5000])
    if "exit" in texts:
        sys.exit(SECRET)
    assert threading.current_thread() is not threading.main_thread()
    return real(self, texts)


Predictor.predict = predict
main(["serve", *sys.argv[1:]])
