package portable

import (
	"strings"

	"github.com/gesso-app/gesso/native/portable/onnxpb"
)

func (a *args) padType() string { return strings.ToLower(a.string("pad_type", "valid")) }

// padding lowers pad_type and pad of convolutions and pools.
func (a *args) padding(zero []int64) []*onnxpb.AttributeProto {
	switch kind := a.padType(); kind {
	case "custom":
		return []*onnxpb.AttributeProto{attrInts("pads", pads(a.ints("pad", zero)))}
	case "valid":
		return []*onnxpb.AttributeProto{attrInts("pads", zero)}
	case "same":
		return []*onnxpb.AttributeProto{attrString("auto_pad", "SAME_UPPER")}
	case "same_lower":
		return []*onnxpb.AttributeProto{attrString("auto_pad", "SAME_LOWER")}
	default:
		a.fail("the padding %q is not known", kind)
		return nil
	}
}
