package portable

import "github.com/gesso-app/gesso/native/portable/onnxpb"

// maxBatch bounds the pictures whose boxes are suppressed, one after the other.
const maxBatch = 64

// suppression keeps the boxes of the best scores that do not overlap with better ones: boxes (n,B,4) of centers and sizes, scores (n,B,K) to
// (n,max,4), (n,max,K), indices (n,max) and, in the version of iOS 15, how many there are (n). Where there are fewer than max, boxes and scores are 0
// and indices -1. From iOS 17 on B is the last dimension of boxes and scores, and there is no threshold of scores.
func (a *args) suppression() {
	boxes, scores, d := a.value("boxes"), a.value("scores"), a.dims("boxes")
	most, outs := a.int("max_boxes", 0), a.outs()
	if len(d) != 3 || a.rank("scores") != 3 || d[0] < 1 || d[0] > maxBatch || most < 1 || most > maxChannels || len(outs) > 4 {
		a.fail("boxes of the shape %v, at most %d: the first dimension must be known and at most %d", d, most, maxBatch)
		return
	}
	late := !a.has("score_threshold") && len(outs) < 4 // iOS 17
	if late {
		boxes, scores = a.l.turned(boxes, 0, 2, 1), a.l.turned(scores, 0, 2, 1)
	}
	compared := boxes
	if a.flag("per_class_suppression") { // boxes of other classes are moved out of each other's way
		compared = a.movedByClass(boxes, scores)
	}
	best := a.l.node("ReduceMax", "", []string{scores, a.l.list(2)}, attrInt("keepdims", 1))
	best = a.l.turned(best, 0, 2, 1) // (n,1,B)
	limits := []string{a.l.list(most), a.l.node("Reshape", "", []string{a.value("iou_threshold"), a.l.list(1)})}
	if a.has("score_threshold") {
		limits = append(limits, a.l.node("Reshape", "", []string{a.value("score_threshold"), a.l.list(1)}))
	}
	var parts [4][]string
	for i := range d[0] {
		one := func(v string) string {
			return a.l.node("Slice", "", []string{v, a.l.list(i), a.l.list(i + 1), a.l.list(0)})
		}
		kept := a.l.node("NonMaxSuppression", "", append([]string{one(compared), one(best)}, limits...), attrInt("center_point_box", 1))
		index := a.l.node("Gather", "", []string{kept, a.l.ints(nil, []int64{2})}, attrInt("axis", 1)) // (m)
		count := a.l.node("Shape", "", []string{index})
		missing := a.l.node("Sub", "", []string{a.l.list(most), count})
		index = a.l.node("Pad", "", []string{index, a.l.node("Concat", "", []string{a.l.list(0), missing}, attrInt("axis", 0)), a.l.ints(nil, []int64{-1})})
		rows := func(v string) string { // the row -1 is the last one, of zeros
			v = a.l.node("Pad", "", []string{one(v), a.l.list(0, 0, 0, 0, 1, 0), a.l.scalar(0)})
			return a.l.node("Gather", "", []string{v, index}, attrInt("axis", 1))
		}
		for k, v := range []string{rows(boxes), rows(scores), a.l.node("Unsqueeze", "", []string{index, a.l.list(0)}), count} {
			parts[k] = append(parts[k], v)
		}
	}
	for k, name := range outs {
		v := a.l.node("Concat", "", parts[k], attrInt("axis", 0))
		if late && k < 2 {
			v = a.l.turned(v, 0, 2, 1)
		}
		a.l.node("Identity", name, []string{v})
	}
}

// movedByClass adds to the centers of boxes (n,B,4) the number of their best class, times more than the width of all.
func (a *args) movedByClass(boxes, scores string) string {
	class := a.l.cast(a.l.node("ArgMax", "", []string{scores}, attrInt("axis", 2), attrInt("keepdims", 1)), onnxpb.TensorProto_FLOAT)
	reach := a.l.node("ReduceMax", "", []string{a.l.node("Abs", "", []string{boxes})}, attrInt("keepdims", 0))
	reach = a.l.node("Mul", "", []string{a.l.node("Add", "", []string{reach, a.l.scalar(1)}), a.l.scalar(4)})
	away := a.l.node("Mul", "", []string{class, reach}) // (n,B,1)
	return a.l.node("Add", "", []string{boxes, a.l.node("Mul", "", []string{away, a.l.floats([]int64{1, 1, 4}, []float32{1, 0, 0, 0})})})
}
