package cli

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTableKeepsToItsLines(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, printTable(&b, [][]string{{"N", "PHOTO"}, {"1", "new\nline\t\x1b[2Jö.jpg"}}))
	require.Equal(t, "N  PHOTO\n1  new\ufffdline\ufffd\ufffd[2Jö.jpg\n", b.String())
}
