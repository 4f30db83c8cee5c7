package main

import (
	"sync"
	"time"
)

const batch = 1000

var ran [batch]int // how often each goroutine of a batch ran; written by that one

func empty(group *sync.WaitGroup, slot *int) {
	*slot++
	group.Done()
}

func batches(count int) {
	var group sync.WaitGroup
	for k := 0; k < count; k++ {
		group.Add(batch)
		for i := 0; i < batch; i++ {
			go empty(&group, &ran[i])
		}
		group.Wait()
	}
}

func singles(count int) {
	var group sync.WaitGroup
	for k := 0; k < count; k++ {
		for i := 0; i < batch; i++ {
			group.Add(1)
			go empty(&group, &ran[i])
			group.Wait()
		}
	}
}

func main() {
	count := argument(1, 1000)
	batches(count / 10)
	begin := time.Now()
	batches(count)
	report("batch", begin, count*batch)
	begin = time.Now()
	singles(count)
	report("one", begin, count*batch)
	for i := range ran {
		check("how often a goroutine ran", ran[i], count/10+2*count)
	}
}
