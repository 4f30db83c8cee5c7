package main

import (
	"runtime"
	"sync"
	"time"
)

func main() {
	var group sync.WaitGroup
	times := argument(1, 1000000)
	turns := 0
	partner := func() {
		for i := 0; i < times; i++ {
			turns++
			runtime.Gosched()
		}
		group.Done()
	}
	begin := time.Now()
	group.Add(2)
	go partner()
	go partner()
	group.Wait()
	report("yield", begin, 2*times)
	check("the number of turns", turns, 2*times)
}
