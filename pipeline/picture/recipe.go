package picture

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"unicode/utf8"
)

// The recipe stands in the XMP packet as the text of an element of Gesso's namespace.
const (
	recipeNamespace = "https://gesso.app/ns/1.0/"
	recipeElement   = "Recipe"
	// recipeBase64 is the element for a recipe with characters that XML cannot carry.
	recipeBase64 = "RecipeBase64"
)

const (
	rdfNamespace = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	packetHead   = `<?xpacket begin="` + "\ufeff" + `" id="W5M0MpCehiHzreSzNTczkc9d"?>` +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="` + rdfNamespace + `">`
	packetTail      = `</rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
	descriptionHead = `<rdf:Description xmlns:rdf="` + rdfNamespace + `" rdf:about="" xmlns:gesso="` + recipeNamespace + `">`
	descriptionTail = `</rdf:Description>`
	// digitalSource says that a trained network changed the picture (IPTC NewsCodes, Digital Source Type).
	digitalSource = `<Iptc4xmpExt:DigitalSourceType xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">` +
		`http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>`
)

// Recipe returns the recipe that Save wrote into a file, byte for byte, or an error that wraps ErrNoRecipe.
func Recipe(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, DefaultLimits.Bytes))
	if err != nil {
		return nil, fileError(path, "read", err)
	}
	kind, reason := detect(data)
	switch {
	case len(data) == 0:
		return nil, refuse(path, "is empty")
	case kind == nil:
		return nil, refuse(path, "%s", reason)
	}
	recipe, err := guarded(func(data []byte) ([]byte, error) {
		m, _ := kind.metadata(data)
		return recipeOf(m.XMP), nil
	}, data)
	if err != nil {
		return nil, damaged(path, kind, err)
	}
	if recipe == nil {
		return nil, &Error{Path: path, Reason: ErrNoRecipe.Error(), Err: ErrNoRecipe}
	}
	return recipe, nil
}

// recipeOf returns the recipe in an XMP packet, or nil if there is none or the packet is damaged.
func recipeOf(packet []byte) []byte {
	d := xml.NewDecoder(bytes.NewReader(packet))
	for {
		token, err := d.Token()
		if err != nil {
			return nil
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Space != recipeNamespace {
			continue
		}
		var text string
		if err := d.DecodeElement(&text, &start); err != nil || text == "" {
			return nil
		}
		switch start.Name.Local {
		case recipeElement:
			return []byte(text)
		case recipeBase64:
			recipe, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return nil
			}
			return recipe
		}
	}
}

// packet returns the XMP for a new picture: the description that xmp has of the photo, with the recipe put into it. A
// packet that cannot be extended safely, or would be larger than limit bytes (0: any), makes room for one with the
// recipe alone; nil if there is nothing to say.
func packet(xmp, recipe []byte, limit int) ([]byte, error) {
	fits := func(p []byte) bool { return limit == 0 || len(p) <= limit }
	kept, ok := uprightXMP(xmp)
	if len(recipe) == 0 {
		if ok && fits(kept) {
			return kept, nil
		}
		return nil, nil
	}
	description := describe(recipe)
	kept = earlierSource.ReplaceAll(kept, nil)
	if at := bytes.LastIndex(kept, []byte("</rdf:RDF>")); ok && at >= 0 {
		merged := bytes.Join([][]byte{kept[:at], description, kept[at:]}, nil)
		if fits(merged) && bytes.Equal(recipeOf(merged), recipe) {
			return merged, nil
		}
	}
	alone := bytes.Join([][]byte{[]byte(packetHead), description, []byte(packetTail)}, nil)
	if !fits(alone) {
		return nil, errRecipeSize
	}
	return alone, nil
}

var errRecipeSize = errors.New("the recipe is too long for a JPEG file, which holds 65502 bytes of it with its frame: use PNG")

// describe returns the element that holds the recipe.
func describe(recipe []byte) []byte {
	var text bytes.Buffer
	name := recipeElement
	if err := xml.EscapeText(&text, recipe); err != nil || bytes.Contains(text.Bytes(), []byte("\ufffd")) || !utf8.Valid(recipe) {
		text.Reset()
		text.WriteString(base64.StdEncoding.EncodeToString(recipe))
		name = recipeBase64
	}
	return []byte(descriptionHead + digitalSource + "<gesso:" + name + ">" + text.String() + "</gesso:" + name + ">" + descriptionTail)
}

var (
	ownDescription = regexp.MustCompile(`(?s)` + regexp.QuoteMeta(descriptionHead) + `.*?` + regexp.QuoteMeta(descriptionTail))
	// earlierSource is what the photo's XMP says in its two forms, of which a picture can have one.
	earlierSource  = regexp.MustCompile(`(?s)\s+Iptc4xmpExt:DigitalSourceType\s*=\s*(?:"[^"]*"|'[^']*')|<Iptc4xmpExt:DigitalSourceType[^>]*>.*?</Iptc4xmpExt:DigitalSourceType>`)
	xmpOrientation = regexp.MustCompile(`(tiff:Orientation(?:\s*=\s*["']|>)\s*)[1-8](\s*(?:["']|</))`)
)

// uprightXMP returns the packet for pixels that are upright, without the recipe of an earlier picture. ok is false if it is
// damaged, or if a part of it stands elsewhere in its file and would be missed.
func uprightXMP(xmp []byte) (kept []byte, ok bool) {
	if len(xmp) == 0 || bytes.Contains(xmp, []byte("HasExtendedXMP")) {
		return nil, false
	}
	kept = ownDescription.ReplaceAll(xmp, nil)
	kept = xmpOrientation.ReplaceAll(kept, []byte("${1}1${2}"))
	for d := xml.NewDecoder(bytes.NewReader(kept)); ; {
		if _, err := d.Token(); err != nil {
			return kept, errors.Is(err, io.EOF) && recipeOf(kept) == nil
		}
	}
}
