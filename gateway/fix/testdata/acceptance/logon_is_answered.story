scenario: 1a_ValidLogonWithCorrectMsgSeqNum
# A logon is answered with its own terms.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=5|34=2
expect  35=5|34=2
disconnected
