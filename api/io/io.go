// Package io replaces package io in the imports of the generated client. It lets the body of a
// response read itself, which knows its size and has a buffer.
package io

import "io"

// Reader is [io.Reader].
type Reader = io.Reader

// ReadAll is [io.ReadAll], but if the reader has a method ReadAll, it calls that.
func ReadAll(r Reader) ([]byte, error) {
	if r, ok := r.(interface{ ReadAll() ([]byte, error) }); ok {
		return r.ReadAll()
	}
	return io.ReadAll(r)
}
