package message

// Tags of FIX 4.4 that the code here names, by the standard's names; the dictionary has all of them.
const (
	TagAccount                 = 1
	TagAvgPx                   = 6
	TagBeginSeqNo              = 7
	TagBeginString             = 8
	TagBodyLength              = 9
	TagCheckSum                = 10
	TagClOrdID                 = 11
	TagCommission              = 12
	TagCommType                = 13
	TagCumQty                  = 14
	TagCurrency                = 15
	TagEndSeqNo                = 16
	TagExecID                  = 17
	TagExecInst                = 18
	TagLastPx                  = 31
	TagLastQty                 = 32
	TagMsgSeqNum               = 34
	TagMsgType                 = 35
	TagNewSeqNo                = 36
	TagOrderID                 = 37
	TagOrderQty                = 38
	TagOrdStatus               = 39
	TagOrdType                 = 40
	TagOrigClOrdID             = 41
	TagPossDupFlag             = 43
	TagPrice                   = 44
	TagRefSeqNum               = 45
	TagSenderCompID            = 49
	TagSendingTime             = 52
	TagSide                    = 54
	TagSymbol                  = 55
	TagTargetCompID            = 56
	TagText                    = 58
	TagTimeInForce             = 59
	TagTransactTime            = 60
	TagTradeDate               = 75
	TagSignature               = 89
	TagSecureDataLen           = 90
	TagSecureData              = 91
	TagSignatureLength         = 93
	TagRawDataLength           = 95
	TagRawData                 = 96
	TagPossResend              = 97
	TagEncryptMethod           = 98
	TagCxlRejReason            = 102
	TagOrdRejReason            = 103
	TagSecurityDesc            = 107
	TagHeartBtInt              = 108
	TagTestReqID               = 112
	TagOnBehalfOfCompID        = 115
	TagOnBehalfOfSubID         = 116
	TagOrigSendingTime         = 122
	TagGapFillFlag             = 123
	TagDeliverToCompID         = 128
	TagDeliverToSubID          = 129
	TagResetSeqNumFlag         = 141
	TagOnBehalfOfLocationID    = 144
	TagDeliverToLocationID     = 145
	TagNoRelatedSym            = 146
	TagExecType                = 150
	TagLeavesQty               = 151
	TagCashOrderQty            = 152
	TagXmlDataLen              = 212
	TagMDReqID                 = 262
	TagSubscriptionRequestType = 263
	TagMarketDepth             = 264
	TagMDUpdateType            = 265
	TagAggregatedBook          = 266
	TagNoMDEntryTypes          = 267
	TagNoMDEntries             = 268
	TagMDEntryType             = 269
	TagMDEntryPx               = 270
	TagMDEntrySize             = 271
	TagMDEntryDate             = 272
	TagMDEntryTime             = 273
	TagMDEntryID               = 278
	TagMDUpdateAction          = 279
	TagMDReqRejReason          = 281
	TagOpenCloseSettlFlag      = 286
	TagMDEntryPositionNo       = 290
	TagSecurityReqID           = 320
	TagSecurityResponseID      = 322
	TagSecurityStatusReqID     = 324
	TagUnsolicitedIndicator    = 325
	TagSecurityTradingStatus   = 326
	TagNumberOfOrders          = 346
	TagRefTagID                = 371
	TagRefMsgType              = 372
	TagSessionRejectReason     = 373
	TagExecRestatementReason   = 378
	TagBusinessRejectRefID     = 379
	TagBusinessRejectReason    = 380
	TagGrossTradeAmt           = 381
	TagNoTradingSessions       = 386
	TagTotNoRelatedSym         = 393
	TagCxlRejResponseTo        = 434
	TagNoPartyIDs              = 453
	TagCommCurrency            = 479
	TagTradeReportTransType    = 487
	TagSecondaryExecID         = 527
	TagMassCancelRequestType   = 530
	TagMassCancelResponse      = 531
	TagMassCancelRejectReason  = 532
	TagTotalAffectedOrders     = 533
	TagScope                   = 546
	TagMDImplicitDelete        = 547
	TagNoSides                 = 552
	TagUsername                = 553
	TagPassword                = 554
	TagSecurityListRequestType = 559
	TagSecurityRequestResult   = 560
	TagRoundLot                = 561
	TagMinTradeVol             = 562
	TagTradeRequestID          = 568
	TagTradeRequestType        = 569
	TagPreviouslyReported      = 570
	TagTradeReportID           = 571
	TagMatchStatus             = 573
	TagNoDates                 = 580
	TagMassStatusReqID         = 584
	TagMassStatusReqType       = 585
	TagTotNumTradeReports      = 748
	TagTradeRequestResult      = 749
	TagTradeRequestStatus      = 750
	TagNextExpectedMsgSeqNum   = 789
	TagOrdStatusReqID          = 790
	TagCopyMsgIndicator        = 797
	TagTrdType                 = 828
	TagLastLiquidityInd        = 851
	TagTradeReportType         = 856
	TagNoInstrAttrib           = 870
	TagInstrAttribType         = 871
	TagInstrAttribValue        = 872
	TagTrdMatchID              = 880
	TagLastFragment            = 893
	TagTotNumReports           = 911
	TagLastRptRequested        = 912
	TagEncodedTextLen          = 354
	TagEncodedText             = 355
)

