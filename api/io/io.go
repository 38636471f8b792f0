// Package io is what the generated client reads answers with: package io, but for a body that knows
// better how to be read at once. It takes the place of that package in the imports of gen.
package io

import "io"

// Reader is [io.Reader].
type Reader = io.Reader

// ReadAll is [io.ReadAll], left to the reader where it has a method of that name, which may know the
// size of what it reads or have a buffer for it.
func ReadAll(r Reader) ([]byte, error) {
	if r, ok := r.(interface{ ReadAll() ([]byte, error) }); ok {
		return r.ReadAll()
	}
	return io.ReadAll(r)
}
