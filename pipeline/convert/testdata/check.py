"""Loads packages with coremltools, which checks the specification, and reads their programs, which checks every operation's arguments and types.

    check.py PACKAGE...
"""

import logging
import pathlib
import sys

logging.disable(logging.WARNING)

import coremltools as ct  # noqa: E402
from coremltools.converters.mil.frontend.milproto.load import load  # noqa: E402

for path in sys.argv[1:]:
    model = ct.models.MLModel(path, skip_model_load=True)
    spec = model.get_spec()
    program = load(spec, spec.specificationVersion, file_weights_dir=model.weights_dir)
    declared = {}
    block = next(iter(spec.mlProgram.functions["main"].block_specializations.values()))
    for op in block.operations:
        for out in op.outputs:
            t = out.type.tensorType
            declared[out.name] = [-1 if d.WhichOneof("dimension") == "unknown" else d.constant.size for d in t.dimensions]
    for op in program.functions["main"].operations:
        for out in op.outputs:
            have, want = [d if isinstance(d, int) else -1 for d in getattr(out, "shape", ())], declared.get(out.name)
            have = [int(d) if not hasattr(d, "free_symbols") else -1 for d in getattr(out, "shape", ())]
            if want is not None and any(w != h for w, h in zip(want, have) if h != -1) or (want is not None and len(want) != len(have)):
                sys.exit(f"{path}: {op.op_type} {out.name}: declared {want}, inferred {have}")
    names = [f.name for f in spec.description.input] + [f.name for f in spec.description.output]
    print(pathlib.Path(path).name, "version", spec.specificationVersion, "operations", len(block.operations), *names)
