// What one round needs, in Go: bench.h says what it is.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// argument is the number that is argument i, or otherwise.
func argument(i int, otherwise int) int {
	if i < len(os.Args) {
		if number, err := strconv.Atoi(os.Args[i]); err == nil {
			return number
		}
	}
	return otherwise
}

// check ends the program as wrong if got is not want.
func check(what string, got, want int) {
	if got != want {
		fmt.Fprintf(os.Stderr, "%s is %d, must be %d\n", what, got, want)
		os.Exit(1)
	}
}

// report says what metric costs: nanoseconds since begin for each of the pieces.
func report(metric string, begin time.Time, pieces int) {
	fmt.Printf("%s %.6g\n", metric, float64(time.Since(begin).Nanoseconds())/float64(pieces))
}
