package quality

import (
	"image"
	"math"
)

// PSNR is the peak signal-to-noise ratio of two pictures in dB, over the red, green and blue values as they are (alpha ignored): scikit-image's
// peak_signal_noise_ratio with the range of 8 bits. +Inf is equal, above 40 a difference is hard to see, a stylized picture lies mostly between
// 10 and 20. It counts differences and knows nothing of structure.
func PSNR(a, b image.Image) (float64, error) {
	w, h, err := commonSize(a, b)
	if err != nil {
		return 0, err
	}
	sums := make([]float64, h) // added up in the order of the rows, so that the strips' timing does not show
	for c := range 3 {
		x, y := channelOf(a, c), channelOf(b, c)
		inParallel(h, func(from, to int) {
			p, q := make([]float32, w), make([]float32, w)
			for row := from; row < to; row++ {
				x.row(p, row)
				y.row(q, row)
				var sum float64
				for i, v := range p {
					d := float64(v) - float64(q[i])
					sum += d * d
				}
				sums[row] += sum
			}
		})
	}
	var sum float64
	for _, s := range sums {
		sum += s
	}
	return 10 * math.Log10(3*float64(w)*float64(h)/sum), nil
}
