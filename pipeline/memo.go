package pipeline

import (
	"fmt"
	"os"
)

// memo keeps the size values that were used last.
type memo[T any] struct {
	size  int
	items []memoItem[T]
}

type memoItem[T any] struct {
	key   string
	value T
}

// get returns the value of key; the empty key has none.
func (m *memo[T]) get(key string) (v T, ok bool) {
	for i, it := range m.items {
		if it.key == key && key != "" {
			copy(m.items[1:i+1], m.items[:i])
			m.items[0] = it
			return it.value, true
		}
	}
	return v, false
}

func (m *memo[T]) put(key string, v T) {
	if key == "" {
		return
	}
	m.items = append([]memoItem[T]{{key, v}}, m.items...)
	m.items = m.items[:min(len(m.items), m.size)]
}

// fileKey changes when the file does; it is empty when the file cannot be read.
func fileKey(path string, size int) string {
	st, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s|%d|%d|%d", path, st.Size(), st.ModTime().UnixNano(), size)
}
