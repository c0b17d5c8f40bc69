scenario: 10_MsgSeqNumLess
# A repeated gap fill is of no account; one with an old number that is not marked as a repeat ends the session.
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=4|34=1|43=Y|122=<now-1s>|123=Y|36=20
send    35=1|34=2|112=still here
expect  35=0|34=2|112=still here
send    35=4|34=1|123=Y|36=20
expect  35=5|34=3|58=MsgSeqNum too low, expecting 3 but received 1
disconnected
