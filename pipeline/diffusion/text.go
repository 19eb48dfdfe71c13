package diffusion

import (
	"context"
	"errors"
	"fmt"
)

// prompt is a text as the U-Net takes it: (width, tokens), and of XL the pooled text.
type prompt struct {
	hidden, pooled []float32
	width, tokens  int
}

// encode turns texts into prompts, with each text encoder loaded once. note tells what was cut.
func (m *Model) encode(ctx context.Context, texts []string) (prompts []prompt, notes []string, err error) {
	prompts = make([]prompt, len(texts))
	for i, path := range m.texts {
		said, err := m.encodeWith(ctx, i, path, texts, prompts)
		if err != nil {
			return nil, nil, fmt.Errorf("encode the prompt: %w", err)
		}
		if i == 0 {
			notes = said
		}
	}
	return prompts, notes, nil
}

func (m *Model) encodeWith(ctx context.Context, which int, path string, texts []string, prompts []prompt) (notes []string, err error) {
	n, err := m.load(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	f, ok := n.input("")
	if !ok || len(f.Shape) == 0 || f.Shape[len(f.Shape)-1] < 2 {
		return nil, refuse("the package %s is no text encoder", path)
	}
	length := f.Shape[len(f.Shape)-1]
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		row, left := m.tokenizers[which].Row(text, length)
		if left > 0 {
			notes = append(notes, fmt.Sprintf("the prompt is longer than the %d tokens that the model takes: its last %d were left out", length-2, left))
		}
		ids := make([]float32, length)
		for k, id := range row {
			ids[k] = float32(id)
		}
		out, err := n.run(ctx, map[string][]float32{f.Name: ids})
		if err != nil {
			return nil, err
		}
		hidden := one(out, "hidden_embeds", "last_hidden_state")
		if len(hidden) == 0 || len(hidden)%length != 0 {
			return nil, refuse("the package %s gives no text", path)
		}
		width := len(hidden) / length
		p := &prompts[i]
		for c := range width { // (tokens, width) turned, and the encoders' one after the other
			for k := range length {
				p.hidden = append(p.hidden, hidden[k*width+c])
			}
		}
		p.width, p.tokens, p.pooled = p.width+width, length, out["pooled_outputs"]
	}
	return notes, nil
}

// zero is a prompt of zeros.
func (p prompt) zero() prompt {
	return prompt{hidden: make([]float32, len(p.hidden)), pooled: make([]float32, len(p.pooled)), width: p.width, tokens: p.tokens}
}
