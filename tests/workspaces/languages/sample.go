// Package pool keeps connections.
package pool

import (
	"errors"
	"sync"
)

const MaxIdle = 8

const (
	stateOpen = iota
	stateClosed
)

var ErrClosed = errors.New("pool: closed")

// Conn is what a pool keeps.
type Conn interface {
	Close() error
}

type (
	// Options of a pool.
	Options struct {
		Size int
	}
	Factory func() (Conn, error)
	ID      = string
)

// Pool hands out connections.
type Pool[T Conn] struct {
	mu    sync.Mutex
	idle  []T
	state int
}

type Duration int64

// New makes a pool.
func New[T Conn](options Options) *Pool[T] {
	return &Pool[T]{}
}

// Get takes a connection out of the pool.
func (p *Pool[T]) Get() (T, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var zero T
	if p.state == stateClosed {
		return zero, ErrClosed
	}
	return zero, nil
}

func (d Duration) Seconds() float64 {
	return float64(d) / 1e9
}

func init() {
	go func() {
		_ = MaxIdle
	}()
}
