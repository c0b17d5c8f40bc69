scenario: 1a_ValidLogonMsgSeqNumTooHigh
# The logon is good; what the venue missed is asked for right after the answer.
connect
send    35=A|34=5|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30
expect  35=2|34=2|7=1|16=0

send    35=5|34=6
expect  35=5|34=3
disconnected
