"""What goes with `model.fit`: history, exact resume, early stopping, schedules, trackers.

history = training.History(trackers=[training.TensorBoard("run.tensorboard")])
model.compile(training.adam(2e-3), loss)
run = training.fit(
    model, train, validation, epochs=10, config=config, output="saved_models/mails",
    history=history, early_stopping=2,
)
...               # save and evaluate
history.close()
run.finish()      # the checkpoint is of no use now
"""

from kerasft.training.early_stopping import EarlyStopping
from kerasft.training.fit import fit
from kerasft.training.history import History
from kerasft.training.kept_epochs import KeptEpochs
from kerasft.training.losses import LabelSmoothedCrossEntropy
from kerasft.training.optimizers import adam, adamw
from kerasft.training.resume import Resume
from kerasft.training.schedule import InverseSquareRoot, WarmupLinearDecay, schedule
from kerasft.training.tensorboard import TensorBoard
from kerasft.training.tracker import Tracker, trackers
from kerasft.training.wandb import WandB

__all__ = [
    "EarlyStopping",
    "History",
    "InverseSquareRoot",
    "KeptEpochs",
    "LabelSmoothedCrossEntropy",
    "Resume",
    "TensorBoard",
    "Tracker",
    "WandB",
    "WarmupLinearDecay",
    "adam",
    "adamw",
    "fit",
    "schedule",
    "trackers",
]
