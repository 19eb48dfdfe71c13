package compress

// Report says what compression did.
type Report struct {
	Before int64   `json:"bytes_before"` // of the weights, as float16 or float32
	After  int64   `json:"bytes_after"`
	Layers []Layer `json:"layers"`
}

// Layer is the weights of one layer.
type Layer struct {
	Name  string  `json:"name"`
	Shape []int   `json:"shape"`
	Form  string  `json:"form"`  // such as palettize 4 bits, or float16 where they were left
	Error float64 `json:"error"` // root of the mean square difference by that of the weights
	Bytes int64   `json:"bytes"`
}
