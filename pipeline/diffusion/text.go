package diffusion

import (
	"context"
	"errors"
	"fmt"

	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/pipeline/diffusion/clip"
)

// prompt is a text as the U-Net takes it: (width, tokens), and of XL the pooled text.
type prompt struct {
	hidden, pooled []float32
	width, tokens  int
}

// encode turns texts into prompts of one length, with each text encoder loaded once. notes tell what was cut. weighted reads weights in brackets, and
// has long texts encoded in several rows that follow each other, where the U-Net takes them.
func (m *Model) encode(ctx context.Context, texts []string, weighted bool) (prompts []prompt, notes []string, err error) {
	prompts = make([]prompt, len(texts))
	for i, path := range m.texts {
		said, err := m.encodeWith(ctx, i, path, texts, weighted, prompts)
		if err != nil {
			return nil, nil, fmt.Errorf("encode the prompt: %w", err)
		}
		if i == 0 {
			notes = said
		}
	}
	return prompts, notes, nil
}

func (m *Model) encodeWith(ctx context.Context, which int, path string, texts []string, weighted bool, prompts []prompt) (notes []string, err error) {
	n, err := m.load(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	f, ok := n.input("")
	if !ok || len(f.Shape) == 0 || f.Shape[len(f.Shape)-1] < 3 {
		return nil, refuse("the package %s is no text encoder", path)
	}
	length := f.Shape[len(f.Shape)-1]
	t := m.tokenizers[which]
	rows, longest := 1, 0
	all := make([]tokens, len(texts))
	for i, text := range texts {
		all[i] = tokenize(t, text, weighted)
		longest = max(longest, len(all[i].ids))
	}
	if weighted {
		rows = chunks(m.text, longest, length)
	}
	for i, k := range all {
		if room := rows * (length - 2); len(k.ids) > room {
			notes = append(notes, fmt.Sprintf("the prompt is longer than the %d tokens that the model takes: its last %d were left out", room, len(k.ids)-room))
		}
		if err := m.encodeRows(ctx, n, f, t, k, rows, &prompts[i]); err != nil {
			return nil, err
		}
	}
	return notes, nil
}

// encodeRows adds an encoder's text to p: rows calls of it, one after the other along the tokens. The pooled text is the first call's.
func (m *Model) encodeRows(ctx context.Context, n *network, f native.Feature, t *clip.Tokenizer, k tokens, rows int, p *prompt) error {
	length := f.Shape[len(f.Shape)-1]
	cut, room := t.Rows(k.ids, length), length-2
	var made [][]float32
	width := 0
	for r := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		row := t.Rows(nil, length)[0]
		if r < len(cut) {
			row = cut[r]
		}
		ids := make([]float32, length)
		for i, id := range row {
			ids[i] = float32(id)
		}
		out, err := n.run(ctx, map[string][]float32{f.Name: ids})
		if err != nil {
			return err
		}
		hidden := one(out, "hidden_embeds", "last_hidden_state")
		if len(hidden) == 0 || len(hidden)%length != 0 || r > 0 && len(hidden) != len(made[0]) {
			return refuse("the package %s gives no text", n.path)
		}
		width = len(hidden) / length
		weigh(hidden, width, k.weights[min(r*room, len(k.weights)):min((r+1)*room, len(k.weights))])
		if made = append(made, hidden); r == 0 {
			p.pooled = out["pooled_outputs"]
		}
	}
	for c := range width { // (tokens, width) turned, and the encoders' one after the other
		for _, hidden := range made {
			for i := range length {
				p.hidden = append(p.hidden, hidden[i*width+c])
			}
		}
	}
	p.width, p.tokens = p.width+width, rows*length
	return nil
}

// zero is a prompt of zeros.
func (p prompt) zero() prompt {
	return prompt{hidden: make([]float32, len(p.hidden)), pooled: make([]float32, len(p.pooled)), width: p.width, tokens: p.tokens}
}
