// Package planted breaks every rule of determinism once, so that a test can show that each is found.
package planted

import (
	"math"
	"math/rand" // want: imports math/rand
	"slices"
	"sync"       // want: imports sync
	clock "time" // want: imports time
	"unsafe"
)

var mutex sync.Mutex

var ratio = 0.5 // want: ratio is a float

func now() int64 { return clock.Now().UnixNano() }

func draw() int { return rand.Int() }

func ranges(m map[int]int) (sum int) {
	for _, v := range m { // want: ranges over a map
		sum += v
	}
	return sum
}

func threads() {
	done := make(chan int)    // want: channel
	go func() { done <- 1 }() // want: starts a goroutine
	select {                  // want: select
	case <-done:
	}
}

func sorts(v []int) {
	slices.SortFunc(v, func(a, b int) int { return a - b }) // want: calls slices.SortFunc
}

func floats(v int) int {
	return int(float64(v) * 2) // want: converts to a float
}

func root(v uint64) bool {
	return math.Sqrt(2) > 1 // want: calls math.Sqrt
}

func address(v *int) uint64 {
	return uint64(uintptr(unsafe.Pointer(v))) // want: turns a pointer into a number
}

func speaks() {
	println("here") // want: println
}
