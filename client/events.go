package client

import (
	"bufio"
	"io"
	"iter"
	"strings"
)

// Event is one server-sent event of StreamSyncSession. A sign of life without
// an event has no Name.
type Event struct {
	Name string // session, ended or unavailable
	ID   string // to send as LastEventID when the stream is opened again
	Data []byte // JSON; several lines of data are one text with line feeds
}

const maxEvent = 16 << 20 // bytes of one line

// Events reads a stream until it ends. The last pair has an error when it ended
// by one. The caller closes the body.
func Events(body io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		lines := bufio.NewScanner(body)
		lines.Buffer(nil, maxEvent)
		var e Event
		for lines.Scan() {
			if lines.Text() != "" {
				e.add(lines.Text())
				continue
			}
			if !yield(e, nil) {
				return
			}
			e = Event{}
		}
		if err := lines.Err(); err != nil {
			yield(Event{}, err)
		}
	}
}

// add takes in one line of an event; what it does not know is passed over.
func (e *Event) add(line string) {
	field, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch field {
	case "event":
		e.Name = value
	case "id":
		e.ID = value
	case "data":
		if e.Data != nil {
			e.Data = append(e.Data, '\n')
		}
		e.Data = append(e.Data, value...)
	}
}
