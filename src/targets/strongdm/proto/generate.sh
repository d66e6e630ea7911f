#!/bin/sh
# Makes *_pb.gen.ts from the .proto files here. Needs npm; installs its tools in a temporary folder.
set -eu
cd "$(dirname "$0")"
here=$PWD
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
cp ./*.proto "$tools/"
cd "$tools"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error \
  @bufbuild/buf@1.75.0 @bufbuild/protoc-gen-es@2.17.0 @bufbuild/protobuf@2.17.0
cat >buf.yaml <<'YAML'
version: v2
YAML
cat >buf.gen.yaml <<'YAML'
version: v2
plugins:
  - local: node_modules/.bin/protoc-gen-es
    out: out
    opt: [target=ts, import_extension=ts]
YAML
node_modules/.bin/buf generate --path sdm.proto --path status.proto
for name in sdm status; do
  cp "out/${name}_pb.ts" "$here/${name}_pb.gen.ts"
done
