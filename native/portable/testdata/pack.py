"""Writes packages and their reference values into one archive a subject, for the tests of the portable engine.

An archive holds for each case NAME: NAME/model (the files of a .mlpackage, or one .mlmodel), and for each run R of it NAME/R/in/X.npy and
NAME/R/out/Y.npy. NAME/tolerance, if there is one, is the greatest difference that is allowed, as a part of the output's range.
"""

import gzip
import io
import json
import pathlib
import shutil
import tempfile
import tarfile

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

HERE = pathlib.Path(__file__).parent
rng = np.random.default_rng(11)


def rand(*shape, low=-1.0, high=1.0):
    return rng.uniform(low, high, shape).astype(np.float32)


class Archive:
    def __init__(self, name):
        self.path = HERE / name
        self.raw = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.raw, mode="w", format=tarfile.USTAR_FORMAT)
        self.seen = set()

    def write(self, path, data):
        info = tarfile.TarInfo(path)
        info.size = len(data)
        self.tar.addfile(info, io.BytesIO(data))

    def array(self, path, a):
        a = np.asarray(a)
        if a.dtype == np.uint8:
            pass  # pixels
        elif a.dtype == np.bool_ or np.issubdtype(a.dtype, np.integer):
            a = a.astype("<i4")
        elif a.dtype != np.float16:
            a = a.astype("<f4")
        out = io.BytesIO()
        np.save(out, np.array(a, order="C"))
        self.write(path, out.getvalue())

    def add(self, name, model, runs, tolerance=None):
        """model: an MLModel, a specification, or a folder. runs: pairs of dicts of arrays."""
        assert name not in self.seen, name
        self.seen.add(name)
        temp = pathlib.Path(tempfile.mkdtemp())
        try:
            if isinstance(model, ct.models.MLModel):
                kind = "mlmodel" if model.get_spec().WhichOneof("Type") not in ("mlProgram", "pipeline") or not model.weights_dir else "mlpackage"
                path = temp / f"m.{kind}"
                model.save(str(path))
            elif isinstance(model, (str, pathlib.Path)):
                path = pathlib.Path(model)
            else:
                path = temp / "m.mlmodel"
                path.write_bytes(model.SerializeToString())
            files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
            for f in files:
                data = f.read_bytes()
                if f.name == "Manifest.json":
                    data = plain(data)
                self.write(f"{name}/model" + ("" if path.is_file() else "/" + f.relative_to(path).as_posix()), data)
        finally:
            shutil.rmtree(temp)
        for i, (inputs, outputs) in enumerate(runs):
            for n, a in inputs.items():
                self.array(f"{name}/{i}/in/{n}.npy", a)
            for n, a in outputs.items():
                self.array(f"{name}/{i}/out/{n}.npy", a)
        if tolerance:
            self.write(f"{name}/tolerance", repr(tolerance).encode())

    def close(self):
        self.tar.close()
        with open(self.path, "wb") as f, gzip.GzipFile("", "wb", 9, f, mtime=0) as z:
            z.write(self.raw.getvalue())
        print(self.path.name, len(self.seen), "cases", self.path.stat().st_size, "bytes")


def plain(manifest):
    """The manifest with identifiers that are the same at each run."""
    m = json.loads(manifest)
    names = {k: f"00000000-0000-0000-0000-{i:012d}" for i, (k, _) in enumerate(sorted(m["itemInfoEntries"].items(), key=lambda e: e[1]["path"]))}
    m["itemInfoEntries"] = {names[k]: v for k, v in m["itemInfoEntries"].items()}
    m["rootModelIdentifier"] = names[m["rootModelIdentifier"]]
    return json.dumps(m, indent=4).encode()


def program(inputs, build, target=ct.target.iOS15, half=False, **convert):
    """A package of the operations as build writes them. inputs: arrays or mb.TensorSpec by name; its outputs are y0, y1, ..."""

    def spec(a):
        if not isinstance(a, np.ndarray) and not np.isscalar(a):
            return a
        return mb.TensorSpec(shape=a.shape, dtype=types.int32 if np.issubdtype(a.dtype, np.integer) else types.fp32)

    def finish(*values):
        out = build(*values)
        out = list(out) if isinstance(out, (tuple, list)) else [out]
        for i, v in enumerate(out):
            if v.dtype not in (types.fp32, types.fp16, types.int32):
                v = mb.cast(x=v, dtype="int32")
            out[i] = mb.identity(x=v, name=f"y{i}")
        return out

    scope = {"finish": finish}
    exec(f"def f({', '.join(inputs)}):\n    return finish({', '.join(inputs)})", scope)
    prog = mb.program(input_specs=[spec(a) for a in inputs.values()], opset_version=target)(scope["f"])
    convert.setdefault("pass_pipeline", ct.PassPipeline.DEFAULT if half else ct.PassPipeline.EMPTY)
    return ct.convert(
        prog, convert_to="mlprogram", minimum_deployment_target=target, skip_model_load=True,
        compute_precision=ct.precision.FLOAT16 if half else ct.precision.FLOAT32, **convert,
    )


def outputs(values):
    values = list(values) if isinstance(values, (tuple, list)) else [values]
    return {f"y{i}": np.asarray(v) for i, v in enumerate(values)}
