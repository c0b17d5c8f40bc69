package report

import "uncross/gateway/fix/message"

// Reject makes a session-level reject (3) of a message. refTag and refType are left out where they are 0 and empty; reason
// is the SessionRejectReason (373), negative for none.
func Reject(refSeq uint64, refTag int, refType string, reason int, text string) message.Body {
	b := message.NewBody(message.Reject)
	b.Uint(message.TagRefSeqNum, refSeq)
	if refTag > 0 {
		b.Int(message.TagRefTagID, int64(refTag))
	}
	b.Str(message.TagRefMsgType, refType)
	if reason >= 0 {
		b.Int(message.TagSessionRejectReason, int64(reason))
	}
	return *b.Str(message.TagText, text)
}

// BusinessReject makes a business reject (j) of a message. refID is left out where it is empty; code is the
// BusinessRejectReason (380).
func BusinessReject(refSeq uint64, refType, refID string, code uint8, text string) message.Body {
	b := message.NewBody(message.BusinessMessageReject)
	b.Uint(message.TagRefSeqNum, refSeq).Str(message.TagRefMsgType, refType).Str(message.TagBusinessRejectRefID, refID)
	return *b.Int(message.TagBusinessRejectReason, int64(code)).Str(message.TagText, text)
}
