package source

import (
	"fmt"
	"strconv"
)

// containers are the instructions for lists, tuples, sets and dicts.
func (m *machine) containers(op byte) (bool, error) {
	var items []any
	var err error
	switch op {
	case '(':
		m.push(mark{})
		return true, nil
	case ']', 0x8f:
		m.push(&list{})
		return true, nil
	case '}':
		m.push(newDict())
		return true, nil
	case ')':
		m.push(tuple{})
		return true, nil
	case 'l', 't', 'd', 'e', 'u', 0x90, 0x91:
		if items, err = m.marked(); err != nil {
			return true, err
		}
	case 0x85, 0x86, 0x87:
		items, err = m.several(int(op-0x85) + 1)
		m.push(tuple(items))
		return true, err
	case 'a':
		if items, err = m.several(1); err != nil {
			return true, err
		}
	case 's':
		if items, err = m.several(2); err != nil {
			return true, err
		}
	default:
		return false, nil
	}
	switch op {
	case 'l', 0x91:
		m.push(&list{items})
		return true, nil
	case 't':
		m.push(tuple(items))
		return true, nil
	case 'd':
		d := newDict()
		m.push(d)
		return true, d.update(items)
	}
	v, err := m.top()
	if err != nil {
		return true, err
	}
	switch to := v.(type) {
	case *list:
		to.items = append(to.items, items...)
		return true, nil
	case *dict:
		return true, to.update(items)
	}
	return true, damaged("items for what is no container")
}

func (m *machine) several(n int) ([]any, error) {
	items := make([]any, n)
	for i := n - 1; i >= 0; i-- {
		var err error
		if items[i], err = m.pop(); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (d *dict) update(items []any) error {
	if len(items)%2 != 0 {
		return damaged("a key without a value")
	}
	for i := 0; i < len(items); i += 2 {
		d.set(items[i], items[i+1])
	}
	return nil
}

// memory are the instructions that keep and repeat values, and those of no effect.
func (m *machine) memory(op byte) (bool, error) {
	var key int64
	var err error
	switch op {
	case 0x80:
		var v int64
		if v, err = m.unsigned(1); err == nil && v > 5 {
			err = damaged("its protocol is %d", v)
		}
		return true, err
	case 0x95:
		_, err = m.unsigned(8)
		return true, err
	case '0':
		_, err = m.pop()
		return true, err
	case '1':
		_, err = m.marked()
		return true, err
	case '2':
		v, err := m.top()
		m.push(v)
		return true, err
	case 'g', 'p':
		s, e := m.line()
		if key, err = strconv.ParseInt(s, 10, 64); err != nil || e != nil {
			return true, damaged("the reference %.20q", s)
		}
	case 'h', 'q':
		key, err = m.unsigned(1)
	case 'j', 'r':
		key, err = m.unsigned(4)
	case 0x94:
		key = int64(len(m.memo))
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	if op == 'g' || op == 'h' || op == 'j' {
		v, ok := m.memo[key]
		if !ok {
			return true, damaged("a reference to nothing")
		}
		m.push(v)
		return true, nil
	}
	m.memo[key], err = m.top()
	return true, err
}

// objects are the instructions that name, make and fill objects. All names go through hooks.allow first.
func (m *machine) objects(op byte) (bool, error) {
	switch op {
	case 'c', 'i':
		module, err := m.line()
		if err != nil {
			return true, err
		}
		name, err := m.line()
		if err != nil {
			return true, err
		}
		return true, m.name(module, name)
	case 0x93:
		items, err := m.several(2)
		if err != nil {
			return true, err
		}
		module, ok1 := items[0].(string)
		name, ok2 := items[1].(string)
		if !ok1 || !ok2 {
			return true, damaged("a name that is no text")
		}
		return true, m.name(module, name)
	case 'o', 0x82, 0x83, 0x84:
		return true, fmt.Errorf("its pickle makes objects by the instruction %#02x, which no file of weights needs", op)
	case 'R', 0x81, 0x92:
		return true, m.call(op)
	case 'b':
		items, err := m.several(1)
		if err != nil {
			return true, err
		}
		object, err := m.top()
		if err != nil {
			return true, err
		}
		return true, m.hooks.build(object, items[0])
	case 'P', 'Q':
		var id any
		var err error
		if op == 'P' {
			id, err = m.line()
		} else {
			id, err = m.pop()
		}
		if err != nil {
			return true, err
		}
		v, err := m.hooks.persistent(id)
		m.push(v)
		return true, err
	}
	return false, nil
}

func (m *machine) name(module, name string) error {
	if len(module)+len(name) > maxGlobal {
		return damaged("a name of %d characters", len(module)+len(name))
	}
	g := global{module, name}
	if err := m.hooks.allow(g); err != nil {
		return err
	}
	m.push(g)
	return nil
}

func (m *machine) call(op byte) error {
	n := 2
	if op == 0x92 { // with keyword arguments, of which there are none in what is known
		n = 3
	}
	items, err := m.several(n)
	if err != nil {
		return err
	}
	g, ok1 := items[0].(global)
	args, ok2 := items[1].(tuple)
	if !ok1 || !ok2 {
		return damaged("a call of what is no name")
	}
	v, err := m.hooks.call(g, args)
	m.push(v)
	return err
}
