#!/usr/bin/env bash
# Makes milpb, coremlpb (Core ML's model format, BSD-3) and ../portable/onnxpb (ONNX, Apache-2.0) from the published formats: coremltools
# ships them as Python modules, onnx as a .proto file. Needs protoc, Python 3 with venv, Go and unzip. Run by: go generate ./native/mlpackage
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q protobuf==6.33.0
"$work/venv/bin/pip" download -q --no-deps -d "$work" coremltools==9.0 onnx==1.19.0
for w in "$work"/*.whl; do unzip -qo "$w" 'coremltools/proto/*' 'onnx/*.proto' -d "$work" || true; done
GOBIN=$work go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
mkdir -p "$work/descriptors/coremltools"
mv "$work/coremltools/proto" "$work/descriptors/coremltools/proto"
touch "$work/descriptors/coremltools/__init__.py" # the formats alone, without the converter
protos=$(cd "$work/descriptors" && PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python "$work/venv/bin/python" - "$work/coreml.fds" <<'PY'
import glob, importlib, sys
from google.protobuf import descriptor_pb2
out, seen = descriptor_pb2.FileDescriptorSet(), set()
def add(d):
    if d.name not in seen:
        seen.add(d.name)
        for e in d.dependencies:
            add(e)
        out.file.add().ParseFromString(d.serialized_pb)
for f in sorted(glob.glob("coremltools/proto/*_pb2.py")):
    add(importlib.import_module("coremltools.proto." + f.split("/")[-1][:-3]).DESCRIPTOR)
open(sys.argv[1], "wb").write(out.SerializeToString())
print(*sorted(seen))
PY
)
module=github.com/gesso-app/gesso
map=()
for p in $protos; do
	if [ "$p" = MIL.proto ]; then map+=("--go_opt=M$p=$module/native/mlpackage/milpb"); else map+=("--go_opt=M$p=$module/native/mlpackage/coremlpb"); fi
done
rm -rf milpb coremlpb ../portable/onnxpb
# shellcheck disable=SC2086 # a list of names without spaces
PATH=$work:$PATH protoc --descriptor_set_in="$work/coreml.fds" --go_out=../.. --go_opt=module=$module "${map[@]}" $protos
PATH=$work:$PATH protoc -I "$work/onnx" --go_out=../.. --go_opt=module=$module --go_opt=Monnx-ml.proto=$module/native/portable/onnxpb onnx-ml.proto
