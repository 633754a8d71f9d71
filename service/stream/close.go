package stream

import "github.com/gorilla/websocket"

// Close codes. Those from 4000 on are ours, the others those of RFC 6455; the
// document of this package says what a client should do about each.
const (
	// CloseNormal answers a client that said good-bye.
	CloseNormal = websocket.CloseNormalClosure
	// CloseGoingAway tells that the service stops.
	CloseGoingAway = websocket.CloseGoingAway
	// CloseProtocolError answers what is no WebSocket frame.
	CloseProtocolError = websocket.CloseProtocolError
	// CloseBinary answers a binary frame: messages are text.
	CloseBinary = websocket.CloseUnsupportedData
	// CloseInvalidText answers text that is not UTF-8.
	CloseInvalidText = websocket.CloseInvalidFramePayloadData
	// CloseTooLarge answers a message of more than 4096 bytes.
	CloseTooLarge = websocket.CloseMessageTooBig
	// CloseNoRoom tells a client that the last place was taken while it shook
	// hands.
	CloseNoRoom = websocket.CloseTryAgainLater
	// CloseUnauthenticated tells a client that it has shown neither the token
	// nor a ticket that holds.
	CloseUnauthenticated = 4401
	// CloseTooSlow tells a client that it could not keep up.
	CloseTooSlow = 4408
	// CloseFlooding tells a client that it said more than MessagesPerSecond
	// after a burst of MessageBurst, or began a message that did not end.
	CloseFlooding = 4429
	// closeGone is never sent: nobody is there to read it.
	closeGone = websocket.CloseAbnormalClosure
)

// What a client may say, pings included: so many messages at once, and so
// many a second in the long run.
const (
	MessageBurst      = 100
	MessagesPerSecond = 20
)
