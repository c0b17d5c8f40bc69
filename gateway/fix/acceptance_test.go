package fix_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uncross/gateway/fix"
)

const storyFolder = "testdata/acceptance"

// definitions are QuickFIX's acceptance definitions for a FIX 4.4 server. There is a story for each.
var definitions = strings.Fields(`
	10_MsgSeqNumEqual 10_MsgSeqNumGreater 10_MsgSeqNumLess 11a_NewSeqNoGreater 11b_NewSeqNoEqual 11c_NewSeqNoLess
	13b_UnsolicitedLogoutMessage 14a_BadField 14b_RequiredFieldMissing 14c_TagNotDefinedForMsgType
	14d_TagSpecifiedWithoutValue 14e_IncorrectEnumValue 14f_IncorrectDataFormat 14g_HeaderBodyTrailerFieldsOutOfOrder
	14h_RepeatedTag 14i_RepeatingGroupCountNotEqual 15_HeaderAndBodyFieldsOrderedDifferently
	19a_PossResendMessageThatHAsAlreadyBeenSent 19b_PossResendMessageThatHasNotBeenSent 1a_ValidLogonMsgSeqNumTooHigh
	1a_ValidLogonWithCorrectMsgSeqNum 1b_DuplicateIdentity 1c_InvalidSenderCompID 1c_InvalidTargetCompID
	1d_InvalidLogonBadSendingTime 1d_InvalidLogonLengthInvalid 1d_InvalidLogonWrongBeginString 1e_NotLogonMessage
	20_SimultaneousResendRequest 21_RepeatingGroupSpecifierWithValueOfZero 2a_MsgSeqNumCorrect 2b_MsgSeqNumTooHigh
	2c_MsgSeqNumTooLow 2d_GarbledMessage 2e_PossDupAlreadyReceived 2e_PossDupNotReceived
	2f_PossDupOrigSendingTimeTooHigh 2g_PossDupNoOrigSendingTime 2i_BeginStringValueUnexpected
	2k_CompIDDoesNotMatchProfile 2m_BodyLengthValueNotCorrect 2o_SendingTimeValueOutOfRange 2q_MsgTypeNotValid
	2r_UnregisteredMsgType 2t_FirstThreeFieldsOutOfOrder 3b_InvalidChecksum 3c_GarbledMessage
	4a_NoDataSentDuringHeartBtInt 4b_ReceivedTestRequest 6_SendTestRequest 7_ReceiveRejectMessage
	8_AdminAndApplicationMessages 8_OnlyAdminMessages 8_OnlyApplicationMessages AlreadyLoggedOn RejectResentMessage
	ReverseRoute ReverseRouteWithEmptyRoutingTags SessionReset`)

// readStories returns the stories by name.
func readStories(t *testing.T) map[string]*story {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(storyFolder, "*.story"))
	if err != nil {
		t.Fatal(err)
	}
	stories := map[string]*story{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := parseStory(string(text))
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		stories[strings.TrimSuffix(filepath.Base(f), ".story")] = s
	}
	return stories
}

// TestAcceptance plays every story against a venue of its own, over a socket. One that stands on the clock is played again with
// longer intervals where this machine is too slow for the shortest.
func TestAcceptance(t *testing.T) {
	venues := make(chan struct{}, 4) // at once: each writes to the disk for itself
	for name, s := range readStories(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			venues <- struct{}{}
			defer func() { <-venues }()
			for beat := 1; ; beat *= 4 {
				var limits fix.Limits
				if s.timed != "" {
					limits.LogoutTimeout = time.Duration(beat) * time.Second
				}
				v := openVenue(t, "", options{limits: limits})
				err := s.run(stage{addr: v.addr, us: "TRADE1", venue: ourID, password: password, patience: patience, beat: beat})
				if err == nil {
					return
				}
				if s.timed == "" || beat > 10 {
					t.Fatalf("%v\nthe venue's log:\n%s", err, v.logs.String())
				}
				t.Logf("with intervals of %d s: %v", beat, err)
			}
		})
	}
}

func TestEveryDefinitionHasItsStory(t *testing.T) {
	told := map[string]string{}
	for name, s := range readStories(t) {
		if other, twice := told[s.scenario]; twice || !slices.Contains(definitions, s.scenario) {
			t.Errorf("%s tells %s, which is unknown or told by %q", name, s.scenario, other)
		}
		told[s.scenario] = name
	}
	for _, d := range definitions {
		if told[d] == "" {
			t.Errorf("no story tells %s", d)
		}
	}
	if len(definitions) != 59 {
		t.Errorf("%d definitions, want 59", len(definitions))
	}
}

// TestDeviations holds the stories in which the venue answers otherwise on purpose against the list in the rules of
// engagement.
func TestDeviations(t *testing.T) {
	text, err := os.ReadFile("../../docs/fix.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range readStories(t) {
		if listed := strings.Contains(string(text), "`"+s.scenario+"`"); listed != (s.deviates != "") {
			t.Errorf("%s (%s) deviates: %q; listed in docs/fix.md: %v", name, s.scenario, s.deviates, listed)
		}
	}
}
