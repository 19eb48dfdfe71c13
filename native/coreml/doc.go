// Package coreml runs networks on macOS through Core ML. Elsewhere it is empty. It imports engine alone.
package coreml