// TagCancelOnDisconnect (BOOLEAN) is the venue's own: in a Logon it asks that the session's orders are cancelled when
// the connection ends.
const TagCancelOnDisconnect = 8013

// The message types (35) that the venue takes or sends.
const (
	Heartbeat     = "0"
	TestRequest   = "1"
	ResendRequest = "2"
	Reject        = "3"
	SequenceReset = "4"
	Logout        = "5"
	Logon         = "A"

	NewOrderSingle            = "D"
	OrderCancelRequest        = "F"
	OrderCancelReplaceRequest = "G"
	OrderStatusRequest        = "H"
	OrderMassStatusRequest    = "AF"
	OrderMassCancelRequest    = "q"
	OrderMassCancelReport     = "r"
	ExecutionReport           = "8"
	OrderCancelReject         = "9"
	BusinessMessageReject     = "j"

	MarketDataRequest             = "V"
	MarketDataSnapshotFullRefresh = "W"
	MarketDataIncrementalRefresh  = "X"
	MarketDataRequestReject       = "Y"
	SecurityListRequest           = "x"
	SecurityList                  = "y"
	SecurityStatusRequest         = "e"
	SecurityStatus                = "f"
	TradeCaptureReportRequest     = "AD"
	TradeCaptureReportRequestAck  = "AQ"
	TradeCaptureReport            = "AE"
)

// knownTypes gives the constant for a type's bytes without allocation.
var knownTypes = func() map[string]string {
	m := map[string]string{}
	for _, t := range []string{
		Heartbeat, TestRequest, ResendRequest, Reject, SequenceReset, Logout, Logon,
		NewOrderSingle, OrderCancelRequest, OrderCancelReplaceRequest, OrderStatusRequest, OrderMassStatusRequest,
		OrderMassCancelRequest, OrderMassCancelReport, ExecutionReport, OrderCancelReject, BusinessMessageReject,
		MarketDataRequest, MarketDataSnapshotFullRefresh, MarketDataIncrementalRefresh, MarketDataRequestReject,
		SecurityListRequest, SecurityList, SecurityStatusRequest, SecurityStatus,
		TradeCaptureReportRequest, TradeCaptureReportRequestAck, TradeCaptureReport,
	} {
		m[t] = t
	}
	return m
}()

// typeOf returns v as a string; without allocation for the types above.
func typeOf(v []byte) string {
	if t, ok := knownTypes[string(v)]; ok {
		return t
	}
	return string(v)
}

// IsAdmin reports whether msgType is one of the session layer's seven.
func IsAdmin(msgType string) bool {
	switch msgType {
	case Heartbeat, TestRequest, ResendRequest, Reject, SequenceReset, Logout, Logon:
		return true
	}
	return false
}
