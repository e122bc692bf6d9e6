"""Room for third-party pipeline stages; empty on purpose.

A package declares its stage in the entry point group ``segmend.stages`` as ``name = "package.module:StageClass"``;
`segmend.core.pipeline.registry` finds it and checks it, and `segmend.core.pipeline.stage` says what a stage is.
Stages import `segmend.core` only.
"""
