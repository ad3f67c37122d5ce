"""How good a model is: scores, intervals and tests, calibration, and pictures."""
