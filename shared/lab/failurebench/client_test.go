package failurebench

import "testing"

func TestAReplyIsWholeWhenItsLengthIsThere(t *testing.T) {
	const text = "HTTP/1.1 200 OK\r\nX-Node: node2\r\nContent-Length: 5\r\n\r\nhello"
	for n := range len(text) {
		if _, whole, err := reply([]byte(text[:n])); whole || err != nil {
			t.Errorf("the first %d bytes: whole %v, %v", n, whole, err)
		}
	}
	if node, whole, err := reply([]byte(text)); node != "node2" || !whole || err != nil {
		t.Errorf("got %q, %v, %v", node, whole, err)
	}
}

func TestAReplyThatIsNotOKIsAFailure(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\nno length",
		"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
	} {
		if _, _, err := reply([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
