package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"
)

// frameBytes is how large a frame is on the wire.
const frameBytes = 600

// stamp is what a frame tells the clients.
type stamp struct {
	window, number int64
	due            time.Time
}

// data is the frame's JSON, filled up to a number of bytes.
func (s stamp) data(size int) []byte {
	text := fmt.Appendf(nil, `{"window":%d,"number":%d,"due":%d,"filling":"`, s.window, s.number, s.due.UnixNano())
	for len(text) < size-len(`"}`) {
		text = append(text, 'x')
	}
	return append(text, `"}`...)
}

// eachStamp calls seen with every stamp of a payload: some servers join several
// messages in one frame.
func eachStamp(payload []byte, seen func(stamp)) {
	for {
		start := bytes.Index(payload, []byte(`"window":`))
		if start < 0 {
			return
		}
		payload = payload[start:]
		var s stamp
		var due int64
		s.window, payload = numberAfter(payload, `"window":`)
		s.number, payload = numberAfter(payload, `"number":`)
		due, payload = numberAfter(payload, `"due":`)
		s.due = time.Unix(0, due)
		seen(s)
	}
}

// numberAfter reads the digits after a key, -1 if there are none.
func numberAfter(text []byte, key string) (int64, []byte) {
	_, rest, _ := bytes.Cut(text, []byte(key))
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(string(rest[:end]), 10, 64)
	if err != nil {
		return -1, rest
	}
	return n, rest[end:]
}

// The opcodes of RFC 6455 that a client must know.
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// cut takes the first whole frame of a server off the data. Size is 0 if none
// is whole yet.
func cut(data []byte) (op byte, payload []byte, size int) {
	if len(data) < 2 {
		return 0, nil, 0
	}
	head, length := 2, int(data[1]&0x7f)
	switch length {
	case 126:
		if len(data) < 4 {
			return 0, nil, 0
		}
		head, length = 4, int(binary.BigEndian.Uint16(data[2:]))
	case 127:
		if len(data) < 10 {
			return 0, nil, 0
		}
		head, length = 10, int(binary.BigEndian.Uint32(data[6:]))
	}
	if len(data) < head+length {
		return 0, nil, 0
	}
	return data[0] & 0x0f, data[head : head+length], head + length
}

// masked is a short frame of a client, with a mask that changes nothing.
func masked(op byte, payload []byte) []byte {
	if len(payload) > 125 {
		payload = payload[:125]
	}
	return append([]byte{0x80 | op, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}
