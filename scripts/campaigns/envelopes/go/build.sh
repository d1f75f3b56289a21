#!/bin/sh
# Builds the Go reader into the directory given: needs Go, the Go module proxy and `buf` (npm brings it) in PATH.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1"
cp "$source/main.go" "$source/envelopes.proto" .
[ -f go.mod ] || go mod init pennyblack.example/envelopes
GOBIN="$PWD/bin" go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
go get google.golang.org/protobuf@v1.36.12
buf generate . --path envelopes.proto \
  --template '{"version":"v2","plugins":[{"local":"./bin/protoc-gen-go","out":"pb","opt":"paths=source_relative"}]}'
go build -o read-envelopes .
