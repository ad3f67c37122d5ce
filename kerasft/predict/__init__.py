"""Predict with a saved folder: from Python, or on the command line.

python -m kerasft.predict saved_models/run "A text." "Another one."
python -m kerasft.predict saved_models/run < texts.txt            one text a line
python -m kerasft.predict saved_models/run --input mails.csv --text_column body --output out.csv

Importing this room imports no Keras.
"""
