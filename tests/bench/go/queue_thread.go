package main

import "time"

func main() {
	items := argument(1, 2000000)
	queue := make(chan int, 1024)
	sum := make(chan int)
	begin := time.Now()
	go func() {
		for i := 0; i < items; i++ {
			queue <- i
		}
		close(queue)
	}()
	go func() {
		total := 0
		for item := range queue {
			total += item
		}
		sum <- total
	}()
	total := <-sum
	report("cost", begin, items)
	check("the sum of the items", total, items*(items-1)/2)
}
