"""`bench`: each figure beside a reference that is measured in the same run (speed.md).

`harness` tells the figures, `world` is the county that is made once and kept, the others are a
benchmark each; `references` holds what a contractor would have written, run in an environment of
its own.
"""
