scenario: 2c_MsgSeqNumTooLow
# A number that was used and is no repeat means that the two sides do not agree any more.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=0|34=2
send    35=0|34=3
send    35=0|34=4
send    35=0|34=2
expect  35=5|34=2|58=MsgSeqNum too low, expecting 5 but received 2
disconnected
