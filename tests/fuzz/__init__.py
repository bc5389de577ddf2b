"""Fuzz targets: each module has `one_input`, which lets pass documented errors alone.

`python -m tests.fuzz.parser --seconds 60` runs one for longer; the tests run each for a moment, and
`python -m fuzz` runs them with atheris. The list of targets is in `fuzz.targets`.
"""
