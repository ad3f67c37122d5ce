"""The saved folder: written whole, read with care. It knows no task and no architecture.

    storage.check_output(output, is_ours)           # before the work
    facts = Facts()                                 # stated while it runs: the model card
    ...                                             # the task saves its parts (`kerasft.tasks`)
    with adding_report(output, facts) as reports:   # what fails here costs no model
        reports.append(text_report(...))

Importing this room imports no Keras.
"""

from kerasft.folder.add_report import adding_report
from kerasft.folder.card import Facts
from kerasft.folder.contents import Manifest
from kerasft.folder.manifest import has_manifest, is_ours, is_saved, verify

__all__ = ["Facts", "Manifest", "adding_report", "has_manifest", "is_ours", "is_saved", "verify"]
