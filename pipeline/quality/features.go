package quality

import "math"

// layers are the channels of the style network's layers, in the order in which it writes their moments: for each layer the means, then the
// deviations.
var layers = []int{3, 24, 48, 96, 128, 128}

// MomentsLength is how many moments there are of a picture.
const MomentsLength = 2 * (3 + 24 + 48 + 96 + 128 + 128)

// StyleLoss is the distance of a stylized picture to its style by the moments of the style network's layers (Huang & Belongie 2017, eq. 13,
// each layer's distance divided by the length of the style's): 0 is equal, an unstyled photo lies mostly between 0.2 and 1.
func StyleLoss(stylized, style []float32) float64 {
	var sum float64
	at := 0
	for _, c := range layers {
		var d, n float64
		for i := at; i < at+2*c; i++ {
			e := float64(stylized[i] - style[i])
			d += e * e
			n += float64(style[i]) * float64(style[i])
		}
		sum += math.Sqrt(d / max(n, 1e-12))
		at += 2 * c
	}
	return sum / float64(len(layers))
}

// ContentPreservation is the mean Pearson correlation between photo and stylized over the channels of a feature map (C,H,W) of the style
// network, each channel weighted by its deviation in the photo: 1 is the photo's structure unchanged, 0 unrelated (negative values count as 0).
// It looks at thumbnails of 256 px, so it speaks of composition and shapes, not of fine detail, and a change of colours hardly moves it.
func ContentPreservation(photo, stylized []float32, channels int) float64 {
	size := len(photo) / channels
	var sum, weights float64
	for c := range channels {
		a, b := photo[c*size:(c+1)*size], stylized[c*size:(c+1)*size]
		ma, mb := mean(a), mean(b)
		var ab, aa, bb float64
		for i := range a {
			x, y := float64(a[i])-ma, float64(b[i])-mb
			ab += x * y
			aa += x * x
			bb += y * y
		}
		if aa < 1e-9 {
			continue
		}
		w := math.Sqrt(aa)
		weights += w
		sum += w * ab / math.Sqrt(aa*max(bb, 1e-12))
	}
	if weights == 0 {
		return 1
	}
	return min(max(sum/weights, 0), 1)
}

func mean(v []float32) float64 {
	var s float64
	for _, x := range v {
		s += float64(x)
	}
	return s / float64(len(v))
}
