"""What stands around `model.fit`: history, exact resume, early stopping, schedules, trackers.

history = training.History(trackers=[training.TensorBoard("run.tensorboard")])
stopping = training.EarlyStopping(patience=2)
run = training.Resume(
    model, train, "run.checkpoint", seed=0, fingerprint={"learning_rate": 2e-3},
    stateful=[history, stopping], enabled=True,
)
for part in run.parts(epochs=10):
    model.fit(
        part.batches, initial_epoch=part.first, epochs=part.last, validation_data=validation,
        callbacks=[history, stopping, run.callback], verbose=training.progress(),
    )
stopping.restore(model)
history.close()
run.finish()
"""

from kerasft.training.early_stopping import EarlyStopping
from kerasft.training.history import History
from kerasft.training.kept_epochs import KeptEpochs
from kerasft.training.losses import LabelSmoothedCrossEntropy
from kerasft.training.optimizers import adam, adamw
from kerasft.training.progress import progress
from kerasft.training.resume import Part, Resume
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
    "Part",
    "Resume",
    "TensorBoard",
    "Tracker",
    "WandB",
    "WarmupLinearDecay",
    "adam",
    "adamw",
    "progress",
    "schedule",
    "trackers",
]
