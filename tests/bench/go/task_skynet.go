// Skynet (github.com/atemerev/skynet): a goroutine starts ten others, down to a million of them, each
// of which sends its number; everyone sends up the sum of what it got.
package main

import "time"

func skynet(up chan int, number int, size int, children int) {
	if size == 1 {
		up <- number
		return
	}
	results := make(chan int)
	sum := 0
	for i := 0; i < children; i++ {
		go skynet(results, number+i*(size/children), size/children, children)
	}
	for i := 0; i < children; i++ {
		sum += <-results
	}
	up <- sum
}

func run(leaves int) {
	result := make(chan int)
	go skynet(result, 0, leaves, 10)
	check("the sum of the leaves", <-result, leaves*(leaves-1)/2)
}

func main() {
	leaves := argument(1, 1000000)
	run(leaves / 10)
	begin := time.Now()
	run(leaves)
	report("cost", begin, leaves)
}
