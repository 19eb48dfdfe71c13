package quality

import "image"

// Heat colours a map of SSIMMap: black, violet, orange and pale yellow from 0, unrelated, to 255, equal, even in lightness so that it reads without
// colour as well.
func Heat(grey *image.Gray) *image.NRGBA {
	stops := [...][3]float64{{4, 3, 18}, {84, 18, 124}, {190, 54, 84}, {246, 142, 40}, {252, 250, 180}}
	var table [256][4]uint8
	for i := range table {
		at := float64(i) / 255 * float64(len(stops)-1)
		k := min(int(at), len(stops)-2)
		for c := range 3 {
			table[i][c] = uint8(stops[k][c] + (at-float64(k))*(stops[k+1][c]-stops[k][c]) + 0.5)
		}
		table[i][3] = 255
	}
	out := image.NewNRGBA(grey.Bounds())
	for i, v := range grey.Pix {
		copy(out.Pix[4*i:], table[v][:])
	}
	return out
}
