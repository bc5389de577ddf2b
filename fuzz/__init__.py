"""Fuzzing that is guided by coverage: atheris runs the targets of `tests.fuzz`.

`python -m fuzz sdp --runs 100000` runs one, `python -m fuzz --all --seconds 60` each in turn.
`pip install --group fuzz` installs what it needs.
"""
