package cli

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gesso-app/gesso/pipeline/diffusion/clip"
)

// tokenized is a text's tokens, as tokenize prints them.
type tokenized struct {
	Text   string       `json:"text"`
	IDs    []int        `json:"ids"`    // a row: start, text, end, padding
	Tokens []clip.Token `json:"tokens"` // of the text alone, all of them
	Cut    int          `json:"cut"`    // how many the row has no place for
}

func (p *program) modelTokenize() *cobra.Command {
	var model string
	var length int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tokenize --model DIR TEXT...",
		Short: "Print the tokens that a prompt becomes",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if model == "" {
				return &usageError{errors.New("--model is missing: it names a folder with vocab.json and merges.txt")}
			}
			if length < 2 || length > 4096 {
				return &usageError{fmt.Errorf("--length is %d: it goes from 2 to 4096", length)}
			}
			t, err := openTokenizer(model)
			if err != nil {
				return diffusionError(err)
			}
			out := []tokenized{}
			for _, text := range args {
				k := tokenized{Text: text, Tokens: []clip.Token{}}
				k.IDs, k.Cut = t.Row(text, length)
				for _, id := range t.Encode(text) {
					k.Tokens = append(k.Tokens, clip.Token{ID: id, Text: t.Name(id)})
				}
				out = append(out, k)
			}
			if asJSON {
				return printJSON(p.stdout, out)
			}
			var rows [][]string
			for _, k := range out {
				for _, token := range k.Tokens {
					rows = append(rows, []string{fmt.Sprint(token.ID), token.Text})
				}
				rows = append(rows, []string{fmt.Sprint(len(k.Tokens)), "tokens, of " + fmt.Sprint(length-2) + " that fit"})
			}
			return printTable(p.stdout, rows)
		},
	}
	cmd.Flags().StringVar(&model, "model", "", "`folder` of the model, or of its tokenizer")
	cmd.Flags().IntVar(&length, "length", 77, "tokens of a row")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}

// openTokenizer opens the tokenizer of a model's folder, of diffusers' or of Apple's layout, or of a tokenizer's own.
func openTokenizer(dir string) (*clip.Tokenizer, error) {
	var first error
	for _, sub := range []string{"", "tokenizer", "Resources"} {
		t, err := clip.OpenFolder(filepath.Join(dir, sub))
		if err == nil {
			return t, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, &usageError{fmt.Errorf("the model %s has no tokenizer: %w", dir, first)}
}
